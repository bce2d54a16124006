"""``python -m serve`` as a user starts it: its address, and the processes of its replicas."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        url: Its root, without a slash at the end.
        pid: The process that was started.
    """

    url: str
    pid: int

    def replicas(self, deployment: str) -> list[int]:
        """Processes of a deployment's replicas."""
        title = f"ray::ServeReplica:mmm:{deployment}"
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if _command(pid).startswith(title) and self.pid in _ancestors(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.add(pid)
    return found


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(models: Path, *arguments: str, **environment: str) -> Iterator[Service]:
    """Start the service, wait until it answers, and stop it as Ctrl-C does."""
    port = free_port()
    command = [sys.executable, "-m", "serve", str(models), "--port", str(port), *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = _Output(process)
    try:
        said.await_start()
        yield Service(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            said.join()
            assert process.stdout is not None
            process.stdout.close()
    assert process.returncode == 0


class _Output:
    """What the service says, read all the time: a pipe that is full would hold it up."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._said, self._started = process, list[str](), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line)
            if line.startswith("Planner page"):
                self._started.set()

    def await_start(self) -> None:
        """Until it says where it is."""
        until = time.monotonic() + PATIENCE
        while not self._started.wait(0.1):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > until:
                raise AssertionError(f"the service did not start:\n{''.join(self._said)}")

    def join(self) -> None:
        """To the end of what it says."""
        self._thread.join(timeout=60)
