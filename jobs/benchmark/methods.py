"""Methods that are asked about cases, and how each of them is run."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.benchmark.case import Answer, Case, read_answer
from jobs.benchmark.figures import BenchmarkError
from jobs.stress.process import ProgramError, run_measured
from mmm.data.panel import data_fingerprint

INSTALL_LIMIT = 900.0


@dataclass(frozen=True)
class Peer:
    """A published package that competes.

    Attributes:
        name: Method's name in rows.
        steps: Requirements of each call of pip, in order.
        driver: Program of :mod:`jobs.peers` that fits and answers.
    """

    name: str
    steps: tuple[tuple[str, ...], ...]
    driver: str

    @property
    def program(self) -> Path:
        """The driver's place."""
        return Path(__file__).parents[1] / "peers" / self.driver

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
    except ProgramError as error:
        raise BenchmarkError(f"its environment cannot be made: {error} (see {log})") from error
    stamp.write_text(peer.requirements, encoding="utf-8")
    return python


OURS = "ray-mmm"
TUNED = "ray-mmm, tuned"
POINT = "ray-mmm, 1 member"
RIDGE = "ridge"
LAST_TOUCH = "last touch"
SPEND_SHARE = "spend share"
OUR_LIMIT = 900.0
"""Seconds after which a fit of ours counts as failed."""


def ask_ours(
    case: Case,
    *,
    label: str = OURS,
    settings: tuple[str, ...] = (),
    trials: int = 0,
    threads: int = 1,
    limit: float = OUR_LIMIT,
    reallocations: Sequence[Sequence[float]] = (),
    truth: Path | None = None,
) -> Answer:
    """Fit this product's model in a process of its own.

    Args:
        case: What to fit.
        label: Name of its folder.
        settings: Overrides such as ``train.members=1``.
        trials: Trials of a search for settings before the fit; 0 takes the settings as they are.
        threads: Threads it may use.
        limit: Seconds it may take.
        reallocations: Factors on each channel's last spend, by plan: the odds of these, of the best plan and
            of its mirror image are asked too.
        truth: Table of true contributions by date and region; the error of every draw is asked too.

    Raises:
        BenchmarkError: It failed.
    """
    folder = case.folder_of(label)
    more: dict[str, Any] = {"reallocations": reallocations} if reallocations else {}
    more |= {} if truth is None else {"truth": str(truth)}
    case.write_job(folder, settings=list(settings), trials=trials, threads=threads, **more)
    command: list[str | Path] = [sys.executable, "-m", "jobs.benchmark.worker", folder]
    usage = run_measured(command, folder / "log.txt", limit=limit, threads=threads)
    return read_answer(folder, case.read.panel.channels, usage.peak_mb)


def ask_peer(
    case: Case,
    peer: Peer,
    cache: Path,
    *,
    seed: int = 42,
    settings: Mapping[str, Any] | None = None,
    threads: int = 1,
    limit: float = 1200.0,
    label: str | None = None,
) -> Answer:
    """Fit a peer in its own environment.

    Args:
        case: What to fit.
        peer: Who fits.
        cache: Where its environment lies.
        seed: Its seed; by default that of its own configuration.
        settings: Settings other than its defaults.
        threads: Threads it may use.
        limit: Seconds it may take.
        label: Name of its folder; its own by default.

    Raises:
        BenchmarkError: It cannot be installed, failed, or took too long.
    """
    python = interpreter(peer, cache)
    folder = case.folder_of(label or peer.name)
    case.write_arrays(folder)
    case.write_job(folder, seed=seed, settings=dict(settings or {}), threads=threads)
    usage = run_measured([python, peer.program, folder], folder / "log.txt", limit=limit, threads=threads)
    return read_answer(folder, case.read.panel.channels, usage.peak_mb)


@dataclass(frozen=True)
class Kept:
    """Long fits of a peer kept in the cache: by peer, its requirements, the panel and the windows."""

    cache: Path

    def _place(self, case: Case, peer: Peer) -> Path:
        split = case.read.split
        key = f"{data_fingerprint(case.read.panel)[:16]}-{split.n_train}-{split.n_holdout}"
        return self.cache / "fits" / f"{peer.name}-{key}"

    def find(self, case: Case, peer: Peer) -> Answer | None:
        """The kept answer, if the same peer was asked the same."""
        place = self._place(case, peer)
        about = place / "about.json"
        if not about.exists() or json.loads(about.read_text())["requirements"] != peer.requirements:
            return None
        try:
            return read_answer(place, case.read.panel.channels, json.loads(about.read_text())["peak_mb"])
        except BenchmarkError:
            return None

    def keep(self, case: Case, peer: Peer, folder: Path, peak_mb: float | None) -> None:
        """Keep what a peer left in its folder."""
        place = self._place(case, peer)
        place.mkdir(parents=True, exist_ok=True)
        for name in ("answer.json", "predicted.npy", "job.json"):
            if (folder / name).exists():
                shutil.copy(folder / name, place / name)
        about = {"requirements": peer.requirements, "peak_mb": peak_mb}
        (place / "about.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
