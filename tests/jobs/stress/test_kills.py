"""Kills of a command: what holds is counted, what does not is named with its moment."""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from jobs.stress import kills
from jobs.stress.kills import Outcome, Victim, check_tidy, compare, drill
from jobs.stress.process import ProgramError

STAND_IN = """
import sys, time
from pathlib import Path
import numpy as np
out = Path(sys.argv[sys.argv.index("--out") + 1])
{damage}
time.sleep(0.3)
(out / "model").mkdir(parents=True, exist_ok=True)
np.savez(out / "model" / "weights.npz", weight=np.arange(3.0))
"""
"""A program that takes its time and leaves a model; and what damage a kill may do."""

LEAVES_A_CHILD = """
import subprocess
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(9)"], start_new_session=True)
"""


def drill_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, count: int = 4) -> Outcome:
    """Kills of a stand-in."""
    (tmp_path / "stand_in.py").write_text(STAND_IN.format(damage=damage))
    command = Victim.command

    def by_path(victim: Victim, spec: Path, out: Path, *, again: bool) -> list[str | Path]:
        return [sys.executable, tmp_path / "stand_in.py", *command(victim, spec, out, again=again)[3:]]

    monkeypatch.setattr(Victim, "command", by_path)
    return drill(Victim("stand-in", ("stand_in",)), tmp_path / "spec.yaml", tmp_path / "work", count, seed=3)


def test_kills_that_cost_nothing_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = drill_of(tmp_path, monkeypatch, damage="")

    assert (outcome.kills, outcome.difference, outcome.faults) == (4, 0.0, ())
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["whole"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("(out / '.half').touch() if out.exists() else out.mkdir(parents=True)", r"\.half was left behind"),
        ("if out.exists(): sys.exit(1)\nout.mkdir(parents=True)", "exit status 1"),
        (
            LEAVES_A_CHILD,
            r"processes of stand-in run on after SIG\w+: \d+ .*time\.sleep\(9\) \(state S, in ",
        ),
    ],
)
def test_what_a_kill_costs_is_named_with_signal_and_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, told: str
) -> None:
    monkeypatch.setattr(kills, "GONE", 0.5)
    outcome = drill_of(tmp_path, monkeypatch, damage)

    assert outcome.faults
    assert re.search(told, outcome.faults[0]) and "SIG" in outcome.faults[0]


def test_other_numbers_are_named() -> None:
    model = {"model/weights.npz: weight": np.arange(3.0)}

    assert compare(model, {name: values + 1e-9 for name, values in model.items()}) == pytest.approx(1e-6)
    with pytest.raises(ProgramError, match=r"other numbers than without a kill in model/weights\.npz"):
        compare(model, {name: values + 0.1 for name, values in model.items()})
    with pytest.raises(ProgramError, match="other rows"):
        compare(model, {name: values[:2] for name, values in model.items()})
    with pytest.raises(ProgramError, match="other models"):
        compare({}, model)


def mlflow_of(folder: Path, *statuses: str) -> Path:
    """A folder with a record of runs."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("create table runs (status text, lifecycle_stage text)")
        database.execute("create table model_versions (version integer)")
        database.executemany("insert into runs values (?, 'active')", [(status,) for status in statuses])
        database.commit()
    return folder


def test_what_is_left_half_recorded_is_named(tmp_path: Path) -> None:
    whole = mlflow_of(tmp_path / "whole", "FINISHED")
    check_tidy(mlflow_of(tmp_path / "same", "FINISHED"), whole)

    with pytest.raises(ProgramError, match="'RUNNING runs': 1"):
        check_tidy(mlflow_of(tmp_path / "other", "FINISHED", "RUNNING"), whole)


@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", kills.VICTIMS, ids=[victim.name for victim in kills.VICTIMS])
def test_a_killed_command_finishes_as_if_nothing_had_been(tmp_path: Path, victim: Victim) -> None:
    """One kill here; ``python -m jobs.stress.kills`` does thirty of each command."""
    spec = kills.small_portfolio(tmp_path / "panels", seed=7)

    outcome = drill(victim, spec, tmp_path / "work", kills=1, seed=7)

    assert outcome.faults == ()
