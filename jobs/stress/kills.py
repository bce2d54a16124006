"""``python -m jobs.stress.kills [COMMAND …] --kills 30``: commands killed at any moment and run again.

Each command is run undisturbed once, then killed by SIGTERM, SIGINT or SIGKILL at random moments from its
first import on, up to three times in a row, and run again. It must finish with the same results, leave
nothing half-written and nothing running. Exit status: 0 all held, 1 something did not; each fault is named
with signals and moments.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.command import DONE, FAILED, run_command, say
from jobs.guard import MARK, guarded, marked
from jobs.stress.process import ProgramError, run_measured, started
from mmm.data.panel import Floats
from mmm.simulate.portfolio import write_portfolio

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
CHAIN = 3
"""Kills in a row before a command is let to its end."""
LIMIT, ENDING, GONE = 1800.0, 120.0, 10.0
"""Seconds: of a run; from a signal to the end of the command; from then to that of all it had started."""
VARIABLE = "MMM_DRILL"
"""Environment variable by which everything that a command started is found."""
SETTINGS = ("train.effort=0.05", "train.epochs=40", "train.members=2")
TOLERANCE = 1e-5
"""Relative difference of numbers: markets that were left are fitted in other groups than undisturbed."""
MOVING = {"seconds", "tries", "share_shift", "skill_change"}
"""Columns of tables that tell of the run itself, or of the one before."""


@dataclass(frozen=True)
class Victim:
    """A command that is killed.

    Attributes:
        name: For people.
        words: The command before its input.
        portfolio: Whether its input is a portfolio.
        more: Further words.
        again: Words of a run after a kill.
    """

    name: str
    words: tuple[str, ...]
    portfolio: bool = False
    more: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    def command(self, spec: Path, out: Path, *, again: bool) -> list[str | Path]:
        """All its words."""
        given = spec if self.portfolio else spec.parent / "specs" / "acme_us.yaml"
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        last = self.again if again else ()
        return [sys.executable, "-m", *self.words, given, "--out", out, *settings, *self.more, *last]


# One trial at a time: which settings a sweep tries then hangs on nothing but its seed.
VICTIMS = (
    Victim("mmm fit", ("mmm.cli", "fit"), more=("--no-report",), again=("--resume",)),
    Victim("jobs.refit", ("jobs.refit",), portfolio=True),
    Victim("jobs.tune", ("jobs.tune",), more=("--trials", "4", "--concurrency", "1")),
    Victim("jobs.train", ("jobs.train",), more=("--no-report", "--checkpoint-every", "10")),
)


@dataclass(frozen=True)
class Outcome:
    """What the kills of a command came to.

    Attributes:
        kills: Kills.
        seconds: Of the undisturbed run.
        difference: Largest relative difference of a number that held.
        faults: What did not hold, each with its signals and moments.
    """

    kills: int
    seconds: float
    difference: float
    faults: tuple[str, ...]


def small_portfolio(folder: Path, seed: int) -> Path:
    """Two markets that are fitted in seconds."""
    return write_portfolio(folder, brands=1, markets=2, regions=2, weeks=60, channels=2, seed=seed)


def drill(victim: Victim, spec: Path, home: Path, kills: int, seed: int) -> Outcome:
    """Kill a command again and again.

    Args:
        victim: The command.
        spec: From :func:`small_portfolio`.
        home: Folder of its outputs; those of what did not hold stay.
        kills: How often.
        seed: Of signals and moments.

    Raises:
        ProgramError: The undisturbed run failed.
    """
    whole = home / "whole"
    whole.mkdir(parents=True)
    seconds = _finished(victim, spec, whole, again=False)
    expected, dice = result(whole / "out"), random.Random(seed)  # noqa: S311  (moments of kills)
    difference, faults = 0.0, list[str]()
    for first in range(0, kills, CHAIN):
        told = list[str]()
        folder = home / f"after-{first}"
        folder.mkdir()
        try:
            for _ in range(min(CHAIN, kills - first)):
                number, moment = dice.choice(SIGNALS), dice.uniform(0.0, seconds)
                told.append(f"{number.name} after {moment:.1f} s")
                _kill(victim, spec, folder, number, moment, again=len(told) > 1)
            _finished(victim, spec, folder, again=True)
            difference = max(difference, compare(result(folder / "out"), expected))
            check_tidy(folder, whole)
        except ProgramError as error:
            faults.append(f"{victim.name}, {', then '.join(told)}: {error}")
        else:
            shutil.rmtree(folder)
    return Outcome(kills, seconds, difference, tuple(faults))


def _finished(victim: Victim, spec: Path, folder: Path, *, again: bool) -> float:
    """Run a command to its end; what a killed run had finished already is refused or found unchanged."""
    command = victim.command(spec, folder / "out", again=again)
    try:
        return run_measured(command, folder / "log.txt", limit=LIMIT).seconds
    except ProgramError as error:
        if again and "already holds a fitted model" in str(error):
            return 0.0
        raise


def _kill(
    victim: Victim, spec: Path, folder: Path, number: signal.Signals, moment: float, *, again: bool
) -> None:
    """Begin a command and send it a signal; Ctrl-C reaches everything in its terminal.

    Raises:
        ProgramError: It does not end, or what it had started does not.
    """
    command, mark = victim.command(spec, folder / "out", again=again), secrets.token_hex(8)
    with started(command, folder / "killed.txt", variables={VARIABLE: mark}) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            # It may end by itself in this very moment.
            with suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired as error:
            raise ProgramError(f"{victim.name} goes on {ENDING:g} s after {number.name}") from error
    until = time.monotonic() + GONE
    while left := marked(mark, VARIABLE):
        if time.monotonic() > until:
            raise ProgramError(
                f"{len(left)} processes of {victim.name} run on after {number.name}: "
                + "; ".join(_told(pid) for pid in left)
            )
        time.sleep(0.1)


def _told(pid: int) -> str:
    """What a process is and does, as far as the kernel tells."""
    place = Path("/proc") / str(pid)
    try:
        words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        state, parent = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
        waits_for = (place / "wchan").read_text(encoding="utf-8")
        watched = f"{MARK}=".encode() in (place / "environ").read_bytes()
    except OSError:
        return f"{pid}, which has ended since"
    which = f"child of {parent}, {'' if watched else 'not '}marked for its owner's watcher"
    return f"{pid} {words[-120:]} (state {state}, in {waits_for}, {which})"


def result(out: Path) -> dict[str, Floats]:
    """Every number of every fitted model and every table below a folder, MLflow's copies left out."""
    found: dict[str, Floats] = {}
    for path in sorted(path for path in out.rglob("model/*.npz") if "mlflow" not in path.parts):
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                if archive[name].dtype.kind == "f":
                    found[f"{path.relative_to(out)}: {name}"] = archive[name]
    for path in sorted(path for path in out.rglob("*.parquet") if "mlflow" not in path.parts):
        if path.parent.suffix == ".parquet":
            continue  # A file of a table that is a folder: how many there are tells of the runs it took.
        table = pd.read_parquet(path).select_dtypes("number")
        for name in table.columns.difference(list(MOVING)):
            found[f"{path.relative_to(out)}: {name}"] = table[name].to_numpy(float)
    return found


def compare(found: dict[str, Floats], expected: dict[str, Floats]) -> float:
    """Largest relative difference of the numbers.

    Raises:
        ProgramError: There are others, or they differ by more than :data:`TOLERANCE`.
    """
    if other := sorted(set(found) ^ set(expected)):
        raise ProgramError(f"other models or tables than without a kill: {', '.join(other[:4])}")
    largest = 0.0
    for name, values in expected.items():
        if found[name].shape != values.shape:
            raise ProgramError(f"other rows than without a kill in {name}")
        scale = np.maximum(np.abs(values), 1e-3)
        apart = np.where(np.isnan(found[name]) & np.isnan(values), 0.0, np.abs(found[name] - values) / scale)
        if not (apart <= TOLERANCE).all():
            raise ProgramError(f"other numbers than without a kill in {name}: {np.max(apart):.1e} apart")
        largest = max(largest, float(apart.max(initial=0.0)))
    return largest


def check_tidy(folder: Path, whole: Path) -> None:
    """Whether nothing half-written is left, on disk and in MLflow; Ray Tune has a hidden file of its own.

    Raises:
        ProgramError: Something is.
    """
    kinds = (".*", "*.part", "*.unfinished")
    if left := [path for kind in kinds for path in folder.rglob(kind) if path.parent.name != "ray"]:
        raise ProgramError(f"{left[0].relative_to(folder)} was left behind, one of {len(left)}")
    if (found := _recorded(folder)) != (expected := _recorded(whole)):
        raise ProgramError(f"MLflow holds {found}, and {expected} without a kill")


def _recorded(folder: Path) -> dict[str, int]:
    """Runs by status, and versions, in MLflow."""
    found: dict[str, int] = {}
    for path in folder.rglob("mlflow.db"):
        with closing(sqlite3.connect(path)) as database:
            counts = "select status, count(*) from runs where lifecycle_stage = 'active' group by status"
            found |= {f"{status} runs": count for status, count in database.execute(counts)}
            (found["versions"],) = database.execute("select count(*) from model_versions").fetchone()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module."""
    chosen, kills, seed = asked(arguments, "kills", 30, __doc__)

    def drilled(victim: Victim, spec: Path, home: Path) -> tuple[str, Sequence[str]]:
        found = drill(victim, spec, home, kills, seed)
        undisturbed = f"{found.kills} kills, {found.seconds:.1f} s undisturbed"
        return f"{undisturbed}, largest difference {found.difference:.1e}", found.faults

    return run_command(lambda: run_drills(chosen, seed, drilled), "interrupted")


def asked(
    arguments: Sequence[str] | None, what: str, usual: int, about: str | None
) -> tuple[list[Victim], int, int]:
    """Commands, how many of something for each, and a seed, as a command line names them.

    Args:
        arguments: The command line; None takes that of the process.
        what: What there are so many of.
        usual: How many by default.
        about: For the help.
    """
    names = [victim.name for victim in VICTIMS]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of {', '.join(names)} (default all)")
    parser.add_argument(
        f"--{what}", type=int, default=usual, help=f"{what} for each command (default {usual})"
    )
    parser.add_argument("--seed", type=int, default=0, help=f"of the {what} (default 0)")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.commands) - set(names)):
        parser.error(f"{', '.join(unknown)} is none of {', '.join(names)}")
    chosen = [victim for victim in VICTIMS if victim.name in (options.commands or names)]
    return chosen, int(vars(options)[what]), int(options.seed)


def run_drills(
    victims: Sequence[Victim], seed: int, drilled: Callable[[Victim, Path, Path], tuple[str, Sequence[str]]]
) -> int:
    """Try commands one after the other, each in a folder of its own, and print what came of it.

    Args:
        victims: The commands.
        seed: Of the portfolio they are given.
        drilled: From a command, the portfolio's spec and a folder to a summary and what did not hold.

    Returns:
        The exit status.
    """
    status = DONE
    # Programs it starts have sessions of their own; they end with it all the same.
    with guarded():
        home = Path(tempfile.mkdtemp(prefix="mmm-drills-"))
        spec = small_portfolio(home / "panels", seed)
        for victim in victims:
            summary, faults = drilled(victim, spec, home / victim.name.replace(" ", "-"))
            say(f"{victim.name}: {summary}, {len(faults)} faults")
            for fault in faults:
                say(f"  {fault}")
            status = FAILED if faults else status
        say(f"what was said and what did not hold lies in {home}")
    return status


if __name__ == "__main__":
    sys.exit(main())
