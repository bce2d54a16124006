"""Environments of peers: made once below a cache folder, each with what the peer's own versions demand."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.process import run_measured

INSTALL_LIMIT = 900.0


@dataclass(frozen=True)
class Peer:
    """A published package that competes.

    Attributes:
        name: Method's name in rows.
        steps: Requirements of each call of pip, in order.
        driver: Program beside this file that fits and answers.
    """

    name: str
    steps: tuple[tuple[str, ...], ...]
    driver: str

    @property
    def program(self) -> Path:
        """The driver's place."""
        return Path(__file__).parent / self.driver

    @property
    def requirements(self) -> str:
        """Everything asked of pip, in one line."""
        return " ".join(word for step in self.steps for word in step)


DEEPCAUSAL = Peer(
    "deepcausalmmm",
    (("torch==2.13.0", "numpy<2"), ("deepcausalmmm==1.0.21", "numpy<2", "torch==2.13.0")),
    "deepcausal_driver.py",
)
PYMC = Peer("pymc-marketing", (("pymc-marketing==0.19.2",),), "pymc_driver.py")


_lock = threading.Lock()
_failed: dict[Path, str] = {}


def interpreter(peer: Peer, cache: Path) -> Path:
    """Python of the peer's environment; made if it is not there, tried once in a run.

    Raises:
        BenchmarkError: It cannot be made: no package index, no build for this machine.
    """
    with _lock:
        home = home_of(peer, cache)
        if home in _failed:
            raise BenchmarkError(_failed[home])
        try:
            return _made(peer, home)
        except BenchmarkError as error:
            _failed[home] = str(error)
            raise


def home_of(peer: Peer, cache: Path) -> Path:
    """Folder of the peer's environment."""
    return cache / f"{peer.name}-py{sys.version_info.major}.{sys.version_info.minor}"


def _made(peer: Peer, home: Path) -> Path:
    python, stamp = home / "bin" / "python", home / "complete"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == peer.requirements:
        return python
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    log = home.with_suffix(".log")
    commands: list[Sequence[str | Path]] = [[sys.executable, "-m", "venv", home]]
    quiet = ("--quiet", "--disable-pip-version-check")
    commands += [[python, "-m", "pip", "install", *quiet, *step] for step in peer.steps]
    try:
        for command in commands:
            run_measured(command, log, limit=INSTALL_LIMIT)
    except BenchmarkError as error:
        raise BenchmarkError(f"its environment cannot be made: {error} (see {log})") from error
    stamp.write_text(peer.requirements, encoding="utf-8")
    return python
