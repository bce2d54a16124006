"""Many markets on a cluster: a sliding window of tasks, tried again elsewhere when a worker dies.

A task has several small markets, which are faster fitted at once; a task that dies leaves them to be fitted
one by one, so that none falls with another.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from jobs.cluster import cpus_now
from jobs.command import duration
from jobs.own_ray import ClusterError
from jobs.record.ledger import Entry
from jobs.record.rows import Row
from jobs.refit.task import GRACE, TaskResult, Work, failed, refit_markets

POLL = 1.0
"""Seconds between looks at the clock while nothing finishes."""
PROVISION = 900.0
"""Seconds an autoscaler may take until something runs."""

MOST = 16
"""Markets of a task at most: beyond, fits at once gain little more, and a task that dies loses more."""
TASKS_PER_CPU = 4
"""Tasks a CPU shall have at least, where there are enough markets: the last ones end at like times."""

Task = Callable[[Sequence[Work]], TaskResult]


@dataclass
class RefitProgress:
    """How far a refit is.

    Attributes:
        total: Brand-markets asked for.
        done: Fitted.
        unchanged: Found up to date.
        failed: Given up.
        running: Handed to the cluster.
    """

    total: int
    done: int = 0
    unchanged: int = 0
    failed: int = 0
    running: int = 0
    started: float = field(default_factory=time.monotonic)

    def count(self, row: Row) -> None:
        """One more has come back."""
        setattr(self, row.status, getattr(self, row.status) + 1)

    @property
    def finished(self) -> int:
        """Brand-markets that came back, whatever became of them."""
        return self.done + self.unchanged + self.failed

    def line(self, now: float | None = None) -> str:
        """Progress for people: done, running, failed, left, rate, and how long it will take yet."""
        seconds = max((time.monotonic() if now is None else now) - self.started, 1e-9)
        left = self.total - self.finished - self.running
        text = (
            f"{self.done} done, {self.unchanged} unchanged, {self.failed} failed, {self.running} running, "
            f"{left} left"
        )
        if self.finished:
            rate = self.finished / seconds
            text += f"; {rate:.2f}/s, {duration((self.total - self.finished) / rate)} to go"
        return text


def run_all(
    works: Sequence[Work],
    progress: RefitProgress,
    *,
    tries: int = 3,
    together: int | None = None,
    task: Task = refit_markets,
    poll: float = POLL,
    judged: Callable[[Sequence[Entry]], None] | None = None,
) -> Iterator[Row]:
    """Every market's row, as they come.

    Args:
        works: What to do.
        progress: Kept up to date.
        tries: How often a market is begun before it is given up: workers may die of something else.
        together: Markets of a task; None chooses by their number and the cluster's CPUs.
        task: What a worker does.
        poll: Seconds between yields of control while nothing finishes.
        judged: Told the entries of the ledger that a task made, before its rows.

    Raises:
        ClusterError: Nothing last_news for so long that no worker can be at work.
    """
    remote = ray.remote(max_retries=0)(task)
    queue = deque(_Attempt(batch) for batch in batches(works, cpus_now(), together))
    running: dict[ray.ObjectRef[Any], _Attempt] = {}
    last_news = time.monotonic()
    while queue or running:
        while queue and len(running) < _window(queue[0].works[0].threads):
            attempt = queue.popleft()
            options = {"num_cpus": attempt.works[0].threads, "name": f"refit {attempt.name}"}
            running[remote.options(**options).remote(attempt.works)] = attempt
        progress.running = sum(len(attempt.works) for attempt in running.values())
        ready, _ = ray.wait(list(running), num_returns=1, timeout=poll)
        if ready:
            last_news = time.monotonic()
        elif time.monotonic() - last_news > _longest_silence(running.values()):
            silence = duration(time.monotonic() - last_news)
            raise ClusterError(
                f"Nothing finished for {silence} with {progress.running} markets in the cluster's hands: "
                "it has no worker that takes them. Look at `ray status`, then run this again: what is done "
                "stays."
            )
        for reference in ready:
            attempt = running.pop(reference)
            rows, again, entries = _collect(reference, attempt, tries)
            if judged is not None:
                judged(entries)
            queue.extend(again)
            for row in rows:
                progress.running -= 1
                progress.count(row)
                yield row


@dataclass(frozen=True)
class _Attempt:
    """Markets of one task, and how often they have been begun with it."""

    works: tuple[Work, ...]
    number: int = 1

    @property
    def name(self) -> str:
        """For Ray's own pages."""
        more = len(self.works) - 1
        return self.works[0].name + (f" and {more} more" if more else "")

    def one_by_one(self, works: Sequence[Work], *, begun: bool) -> list[_Attempt]:
        """A task for each of some of its markets; ``begun`` if this one counts as a try."""
        return [_Attempt((work,), self.number + begun) for work in works]


def batches(works: Sequence[Work], cpus: int, together: int | None = None) -> list[tuple[Work, ...]]:
    """Markets of each task: as many as are faster at once, as few as keep every CPU at work to the end.

    A market whose settings are searched has a task of its own.
    """
    share = -(-len(works) // max(TASKS_PER_CPU * cpus, 1))
    size = max(1, min(MOST, share)) if together is None else together
    alone = [(work,) for work in works if work.trials]
    rest = [work for work in works if not work.trials]
    return alone + [tuple(rest[first : first + size]) for first in range(0, len(rest), size)]


def _window(threads: int) -> int:
    """Tasks in attempt: enough that no worker waits for the driver and an autoscaler sees the need."""
    return 2 * max(cpus_now() // threads, 2)


def _longest_silence(running: Iterable[_Attempt]) -> float:
    """Seconds after which silence means that nobody works."""
    limits = [work.timeout for attempt in running for work in attempt.works]
    known = [limit for limit in limits if limit is not None]
    return 2 * (max(known) + GRACE) + PROVISION if len(known) == len(limits) else float("inf")


def _collect(
    reference: ray.ObjectRef[Any], attempt: _Attempt, tries: int
) -> tuple[Sequence[Row], Sequence[_Attempt], Sequence[Entry]]:
    """Rows of a task, markets to be begun again (its worker died, or they are better off alone), entries."""
    works, number = attempt.works, attempt.number
    try:
        answer: TaskResult = ray.get(reference)
    except RayTaskError as error:
        if len(works) > 1:
            return (), attempt.one_by_one(works, begun=True), ()
        cause = error.cause
        reason = f"unexpected {type(cause).__name__}: {cause}"
    except RayError as error:
        if len(works) > 1 or number < tries:
            return (), attempt.one_by_one(works, begun=True), ()
        died = "ran out of memory" if isinstance(error, OutOfMemoryError) else "died"
        reason = f"Given up after {number} tries: the worker {died} each time ({_first_line(error)})."
    else:
        rows = [replace(row, tries=number) for row in answer.rows]
        return rows, attempt.one_by_one(answer.left, begun=False), answer.entries
    return [replace(failed(works[0], reason), tries=number)], (), ()


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
