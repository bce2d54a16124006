"""Figures of a benchmark, one each with everything needed to doubt it, written as they come; its errors."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd

from jobs.stress.process import ProgramError
from mmm.train.fit import versions


class BenchmarkError(ProgramError):
    """A part of the benchmark that could not be done: the message is the row's note."""


class NotHereError(BenchmarkError):
    """Something that a quick run does without rather than fetch it."""


Status = Literal["measured", "extrapolated", "recorded", "quoted", "failed", "skipped"]

ROWS = "benchmark.parquet"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of one method on one case.

    Attributes:
        suite: Part of the benchmark.
        case: World, panel or setting it was found on.
        method: Whose figure it is.
        metric: What was measured; empty where nothing was.
        value: The figure.
        unit: Its unit; empty for a share or a score.
        status: ``measured`` here and now; ``extrapolated`` from a part; ``recorded`` by an earlier run on
            this machine; ``quoted`` from a publication; ``failed`` and ``skipped`` carry no figure.
        note: Why it failed, what was extrapolated, where it was published.
        seed: Seed of the world or of the draw.
        seconds: Wall time of the work behind the figure, on ``threads`` threads.
        threads: Threads that work was given.
    """

    suite: str
    case: str = ""
    method: str = ""
    metric: str = ""
    value: float | None = None
    unit: str = ""
    status: Status = "measured"
    note: str = ""
    seed: int | None = None
    seconds: float | None = None
    threads: int = 1


def figures(base: Figure, values: dict[str, float | None], unit: str = "") -> list[Figure]:
    """A row for each named value that is known, everything else as in ``base``."""
    return [
        replace(base, metric=name, value=float(value), unit=unit)
        for name, value in values.items()
        if value is not None
    ]


@cache
def machine() -> str:
    """The machine in one line: processor, cores of this process, memory, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def commit() -> str:
    """Commit of the checkout, ``+`` where it holds changes; ``unknown`` outside one."""
    here = Path(__file__).parent
    found = []
    for command in (
        ("rev-parse", "--short=12", "HEAD"),
        ("status", "--porcelain", "--untracked-files=no"),
    ):
        try:
            done = subprocess.run(
                ["git", "-C", str(here), *command],  # noqa: S607 - git of the user
                capture_output=True,
                text=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        found.append(done.stdout.strip())
    return found[0] + ("+" if found[1] else "")


class FigureLog:
    """Every row so far, on disk after each addition.

    Args:
        folder: Where ``benchmark.parquet`` lies; rows of an earlier run there are replaced.
        sizes: ``default``, ``quick`` or otherwise: figures of other sizes are no claims.
    """

    def __init__(self, folder: Path, sizes: str) -> None:
        self.path = folder / ROWS
        self._rows: list[dict[str, object]] = []
        self._lock = threading.Lock()
        own = versions()
        self._facts = {
            "machine": machine(),
            "versions": ", ".join(f"{name} {version}" for name, version in own.items()),
            "commit": commit(),
            "sizes": sizes,
        }
        self._write()

    def add(self, rows: Iterable[Figure]) -> None:
        """Add rows and write the file anew, beside and then in place."""
        with self._lock:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._rows += [asdict(row) | self._facts | {"written": now} for row in rows]
            self._write()

    def _write(self) -> None:
        scratch = self.path.with_suffix(".part")
        self.frame().to_parquet(scratch, index=False)
        scratch.replace(self.path)

    def frame(self) -> pd.DataFrame:
        """All rows, one a figure."""
        columns = [field.name for field in fields(Figure)] + [*self._facts, "written"]
        frame = pd.DataFrame(self._rows, columns=columns)
        numbers = {"value": "float64", "seconds": "float64", "seed": "Int64", "threads": "int64"}
        words = [name for name in columns if name not in numbers]
        return frame.astype(numbers | dict.fromkeys(words, "str"))
