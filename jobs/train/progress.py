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

READ_EVERY = 0.5
"""Seconds between looks at the board."""
SAY_EVERY = 5.0
"""Seconds between lines of progress."""


@dataclass(frozen=True)
class Epoch:
    """Where a stage of a training stands."""

    stage: str
    epoch: int
    epochs: int
    loss: float


class Board:
    """Lines and epochs in the order in which they came; an actor of Ray."""

    def __init__(self) -> None:
        self._told: list[str | Epoch] = []

    def write(self, told: str | Epoch) -> None:
        """Add one."""
        self._told.append(told)

    def take(self) -> list[str | Epoch]:
        """Everything since the last time."""
        told, self._told = self._told, []
        return told


@dataclass(frozen=True)
class BoardWriter:
    """A worker's hand on the board; see :class:`jobs.train.worker.Told`."""

    board: Any

    def say(self, text: str) -> None:
        """A line of the job's log."""
        self.board.write.remote(text)

    def epoch(self, stage: str, epoch: int, epochs: int, loss: float) -> None:
        """Where it stands."""
        self.board.write.remote(Epoch(stage, epoch, epochs, loss))


class BoardReader:
    """The driver's eye on the board, a thread while the training runs.

    Args:
        read: Gives what is new.
        say: Told lines.
        log: Given the loss of each stage by epoch; None records nothing.
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
        self._thread = threading.Thread(target=self._work, name="board", daemon=True)

    def __enter__(self) -> BoardReader:
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
            told = self._read()
        except RayError:
            # The board went with the head of its cluster: the training itself says so.
            return
        epochs = [item for item in told if isinstance(item, Epoch)]
        for item in told:
            if isinstance(item, str):
                self._say(item)
            else:
                self._progress(item)
        if epochs and self._log is not None:
            try:
                self._log({(item.stage, item.epoch): item.loss for item in epochs})
            except TrackingError as error:
                self._log = None
                self._say(f"live metrics stop, training goes on: {error}")

    def _progress(self, at: Epoch) -> None:
        now = time.monotonic()
        if at.stage != self._stage or at.epoch == at.epochs or now - self._spoken >= SAY_EVERY:
            self._stage, self._spoken = at.stage, now
            self._say(f"{at.stage}: epoch {at.epoch} of {at.epochs}, loss {at.loss:.4f}")
