"""``python -m jobs.stress.full_disk [COMMAND …] --disks 10``: commands whose disk runs full, run again.

Each command is run undisturbed once, then on disks with room for a random part of what it wrote, in memory
(tmpfs; mounting one is for root). It must fail with a message that names the full disk, without a traceback;
run again with room for everything it must finish with the same results and leave nothing half-written. Exit
status: 0 all held, 1 something did not; each fault is named with the room there was.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.command import DONE, run_command
from jobs.stress.kills import LIMIT, Victim, asked, check_tidy, compare, result, run_drills
from jobs.stress.process import ProgramError, run_measured, started

ROOM = 2**30
"""Bytes of a disk that is not full."""
LEAST, MOST = 0.02, 0.98
"""Shares of what an undisturbed run wrote for which there is room."""
NAMED = ("No space left on device", "is full")


@dataclass(frozen=True)
class Filled:
    """What full disks of a command came to.

    Attributes:
        disks: Disks tried.
        filled: Those that ran full; on others there was room after all.
        difference: Largest relative difference of a number that held.
        faults: What did not hold, each with the room there was.
    """

    disks: int
    filled: int
    difference: float
    faults: tuple[str, ...]


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes.

    Raises:
        ProgramError: This user may not mount one.
    """
    folder.mkdir(parents=True)
    _mount(f"size={size}", folder)
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def _mount(options: str, folder: Path) -> None:
    _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise ProgramError(f"{command[0]} was not found: no disk can be mounted")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProgramError(f"{' '.join(command)}: {done.stderr.strip()}. Run it as root.")


def fill(victim: Victim, spec: Path, home: Path, disks: int, seed: int) -> Filled:
    """Run a command on disks that run full, and again.

    Args:
        victim: The command.
        spec: From :func:`small_portfolio`.
        home: Folder of the disks and of what was said.
        disks: How many.
        seed: Of their sizes.

    Raises:
        ProgramError: The undisturbed run failed, or no disk can be mounted.
    """
    dice, filled, difference, faults = random.Random(seed), 0, 0.0, list[str]()  # noqa: S311  (sizes)
    with disk(home / "whole", ROOM) as whole:
        run_measured(victim.command(spec, whole / "out", again=False), home / "whole.txt", limit=LIMIT)
        expected, used = result(whole / "out"), _used(whole)
        for number in range(disks):
            size = int(dice.uniform(LEAST, MOST) * used)
            with disk(home / f"disk-{number}", size) as folder:
                try:
                    filled += _runs_full(victim, spec, folder, home / f"full-{number}.txt")
                    _mount(f"remount,size={ROOM}", folder)
                    again = victim.command(spec, folder / "out", again=True)
                    run_measured(again, home / f"again-{number}.txt", limit=LIMIT)
                    difference = max(difference, compare(result(folder / "out"), expected))
                    check_tidy(folder, whole)
                except ProgramError as error:
                    faults.append(f"{victim.name}, disk {number} of {size} bytes for {used}: {error}")
    return Filled(disks, filled, difference, tuple(faults))


def _used(folder: Path) -> int:
    """Bytes in use on a disk."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _runs_full(victim: Victim, spec: Path, folder: Path, log: Path) -> bool:
    """Whether a command found no room.

    Raises:
        ProgramError: It does not end, or does not say why it failed.
    """
    with started(victim.command(spec, folder / "out", again=False), log) as process:
        try:
            status = process.wait(LIMIT)
        except subprocess.TimeoutExpired as error:
            raise ProgramError(f"goes on {LIMIT:g} s after its disk ran full") from error
    said = log.read_text(encoding="utf-8", errors="replace")
    if status == DONE:
        return False
    if "Traceback" in said:
        raise ProgramError(f"ended with a traceback, see {log}")
    if not any(words in said for words in NAMED):
        raise ProgramError(f"does not say that the disk is full, see {log}")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module."""
    chosen, disks, seed = asked(arguments, "disks", 10, __doc__)

    def drilled(victim: Victim, spec: Path, home: Path) -> tuple[str, Sequence[str]]:
        found = fill(victim, spec, home, disks, seed)
        full = f"{found.filled} of {found.disks} disks ran full"
        return f"{full}, largest difference {found.difference:.1e}", found.faults

    return run_command(lambda: run_drills(chosen, seed, drilled), "interrupted")


if __name__ == "__main__":
    sys.exit(main())
