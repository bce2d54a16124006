"""Channels that nobody buys: plans of budgets hold them, scenarios do not; treatments have paths to come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmm.analysis.attribution import effects_table
from mmm.analysis.tables import returns_table
from mmm.data.panel import Treatment
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.budget import first_plan, plan_budget
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.small import market, sketch, small_panel


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Three channels of which the last, without spend, is organic; price is a treatment."""
    panel = small_panel(controls=1)
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[..., 2] = 0.0
    panel = replace(
        panel,
        spend_GTC=spend_GTC,
        has_spend_C=np.array([True, True, False]),
        has_exposure_C=np.array([True, False, True]),
        organic=("radio",),
        treatments=(Treatment("price", "max"),),
    )
    made = sketch(panel)
    return replace(made, spec=market(panel))


def test_a_budget_plan_holds_what_nobody_buys(fitted: Fitted) -> None:
    plan = plan_budget(fitted, {"budget": "current", "horizon": 8})

    assert plan.spend["radio"] == pytest.approx(plan.current_spend["radio"])
    assert plan.spend["tv"] + plan.spend["search"] == pytest.approx(plan.current_budget, abs=0.02)
    assert not any("radio" in warning and "unit_costs" in warning for warning in plan.warnings)
    assert plan.total_roi is not None
    rows = {row.channel: row for row in plan.channels}
    assert rows["radio"].roi is None and rows["radio"].change == 0.0
    assert rows["tv"].roi is not None


def test_it_is_no_lever_of_a_budget(fitted: Fitted) -> None:
    request = {
        "budget": "current",
        "horizon": 8,
        "bounds": {"radio": {"max": 5.0}},
        "unit_costs": {"radio": 2.0},
        "groups": [{"channels": ["tv", "radio"], "max": 100.0}],
    }
    with pytest.raises(RequestError) as caught:
        plan_budget(fitted, request)

    assert [(one.code, one.where) for one in caught.value.problems] == [
        ("not_bought", "bounds.radio"),
        ("not_bought", "unit_costs.radio"),
        ("not_bought", "groups[0]"),
    ]
    assert "say in `fixed` or in a scenario" in caught.value.problems[0].message


def test_the_report_s_first_plan_is_made_beside_it(fitted: Fitted) -> None:
    plan = first_plan(fitted)

    assert plan is not None
    assert plan.spend["radio"] == pytest.approx(plan.current_spend["radio"])


def test_a_scenario_may_have_more_of_it_and_returns_are_of_what_is_bought(fitted: Fitted) -> None:
    """Twice the organic exposure brings more KPI for no money: the return of the money stays."""
    current = float(fitted.panel.media_GTC[:, -8:, 2].sum())
    plans = {
        name: {"spend": {"radio": amount}, "others": "current"}
        for name, amount in (("same", current), ("more", 2 * current))
    }
    answer = evaluate_scenario(fitted, {"horizon": 8, "plans": plans})
    same, more = answer.plans

    assert same.gain.mean == pytest.approx(0.0, abs=1e-6)
    assert more.gain.mean > 0
    assert more.budget == pytest.approx(same.budget)
    assert same.total_roi is not None and more.total_roi is not None
    assert more.total_roi.mean == pytest.approx(same.total_roi.mean)


def test_a_treatment_has_a_path_in_a_scenario(fitted: Fitted) -> None:
    """Price one standard deviation above its mean of the last year moves the KPI by its effect."""
    request = {"horizon": 4, "plans": {"p": {"spend": {}, "others": "current"}}}
    at = float(fitted.panel.controls_GTK[..., 0].max())
    kpi = [
        evaluate_scenario(fitted, request | {"controls": {"price": [value] * 4}}).plans[0].kpi.mean
        for value in (at, at + 1.0)
    ]
    predictor = fitted.predictor
    per_unit_MG = predictor._controls.effect_MGK.numpy()[..., 0] / fitted.scaling.control_sd_K[0]

    expected = 4 * (per_unit_MG * fitted.scaling.kpi_G).sum(-1).mean()
    assert_allclose(kpi[1] - kpi[0], expected, rtol=1e-6)


def test_returns_of_all_media_leave_it_out(fitted: Fitted) -> None:
    rows = returns_table(fitted)
    training = rows[rows["window"] == "training"].set_index("channel")
    effects = effects_table(fitted).set_index("channel").astype("float64")
    radio, search = effects.loc["radio"], effects.loc["search"]

    assert training.loc["", "effect"] == pytest.approx(training.loc[["tv", "search"], "effect"].sum())
    assert np.isnan(radio["roi"])
    exposures = fitted.panel.media_GTC[fitted.training_GT][:, 2].sum()
    assert radio["per_1000"] == pytest.approx(1000 * radio["direct"] / exposures)
    assert np.isnan(search["per_1000"])
