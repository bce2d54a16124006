"""Kills of a command: what holds is counted, what does not is named with its moment."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.benchmark.figures import BenchmarkError
from jobs.benchmark.suites import faults
from jobs.benchmark.tasks import QUICK, RunOptions, Task

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


def drill_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, kills: int = 4) -> Task:
    """Kills of a stand-in."""
    (tmp_path / "stand_in.py").write_text(STAND_IN.format(damage=damage))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(faults, "VICTIMS", (faults.Victim("stand-in", ("stand_in",)),))
    command = faults.Victim.command

    def by_path(victim: faults.Victim, spec: Path, out: Path, *, again: bool) -> list[str | Path]:
        return [sys.executable, tmp_path / "stand_in.py", *command(victim, spec, out, again=again)[3:]]

    monkeypatch.setattr(faults.Victim, "command", by_path)
    work = tmp_path / "work"
    work.mkdir()
    asked = RunOptions(
        suites=("faults",), peers=(), out=tmp_path, work=work, cache=tmp_path, seed=3, cores=1, panel=None,
        quick=True, sizes=replace(QUICK, kills=kills),
    )  # fmt: skip
    return next(task for task in faults.fault_tasks(asked) if task.case == "stand-in")


def test_kills_that_cost_nothing_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (figure,) = drill_of(tmp_path, monkeypatch, damage="").work()

    assert figure.metric == "kills, each run again to the same result"
    assert figure.value == 4.0


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("(out / '.half').touch() if out.exists() else out.mkdir(parents=True)", r"\.half was left behind"),
        ("if out.exists(): sys.exit(1)\nout.mkdir(parents=True)", "exit status 1"),
        (
            LEAVES_A_CHILD,
            "processes of stand-in run on",
        ),
    ],
)
def test_what_a_kill_costs_is_named_with_signal_and_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, told: str
) -> None:
    monkeypatch.setattr(faults, "GONE", 0.5)
    task = drill_of(tmp_path, monkeypatch, damage)

    with pytest.raises(BenchmarkError, match=told) as caught:
        list(task.work())

    assert "SIG" in str(caught.value)


def test_other_numbers_are_named() -> None:
    model = {"model/weights.npz: weight": np.arange(3.0)}

    faults._check_same(model, {name: values + 1e-9 for name, values in model.items()})
    with pytest.raises(BenchmarkError, match=r"other numbers than without a kill in model/weights\.npz"):
        faults._check_same(model, {name: values + 0.1 for name, values in model.items()})
    with pytest.raises(BenchmarkError, match="other models"):
        faults._check_same({}, model)
