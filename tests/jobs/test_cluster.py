from __future__ import annotations

import signal
import sys
from typing import Any

import pytest
import ray

from jobs.cluster import connect
from jobs.own_ray import STARTS, ClusterError


def test_ray_that_does_not_start_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[str] = []

    def late(**options: Any) -> None:
        starts.append(options["_temp_dir"])
        raise Exception("The current node timed out during startup.\n  More of it.")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", late)

    with pytest.raises(ClusterError) as caught, connect(cpus=1):
        pass

    said = str(caught.value)
    assert len(set(starts)) == STARTS
    assert said.startswith("Ray did not start on this machine: The current node timed out during startup.")
    assert said.endswith("Run the same command when it is quieter; what is done stays done.")


def test_sigterm_while_ray_starts_interrupts_as_at_any_other_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def told_to_stop(**_: Any) -> None:
        # What Ray's own answer to the signal does.
        sys.exit(signal.SIGTERM)

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", told_to_stop)

    with pytest.raises(KeyboardInterrupt), connect(cpus=1):
        pass
