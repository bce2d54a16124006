"""The commands that ask a fitted model: statuses, streams, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmm.cli import command as cli
from mmm.fitted import save_fitted
from tests.small import sketch, without_value

HALF = "budget: current\ndefault_bounds: {min_change: -0.5, max_change: 0.5}\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_fitted(sketch(), folder)
    return folder


def written(folder: Path, text: str, name: str = "request.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_optimize_writes_the_plan_and_shows_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plan.json"
    arguments = ["optimize", str(model), written(tmp_path, HALF), "--out", str(out)]
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    plan = json.loads(out.read_text())

    assert plan["status"] == "optimal"
    assert {"spend", "current_spend", "kpi", "current_kpi", "gain", "marginal_roi", "binding"} <= set(plan)
    assert plan["model"]["brand"] == "acme"
    for word in ("optimal", "search", "marginal ROI", "gain"):
        assert word in shown
    assert cli.main(arguments) == 2
    assert "already exists" in capsys.readouterr().err
    assert cli.main([*arguments, "--force"]) == 0


def test_an_infeasible_request_is_answered_with_status_1(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plan.json"
    request = written(tmp_path, "budget: 100\nbounds: {tv: {min: 500}}\n")
    assert cli.main(["optimize", str(model), request, "--out", str(out)]) == 1

    plan = json.loads(out.read_text())
    assert plan["status"] == "infeasible"
    assert plan["clashes"] == ["tv at least 500 USD", "total at most 100 USD"]
    assert "tv at least 500 USD" in capsys.readouterr().err


def test_a_bad_request_is_refused_with_its_lines(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = written(tmp_path, "budget: -1\nhorizon: 0\nbounds: {serch: {max: 1}}\n")
    assert cli.main(["optimize", str(model), request]) == 2

    said = capsys.readouterr().err
    assert "3 problems" in said
    for word in ("(line 1)", "(line 2)", "Did you mean 'search'?"):
        assert word in said


def test_problems_that_only_the_model_knows_name_the_file(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = written(tmp_path, "budget: current\nunit_costs: {tv: 2}\n")
    assert cli.main(["optimize", str(model), request]) == 2
    assert "request.yaml has 1 problem" in capsys.readouterr().err


def test_scenario_shows_plans_side_by_side(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = "plans:\n  dark: {spend: {}, others: none}\n  more: {spend: {tv: 1e6}, others: current}\n"
    out = tmp_path / "scenario.json"
    assert cli.main(["scenario", str(model), written(tmp_path, plans), "--out", str(out)]) == 0

    shown = capsys.readouterr().out
    answer = json.loads(out.read_text())
    assert [plan["name"] for plan in answer["plans"]] == ["dark", "more"]
    assert answer["plans"][1]["extrapolated"] == ["tv"]
    for word in ("status quo", "dark", "more", "gain", "warning: more: tv"):
        assert word in shown


def test_answers_as_json(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["optimize", str(model), written(tmp_path, HALF), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["horizon"] == 13


@pytest.mark.parametrize("command", ["optimize", "scenario"])
def test_a_folder_without_a_model_is_named(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, str(tmp_path), written(tmp_path, HALF)]) == 2
    assert "holds no fitted model" in capsys.readouterr().err


def test_a_plan_file_that_misses_weeks_and_channels(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = written(tmp_path, "date,channel,spend\n2023-12-04,tv,1\n2023-12-18,tv,1\n", "plan.csv")
    assert cli.main(["scenario", str(model), plan]) == 2

    said = capsys.readouterr().err
    assert "'tv' misses 1 of 3 periods: 2023-12-11" in said
    assert "names no amount for search, radio" in said


def test_compare_tells_what_moved(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, out = tmp_path / "other", tmp_path / "comparison.json"
    save_fitted(sketch(seed=7), other)
    assert cli.main(["compare", str(model), str(model)]) == 0
    assert "The models agree" in capsys.readouterr().out

    assert cli.main(["compare", str(model), str(other), "--tolerance", "0.01", "--out", str(out)]) == 1
    assert "The models differ" in capsys.readouterr().out
    assert json.loads(out.read_text())["tolerance"] == 0.01
    assert cli.main(["compare", str(model), str(other), "--tolerance", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["within_tolerance"]


def test_compare_needs_two_models_and_a_sensible_tolerance(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", str(model), str(tmp_path)]) == 2
    assert "holds no fitted model" in capsys.readouterr().err
    for tolerance in ("-1", "nan", "much"):
        with pytest.raises(SystemExit) as caught:
            cli.main(["compare", str(model), str(model), "--tolerance", tolerance])
        assert caught.value.code == 2


def test_without_a_value_of_the_kpi_plans_tell_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    save_fitted(without_value(sketch()), tmp_path / "plain")
    assert cli.main(["optimize", str(tmp_path / "plain"), written(tmp_path, HALF)]) == 0
    plans = written(tmp_path, "plans: {more: {spend: {tv: 9000}, others: current}}\n", "plan.yaml")
    assert cli.main(["scenario", str(tmp_path / "plain"), plans]) == 0
    shown = capsys.readouterr()

    assert shown.out.count("cost per KPI unit") == 2
    assert "ROI" not in shown.out
    asked = written(tmp_path, "objective: profit\n", "profit.yaml")
    assert cli.main(["optimize", str(tmp_path / "plain"), asked]) == 2
    assert "State kpi_value" in capsys.readouterr().err
