"""Rows recorded beside the fits: one thread, so that a slow server holds up no worker.

While the server is away rows wait in order; whatever is not recorded at the end is recorded by the next run
of the same command, which fits nothing again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace

from jobs.registry import Registry
from jobs.rows import Row
from jobs.tracking import TrackingError
from mmm.config import MarketSpec

PAUSE = 5.0
"""Seconds between tries while the server is away."""


class Recorder:
    """Records rows in the background.

    Args:
        registry: Where to; None records nothing.
        pause: Seconds between tries while the server is away.
    """

    def __init__(self, registry: Registry | None, pause: float = PAUSE) -> None:
        self._registry, self._pause = registry, pause
        self._waiting: deque[tuple[Row, MarketSpec]] = deque()
        self._changed = threading.Condition()
        self._closing_at: float | None = None
        self.recorded: dict[tuple[str, str], Row] = {}
        self.trouble: str = ""
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def add(self, row: Row, spec: MarketSpec) -> None:
        """Record a row when its turn comes."""
        if self._registry is None:
            return
        with self._changed:
            self._waiting.append((row, spec))
            self._changed.notify()

    def finish(self, wait: float = 60.0) -> list[Row]:
        """Wait for the rest.

        Args:
            wait: Seconds the server is given if it is away; rows that it takes have all the time they need.

        Returns:
            Rows that are not recorded.
        """
        with self._changed:
            self._closing_at = time.monotonic() + wait
            self._changed.notify()
        self._thread.join()
        return [row for row, _ in self._waiting]

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and self._closing_at is None:
                    self._changed.wait()
                if not self._waiting:
                    return
                row, spec = self._waiting[0]
            if self._record(row, spec):
                with self._changed:
                    self._waiting.popleft()
                continue
            with self._changed:
                if self._closing_at is not None and time.monotonic() >= self._closing_at:
                    return
                self._changed.wait(self._pause)

    def _record(self, row: Row, spec: MarketSpec) -> bool:
        assert self._registry is not None
        try:
            recorded = self._registry.record(row, spec)
        except TrackingError as error:
            self.trouble = str(error)
            return False
        self.recorded[row.brand, row.market] = recorded
        return True


def with_role(row: Row, recorded: Row | None) -> Row:
    """A row with what the registry made of it."""
    if recorded is None:
        return row
    return replace(row, version=recorded.version, role=recorded.role, reason=recorded.reason or row.reason)
