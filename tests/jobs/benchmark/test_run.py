"""The command: everything small in one run, parts that fail, and arguments that make no sense."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from jobs.benchmark import run as command
from jobs.benchmark.run import SUITES, main, runs_of
from jobs.benchmark.tasks import Task
from jobs.own_ray import own_signals
from mmm.simulate.portfolio import write_portfolio
from mmm.stopping import stop_while_loading

REPOSITORY = Path(__file__).parents[3]


def run(*arguments: str | Path, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jobs.benchmark", *map(str, arguments)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=REPOSITORY, timeout=timeout
    )


def children_cpu_seconds() -> float:
    """Processor time of every program that this process has started and that has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.ray
@pytest.mark.timeout(1800)
def test_a_quick_run_measures_every_suite(tmp_path: Path) -> None:
    """With a small panel for the public one, which takes as long as all other suites together."""
    write_portfolio(tmp_path / "panel", brands=1, markets=1, regions=4, weeks=104, channels=3, seed=5)
    panel = tmp_path / "panel" / "specs" / "acme_us.yaml"
    used = children_cpu_seconds()
    done = run("--quick", "--panel", panel, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    used = children_cpu_seconds() - used

    assert done.returncode == 0, done.stderr[-3000:]
    rows = pd.read_parquet(tmp_path / "out" / "benchmark.parquet")
    assert not (rows["status"] == "failed").any()
    measured = set(rows.loc[rows["value"].notna(), "suite"])
    assert measured == {name for name, suite in SUITES.items() if not suite.if_asked}
    assert not (rows["status"] == "skipped").any()
    assert (rows["sizes"] == "quick").all()
    assert "left" in done.stderr
    assert "Against the truth" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "benchmark.parquet",
        "benchmark.md",
        "benchmark.html",
    }
    # Of processors, not of the clock: machines are shared.
    assert used < 2 * 180, "3 minutes are promised on a quiet machine of two cores"


def test_tasks_of_a_quick_run_are_all_beside_one_another() -> None:
    speed = Task(suite="speed", case="c", method="m", work=list, alone=True)
    prepared = [("truth", [Task(suite="truth", case="c", method="m", work=list)]), ("speed", [speed])]

    measured, quick = (runs_of(prepared, quick=each) for each in (False, True))

    assert [(names, [task.alone for task in tasks]) for names, tasks in measured] == [
        (("truth",), [False]), (("speed",), [True])
    ]  # fmt: skip
    assert [(names, [task.alone for task in tasks]) for names, tasks in quick] == [
        (("truth", "speed"), [False, False])
    ]


def test_a_suite_that_cannot_run_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    done = run(
        "--suite", "real", "graph", "--quick", "--panel", tmp_path / "absent.yaml", "--out", tmp_path / "out",
        "--peers", "none",
    )  # fmt: skip
    rows = pd.read_parquet(tmp_path / "out" / "benchmark.parquet")
    assert done.returncode == 1
    assert "no panel spec" in done.stderr
    assert rows.loc[rows["suite"] == "real", "status"].tolist() == ["failed"]
    assert (rows.loc[rows["suite"] == "graph", "status"] == "measured").all()


@pytest.mark.parametrize(
    "arguments",
    [["--suite", "truht"], ["--peers", "nobody"], ["--worlds", "0"], ["--seed", "-1"], []],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")] if arguments else []
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, *out])
    assert stopped.value.code == 2
    assert not (tmp_path / "out").exists()


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["--out", str(tmp_path / "file")]) == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_is_interrupted_keeps_its_rows_and_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "jobs.benchmark", "--suite", "truth", "--quick", "--out", str(out)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 200
    while time.monotonic() < until and not (out / "work" / "truth" / "world-500" / "ray-mmm").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=90)

    assert process.returncode == 130, said
    assert "interrupted" in said
    pd.read_parquet(out / "benchmark.parquet")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(out) not in listed


def test_ctrl_c_ends_a_run_as_sigterm_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    monkeypatch.setattr(command, "run_suites", interrupted)
    with own_signals():
        stop_while_loading()
        status = main(["--suite", "truth", "--quick", "--out", str(tmp_path / "out")])

    assert status == 130
    assert "interrupted; what was found so far lies in" in capsys.readouterr().err
