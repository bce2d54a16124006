from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import ray

from jobs.cluster import connect
from jobs.own_ray import VITAL, ClusterError, vital_processes


def lose_a_raylet(folders: list[Path]) -> None:
    """Work for ever on a cluster whose raylet is killed."""
    with connect("local", cpus=1):
        folders.append(Path(os.environ["RAY_AUTH_TOKEN_PATH"]).parent)
        assert folders[0].stat().st_mode & 0o777 == 0o700
        processes = vital_processes()
        assert set(processes) == set(VITAL)
        os.kill(processes["raylet"], signal.SIGKILL)
        time.sleep(600)


@pytest.mark.ray
def test_a_ray_that_dies_ends_the_work_at_once_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    starts, really = list[str](), ray.init

    def late_the_first_time(**options: Any) -> None:
        starts.append(options["_temp_dir"])
        if len(starts) == 1:
            raise Exception("The current node timed out during startup.")
        really(**options)

    monkeypatch.setattr(ray, "init", late_the_first_time)

    with pytest.raises(ClusterError, match=r"^Ray on this machine died: its process raylet ended.*again;"):
        lose_a_raylet(folders)

    assert len(set(starts)) == 2
    assert not folders[0].exists()
