"""Disks that run full: what holds is counted, what does not is named with the room there was."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from jobs.stress.full_disk import Filled, disk, fill
from jobs.stress.kills import Victim
from jobs.stress.process import ProgramError

STAND_IN = """
import sys
from pathlib import Path
import numpy as np
out = Path(sys.argv[sys.argv.index("--out") + 1])
(out / "model").mkdir(parents=True, exist_ok=True)
try:
    np.savez(out / "model" / "weights.npz", weight=np.arange(100_000.0))
except OSError as error:
    {failing}
"""
"""A program that writes a model; and what it does where there is no room."""


def can_mount(tmp_path: Path) -> bool:
    place = tmp_path / "probe"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True, capture_output=True)
        subprocess.run(["umount", str(place)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> Filled:
    """Full disks of a stand-in."""
    if not can_mount(tmp_path):
        pytest.skip("this user may not mount a disk")
    program = tmp_path / "stand_in.py"
    program.write_text(STAND_IN.format(failing=failing))
    command = Victim.command

    def by_path(victim: Victim, spec: Path, out: Path, *, again: bool) -> list[str | Path]:
        given = command(victim, spec, out, again=again)
        return [given[0], program, *given[3:]]

    monkeypatch.setattr(Victim, "command", by_path)
    return fill(Victim("stand-in", ("stand_in",)), tmp_path / "spec.yaml", tmp_path / "work", 3, seed=2)


def test_a_full_disk_that_costs_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = filled(tmp_path, monkeypatch, "sys.exit(f'error: {error.strerror}')")

    assert (found.disks, found.filled, found.difference, found.faults) == (3, 3, 0.0, ())
    assert not any(path.is_mount() for path in (tmp_path / "work").iterdir())


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ("raise", "ended with a traceback"),
        ("sys.exit('something went wrong')", "does not say that the disk is full"),
        (
            "(out / '.half').touch()\n    sys.exit(error.strerror)",
            r"\.half was left behind",
        ),
    ],
)
def test_what_a_full_disk_costs_is_named_with_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, told: str
) -> None:
    found = filled(tmp_path, monkeypatch, failing)

    assert len(found.faults) == 3
    assert all(fault.startswith(f"stand-in, disk {number} of ") for number, fault in enumerate(found.faults))
    assert re.search(told, found.faults[0])


def test_a_disk_needs_the_right_to_mount_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.stress.full_disk.shutil.which", lambda _: None)

    with (
        pytest.raises(ProgramError, match="mount was not found"),
        disk(tmp_path / "a", 1),
    ):
        pass
