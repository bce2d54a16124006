"""How a fit shows that it goes on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from mmm.train.progress import figure_words, standing

LINE_EVERY = 10.0
"""Seconds between lines where there is no terminal."""


class FitProgress:
    """Progress of a fit on standard error, as a context manager."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._console, self._tasks = console, dict[str, TaskID]()
        self._spoken = time.monotonic()

    def __enter__(self) -> FitProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, stage: str, done: int, total: int, **figures: float) -> None:
        """See ``mmm.train.progress.Progress``."""
        told = ", ".join(figure_words(figures))
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total, told=told)
        self._bar.update(self._tasks[stage], completed=done, told=told)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._spoken >= LINE_EVERY:
            self._console.print(standing(stage, done, total, figures), soft_wrap=True)
            self._spoken = now
