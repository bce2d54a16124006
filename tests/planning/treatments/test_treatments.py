"""A promotion as a line of the plan: what it costs, what it brings, and how much of it is best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.data.panel import Treatment
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.budget import plan_budget, prepared
from mmm.planning.plan import Plan
from mmm.planning.planner import planner_of
from mmm.planning.portfolio import plan_budgets
from mmm.planning.record.commit import commit_plan
from mmm.planning.record.kept import read_record
from mmm.planning.request import PortfolioTerms, parse_request
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.treatments import PlannedTreatments
from tests.planning.treatments.promoted import (
    DEEPEST,
    EVEN,
    PERIODS,
    effect_MG,
    promoted,
    promoted_panel,
    volume_G,
)

SOLD = {"promo": {"cost": 0.4, "per": "kpi"}}
FEE = {"promo": {"cost": 700.0, "per": "period"}}
FREE = {"budget": "current", "horizon": PERIODS, "flighting": EVEN}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return promoted()


def planned(fitted: Fitted, **request: Any) -> Plan:
    return plan_budget(fitted, {**FREE, "treatment_costs": SOLD, **request})


def test_money_and_kpi_are_those_of_the_stated_formula(fitted: Fitted) -> None:
    """A depth ``d`` costs ``0.4 · Σ d · (volume + effect · d)`` and brings its line; regions as they ran."""
    effect_G, ran_G = effect_MG(fitted).mean(0), fitted.panel.controls_GTK[:, -PERIODS:, -1].sum(1)
    depth_G = 0.3 * ran_G / ran_G.sum()
    money = 0.4 * PERIODS * (depth_G * (volume_G(fitted) + depth_G * effect_G)).sum()

    plan = planned(fitted, budget=money + 5000.0, fixed={"promo": money})

    row = plan.channels[-1]
    assert row.channel == "promo" and row.value == pytest.approx(0.1)
    assert row.kpi.mean == pytest.approx(PERIODS * (depth_G * effect_G).sum())
    assert plan.spend["promo"] == pytest.approx(money, abs=0.01)
    fee = planned(fitted, treatment_costs=FEE, budget=2000.0 + 5000.0, fixed={"promo": 2000.0})
    assert fee.channels[-1].value == pytest.approx(2000.0 / 700.0 / PERIODS / 3)


def test_what_it_costs_now_is_what_ran(fitted: Fitted) -> None:
    depth_GT = fitted.panel.controls_GTK[:, -PERIODS:, -1]
    effect_G1, volume_G1 = effect_MG(fitted).mean(0)[:, None], volume_G(fitted)[:, None]

    plan = planned(fitted, flighting="history", fixed=["promo"])

    ran = 0.4 * (depth_GT * (volume_G1 + effect_G1 * depth_GT)).sum()
    assert plan.current_spend["promo"] == pytest.approx(ran)
    row = plan.channels[-1]
    assert row.value == pytest.approx(depth_GT.mean()) and row.current_value == pytest.approx(depth_GT.mean())
    assert plan.current_budget == pytest.approx(sum(plan.current_spend.values()))


@pytest.mark.parametrize("costs", [SOLD, FEE])
@pytest.mark.parametrize("objective", ["kpi", "profit"])
def test_the_plan_is_the_best_one_and_proven(fitted: Fitted, costs: Any, objective: str) -> None:
    """No other split of the budget, on a fine grid of promotion and of channels beside it, brings more."""
    channels = {"tv": {"max": 4000.0}, "search": {"max": 4000.0}, "radio": {"max": 4000.0}}
    request = {**FREE, "treatment_costs": costs, "objective": objective, "bounds": channels, "budget": 9000.0}

    plan = plan_budget(fitted, request)

    exact, _, _ = prepared(planner_of(fitted), parse_request(request))
    tried = np.stack(np.meshgrid(*[np.linspace(0, 4000, 21)] * 3, indexing="ij"), -1).reshape(-1, 3)
    most = plan.channels[-1].upper_limit
    assert most is not None
    promo = np.clip(9000.0 - tried.sum(1), -1.0, most)
    spent_NX = np.column_stack([tried, promo])[promo >= 0]
    cost = spent_NX.sum(1) if objective == "profit" else 0.0
    assert exact.curves is not None
    value = 1.0 if objective == "kpi" else plan.kpi_value or 1.0
    score = value * exact.curves.table_MPX(spent_NX).sum(-1).mean(0) - cost
    found = np.array([list(plan.spend.values())])
    own = value * exact.curves.table_MPX(found).sum(-1).mean() - (
        found.sum() if objective == "profit" else 0.0
    )
    whole = score[np.isclose(spent_NX.sum(1), 9000.0)].max() if objective == "kpi" else score.max()
    assert plan.status == "optimal" and own >= whole - 1e-3 * abs(own)


def test_the_gradient_is_that_of_the_values(fitted: Fitted) -> None:
    exact, _, status_quo = prepared(planner_of(fitted), parse_request({**FREE, "treatment_costs": SOLD}))
    amount_X = status_quo.current_X * 0.8
    step_X = np.where(np.arange(len(amount_X)) == len(amount_X) - 1, 1e-3, 0.0)

    slope_M = (exact.kpi_M(amount_X + step_X) - exact.kpi_M(amount_X - step_X)) / 2e-3

    np.testing.assert_allclose(exact.gradient_MX(amount_X)[:, -1], slope_M, rtol=1e-5)


def test_no_plan_goes_deeper_than_the_data_or_what_is_stated(fitted: Fitted) -> None:
    rich = {"budget": 1e6, "default_bounds": {"max": 1e6}}
    most, stated = (
        planned(fitted, **rich, treatment_costs={"promo": {"cost": 0.01, **extra}}).channels[-1]
        for extra in ({}, {"most": 0.5})
    )

    regions = planner_of(fitted).panel.controls_GTK[:, -PERIODS:, -1].sum(1)
    assert most.value == pytest.approx(DEEPEST * (regions / regions.max()).mean(), rel=1e-4)
    assert most.value and stated.value == pytest.approx(most.value / DEEPEST * 0.5, rel=1e-4)
    assert stated.extrapolated


def test_by_region_parts_add_up_and_bring_no_less(fitted: Fitted) -> None:
    whole, parts = planned(fitted), planned(fitted, by_region=True)

    assert parts.regions is not None and whole.gain is not None and parts.gain is not None
    own = [row.spend for row in parts.regions if row.channel == "promo"]
    assert len(own) == 3 and sum(own) == pytest.approx(parts.spend["promo"], abs=0.02)
    assert parts.gain.mean >= whole.gain.mean


def test_effects_that_last_come_partly_after_the_horizon(fitted: Fitted) -> None:
    """As much in all; after a horizon of one period all but the period's own part."""
    panel = replace(promoted_panel(), treatments=(Treatment("promo", "min", carry_over=True),))
    lasting = promoted(panel=panel)
    costs = parse_request({"budget": 1.0, "treatment_costs": FEE}).treatment_costs
    then, at_once = (
        PlannedTreatments(planner_of(one), costs, 1, "history", by_region=False) for one in (lasting, fitted)
    )
    money = then.current_V

    np.testing.assert_allclose(then.response.kpi_M(money), at_once.response.kpi_M(money))
    np.testing.assert_allclose(at_once.response.after_horizon(money), 0.0)
    own_M = lasting.predictor.treatment_effects()[1][:, 0, 0]
    expected = then.response.kpi_M(money) * (1.0 - own_M)
    np.testing.assert_allclose(then.response.after_horizon(money), expected)


@pytest.mark.parametrize("others", [{}, {"prices": {"tv": {"elasticity": 0.25}}}, {"risk": 0.1}])
def test_it_stands_beside_what_else_is_asked(fitted: Fitted, others: dict[str, Any]) -> None:
    plan = planned(fitted, **others)

    assert plan.status == "optimal"
    assert sum(plan.spend.values()) == pytest.approx(plan.current_budget, abs=0.05)


def test_a_scenario_of_the_plan_says_what_the_plan_says(fitted: Fitted) -> None:
    plan = planned(fitted, flighting="history", objective="profit")
    asked: dict[str, Any] = {"horizon": PERIODS, "treatment_costs": SOLD}
    scenario = evaluate_scenario(fitted, {**asked, "plans": {"p": {"spend": plan.spend}}})

    one = scenario.plans[0]
    assert plan.kpi is not None and plan.gain is not None
    assert one.kpi.mean == pytest.approx(plan.kpi.mean, rel=1e-6)
    assert one.gain.mean == pytest.approx(plan.gain.mean, rel=1e-4)
    assert one.budget == pytest.approx(plan.budget)
    row = one.channels[-1]
    assert row.value == pytest.approx(plan.channels[-1].value, rel=1e-4)
    assert row.kpi.mean == pytest.approx(plan.channels[-1].kpi.mean, rel=1e-6)
    assert sum(period.spend["promo"] for period in one.periods) == pytest.approx(plan.spend["promo"])
    now = evaluate_scenario(fitted, {**asked, "plans": {"p": {"spend": {}, "others": "current"}}})
    assert now.plans[0].gain.mean == pytest.approx(0.0, abs=1e-6)


def problems_of(fitted: Fitted, **request: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(RequestError) as caught:
        planned(fitted, **{"flighting": "even", **request})
    return [(one.code, one.where, one.message) for one in caught.value.problems]


def test_what_cannot_be_planned_is_refused_with_a_way_out(fitted: Fitted) -> None:
    cases: list[tuple[dict[str, Any], str, str, str]] = [
        (
            {"treatment_costs": {"promos": SOLD["promo"]}},
            "unknown_treatment",
            "treatment_costs.promos",
            "mean",
        ),
        (
            {"treatment_costs": {"price": SOLD["promo"]}},
            "unknown_treatment",
            "treatment_costs.price",
            "refit",
        ),
        ({"treatment_costs": {"tv": SOLD["promo"]}}, "unknown_treatment", "treatment_costs.tv", "channel"),
        ({"controls": {"promo": 0.1}}, "stated_twice", "controls.promo", "leave one of them out"),
        ({"prices": {"promo": {"elasticity": 0.1}}}, "stated_twice", "prices.promo", "Leave it out"),
        ({"bounds": {"promo": {"min": 1e9}}}, "beyond_most", "bounds.promo.min", "most"),
        ({"fixed": {"promo": 1e9}}, "beyond_most", "fixed.promo", "flighting"),
        (
            {"treatment_costs": {"promo": {"cost": 1.0, "most": 0.0}}},
            "most_at_reference",
            "treatment_costs.promo.most",
            "raise it",
        ),
    ]
    for request, code, where, way_out in cases:
        (found,) = problems_of(fitted, **request)
        assert found[:2] == (code, where) and way_out in found[2]
    for cost in (0.0, -1.0, True, "dear"):
        (found,) = problems_of(fitted, treatment_costs={"promo": {"cost": cost}})
        assert found[1] == "treatment_costs.promo.cost"


def test_one_that_runs_below_its_reference_cannot_be_paid_for() -> None:
    panel = replace(promoted_panel(), treatments=(Treatment("promo", "max"),))
    (found,) = problems_of(promoted(panel=panel))

    assert found[0] == "below_reference" and "reference: min" in found[2]


def test_a_scenario_takes_totals_of_it(fitted: Fitted) -> None:
    plan = {"spend": {"promo": [1.0] * PERIODS}, "others": "current"}
    with pytest.raises(RequestError, match="give its total"):
        evaluate_scenario(fitted, {"horizon": PERIODS, "treatment_costs": SOLD, "plans": {"p": plan}})


def test_a_request_without_it_knows_no_such_line(fitted: Fitted) -> None:
    with pytest.raises(RequestError, match="unknown channel 'promo'"):
        parse_request({"budget": 1.0, "fixed": ["promo"]}, channels=fitted.panel.channels)


def test_a_committed_plan_of_it_promises_what_it_said(fitted: Fitted, tmp_path: Path) -> None:
    plan = planned(fitted, flighting="history", objective="profit")
    commit_plan(plan, fitted, tmp_path / "plan.zip")
    promise = read_record(tmp_path / "plan.zip").promise

    assert plan.gain is not None and plan.kpi is not None and plan.effect_after_horizon is not None
    assert np.mean(promise.gain_draws) == pytest.approx(plan.gain.mean, rel=1e-4)
    within = plan.kpi.mean - plan.effect_after_horizon.mean
    idle = sum(period.kpi.mean for period in promise.periods)
    assert idle == pytest.approx(within, rel=2e-2)


def test_models_compete_for_money_with_their_promotions(fitted: Fitted) -> None:
    costs = {"a/promo": SOLD["promo"]}
    request = {"budget": "current", "horizon": PERIODS, "treatment_costs": costs, "flighting": "even"}
    found = plan_budgets({"a": fitted, "b": fitted}, request, PortfolioTerms(kpi_values={"a": 1.0, "b": 1.0}))

    assert found.plan.status == "optimal" and "b/promo" not in found.plan.spend
    row = found.models["a"].channels[-1]
    assert row.spend == pytest.approx(found.plan.spend["a/promo"]) and row.value is not None
    with pytest.raises(RequestError, match="names no model"):
        plan_budgets({"a": fitted, "b": fitted}, {**request, "treatment_costs": SOLD})


def test_values_outside_the_data_are_remarked_on(fitted: Fitted) -> None:
    """In scenarios and plans: stated ones, and those that money makes."""
    plan = {"spend": {}, "others": "current"}
    within, far = (
        evaluate_scenario(fitted, {"horizon": PERIODS, "controls": {"promo": value}, "plans": {"p": plan}})
        for value in (0.2, [0.0] * (PERIODS - 1) + [9.0])
    )
    stated = plan_budget(fitted, {"budget": "current", "horizon": PERIODS, "controls": {"price": 99.0}})
    paid = evaluate_scenario(
        fitted,
        {"horizon": PERIODS, "treatment_costs": SOLD, "plans": {"p": {**plan, "spend": {"promo": 1e6}}}},
    )

    said = "promo: stated at 9, outside the 0 to 0.3 of the data"
    assert any(said in warning for warning in far.plans[0].warnings)
    assert not any("outside" in warning for warning in within.plans[0].warnings)
    assert any("price: stated at 99" in warning for warning in stated.warnings)
    assert any("promo: stated at" in warning for warning in paid.plans[0].warnings)
