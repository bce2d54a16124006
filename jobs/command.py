"""How a job's command ends and speaks: one exit status for each way, one line for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

from mmm.errors import FullError, MMMError
from mmm.output import NO_ROOM_TEXTS, is_full
from mmm.stopping import INTERRUPTED, sigterm_interrupts

Say = Callable[[str], None]
"""Whoever is told how a job goes, a line at a time."""

DONE, FAILED, BAD_INPUT = 0, 1, 2
FAILURES = (RuntimeError, ConnectionError, FullError)
"""Errors of ours that are these too are of a run or of what it stands on (a cluster, MLflow, a disk without
room, a fit that diverged); all others are of the input."""


def run_command(work: Callable[[], int], interrupted: str) -> int:
    """Run a command's work; SIGTERM interrupts it as Ctrl-C does.

    Args:
        work: Does it and returns the exit status.
        interrupted: What to say if it is interrupted.

    Returns:
        Its status, 1 if it failed, 2 if the input must be corrected, 130 if it was interrupted.
    """
    with sigterm_interrupts():
        try:
            return work()
        except MMMError as error:
            sys.stderr.write(f"error: {error}\n")
            return FAILED if isinstance(error, FAILURES) else BAD_INPUT
        except KeyboardInterrupt:
            sys.stderr.write(f"{interrupted}\n")
            return INTERRUPTED
        except Exception as error:
            # A disk may fill under whatever is being written, also in libraries' own hands.
            if not is_full(error):
                raise
            sys.stderr.write(f"error: {_no_room(error)}\n")
            return FAILED


def _no_room(error: Exception) -> str:
    # Ray tells the traceback of another process as text: its line that says so is all a user needs.
    lines = [line for line in str(error).splitlines() if any(text in line for text in NO_ROOM_TEXTS)]
    reason = " ".join((lines[-1:] or [str(error)])[0].split())[:300]
    return (
        f"a disk is full, or its quota used up: {reason}. Free some space, then run the same command again; "
        "what is done stays done."
    )


def say(text: str) -> None:
    """A line of the job's log, at once."""
    print(text, flush=True)


def duration(seconds: float) -> str:
    """A length of time for people: ``45 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
