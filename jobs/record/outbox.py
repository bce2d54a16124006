"""Work for a server that may be away, done in order by one thread beside the rest."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from jobs.record.tracking import TrackingError

PAUSE = 5.0
"""Seconds between tries while the server is away."""


class Outbox:
    """Does things one after the other, each until the server takes it.

    Each must bear being tried again after it was done half.

    Args:
        pause: Seconds between tries while the server is away.
    """

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._closing_at: float | None = None
        self.trouble = ""
        self._thread = threading.Thread(target=self._work, name="waiting list", daemon=True)
        self._thread.start()

    def add(self, work: Callable[[], None]) -> None:
        """Do something when its turn comes."""
        with self._changed:
            self._waiting.append(work)
            self._changed.notify()

    def finish(self, wait: float = 60.0) -> int:
        """Wait for the rest.

        Args:
            wait: Seconds the server is given if it is away; what it takes has all the time it needs.

        Returns:
            How much is left undone.
        """
        with self._changed:
            self._closing_at = time.monotonic() + wait
            self._changed.notify()
        self._thread.join()
        return len(self._waiting)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and self._closing_at is None:
                    self._changed.wait()
                if not self._waiting:
                    return
                work = self._waiting[0]
            if self._done(work):
                with self._changed:
                    self._waiting.popleft()
                continue
            with self._changed:
                if self._closing_at is not None and time.monotonic() >= self._closing_at:
                    return
                self._changed.wait(self._pause)

    def _done(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except TrackingError as error:
            self.trouble = str(error)
            return False
        return True
