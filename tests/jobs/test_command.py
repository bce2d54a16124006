from __future__ import annotations

import errno
import os
import signal

import pytest

from jobs.command import duration, run_command
from jobs.own_ray import ClusterError
from jobs.record.tracking import TrackingError
from jobs.record.versions import RegistryError
from mmm.errors import FullError, OutputError, SpecError, TrainingError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SpecError("spec", []), 2),
        (OutputError("full"), 2),
        (FullError("no room"), 1),
        (ClusterError("gone"), 1),
        (TrackingError("gone"), 1),
        (TrainingError("diverged"), 1),
        (RegistryError("no such version"), 2),
    ],
)
def test_errors_have_one_status_each_and_are_told(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert run_command(work, "interrupted") == status
    assert capsys.readouterr().err == f"error: {error}\n"


def wrapped() -> RuntimeError:
    """What a library makes of a disk that is full: the text is all that is left."""
    return RuntimeError(f"upload failed: [Errno 28] {os.strerror(errno.ENOSPC)}")


def elsewhere() -> RuntimeError:
    """What Ray makes of one in another process."""
    lines = ["Traceback (most recent call last):", '  File "x.py", line 1, in f', str(wrapped()), "the end"]
    return RuntimeError("\n".join(lines))


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "write"), OSError(errno.EDQUOT, "write"), wrapped(), elsewhere()]
)
def test_a_disk_that_fills_under_anything_is_named(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert run_command(work, "interrupted") == 1
    told = capsys.readouterr().err
    assert told.startswith("error: a disk is full, or its quota used up")
    assert "run the same command again" in told and "Traceback" not in told


def test_other_errors_are_not_taken_for_a_full_disk() -> None:
    def work() -> int:
        raise PermissionError(errno.EACCES, "not yours")

    with pytest.raises(PermissionError):
        run_command(work, "interrupted")


def test_a_signal_interrupts_as_a_key_does(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def work() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    assert run_command(work, "run it again") == 130
    assert capsys.readouterr().err == "run it again\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_went_well_keeps_its_status() -> None:
    assert run_command(lambda: 1, "") == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
