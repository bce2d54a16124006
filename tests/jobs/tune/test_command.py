from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from jobs.record.runs import PARENT
from jobs.record.tracking import open_tracking
from jobs.tune.command import concurrency, main
from jobs.tune.live_view import SweepView
from jobs.tune.search import search_in_process
from jobs.tune.store import read_rows
from jobs.tune.trial_row import TrialRow
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.fitted import load_fitted
from mmm.storage import write_whole
from tests.jobs.tune.sweeps import TEST, row, stopped, write_spec


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "tune.space={}"], "the space is empty"),
        (["--set", "tune.space={model.saturation.slope_mn: {low: 1, high: 2}}"], "did you mean"),
        (["--set", "tune.space={model.saturation.slope_min: {low: 2, high: 1}}"], "must be below"),
        (["--set", "tune.origins=20"], "Lower tune.origins (now 20)"),
        (["--warm-start", "/nowhere"], "holds no sweep"),
        (["--out", "/dev/null/x"], "cannot be written"),
    ],
)
def test_bad_input_ends_with_2_before_any_trial(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if "--out" in words else ["--out", str(tmp_path / "out")]

    status = main([str(write_spec(tmp_path)), "--tracking", "none", *words, *out])

    assert status == 2
    assert message in capsys.readouterr().err


def test_trials_at_a_time_are_a_number_or_left_to_the_cluster() -> None:
    assert (concurrency("auto"), concurrency("2")) == (None, 2)


def test_no_trials_are_refused_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["spec.yaml", "--trials", "0"])

    assert stop.value.code == 2
    assert "'0' is not a whole number of at least 1" in capsys.readouterr().err


def test_a_server_that_is_down_at_the_start_is_told_before_any_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    out = tmp_path / "out"

    status = main([str(write_spec(tmp_path)), "--out", str(out), "--tracking", "http://127.0.0.1:9"])

    assert status == 1
    assert "MLflow at http://127.0.0.1:9" in capsys.readouterr().err
    assert not (out / "trials").exists()


def test_the_live_table_shows_the_newest_trials_and_the_best() -> None:
    console, ended = Console(force_terminal=True, width=120, file=StringIO()), list[TrialRow]()
    with SweepView(20, 2, (row(0, 0.9, 0.9),), console, ended.append) as view:
        for number in range(1, 15):
            view.started(row(number))
            view.scored(row(number, 0.5))
            view.finished(stopped(number, 0.5))
        view.started(row(15))
        table = view.table()

    cells = list(table.columns[0].cells)
    assert cells[0] == "0" and cells[-1] == "15"
    assert list(table.columns[1].cells)[-1] == "running"
    assert len(ended) == 14
    assert view.summary().startswith("1 done, 14 stopped, 0 failed, 1 running, 4 left; best 0.9000 (trial 0)")


# --- with Ray ------------------------------------------------------------------------------------


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_sweep_from_spec_to_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec_file, out = write_spec(tmp_path), tmp_path / "out"
    command = [str(spec_file), "--out", str(out), "--concurrency", "1"]

    assert main([*command, "--trials", "4"]) == 0
    told = capsys.readouterr().out
    rows = read_rows(str(out))
    assert [row.number for row in rows] == [0, 1, 2, 3]

    spec = load_market(str(spec_file))
    alone = search_in_process(spec, read_panel(spec), trials=4)
    assert [(row.state, row.settings) for row in rows] == [(r.state, r.settings) for r in alone.trials]
    assert [row.score for row in rows] == pytest.approx([row.score for row in alone.trials])

    best = load_market(str(out / "best.yaml"))
    assert best.model_dump(include={"model", "train"}) == alone.spec.model_dump(include={"model", "train"})
    model = next(out.glob("models/brand=*/market=*/*"))
    assert str(model) in told and "test window R²" in told
    fitted = load_fitted(model)
    assert fitted.trained_until == len(fitted.panel.dates) - TEST
    assert (out / "sweep.html").stat().st_size > 300_000
    assert list(pd.read_parquet(out / "trials.parquet")["number"]) == [0, 1, 2, 3]
    tracking = open_tracking(None, str(out))
    assert tracking is not None
    runs = tracking.client.search_runs([tracking.experiment_id])
    assert sum(PARENT in run.data.tags and "trial" in run.data.tags for run in runs) == 4
    assert len(tracking.client.search_model_versions("name = 'brand=acme,market=us'")) == 1

    before = {path.name: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert main([*command, "--trials", "5"]) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert before.items() < after.items() and len(after) == 5
    assert "5 trials, 4 finished before" in capsys.readouterr().out

    assert main([*command, "--set", "model.loss.l2=0.5"]) == 2
    assert "model.loss.l2 is 0.001 there, 0.5 here" in capsys.readouterr().err


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_disk_that_fills_ends_with_1_and_what_is_done_stays_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = [str(write_spec(tmp_path)), "--out", str(out), "--concurrency", "1", "--trials", "3"]
    command += ["--tracking", "none"]

    def filling(place: str, content: bytes) -> None:
        if place.endswith("00001.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(place, content)

    with monkeypatch.context() as patch:
        patch.setattr("jobs.tune.store.write_whole", filling)
        assert main(command) == 1
    told = capsys.readouterr().err
    assert "error: a disk is full" in told and "Traceback" not in told
    assert [row.number for row in read_rows(str(out))] == [0]

    assert main(command) == 0
    assert "3 trials, 1 finished before" in capsys.readouterr().out
    assert [row.number for row in read_rows(str(out))] == [0, 1, 2]


@pytest.mark.ray
def test_a_driver_that_is_killed_keeps_its_finished_trials(tmp_path: Path, repository: Path) -> None:
    spec_file, out = write_spec(tmp_path), tmp_path / "out"
    words = ["--out", str(out), "--cpus", "2", "--trials", "6", "--tracking", "none"]
    command = [sys.executable, "-m", "jobs.tune", str(spec_file), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}

    with subprocess.Popen(
        command, cwd=repository, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as driver:
        assert driver.stdout is not None
        lines = (line for line in driver.stdout if line.startswith("trial "))
        for _ in range(3):
            next(lines)
        driver.send_signal(signal.SIGKILL)
    before = {path.name: path.stat().st_mtime_ns for path in (out / "trials").glob("*.json")}
    again = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, env=environment, check=False
    )

    assert again.returncode == 0, again.stderr
    after = {path.name: path.stat().st_mtime_ns for path in (out / "trials").glob("*.json")}
    assert len(before) >= 3 and len(after) == 6
    assert all(after[name] == written for name, written in before.items())
    assert f"6 trials, {len(before)} finished before" in again.stdout
    assert (out / "sweep.html").exists() and (out / "best.yaml").exists()
