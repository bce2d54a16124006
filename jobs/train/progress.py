"""Where the first worker writes how a training goes, and the driver reads it: lines and epochs.

The driver writes them to the job's log and to MLflow, so that workers need neither.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.command import Say
from jobs.record.tracking import TrackingError
from mmm.train.progress import standing

READ_EVERY = 0.5
"""Seconds between reads of the progress."""
SAY_EVERY = 5.0
"""Seconds between lines of progress."""


@dataclass(frozen=True)
class Epoch:
    """Where a stage of a training stands."""

    stage: str
    epoch: int
    epochs: int
    figures: Mapping[str, float]


class ProgressLog:
    """Lines and epochs in the order in which they came; an actor of Ray."""

    def __init__(self) -> None:
        self._news: list[str | Epoch] = []

    def write(self, news: str | Epoch) -> None:
        """Add one."""
        self._news.append(news)

    def take(self) -> list[str | Epoch]:
        """Everything since the last time."""
        news, self._news = self._news, []
        return news


@dataclass(frozen=True)
class ProgressWriter:
    """What a worker reports its progress to; see :class:`jobs.train.worker.Listener`."""

    progress_log: Any

    def say(self, text: str) -> None:
        """A line of the job's log."""
        self.progress_log.write.remote(text)

    def epoch(self, stage: str, epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        """Where it stands."""
        self.progress_log.write.remote(Epoch(stage, epoch, epochs, figures))


class ProgressReader:
    """Reads the progress for the driver, in a thread while the training runs.

    Args:
        read: Gives what is new.
        say: Listener lines.
        log: Given the losses of each stage by epoch; None records nothing.
    """

    def __init__(
        self,
        read: Callable[[], list[str | Epoch]],
        say: Say,
        log: Callable[[Mapping[tuple[str, int], float]], None] | None,
    ) -> None:
        self._read, self._say, self._log = read, say, log
        self._over = threading.Event()
        self._spoken = 0.0
        self._stage = ""
        self._thread = threading.Thread(target=self._work, name="progress log", daemon=True)

    def __enter__(self) -> ProgressReader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(READ_EVERY):
            self.pass_on()
        self.pass_on()

    def pass_on(self) -> None:
        """Say and record what is new."""
        from ray.exceptions import RayError

        try:
            news = self._read()
        except RayError:
            # It went with the head of its cluster: the training itself says so.
            return
        epochs = [item for item in news if isinstance(item, Epoch)]
        for item in news:
            if isinstance(item, str):
                self._say(item)
            else:
                self._progress(item)
        losses = {(at.stage, at.epoch): at.figures["loss"] for at in epochs if "loss" in at.figures}
        if losses and self._log is not None:
            try:
                self._log(losses)
            except TrackingError as error:
                self._log = None
                self._say(f"live metrics stop, training goes on: {error}")

    def _progress(self, at: Epoch) -> None:
        now = time.monotonic()
        if at.stage != self._stage or at.epoch == at.epochs or now - self._spoken >= SAY_EVERY:
            self._stage, self._spoken = at.stage, now
            self._say(standing(at.stage, at.epoch, at.epochs, at.figures))
