"""SIGTERM and Ctrl-C from the first line of a command on: one line said, and status 130."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit status of a command that was told to stop."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_while_loading() -> None:
    """Answer signals while a command loads its libraries, which takes seconds."""
    for number in _SIGNALS:
        signal.signal(number, _stopped_before_start)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, signal.default_int_handler) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _stopped_before_start(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write("stopped before it had started\n")
    sys.exit(INTERRUPTED)
