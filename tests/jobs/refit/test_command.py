from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from jobs.record.rows import Row, read_table
from jobs.record.runs import find_run
from jobs.record.tracking import open_tracking
from jobs.record.versions import Registry
from jobs.refit.command import main
from jobs.refit.run import with_changes
from tests.jobs.portfolios import QUICK, panel_of, tiny_portfolio
from tests.jobs.rows import row

SET = [word for setting in QUICK for word in ("--set", setting)]
NAMES = [("acme", "de"), ("acme", "us"), ("borealis", "de"), ("borealis", "us")]


def test_what_changed_since_the_last_refit_is_said() -> None:
    new = row(data_fingerprint="other", shares={"tv": 0.1, "search": 0.2}, scores={"holdout_skill": 0.5})

    told = with_changes(new, row())

    assert told.change == "data"
    assert told.share_shift == pytest.approx(0.2 / 0.3)
    assert told.skill_change == pytest.approx(0.1)
    assert told.findings[-1].startswith("warning attribution_shift")


def test_the_first_refit_is_new_and_an_equal_one_changes_nothing() -> None:
    assert with_changes(row(), None).change == "new"
    assert with_changes(row(), row()).change == ""


def test_a_failed_market_keeps_its_last_good_model() -> None:
    failed = with_changes(Row("acme", "us", "failed", "why"), row())

    assert (failed.directory, failed.key, failed.status) == (row().directory, row().key, "failed")
    assert with_changes(row(key="next"), failed).change == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch.yaml"], "no such file"),
        (["PORTFOLIO", "--only", "brand=acmee"], "did you mean 'acme'"),
        (["PORTFOLIO", "--set", "train.membrs=8"], "train.membrs"),
        (["PORTFOLIO", "--out", "/dev/null/x", "--tracking", "none"], "cannot be written"),
        (["PORTFOLIO", "--out", "/proc/refit", "--tracking", "none"], "cannot be written"),
        (["PORTFOLIO", "--tune", "20"], "is not trials=N"),
    ],
)
def test_bad_input_ends_with_2_before_any_fit(
    portfolio: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = [str(portfolio) if word == "PORTFOLIO" else word for word in words]
    out = [] if "--out" in words else ["--out", str(tmp_path / "out")]

    status = main([*words, *out])
    told = capsys.readouterr()

    assert message in told.err + told.out
    assert status == 2 or "membrs" in message


def test_a_server_that_is_down_stops_it_before_any_fit(
    portfolio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    status = main([str(portfolio), "--out", str(tmp_path / "out"), "--tracking", "http://127.0.0.1:9"])

    assert status == 1
    assert "MLflow at http://127.0.0.1:9" in capsys.readouterr().err


# --- with Ray ------------------------------------------------------------------------------------


def versions(out: Path) -> dict[str, int]:
    """Number of versions of every registered model."""
    tracking = open_tracking(None, str(out))
    assert tracking is not None
    return {
        name: len(tracking.client.search_model_versions(f"name = '{name}'"))
        for name in Registry(tracking).models()
    }


def recorded(out: Path, fitted: Row) -> dict[str, float]:
    """Metrics of a market's run, as the store of MLflow has them."""
    tracking = open_tracking(None, str(out))
    assert tracking is not None
    run = find_run(tracking, fitted.key)
    assert run is not None
    return dict(tracking.client.get_run(run.id).data.metrics)


def assert_scores_are_recorded(out: Path, fitted: Row) -> None:
    """RMSE and relative errors of every window, and the gap between training and holdout, are in MLflow."""
    scores = json.loads((Path(fitted.directory) / "metrics.json").read_text(encoding="utf-8"))
    metrics = recorded(out, fitted)

    for window in ("train", "holdout"):
        for name in ("rmse", "nrmse", "wape", "r2"):
            assert scores[window][name] is not None
            assert metrics[f"{window}_{name}"] == pytest.approx(scores[window][name])
    gap = scores["train"]["r2"] - scores["holdout"]["r2"]
    assert metrics["generalisation_gap"] == pytest.approx(gap)


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_portfolio_is_refitted_then_only_what_changed(
    portfolio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = [str(portfolio), "--out", str(out), *SET]

    assert main(command) == 0
    first = read_table(str(out))
    assert list(first) == NAMES
    assert {(found.status, found.role, found.change) for found in first.values()} == {
        ("done", "champion", "new")
    }
    for fitted in first.values():
        assert_scores_are_recorded(out, fitted)

    assert main(command) == 0
    assert {found.status for found in read_table(str(out)).values()} == {"unchanged"}
    assert "0 done, 4 unchanged, 0 failed" in capsys.readouterr().out

    path = panel_of(portfolio, "acme", "us")
    frame = pd.read_parquet(path)
    frame.loc[frame.index[-1], "kpi"] *= 1.02
    frame.to_parquet(path, index=False)
    assert main([*command, "--only", "brand=acme"]) == 0
    third = read_table(str(out))
    assert third["acme", "us"].change == "data"
    assert [found.status for found in third.values()] == ["unchanged", "done", "unchanged", "unchanged"]
    assert versions(out) == {
        f"brand={brand},market={market}": 1 + ((brand, market) == ("acme", "us")) for brand, market in NAMES
    }


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_of_thirty_markets_three_with_bad_data_fail_and_are_named_with_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portfolio = tiny_portfolio(tmp_path / "portfolio", brands=6, markets=5)
    path = panel_of(portfolio, "acme", "us")
    frame = pd.read_parquet(path)
    frame.loc[3, "tv_spend"] = -1.0
    frame.loc[5, "kpi"] = float("inf")
    frame.to_parquet(path, index=False)
    panel_of(portfolio, "borealis", "de").write_bytes(b"no parquet")
    frame.head(0).to_parquet(panel_of(portfolio, "borealis", "us"), index=False)
    out = tmp_path / "out"

    status = main([str(portfolio), "--out", str(out), "--tracking", "none", *SET])

    found = read_table(str(out))
    told = capsys.readouterr().out
    bad = [name for name, row in found.items() if row.status != "done"]
    assert (status, len(found)) == (1, 30)
    assert bad == [("acme", "us"), ("borealis", "de"), ("borealis", "us")]
    assert {found[name].status for name in bad} == {"failed"}
    assert "2 problems" in found["acme", "us"].reason
    assert "tv_spend" in found["acme", "us"].reason and "kpi" in found["acme", "us"].reason
    assert "27 done, 0 unchanged, 3 failed" in told
    assert all(f"failed: {brand} / {market}: " in told for brand, market in bad)


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_table_that_cannot_be_written_says_so_and_keeps_the_models(
    portfolio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    command = [str(portfolio), "--out", str(tmp_path / "out"), "--tracking", "none", *SET]
    with monkeypatch.context() as patch:
        patch.setattr("jobs.refit.run.write_table", full)
        status = main(command)
    said = capsys.readouterr().err

    assert status == 1
    assert "No space left on device" in said and "run the same command again" in said
    assert read_table(str(tmp_path / "out")) == {}
    assert main(command) == 0
    assert {found.status for found in read_table(str(tmp_path / "out")).values()} == {"unchanged"}


@pytest.mark.ray
def test_a_driver_that_is_told_to_stop_says_how_to_go_on(
    portfolio: Path, tmp_path: Path, repository: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "jobs.refit",
        str(portfolio),
        "--out",
        str(tmp_path / "out"),
        "--tracking",
        "none",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}

    with subprocess.Popen(
        [*command, "--set", "train.epochs=100000"],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as driver:
        assert driver.stdout is not None
        next(line for line in driver.stdout if "brand-markets on" in line)
        driver.terminate()
        _, complaint = driver.communicate(timeout=240)

    assert driver.returncode == 130
    assert "run the same command to go on" in complaint


@pytest.mark.ray
def test_a_driver_that_is_killed_is_run_again(portfolio: Path, tmp_path: Path, repository: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "jobs.refit", str(portfolio), "--out", str(out), "--cpus", "2", *SET]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}

    with subprocess.Popen(
        command, cwd=repository, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as driver:
        assert driver.stdout is not None
        first = next(line for line in driver.stdout if line.startswith("done"))
        driver.send_signal(signal.SIGKILL)
    again = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, env=environment, check=False
    )

    assert again.returncode == 0, again.stderr
    finished = first.split(":")[0].split(maxsplit=1)[1]
    assert f"unchanged  {finished}" in again.stdout
    assert versions(out) == {f"brand={brand},market={market}": 1 for brand, market in NAMES}
