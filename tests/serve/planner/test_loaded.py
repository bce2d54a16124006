"""Loaded models of a process: which stay, what is told of them, and what they answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.analysis.attribution import components_of
from mmm.analysis.curves import hill_table, response_curves
from mmm.analysis.intervals import interval, interval_from_zero
from mmm.errors import ModelFileError, RequestError
from mmm.fitted import Fitted, load_fitted
from mmm.planning.request import PortfolioTerms, parse_request
from mmm.planning.scenario.request import parse_scenario
from serve.models.source import ModelEntry
from serve.planner import loaded
from serve.planner.contributions import contributions_json
from serve.planner.loaded import LoadedModels
from serve.planner.protocol import ModelCard, Question, Task
from tests.serve.fitted_models import HALF, MORE_TV
from tests.serve.planner.placed import placed
from tests.small import sketch, small_panel, with_gaps

NOWHERE = ModelEntry("nobody", "us", "7", "/nowhere")


def ask(models: LoadedModels, task: Task, *entries: ModelEntry, **payload: Any) -> Any:
    return models.answer(Question(task, entries, payload))


# --- which models stay ---------------------------------------------------------------------------


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    one, two, three = (placed(tmp_path, brand) for brand in ("one", "two", "three"))
    models = LoadedModels(keep=2)
    first, second = models.load(one), models.load(two)

    assert models.load(one) is first
    models.load(three)
    assert models.load(one) is first
    assert models.load(two) is not second


def test_a_question_to_more_models_than_are_kept_is_answered(tmp_path: Path) -> None:
    entries = [placed(tmp_path, brand) for brand in ("one", "two")]
    reply = ask(
        LoadedModels(keep=1), "portfolio", *entries, request=parse_request(HALF), terms=PortfolioTerms()
    )

    assert reply.problems == ()
    answer = json.loads(reply.body)
    assert set(answer["models"]) == {"one/us", "two/us"}
    assert {origin["version"] for origin in answer["plan"]["model"].values()} == {"1"}


def test_another_version_is_another_model(tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    later = ModelEntry(entry.brand, entry.market, "2", entry.source)
    models = LoadedModels(keep=2)

    assert models.load(entry) is not models.load(later)
    reply = ask(models, "optimize", later, request=parse_request(HALF))
    assert json.loads(reply.body)["model"]["version"] == "2"


def test_a_model_that_cannot_be_loaded_is_an_answer(tmp_path: Path) -> None:
    models = LoadedModels(keep=2)
    reply = ask(models, "optimize", NOWHERE, request=parse_request(HALF))

    assert "/nowhere" in reply.unavailable
    assert not reply.body
    models.check()  # of a process without any model there is nothing to check
    models.load(placed(tmp_path, "acme"))
    models.check()


def test_whatever_breaks_while_it_is_described_is_an_error_of_that_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: object) -> ModelCard:
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr(loaded, "make_model_card", fail)
    with pytest.raises(ModelFileError, match=r"loads but cannot be described.*nothing to divide by"):
        LoadedModels(keep=1).prepare(placed(tmp_path, "acme"))


# --- answers -------------------------------------------------------------------------------------


def test_every_kind_of_question_has_the_version_of_its_model(tmp_path: Path) -> None:
    models, entry = LoadedModels(keep=1), placed(tmp_path, "acme")
    replies = {
        "optimize": ask(models, "optimize", entry, request=parse_request(HALF)),
        "scenario": ask(models, "scenario", entry, request=parse_scenario(MORE_TV)),
        "contributions": ask(models, "contributions", entry),
    }

    for task, reply in replies.items():
        assert reply.problems == (), task
        assert json.loads(reply.body)["model"]["version"] == "1"


def test_what_is_wrong_with_a_question_comes_with_the_reply(tmp_path: Path) -> None:
    models, entry = LoadedModels(keep=1), placed(tmp_path, "acme")
    scenario = ask(
        models, "scenario", entry, request=parse_scenario({"spend": {"moon": 1.0}, "others": "none"})
    )
    region = ask(models, "contributions", entry, region="moon")
    clash = ask(models, "optimize", entry, request=parse_request({**HALF, "budget": 1.0}))

    assert "unknown channel 'moon'" in scenario.problems[0].message
    assert region.problems[0].where == "region"
    assert not clash.feasible
    assert json.loads(clash.body)["status"] == "infeasible"


# --- contributions -------------------------------------------------------------------------------


def gappy() -> Fitted:
    """A row, and a KPI, are missing."""
    return sketch(with_gaps(small_panel()))


@pytest.mark.parametrize("region", [None, "r1"])
def test_contributions_are_sums_over_regions_member_by_member(region: str | None) -> None:
    fitted = gappy()
    panel = fitted.panel
    answer = json.loads(contributions_json(NOWHERE, fitted, region))
    chosen = [region is None or name == region for name in panel.regions]
    present_GT = panel.present_GT[chosen]
    total_T = np.zeros(len(panel.dates))

    assert [row["component"] for row in answer["components"]] == [
        name for name, _, _ in components_of(fitted)
    ]
    for row, (_, kind, values_MGT) in zip(answer["components"], components_of(fitted), strict=True):
        summed_MT = np.stack([(member[chosen] * present_GT).sum(0) for member in values_MGT])
        mean, lower, upper = (interval_from_zero if kind == "channel" else interval)(summed_MT)
        np.testing.assert_allclose(row["value"], mean, rtol=1e-6)
        np.testing.assert_allclose(row["lower"], lower, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(row["upper"], upper, rtol=1e-6)
        total_T += mean
    np.testing.assert_allclose(answer["predicted"], total_T, rtol=1e-6)


def test_an_unknown_kpi_of_one_region_leaves_the_sum_unknown() -> None:
    fitted = gappy()
    panel = fitted.panel
    answer = json.loads(contributions_json(NOWHERE, fitted))
    unknown_T = (panel.present_GT & np.isnan(panel.kpi_GT)).any(0)

    assert unknown_T.any()
    assert [value is None for value in answer["actual"]] == unknown_T.tolist()
    known = [value for value in answer["actual"] if value is not None]
    expected = np.where(panel.present_GT, panel.kpi_GT, 0.0).sum(0)[~unknown_T]
    np.testing.assert_allclose(known, expected, rtol=1e-6)


def test_one_member_has_no_bounds_and_a_strange_region_is_refused() -> None:
    answer = json.loads(contributions_json(NOWHERE, sketch(members=1)))

    assert {value for row in answer["components"] for value in row["upper"]} == {None}
    with pytest.raises(RequestError, match=r"no region 'moon'. Known: r0, r1, r2"):
        contributions_json(NOWHERE, gappy(), "moon")


# --- cards ---------------------------------------------------------------------------------------


def card_of(tmp_path: Path) -> tuple[ModelCard, dict[str, Any], dict[str, Any], Fitted]:
    entry = placed(tmp_path, "acme")
    card = LoadedModels(keep=1).prepare(entry)
    return card, json.loads(card.detail), json.loads(card.curves), load_fitted(entry.source)


def test_a_card_tells_what_the_model_has(tmp_path: Path) -> None:
    card, detail, _, fitted = card_of(tmp_path)
    panel = fitted.panel

    assert (card.channels, card.regions, card.periods) == (panel.channels, panel.regions, len(panel.dates))
    assert card.members == fitted.members
    assert {name: detail[name] for name in card.summary if name != "channels"} == {
        name: value for name, value in card.summary.items() if name != "channels"
    }
    assert detail["period"] == "week"
    assert detail["horizon"] == 13
    spent_C = panel.spend_GTC[:, -13:].sum((0, 1))
    by_name = {row["name"]: row for row in detail["channels"]}
    for name, spent in zip(panel.channels, spent_C, strict=True):
        assert by_name[name]["current_spend"] == pytest.approx(spent)
        assert by_name[name]["supported_max"] >= spent * (1 - 1e-9)
    assert detail["scores"] == {}
    assert detail["warnings"] == []


def test_curves_of_a_card_are_those_of_the_model_where_no_file_has_them(tmp_path: Path) -> None:
    _, _, curves, fitted = card_of(tmp_path)
    table = response_curves(fitted)
    hill = hill_table(table).set_index("channel")

    for channel, rows in table.groupby("channel", sort=False):
        told = curves["curves"][channel]
        np.testing.assert_allclose(told["response"], rows["response"])
        assert told["supported"] == rows["supported"].tolist()
        assert curves["hill"][channel]["slope"] == pytest.approx(hill.loc[str(channel), "slope"])
    assert curves["window"]["periods"] == fitted.split.n_train


def test_files_of_the_fit_are_told_as_they_are(tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    folder = Path(entry.source)
    scores = {"holdout": {"r2": 0.9, "r2_within": None, "wape": 0.1, "skill": 0.4, "mae": 3.0}}
    (folder / "metrics.json").write_text(json.dumps(scores))
    remarks = [{"severity": "info", "code": "a"}, {"severity": "warning", "code": "b"}]
    (folder / "diagnostics.json").write_text(json.dumps(remarks))
    table = response_curves(load_fitted(folder)).assign(response=7.0)
    table.loc[0, "upper"] = np.nan
    table.to_parquet(folder / "curves.parquet")
    card = LoadedModels(keep=1).prepare(entry)
    detail, curves = json.loads(card.detail), json.loads(card.curves)

    assert detail["scores"] == {"holdout": {"r2": 0.9, "r2_within": None, "wape": 0.1, "skill": 0.4}}
    assert [remark["code"] for remark in detail["warnings"]] == ["b"]
    assert set(curves["curves"]["tv"]["response"]) == {7.0}
    assert curves["curves"]["tv"]["upper"][0] is None


def test_a_damaged_file_of_scores_costs_the_scores_alone(tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    (Path(entry.source) / "metrics.json").write_text("{")
    card = LoadedModels(keep=1).prepare(entry)

    assert json.loads(card.detail)["scores"] == {}


def test_the_tag_of_a_card_changes_with_what_it_tells(tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    first, again = (LoadedModels(keep=1).prepare(entry).etag for _ in range(2))
    (Path(entry.source) / "diagnostics.json").write_text('[{"severity": "error", "code": "x"}]')

    assert first == again != LoadedModels(keep=1).prepare(entry).etag
