from __future__ import annotations

import os
import signal

import pytest

from jobs.command import duration, run_command
from jobs.own_ray import ClusterError
from jobs.record.tracking import TrackingError
from jobs.record.versions import RegistryError
from mmm.errors import OutputError, SpecError, TrainingError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SpecError("spec", []), 2),
        (OutputError("full"), 2),
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
