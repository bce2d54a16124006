"""The table of candidate tests, on models that were drawn rather than fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm.config import Experiment
from mmm.design.designer import COLUMNS, LEAST_POWER, Designer, design_tests, ranked
from mmm.design.request import parse_design, read_design
from mmm.errors import RequestError
from tests.design.conftest import BUDGET, request_of
from tests.small import sketch, small_panel, without_value


@pytest.fixture(scope="module")
def table(regional: Designer) -> pd.DataFrame:
    return ranked([regional.row(proposal) for proposal in regional.proposals()])


def test_every_candidate_has_a_row_and_what_it_needs(regional: Designer, table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 3 * 3 * 1 * 2
    assert table["test"].is_unique
    assert sorted(table["test"]) == sorted(regional.names())
    regions = set(regional.panel.regions)
    for row in table.to_dict("records"):
        treated, control = set(row["treated"].split("; ")), set(row["control"].split("; "))
        assert not treated & control and treated | control <= regions
        assert len(treated) == (4 if row["test"].endswith("50pc") else 2)
    assert (table["start"] > pd.Timestamp(regional.panel.dates[-1])).all()
    assert ((table["end"] - table["start"]).dt.days == 27).all()


def test_bounds_that_hold_for_every_test(table: pd.DataFrame) -> None:
    known = table.dropna(subset=["value_kpi"])
    assert len(known)
    assert (known["value_kpi"] >= 0).all()
    assert (known["value_kpi"] <= known["perfect_kpi"]).all()
    assert known["perfect_kpi"].nunique() == 1
    assert (known["cost"] >= 0).all()
    assert known["net"].to_numpy() == pytest.approx((known["value"] - known["cost"]).to_numpy())
    assert known["value"].to_numpy() == pytest.approx(2.0 * known["value_kpi"].to_numpy())
    assert (known["width_after"] <= known["width_now"] + 1e-9).all()
    assert (known["power_at_bound"] <= known["power"] + 0.02).all()
    assert known["chance_pays"].between(0, 1).all()
    assert known["told"].between(-1e-9, 1).all() and (known["told"] > 0).any()


def test_kinds_change_spend_as_they_say(regional: Designer, table: pd.DataFrame) -> None:
    own = table[table["test"].str.startswith("search") & table["test"].str.endswith("50pc")].set_index("kind")
    dark, back, more = (own.loc[kind] for kind in ("go_dark", "hold_back", "heavy_up"))

    assert back["spend_change"] == pytest.approx(0.5 * dark["spend_change"])
    assert more["spend_change"] == pytest.approx(-dark["spend_change"])
    assert dark["lift"] < back["lift"] < 0 < more["lift"]
    # Where going dark would lose in every member the cost is what is lost less what is saved.
    lost = 2.0 * dark["lost_kpi"] + dark["extra_spend"]
    assert dark["cost"] >= lost - 1e-6 or dark["cost"] == pytest.approx(0.0)


def test_one_test_at_most_is_recommended_and_only_if_it_pays(regional: Designer) -> None:
    rows = [regional.row(proposal) for proposal in regional.proposals()[:3]]
    for row, net, power in zip(rows, (5.0, 9.0, -1.0), (0.9, LEAST_POWER / 2, 0.9), strict=True):
        row |= {"net": net, "value_kpi": 1.0, "power": power}

    chosen = ranked(rows)
    assert chosen["net"].tolist() == [9.0, 5.0, -1.0]
    assert chosen["recommended"].tolist() == [False, True, False]

    for row in rows:
        row["net"] = -1.0
    assert not ranked(rows)["recommended"].any()


def test_without_a_value_of_the_kpi_nothing_is_in_money() -> None:
    fitted = without_value(sketch(small_panel(regions=8, periods=104), members=20))
    table = design_tests(fitted, request_of(channels=["tv"], kinds=["heavy_up"]))

    assert table[["value", "perfect", "cost", "net", "extra_spend", "break_even"]].isna().all(axis=None)
    assert table["value_kpi"].notna().all()
    assert (table["currency"] == "").all()
    with pytest.raises(RequestError, match="kpi_value"):
        design_tests(fitted, parse_design({"budget": {**BUDGET, "objective": "profit"}}))


def test_a_market_without_regions_is_switched_on_and_off(national: Designer) -> None:
    (proposal,) = national.proposals()
    row = national.row(proposal)

    assert row["national"] and row["blocks"] == 2 and row["control"] == ""
    windows = proposal.candidate.windows
    assert windows.span == 2 * 4 + 4 + windows.cooldown
    assert proposal.expected is not None
    assert row["lift"] == pytest.approx(float(proposal.expected.lift_M.mean()))
    assert row["placebo_windows"] == 150 - windows.needed + 1


def test_what_cannot_be_tested_says_why() -> None:
    panel = small_panel(regions=8, periods=104)
    resting_GTC = panel.media_GTC.copy()
    resting_GTC[:, -60:, 1] = 0.0
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[:, -60:, 1] = 0.0
    short = small_panel(regions=8, periods=30)

    rests = design_tests(
        sketch(replace(panel, media_GTC=resting_GTC, spend_GTC=spend_GTC)), request_of(channels=["search"])
    )
    brief = design_tests(sketch(short), request_of(channels=["tv"]))

    assert rests["why_not"].str.contains("did not run").all()
    assert brief["why_not"].str.contains("too few windows").all()
    assert not rests["recommended"].any() and not brief["recommended"].any()


def test_windows_of_a_test_that_the_data_hold_are_no_placebo() -> None:
    panel = small_panel(regions=8, periods=104)
    past = {
        "channel": "tv",
        "start": str(panel.dates[50]),
        "end": str(panel.dates[53]),
        "lift": 100.0,
        "standard_error": 50.0,
        "spend_change": 10.0,
    }
    fitted = sketch(panel)
    told = replace(
        fitted, spec=fitted.spec.model_copy(update={"experiments": (Experiment.model_validate(past),)})
    )
    asked = request_of(channels=["tv"], kinds=["go_dark"], treated=[0.5])

    before, after = design_tests(fitted, asked), design_tests(told, asked)

    assert before["placebo_windows"].item() - after["placebo_windows"].item() == 8 + 4 + 4 - 1


def test_a_request_names_what_the_model_has_and_a_decision_that_has_a_value(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="did you mean 'search'") as caught:
        design_tests(sketch(), request_of(channels=["serch"], exclude=["r99"]))
    assert len(caught.value.problems) == 2
    with pytest.raises(RequestError, match="kpi or profit"):
        parse_design({"budget": {"objective": "target_roi", "target": 2.0}})
    with pytest.raises(RequestError, match="did you mean"):
        parse_design({"budget": BUDGET, "chanels": ["tv"]})
    with pytest.raises(RequestError, match="budget: 'current' is no file that can be read"):
        parse_design({"budget": "current", "horizon": 13})
    with pytest.raises(RequestError, match="budget request of the design"):
        design_tests(sketch(), parse_design({"budget": {**BUDGET, "horizon": 400}}))
    with pytest.raises(RequestError, match="begins after the data"):
        design_tests(sketch(small_panel(8, 104)), request_of(start="2023-02-06", channels=["tv"]))

    (tmp_path / "budget.yaml").write_text("budget: current\nhorizon: 8\n", encoding="utf-8")
    (tmp_path / "design.yaml").write_text("budget: budget.yaml\nweeks: [4]\n", encoding="utf-8")
    assert read_design(tmp_path / "design.yaml").asked == {"budget": "current", "horizon": 8}


def test_the_decision_is_at_least_as_good_as_staying_and_knows_more_by_member(regional: Designer) -> None:
    utility_AM = regional.decision.utility_AM
    spent_A = regional.decision.money_AY.sum(1)

    assert utility_AM.shape[1] == 60
    assert np.allclose(spent_A, spent_A[0], rtol=1e-6)
    assert utility_AM.max(0).mean() >= utility_AM.mean(1).max()
