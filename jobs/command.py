"""How a job's command ends and speaks: one exit status for each way, one line for what went wrong."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from jobs.cluster import ClusterError
from jobs.record.tracking import TrackingError
from mmm.errors import MMMError, ProblemsError

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
AWAY: tuple[type[Exception], ...] = (ClusterError, TrackingError)
"""Errors of what a job stands on, which no other input would mend."""


def run_command(
    work: Callable[[], int], interrupted: str, failures: tuple[type[Exception], ...] = AWAY
) -> int:
    """Run a command's work; SIGTERM interrupts it as Ctrl-C does.

    Args:
        work: Does it and returns the exit status.
        interrupted: What to say if it is interrupted.
        failures: Errors that are not the input's.

    Returns:
        Its status, 1 if it failed, 2 if the input must be corrected, 130 if it was interrupted.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return work()
    except MMMError as error:
        sys.stderr.write(f"error: {error}\n")
        corrigible = isinstance(error, ProblemsError) or not isinstance(error, failures)
        return BAD_INPUT if corrigible else FAILED
    except KeyboardInterrupt:
        sys.stderr.write(f"{interrupted}\n")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def duration(seconds: float) -> str:
    """A length of time for people: ``45 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
