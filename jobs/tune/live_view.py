"""A sweep under way, for people: a live table on a terminal, a line for each trial elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from jobs.command import duration
from jobs.tune.trial_row import TrialRow

SHOWN = 12
"""Trials in the live table."""


class SweepView:
    """Follows the trials of a sweep, as a context manager.

    Args:
        trials: Trials in all.
        origins: Origins of each.
        known: Trials finished in an earlier run.
        console: Where to show them.
        on_finished: Called with every finished trial, e.g. to keep and record it.
    """

    def __init__(
        self,
        trials: int,
        origins: int,
        known: tuple[TrialRow, ...],
        console: Console,
        on_finished: Callable[[TrialRow], None],
    ) -> None:
        self._trials, self._origins, self._console, self._on_finished = trials, origins, console, on_finished
        self._rows: dict[int, TrialRow] = {row.number: row for row in known}
        self._running: set[int] = set()
        self._known, self._started = len(known), time.monotonic()
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> SweepView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, row: TrialRow) -> None:
        """A trial begins."""
        self._running.add(row.number)
        self._rows[row.number] = row
        self._refresh()

    def scored(self, row: TrialRow) -> None:
        """A trial has one more origin."""
        self._rows[row.number] = row
        self._refresh()

    def finished(self, row: TrialRow) -> None:
        """A trial is over."""
        self._running.discard(row.number)
        self._rows[row.number] = row
        self._on_finished(row)
        if self._live is None:
            self._console.print(f"{_line(row)}; {self.summary()}", highlight=False, soft_wrap=True)
        self._refresh()

    def best(self) -> TrialRow | None:
        """The finished trial with the best score."""
        done = [row for row in self._finished() if row.state == "done" and row.score is not None]
        return max(done, key=lambda row: row.score or -math.inf, default=None)

    def _finished(self) -> list[TrialRow]:
        return [row for number, row in self._rows.items() if number not in self._running]

    def summary(self) -> str:
        """Counts, the best so far, and how long it will take yet."""
        finished = self._finished()
        counts = {
            state: sum(row.state == state for row in finished) for state in ("done", "stopped", "failed")
        }
        text = ", ".join(f"{count} {state}" for state, count in counts.items())
        text += f", {len(self._running)} running, {max(self._trials - len(self._rows), 0)} left"
        if (best := self.best()) is not None:
            text += f"; best {best.score:.4f} (trial {best.number})"
        here = len(finished) - self._known
        if here > 0 and (left := self._trials - len(finished)) > 0:
            rate = here / max(time.monotonic() - self._started, 1e-9)
            text += f"; {duration(left / rate)} to go"
        return text

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self.table(), refresh=True)

    def table(self) -> Table:
        """The newest trials and the best one."""
        table = Table(title=self.summary(), title_justify="left")
        for name in ("trial", "state", "origins", "score", "settings"):
            table.add_column(name, justify="right" if name in ("trial", "score") else "left", no_wrap=True)
        numbers = sorted(self._rows)[-SHOWN:]
        if (best := self.best()) is not None and best.number not in numbers:
            numbers = [best.number, *numbers[1:]]
        for number in numbers:
            row = self._rows[number]
            state = "running" if number in self._running else row.state
            score = "" if row.score is None else f"{row.score:.4f}"
            style = "bold green" if best is not None and number == best.number else ""
            table.add_row(
                str(number),
                state,
                f"{len(row.scores)} of {self._origins}",
                score,
                _settings(row),
                style=style,
            )
        return table


def _line(row: TrialRow) -> str:
    if row.state == "failed":
        return f"trial {row.number} failed: {row.reason}"
    score = "no score" if row.score is None else f"{row.score:.4f}"
    return f"trial {row.number} {row.state}: {score} over {len(row.scores)} origins, {row.seconds:.1f} s"


def _settings(row: TrialRow) -> str:
    if not row.settings:
        return "the spec's own"
    shown = (f"{path.rpartition('.')[2]} {_short(value)}" for path, value in row.settings.items())
    return ", ".join(shown)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
