"""Many markets on a cluster: a sliding window of tasks, tried again elsewhere when a worker dies."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from jobs.cluster import ClusterError, cpus_now
from jobs.refit_task import GRACE, Work, refit_market
from jobs.rows import Row

LOOK = 1.0
"""Seconds between looks at the clock while nothing finishes."""
PROVISION = 900.0
"""Seconds an autoscaler may take until something runs."""

Task = Callable[[Work], Row]


@dataclass
class Tally:
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


def duration(seconds: float) -> str:
    """A length of time for people: ``45 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def run_all(
    works: Sequence[Work], tally: Tally, *, tries: int = 3, task: Task = refit_market, look: float = LOOK
) -> Iterator[Row]:
    """Every market's row, as they come.

    Args:
        works: What to do.
        tally: Kept up to date.
        tries: How often a market is begun before it is given up: workers may die of something else.
        task: What a worker does.
        look: Seconds between yields of control while nothing finishes.

    Raises:
        ClusterError: Nothing moved for so long that no worker can be at work.
    """
    remote = ray.remote(max_retries=0)(task)
    queue = deque((work, 1) for work in works)
    flying: dict[ray.ObjectRef[Any], tuple[Work, int]] = {}
    moved = time.monotonic()
    while queue or flying:
        while queue and len(flying) < _window(queue[0][0].threads):
            work, attempt = queue.popleft()
            reference = remote.options(num_cpus=work.threads, name=f"refit {work.name}").remote(work)
            flying[reference] = (work, attempt)
        tally.running = len(flying)
        ready, _ = ray.wait(list(flying), num_returns=1, timeout=look)
        if ready:
            moved = time.monotonic()
        elif time.monotonic() - moved > _patience(flying.values()):
            silence = duration(time.monotonic() - moved)
            raise ClusterError(
                f"Nothing finished for {silence} with {len(flying)} markets in the cluster's hands: it has "
                "no worker that takes them. Look at `ray status`, then run this again: what is done stays."
            )
        for reference in ready:
            work, attempt = flying.pop(reference)
            row, again = _collect(reference, work, attempt, tries)
            if again:
                queue.append((work, attempt + 1))
            if row is not None:
                tally.running = len(flying)
                tally.count(row)
                yield row


def _window(threads: int) -> int:
    """Tasks in flight: enough that no worker waits for the driver and an autoscaler sees the need."""
    return 2 * max(cpus_now() // threads, 2)


def _patience(flying: Any) -> float:
    """Seconds after which silence means that nobody works."""
    limits = [work.timeout for work, _ in flying]
    return float("inf") if None in limits else 2 * (max(limits) + GRACE) + PROVISION


def _collect(reference: ray.ObjectRef[Any], work: Work, attempt: int, tries: int) -> tuple[Row | None, bool]:
    """A task's row, or whether it is to be begun again because its worker died."""
    failed = Row(work.spec.brand, work.spec.market, "failed", tries=attempt)
    try:
        row: Row = ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        return replace(failed, reason=f"unexpected {type(cause).__name__}: {cause}"), False
    except RayError as error:
        if attempt < tries:
            return None, True
        died = "ran out of memory" if isinstance(error, OutOfMemoryError) else "died"
        reason = f"Given up after {attempt} tries: the worker {died} each time ({_first_line(error)})."
        return replace(failed, reason=reason), False
    return replace(row, tries=attempt), False


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
