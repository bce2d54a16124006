"""Methods that are asked about cases, and how each of them is run."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.benchmark.case import Answer, Case, read_answer
from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.peers.venv import Peer, interpreter
from jobs.benchmark.process import run_measured
from mmm.data.panel import data_fingerprint

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
) -> Answer:
    """Fit this product's model in a process of its own.

    Args:
        case: What to fit.
        label: Name of its folder.
        settings: Overrides such as ``train.members=1``.
        trials: Trials of a search for settings before the fit; 0 takes the settings as they are.
        threads: Threads it may use.
        limit: Seconds it may take.

    Raises:
        BenchmarkError: It failed.
    """
    room = case.room(label)
    case.write_job(room, settings=list(settings), trials=trials, threads=threads)
    command: list[str | Path] = [sys.executable, "-m", "jobs.benchmark.worker", room]
    usage = run_measured(command, room / "log.txt", limit=limit, threads=threads)
    return read_answer(room, case.read.panel.channels, usage.peak_mb)


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
    room = case.room(label or peer.name)
    case.write_arrays(room)
    case.write_job(room, seed=seed, settings=dict(settings or {}), threads=threads)
    usage = run_measured([python, peer.program, room], room / "log.txt", limit=limit, threads=threads)
    return read_answer(room, case.read.panel.channels, usage.peak_mb)


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

    def keep(self, case: Case, peer: Peer, room: Path, peak_mb: float | None) -> None:
        """Keep what a peer left in its room."""
        place = self._place(case, peer)
        place.mkdir(parents=True, exist_ok=True)
        for name in ("answer.json", "predicted.npy", "job.json"):
            if (room / name).exists():
                shutil.copy(room / name, place / name)
        about = {"requirements": peer.requirements, "peak_mb": peak_mb}
        (place / "about.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
