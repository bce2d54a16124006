"""Budget plans of a fitted model: what they mean, that they agree with scenarios, and bad requests."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.budget import plan_budget
from mmm.planning.plan import Plan
from mmm.planning.planner import kpi_value, planner_of, planning_draws
from mmm.planning.portfolio import plan_budgets
from mmm.planning.request import PortfolioTerms, parse_request
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.small import chain_graph, sketch, small_panel, without_value

HALF: dict[str, Any] = {"budget": "current", "default_bounds": {"min_change": -0.5, "max_change": 0.5}}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch()


@pytest.fixture(scope="module")
def moving() -> Fitted:
    panel = small_panel()
    return sketch(graph=chain_graph(panel.channels, 0.02))


def problems(fitted: Fitted, request: dict[str, object]) -> str:
    with pytest.raises(RequestError) as caught:
        plan_budget(fitted, request)
    return str(caught.value)


def test_the_status_quo_is_the_last_horizon(fitted: Fitted) -> None:
    plan = plan_budget(fitted, {**HALF, "horizon": 6})
    spent_C = fitted.panel.spend_GTC[:, -6:].sum((0, 1))

    np.testing.assert_allclose(list(plan.current_spend.values()), spent_C)
    assert plan.budget == pytest.approx(spent_C.sum())
    assert plan.status == "optimal"
    assert plan.gain is not None
    assert plan.gain.mean >= 0


@pytest.mark.parametrize("flighting", ["history", "even", [5.0, 1.0, 1.0, 1.0, 1.0, 1.0]])
@pytest.mark.parametrize("effects", ["direct", "total"])
def test_a_scenario_of_the_plan_predicts_what_the_plan_promises(
    moving: Fitted, flighting: object, effects: str
) -> None:
    shared = {"horizon": 6, "effects": effects}
    plan = plan_budget(moving, {**HALF, **shared, "flighting": flighting})
    again = evaluate_scenario(
        moving, {**shared, "plans": {"best": {"spend": plan.spend, "flighting": flighting}}}
    ).plans[0]
    assert plan.kpi is not None
    assert plan.effect_after_horizon is not None

    if effects == "direct" or flighting == "history":
        assert again.kpi.mean == pytest.approx(plan.kpi.mean, rel=1e-9)
        assert again.effect_after_horizon.mean == pytest.approx(plan.effect_after_horizon.mean)
    if flighting == "history":
        assert plan.gain is not None
        assert again.gain.mean == pytest.approx(plan.gain.mean, abs=1e-6 * plan.kpi.mean)
        assert [row.marginal_roi.mean for row in again.channels] == pytest.approx(
            list(plan.marginal_roi.values())
        )


def test_a_plan_by_region_is_never_worse_than_the_national_one(fitted: Fitted) -> None:
    national = plan_budget(fitted, {**HALF, "horizon": 6})
    regional = plan_budget(fitted, {**HALF, "horizon": 6, "by_region": True})
    assert national.gain is not None
    assert regional.gain is not None
    assert regional.regions is not None

    assert len(regional.regions) == 9
    assert regional.gain.mean >= national.gain.mean
    assert regional.current_kpi.mean == pytest.approx(national.current_kpi.mean, rel=1e-4)


def test_total_effects_favour_the_channel_that_moves_another(moving: Fitted) -> None:
    request = {**HALF, "horizon": 6}
    direct, total = (plan_budget(moving, {**request, "effects": kind}) for kind in ("direct", "total"))

    assert total.status == "feasible"
    assert total.marginal_roi["tv"] > direct.marginal_roi["tv"]
    assert total.current_kpi.mean == pytest.approx(direct.current_kpi.mean)


def test_total_effects_without_edges_are_direct(fitted: Fitted) -> None:
    plans = [plan_budget(fitted, {**HALF, "effects": kind}) for kind in ("direct", "total")]
    assert plans[0].spend == plans[1].spend


def test_provenance_says_where_the_plan_comes_from(fitted: Fitted) -> None:
    model = plan_budget(fitted, HALF).model

    assert (model["brand"], model["market"]) == ("acme", "us")
    assert model["last_date"] == str(fitted.panel.dates[-1])
    assert model["trained_until"] == str(fitted.panel.dates[-9])
    assert model["members"] == 3
    assert model["data_fingerprint"] == "d"


def test_channels_without_spend_are_planned_in_exposure() -> None:
    panel = small_panel()
    has_spend_C = np.array([False, True, True])
    bare = replace(panel, has_spend_C=has_spend_C, spend_GTC=panel.spend_GTC * has_spend_C)
    plan = plan_budget(sketch(bare), {**HALF, "horizon": 6})

    assert plan.channels[0].unit == "exposure of tv"
    assert plan.spend["tv"] == pytest.approx(panel.media_GTC[:, -6:, 0].sum())
    assert "costs" in problems(sketch(bare), {**HALF, "bounds": {"tv": {"min": 1.0}}})
    priced = plan_budget(sketch(bare), {**HALF, "horizon": 6, "unit_costs": {"tv": 0.1}})
    assert priced.channels[0].unit == "USD"


def test_the_value_of_a_kpi_unit_is_that_of_the_last_periods() -> None:
    panel = small_panel(regions=1)
    value_GT = np.where(np.arange(48) < 42, 1.0, 3.0)[None, :]

    fitted = sketch(replace(panel, kpi_value_GT=value_GT))
    assert kpi_value(fitted, 6) == pytest.approx(3.0)
    assert kpi_value(without_value(fitted), 6) is None


def test_without_a_value_of_the_kpi_nothing_of_money_is_told(fitted: Fitted) -> None:
    """What media bring, and where the next unit brings most, is the same; returns and profit are unknown."""
    plain, valued = (plan_budget(one, HALF) for one in (without_value(fitted), fitted))

    assert plain.kpi_value is None
    assert plain.spend == valued.spend
    assert (plain.profit_gain, plain.total_roi, set(plain.roi.values())) == (None, None, {None})
    assert all(row.roi is None for row in plain.channels)
    assert plain.marginal_roi["tv"] == pytest.approx(valued.marginal_roi["tv"] / 2.0)


@pytest.mark.parametrize("question", [{"objective": "profit"}, {"objective": "target_roi", "target": 1.0}])
def test_asking_for_money_without_a_value_says_what_to_state(
    fitted: Fitted, question: dict[str, Any]
) -> None:
    with pytest.raises(RequestError, match="State kpi_value"):
        plan_budget(without_value(fitted), question)
    with pytest.raises(RequestError, match=r"kpi_values\.acme/us"):
        plan_budgets({"acme/us": without_value(fitted)}, question)


def test_several_models_without_values_are_weighed_only_by_stated_ones(fitted: Fitted) -> None:
    models = {"acme/us": without_value(fitted, "USD"), "acme/de": sketch(seed=5)}
    with pytest.raises(RequestError, match=r"kpi_values\.acme/us: what a KPI unit of acme/us is worth"):
        plan_budgets(models, HALF)

    stated = plan_budgets(models, HALF, PortfolioTerms(kpi_values={"acme/us": 2.0}))
    assert stated.plan.spend == plan_budgets({**models, "acme/us": fitted}, HALF).plan.spend
    alone = plan_budgets({"acme/us": models["acme/us"]}, HALF).plan
    assert (alone.kpi_value, alone.profit_gain) == (None, None)


def test_several_models_compete_for_one_budget(fitted: Fitted) -> None:
    other = sketch(seed=5)
    answer = plan_budgets({"acme/us": fitted, "acme/de": other}, {**HALF, "horizon": 6})

    assert set(answer.models) == {"acme/us", "acme/de"}
    assert sum(answer.plan.spend.values()) == pytest.approx(2 * fitted.panel.spend_GTC[:, -6:].sum())
    with pytest.raises(RequestError, match="unknown channel"):
        plan_budgets({"acme/us": fitted}, {**HALF, "bounds": {"acme/us/tvv": {"max": 1.0}}})


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bounds": {"serch": {"max": 1.0}}}, "Did you mean 'search'?"),
        ({"bounds": {"tv": {"min": 2.0, "max": 1.0}}}, "min 2 exceeds max 1"),
        ({"budget": -1.0}, "amount above 0"),
        ({"budget": 0}, "amount above 0"),
        ({"budget": float("nan")}, "amount above 0"),
        ({"bounds": {"tv": {"max": float("nan")}}}, "bounds.tv.max"),
        ({"horizon": 0}, "horizon"),
        ({"horizon": 10_000}, "horizon"),
        ({"horizon": 49}, "must not exceed the 48 periods of history"),
        ({"groups": [{"channels": ["tvv"], "max": 1.0}]}, "unknown channel 'tvv'"),
        ({"budgets": 1.0}, "did you mean 'budget'"),
    ],
)
def test_bad_requests_are_explained(fitted: Fitted, change: dict[str, object], said: str) -> None:
    assert said in problems(fitted, {**HALF, **change})


def test_bounds_that_cannot_meet_the_total_are_named(fitted: Fitted) -> None:
    plan = plan_budget(fitted, {"budget": 100.0, "bounds": {"tv": {"min": 500.0}}})

    assert plan.status == "infeasible"
    assert "below 500" in plan.message
    assert plan.clashes == ("tv at least 500 USD", "total at most 100 USD")


def test_a_target_roi_out_of_reach_says_the_highest_reachable(fitted: Fitted) -> None:
    def ask(target: float) -> Plan:
        return plan_budget(fitted, {"objective": "target_roi", "target": target})

    refused = ask(1e9)
    assert refused.status == "infeasible"
    highest = float(refused.message.split("highest reachable, ")[1].split(" ")[0])
    reached = ask(0.98 * highest)
    assert reached.feasible
    assert reached.total_roi is not None
    assert reached.total_roi.mean == pytest.approx(0.98 * highest, rel=1e-3)


@pytest.mark.parametrize("by_region", [False, True])
def test_four_hundred_times_history_is_answered_and_all_extrapolated(fitted: Fitted, by_region: bool) -> None:
    budget = 400 * float(fitted.panel.spend_GTC[:, -13:].sum())
    plan = plan_budget(fitted, {"budget": budget, "by_region": by_region})

    assert plan.feasible
    assert plan.extrapolated == fitted.panel.channels
    assert any("beyond what was ever spent" in warning for warning in plan.warnings)
    assert sum(plan.spend.values()) == pytest.approx(budget)


def test_a_national_model_has_no_regions_to_plan() -> None:
    assert "has no regions" in problems(sketch(small_panel(regions=1)), {**HALF, "by_region": True})


# --- what is kept --------------------------------------------------------------------------------


def test_a_second_plan_reads_the_first_one_s_tables(fitted: Fitted) -> None:
    first = plan_budget(fitted, HALF)
    begun = time.perf_counter()
    second = plan_budget(fitted, {**HALF, "default_bounds": {"min_change": -0.2, "max_change": 0.2}})

    assert planner_of(fitted) is planner_of(fitted)
    assert time.perf_counter() - begun < 0.5
    assert second.gain is not None
    assert first.gain is not None
    assert second.gain.mean <= first.gain.mean


def test_tables_do_not_change_the_plan(fitted: Fitted) -> None:
    """A far-reaching request tabulates more widely; the plan within bounds stays the same to 0.1 %."""
    plans = [plan_budget(fitted, {**HALF, "bounds": {"tv": {"max": wide * 1e4}}}) for wide in (1.0, 1.0e3)]
    assert plans[0].gain is not None
    assert plans[1].gain is not None
    assert plans[1].gain.mean >= plans[0].gain.mean * (1 - 1e-3)


def test_a_plan_by_region_of_a_few_dollars_has_clean_amounts(fitted: Fitted) -> None:
    """Of 120 such plans 8 held amounts like 6.9e-18."""
    for budget in (0.5, 2.0, 7.5, 9.99):
        plan = plan_budget(fitted, {"budget": budget, "by_region": True, "horizon": 6})
        assert plan.regions is not None

        assert all(row.spend == 0 or row.spend >= 1e-7 for row in plan.regions)
        assert sum(row.spend for row in plan.regions) == pytest.approx(budget, abs=1e-12)


def test_large_models_are_planned_with_fifty_members_evenly_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmm.planning.planner.CELLS", 30)
    panel = small_panel()
    many = sketch(graph=chain_graph(panel.channels, 0.02), members=120)
    drawn = planning_draws(many)
    plan = plan_budget(many, {**HALF, "horizon": 6, "effects": "total"})

    assert drawn.members == 50
    np.testing.assert_array_equal(drawn.parameters["noise"][[0, -1]], many.parameters["noise"][[0, -1]])
    assert (plan.model["members"], plan.draws) == (120, 50)
    assert planning_draws(drawn) is drawn


def test_small_models_are_planned_with_all_draws_of_a_posterior() -> None:
    assert planning_draws(sketch(members=120)).members == 120
    assert planning_draws(sketch(members=210)).members == 200


def test_a_request_read_for_another_model_is_refused(fitted: Fitted) -> None:
    """A request that is read already is not read again, so its names are held against the model."""
    foreign = parse_request(
        {"budget": 1e4, "bounds": {"tvv": {"max": 1.0}}, "flighting": {"web": [1.0] * 13}}
    )
    with pytest.raises(RequestError, match=r"(?s)unknown channel 'tvv'.*unknown channel 'web'") as caught:
        plan_budget(fitted, foreign)

    assert [problem.where for problem in caught.value.problems] == ["bounds", "flighting"]
    with pytest.raises(RequestError, match="48 periods of history"):
        plan_budget(fitted, parse_request({"budget": 1e4, "horizon": 60}))


def test_models_that_do_not_state_their_currency_are_named(fitted: Fitted) -> None:
    with pytest.raises(RequestError, match="acme/de do not say in which currency"):
        plan_budgets({"acme/us": fitted, "acme/de": without_value(fitted)}, HALF)
