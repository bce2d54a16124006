"""A head and a second node on this machine; a job comes by ``ray job submit`` and the node is killed."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from jobs.record.rows import read_table
from jobs.record.tracking import open_tracking
from jobs.record.versions import Registry
from tests.jobs.portfolios import tiny_portfolio

RAY = str(Path(sys.executable).parent / "ray")
RAYLET = str(Path(ray.__file__).parent / "core" / "src" / "ray" / "raylet" / "raylet")
EXCLUDES = '{"excludes": ["/.git", "/.venv", "/demo", "/out", "/notebooks"]}'


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TwoNodes:
    """A head and a worker node of one CPU each, every process of them known by its session folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        token = folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        self.environment = {
            **plain,
            "PATH": f"{Path(RAY).parent}:{plain.get('PATH', '')}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "OMP_NUM_THREADS": "1",
        }
        self.port, self.dashboard = free_port(), free_port()
        self.start(
            "--head", f"--port={self.port}", f"--dashboard-port={self.dashboard}", f"--temp-dir={folder}"
        )
        head = set(self.raylets())
        self.start(f"--address=127.0.0.1:{self.port}")
        self.second = set(self.raylets()) - head

    def start(self, *words: str) -> None:
        """Start one node, its agent on a port of its own: another Ray of this host may have the usual one."""
        command = [RAY, "start", *words, "--num-cpus=1", "--object-store-memory=100000000"]
        command.append(f"--dashboard-agent-listen-port={free_port()}")
        subprocess.run(
            [*command, "--disable-usage-stats"], env=self.environment, capture_output=True, check=True
        )

    def submit(self) -> list[str]:
        """Words that submit a job, once the head takes any: ``ray start`` is back before its agent is up."""
        command = [RAY, "job", "submit", "--address", f"http://127.0.0.1:{self.dashboard}"]
        for _ in range(30):
            nothing = [*command, "--no-wait", "--", "true"]
            if (
                subprocess.run(nothing, env=self.environment, capture_output=True, check=False).returncode
                == 0
            ):
                return command
            time.sleep(1)
        raise AssertionError("the head takes no jobs")

    def processes(self) -> dict[int, str]:
        """Every process that was started with this session's folder, with its words."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            process = int(entry.parent.name)
            if str(self.folder) in (words := _title(process)):
                found[process] = words
        return found

    def raylets(self) -> list[int]:
        """The process of each node that starts all others of it."""
        return [process for process, words in self.processes().items() if words.startswith(RAYLET)]

    def await_work_of_second(self, seconds: float = 60.0) -> None:
        """Until a worker of the second node has a refit in hand; Ray calls the process by its task."""
        until = time.monotonic() + seconds
        while not any(title.startswith("ray::refit") for title in map(_title, self._of_second())):
            assert time.monotonic() < until, "the second node has nothing to do"
            time.sleep(0.02)

    def _of_second(self) -> list[int]:
        """The second node's raylet and what it started."""
        found = list(self.second)
        for raylet in self.second:
            found += map(int, Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split())
        return found

    def power_off_second(self) -> None:
        """Kill the second node with everything that runs on it, workers of tasks included."""
        self.kill(*self._of_second())
        self.second = set()

    def kill(self, *processes: int) -> None:
        """End processes at once, as a power cut would."""
        for process in processes:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _title(process: int) -> str:
    """What a process calls itself; empty if it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def two_nodes() -> Iterator[TwoNodes]:
    """A cluster that ends with the test; its folder is short because paths of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="mmm-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        nodes = TwoNodes(Path(folder))
        yield nodes
        nodes.kill(*nodes.processes())


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_node_is_killed_half_way_and_every_market_is_done_once(
    two_nodes: TwoNodes, tmp_path: Path, repository: Path
) -> None:
    portfolio, out = tiny_portfolio(tmp_path / "p", brands=4, markets=3), tmp_path / "out"
    settings = ["train.members=1", "train.epochs=1500", "train.validation=0", "train.refit_on_all=false"]
    refit = ["python", "-m", "jobs.refit", str(portfolio), "--out", str(out)]
    command = [*two_nodes.submit(), "--runtime-env-json", EXCLUDES, "--working-dir", ".", "--", *refit]

    with subprocess.Popen(
        [*command, *(word for setting in settings for word in ("--set", setting))],
        cwd=repository,
        env=two_nodes.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as job:
        assert job.stdout is not None
        said = []
        for line in job.stdout:
            said.append(line)
            if two_nodes.second and sum(words.startswith("done ") for words in said) >= 2:
                two_nodes.await_work_of_second()
                two_nodes.power_off_second()

    assert job.returncode == 0, "".join(said)
    assert not two_nodes.second, "the node was never killed"
    rows = read_table(str(out))
    assert [row.status for row in rows.values()] == ["done"] * 12
    assert any(row.tries > 1 for row in rows.values()), "the node that was killed had nothing in hand"
    tracking = open_tracking(None, str(out))
    assert tracking is not None
    names = Registry(tracking).models()
    assert [len(tracking.client.search_model_versions(f"name = '{name}'")) for name in names] == [1] * 12
