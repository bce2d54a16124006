"""Planning processes from outside: started, called with a time limit, ended when it is over."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mmm.errors import MMMError

ROOT = Path(__file__).resolve().parents[2]
STARTING = 120.0
"""Seconds in which a process must have imported its libraries; a few on a quiet machine."""
_READY_BYTES, _PID_BYTES = 1, 8


class WorkerLostError(MMMError, RuntimeError):
    """A planning process that ended by itself, or could not be started."""


class WorkerLateError(MMMError, RuntimeError):
    """A call that was over its time; its process was ended."""


class WorkerFailedError(MMMError, RuntimeError):
    """A call that failed in a way nobody foresaw; the text is the traceback there."""


class Template:
    """The process with the libraries loaded, of which workers are forked; started when first needed.

    Args:
        keep: Models each worker keeps.
        registry: URI of the registry models come from, if any.
    """

    def __init__(self, keep: int, registry: str | None) -> None:
        self._arguments = [str(keep), registry or ""]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self, *, slow: bool) -> tuple[Connection, int]:
        """A new worker: the connection to it and a descriptor of its process.

        Raises:
            WorkerLostError: It cannot be started.
        """
        with self._lock:
            for _ in range(2):
                try:
                    return self._fork(b"s" if slow else b"q")
                except OSError:
                    self._end()
            raise WorkerLostError("The planning process cannot be started. See its output in the log.")

    def close(self) -> None:
        """End it, and with it every worker."""
        with self._lock:
            self._end()

    def _fork(self, kind: bytes) -> tuple[Connection, int]:
        control = self._running()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(control, [kind], [theirs.fileno()])
                pid = int.from_bytes(_exactly(control, _PID_BYTES), "big", signed=True)
            return Connection(ours.detach()), os.pidfd_open(pid)
        except OSError:
            ours.close()
            raise

    def _running(self) -> socket.socket:
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair()
        paths = (str(ROOT), os.environ.get("PYTHONPATH"))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serve.planner.worker", str(theirs.fileno()), *self._arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
            )
        ours.settimeout(STARTING)
        self._control = ours
        _exactly(ours, _READY_BYTES)
        return ours

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


def _exactly(channel: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = channel.recv(count - len(content))
        if not part:
            raise ConnectionResetError("the process is gone")
        content += part
    return content


class Worker:
    """One planning process, started again whenever it was ended. Calls are made one at a time.

    Args:
        template: What it is forked of.
        slow: It is for slow questions, and polite to others.
    """

    def __init__(self, template: Template, *, slow: bool) -> None:
        self._template, self._slow = template, slow
        self._connection: Connection | None = None
        self._pidfd = -1
        self._ending = threading.Lock()

    def call(self, method: str, *arguments: Any, seconds: float) -> Any:
        """Call a method of the worker's :class:`~serve.planner.loaded.LoadedModels`.

        Raises:
            WorkerLateError: It took longer; the process was ended.
            WorkerLostError: The process ended during the call.
            WorkerFailedError: The method raised something unforeseen.
            MMMError: What the method raises on purpose.
        """
        if self._connection is None:
            self._connection, self._pidfd = self._template.fork(slow=self._slow)
        try:
            self._connection.send((method, arguments))
            if not self._connection.poll(seconds):
                self._forget()
                raise WorkerLateError(f"no answer within {seconds:g} s")
            outcome, value = self._connection.recv()
        except (EOFError, OSError) as error:
            self._forget()
            raise WorkerLostError("the planning process ended during a call") from error
        if outcome == "refused":
            raise value
        if outcome == "failed":
            raise WorkerFailedError(str(value))
        return value

    def interrupt(self) -> None:
        """End the process, from any thread; a call under way fails with :class:`WorkerLostError`."""
        with self._ending:
            if self._pidfd >= 0:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _forget(self) -> None:
        self.interrupt()
        with self._ending:
            if self._pidfd >= 0:
                os.close(self._pidfd)
            self._pidfd = -1
        if self._connection is not None:
            self._connection.close()
        self._connection = None
