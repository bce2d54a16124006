"""What a run is asked to do and how: sizes, tasks on all cores or alone, failures noted, time left shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jobs.benchmark.figures import Figure, FigureLog
from jobs.stress.process import ProgramError, stop_all
from mmm.simulate.portfolio import Design

PEERS = ("deepcausalmmm", "deepcausalmmm-full", "pymc-marketing", "ridge", "last-touch", "spend-share")
DEFAULT_PEERS = ("deepcausalmmm", "ridge", "last-touch", "spend-share")
QUICK_PEERS = ("ridge", "last-touch", "spend-share")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large the suites are.

    Attributes:
        design: Simulated worlds of the truth and graph suites.
        worlds: Worlds of the truth suite.
        stable_worlds: Of these, how many are fitted again (13 weeks more, another seed).
        settings: Overrides of every fit of ours.
        odds_worlds: Worlds of the odds suite.
        kind_worlds: Worlds of each kind of the kinds suite.
        design_worlds: Worlds of the designs suite in which tests are run.
        trials: Trials of a search for settings, for the tuned fits; 0 for none.
        point: Overrides of a fit without intervals.
        origins: Rolling origins on the real panel.
        graphs: Graphs of each linear family, and lagged worlds.
        growth: Sizes tried along each axis, the base first.
        growth_epochs: Epochs of fits whose growth is measured.
        peer_epochs: Epochs of a slow peer that are run before extrapolating.
        kills: Kills of each command in the faults suite.
        requests: Requests of each third in which the service's memory is watched.
    """

    design: Design = Design()
    worlds: int = 3
    stable_worlds: int = 2
    odds_worlds: int = 12
    kind_worlds: int = 10
    design_worlds: int = 10
    settings: tuple[str, ...] = ()
    trials: int = 6
    point: tuple[str, ...] = ("train.members=1",)
    origins: int = 6
    graphs: int = 10
    growth: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("regions", (24, 48, 96, 192)),
        ("weeks", (104, 208, 416)),
        ("channels", (4, 8, 16)),
        ("members", (2, 4, 8, 16)),
    )
    growth_epochs: int = 600
    peer_epochs: int = 20
    kills: int = 30
    requests: int = 20_000


QUICK = Sizes(
    design=Design(regions=4, weeks=104, channels=4),
    worlds=1,
    stable_worlds=0,
    odds_worlds=2,
    kind_worlds=1,
    design_worlds=0,
    settings=("train.members=2", "train.epochs=80", "train.effort=0.1"),
    trials=0,
    point=("train.members=1", "train.epochs=80"),
    origins=1,
    graphs=2,
    growth=(("regions", (4, 8)), ("members", (2, 4))),
    growth_epochs=20,
    peer_epochs=3,
    kills=1,
    requests=200,
)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """A run as asked for.

    Attributes:
        suites: Which suites, in order.
        peers: Which peers.
        out: Folder of the results.
        work: Folder of panels and fits; removed at the end unless kept.
        cache: Folder of peers' environments, downloads and long fits.
        seed: First seed; world i has seed + i.
        cores: Tasks at the same time.
        panel: Spec of the real panel; None looks for it, then downloads it.
        quick: Small sizes.
        sizes: The sizes.
    """

    suites: tuple[str, ...]
    peers: tuple[str, ...]
    out: Path
    work: Path
    cache: Path
    seed: int
    cores: int
    panel: Path | None
    quick: bool
    sizes: Sizes


@dataclass(frozen=True, kw_only=True)
class Task:
    """One piece of work that gives rows.

    Attributes:
        suite: Part of the benchmark.
        case: World, panel or setting.
        method: Whose work it is.
        work: Does it.
        expect: Seconds it takes on one quiet core, roughly; for the time left.
        alone: Nothing runs beside it, since its time is what is measured.
        seed: Seed of the case.
    """

    suite: str
    case: str
    method: str
    work: Callable[[], Iterable[Figure]]
    expect: float = 5.0
    alone: bool = False
    seed: int | None = None

    @property
    def name(self) -> str:
        """For a person."""
        return " · ".join(part for part in (self.suite, self.method, self.case) if part)


class TaskRunner:
    """Runs tasks and says how far it is.

    Args:
        log: Where rows go.
        console: Where progress goes.
        cores: Tasks at the same time, each on one thread.
        expect: Seconds of all tasks to come, for the time left; tasks on all cores count their share.
    """

    def __init__(self, log: FigureLog, console: Console, cores: int, expect: float = 0.0) -> None:
        self.log, self.console, self.cores = log, console, cores
        self.failures: list[str] = []
        self._left, self._done, self._spent = expect, 0.0, 0.0
        self._lock = threading.Lock()

    def run(self, tasks: Sequence[Task]) -> None:
        """Do all tasks, those that want to be alone at the end, one by one.

        A task that fails leaves a row that says why, and the others go on.
        """
        beside = [task for task in tasks if not task.alone]
        longest_first = sorted(beside, key=lambda task: -task.expect)
        try:
            with ThreadPoolExecutor(self.cores) as pool:
                started = {pool.submit(_timed, task): task for task in longest_first}
                try:
                    for future in as_completed(started):
                        self._note(started[future], future)
                except KeyboardInterrupt:
                    pool.shutdown(wait=False, cancel_futures=True)
                    stop_all()
                    raise
            for task in tasks:
                if task.alone:
                    self._alone(task)
        finally:
            stop_all()

    def _alone(self, task: Task) -> None:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(_timed, task)
            try:
                future.exception()
            except KeyboardInterrupt:
                stop_all()
                raise
            self._note(task, future)

    def _note(self, task: Task, future: Future[tuple[list[Figure], float]]) -> None:
        """Write down what a task gave; whatever it raised becomes its row."""
        error = future.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        with self._lock:
            share = task.expect / (1 if task.alone else self.cores)
            self._left, self._done = self._left - share, self._done + share
        if error is None:
            rows, seconds = future.result()
            self._spent += seconds / (1 if task.alone else self.cores)
            self.log.add(rows)
            self._say(f"{task.name}: {seconds:.0f} s")
            return
        reason = str(error) if isinstance(error, ProgramError) else f"{type(error).__name__}: {error}"
        self.failures.append(f"{task.name}: {reason}")
        self.log.add(
            [
                Figure(
                    suite=task.suite,
                    case=task.case,
                    method=task.method,
                    status="failed",
                    note=reason,
                    seed=task.seed,
                )
            ]
        )
        self._say(f"{task.name}: FAILED, {reason}")

    def _say(self, text: str) -> None:
        pace = self._spent / self._done if self._done > 0 and self._spent > 0 else 1.0
        left = max(self._left, 0.0) * pace
        when = f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"
        self.console.print(f"{text} · {when}", markup=False, highlight=False, soft_wrap=True)


def _timed(task: Task) -> tuple[list[Figure], float]:
    started = time.perf_counter()
    rows = list(task.work())
    return rows, time.perf_counter() - started
