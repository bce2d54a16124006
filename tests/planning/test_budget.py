from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.errors import RequestError
from mmm.model.future import TabulatedResponse
from mmm.planning.plan import Plan
from mmm.planning.response import StatusQuo
from tests.planning.hills import Hills, Summed, plan_of, random_context, random_hills

HALF = {"min_change": -0.5, "max_change": 0.5}


def market(seed: int = 0, channels: int = 6, regions: int = 0, **settings: Any) -> tuple[Hills, StatusQuo]:
    rng = np.random.default_rng(seed)
    hills = random_hills(rng, channels * max(regions, 1))
    return hills, random_context(rng, channels, regions=regions, **settings)


def total(plan: Plan) -> float:
    return sum(plan.spend.values())


def test_two_channels_by_hand() -> None:
    """Concave Hills s / (1 + s), tops 4 and 1: slopes 4 / (1 + a)² = 1 / (1 + b)² give 1 + a = 2 (1 + b)."""
    hills = Hills(np.array([[4.0, 1.0]]), np.array([[1.0, 1.0]]), np.array([[1.0, 1.0]]))
    context = StatusQuo(("a", "b"), np.array([2.5, 2.5]), np.array([9.0, 9.0]), np.array([10.0]))
    plan = plan_of(hills, {"budget": 5}, context)
    assert plan.status == "optimal"
    assert plan.spend == {"a": pytest.approx(3.67, abs=0.011), "b": pytest.approx(1.33, abs=0.011)}
    assert total(plan) == pytest.approx(5.0, abs=1e-9)
    expected = 10 + 4 * 3.67 / 4.67 + 1.33 / 2.33
    assert plan.kpi is not None
    assert plan.kpi.mean == pytest.approx(expected, rel=1e-5)
    assert plan.kpi.lower is None
    assert plan.marginal_roi["a"] == pytest.approx(4 / 4.67**2, rel=1e-2)
    assert plan.roi["b"] == pytest.approx(1 / 2.33, rel=1e-2)


def test_the_plan_is_json_as_agreed() -> None:
    hills, context = market(after_horizon=lambda amount_X: np.full(4, 0.1 * amount_X.sum()))
    plan = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    data = json.loads(plan.model_dump_json())
    agreed = ["status", "spend", "current_spend", "kpi", "current_kpi", "gain", "marginal_roi", "binding"]
    assert set(agreed) | {"extrapolated", "model"} <= set(data)
    assert set(data["kpi"]) == set(data["gain"]) == set(data["current_kpi"]) == {"mean", "lower", "upper"}
    assert set(data["spend"]) == set(data["marginal_roi"]) == set(context.channels)
    assert data["model"] == {"version": "1"}
    assert data["effect_after_horizon"]["mean"] == pytest.approx(0.1 * sum(data["spend"].values()))


def test_gains_are_paired_by_member() -> None:
    hills, context = market(seed=1)
    context = replace(context, baseline_M=np.array([0.0, 1e6, 2e6, 3e6]))
    plan = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    assert plan.gain is not None
    assert plan.kpi is not None
    assert plan.kpi.upper is not None and plan.kpi.lower is not None
    assert plan.gain.upper is not None and plan.gain.lower is not None
    assert plan.gain.upper - plan.gain.lower < 0.01 * (plan.kpi.upper - plan.kpi.lower)
    assert plan.gain.mean == pytest.approx(plan.kpi.mean - plan.current_kpi.mean, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_marginal_roi_is_equal_where_nothing_binds(seed: int) -> None:
    hills, context = market(seed)
    plan = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    free = [plan.marginal_roi[c] for c in context.channels if c not in plan.binding]
    assert free == pytest.approx([free[0]] * len(free), rel=2e-3) if free else True
    for channel, side in plan.binding.items():
        if free and side == "max":
            assert plan.marginal_roi[channel] >= free[0] * (1 - 1e-3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("risk", ["mean", 0.1])
def test_never_worse_than_the_status_quo(seed: int, risk: object) -> None:
    hills, context = market(seed)
    tight = {"min_change": -0.001, "max_change": 0.001}
    plan = plan_of(hills, {"budget": "current", "default_bounds": tight, "risk": risk}, context)
    assert plan.gain is not None
    assert plan.gain.mean >= (0.0 if risk == "mean" else -1e-9)


def test_all_channels_fixed_is_the_status_quo() -> None:
    hills, context = market()
    plan = plan_of(hills, {"budget": "current", "fixed": list(context.channels)}, context)
    assert plan.spend == pytest.approx(plan.current_spend, rel=1e-11)
    assert plan.gain is not None
    assert plan.gain.mean == pytest.approx(0.0, abs=1e-6)
    assert set(plan.binding.values()) == {"fixed"}


def test_a_budget_outside_the_bounds_is_named() -> None:
    hills, context = market(channels=4)
    bounds = {c: {"min": 25, "max": 100} for c in context.channels}
    plan = plan_of(hills, {"budget": 90, "bounds": bounds}, context)
    assert plan.status == "infeasible"
    assert plan.message == (
        "Total budget 90 USD is outside 100 to 400 USD, the range the channel bounds allow. "
        "Change the total or widen the bounds."
    )
    assert "total at most 90 USD" in plan.clashes
    assert plan.spend == {}


def test_clashing_limits_are_named_and_no_others() -> None:
    hills, context = market(channels=5)
    request = {
        "budget": 1e5,
        "bounds": {"c1": {"min": 50000}, "c3": {"max": 70000}},
        "groups": [{"channels": ["c1", "c2"], "max": 40000}, {"channels": ["c3", "c4"], "min": 10}],
    }
    plan = plan_of(hills, request, context)
    assert plan.status == "infeasible"
    assert set(plan.clashes) == {"c1 at least 50,000 USD", "c1 + c2 at most 40,000 USD"}


def test_groups_shares_and_ratios_hold() -> None:
    hills, context = market(channels=6)
    request = {
        "budget": 4e5,
        "groups": [
            {"channels": ["c0", "c1"], "max": 30000.55},
            {"channels": ["c2"], "relative_to": ["c3"], "min_ratio": 0.5, "max_ratio": 0.5},
            {"channels": ["c4", "c5"], "min_share": 0.4, "max_share": 0.45},
        ],
    }
    plan = plan_of(hills, request, context)
    spend = plan.spend
    slack = 1e-6 * 4e5
    assert total(plan) == pytest.approx(4e5, abs=1e-6)
    assert spend["c0"] + spend["c1"] <= 30000.55 + slack
    assert abs(spend["c2"] - 0.5 * spend["c3"]) <= slack
    assert 0.4 * 4e5 - slack <= spend["c4"] + spend["c5"] <= 0.45 * 4e5 + slack


def test_profit_stops_where_money_earns_itself() -> None:
    hills, context = market(seed=2)
    plan = plan_of(hills, {"objective": "profit"}, context)
    free = [c for c in context.channels if c not in plan.binding]
    assert free
    assert [plan.marginal_roi[c] for c in free] == pytest.approx([1.0] * len(free), rel=1e-3)
    capped = plan_of(hills, {"objective": "profit", "budget": 1000}, context)
    assert capped.budget == pytest.approx(1000, abs=1e-6)
    assert capped.binding["budget"] == "max"


def test_target_roi_is_met_and_no_larger_budget_meets_it() -> None:
    hills, context = market(seed=3)
    plan = plan_of(hills, {"objective": "target_roi", "target": 1.5}, context)
    assert plan.budget is not None
    assert plan.total_roi is not None
    assert plan.total_roi.mean == pytest.approx(1.5, rel=1e-4)
    assert plan.total_roi.mean >= 1.5 * (1 - 1e-7)
    larger = plan_of(hills, {"budget": 1.02 * plan.budget}, context)
    assert larger.total_roi is not None
    assert larger.total_roi.mean < 1.5


def test_a_target_roi_out_of_reach_says_the_highest() -> None:
    hills, context = market(seed=3)
    plan = plan_of(hills, {"objective": "target_roi", "target": 1000}, context)
    assert plan.status == "infeasible"
    assert "above the highest reachable" in plan.message
    highest = float(plan.message.split("reachable, ")[1].split()[0])
    near = plan_of(hills, {"objective": "target_roi", "target": 0.99 * highest}, context)
    assert near.status == "optimal"
    rng = np.random.default_rng(0)
    amounts = 1e5 * rng.uniform(0.0, 1.0, (2000, 6)) * (rng.random((2000, 6)) < 0.4)
    value = 100.0 * hills.table_MPX(amounts).sum(axis=2).mean(axis=0)
    spent = amounts.sum(axis=1)
    assert float(np.max(value[spent > 0] / spent[spent > 0])) <= highest * 1.001


def test_the_cheapest_budget_for_a_kpi() -> None:
    hills, context = market(seed=4)
    target = 1e4 + 0.6 * float(hills.top_MX.mean(axis=0).sum())
    plan = plan_of(hills, {"objective": "kpi_target", "target": target}, context)
    assert plan.budget is not None
    assert plan.kpi is not None
    assert plan.kpi.mean == pytest.approx(target, rel=1e-5)
    assert plan.kpi.mean >= target * (1 - 1e-8)
    cheaper = plan_of(hills, {"budget": 0.99 * plan.budget}, context)
    assert cheaper.kpi is not None
    assert cheaper.kpi.mean < target
    unreachable = plan_of(hills, {"objective": "kpi_target", "target": 1e9}, context)
    assert "above the highest reachable" in unreachable.message


def test_four_hundred_times_history_is_answered_with_warnings() -> None:
    hills, context = market()
    plan = plan_of(hills, {"budget": 400 * float(context.current_X.sum())}, context)
    assert plan.status == "optimal"
    assert set(plan.extrapolated) == set(context.channels)
    assert any("beyond what was ever spent" in warning for warning in plan.warnings)


def test_relative_bounds_on_no_spend_are_explained() -> None:
    hills, context = market()
    current_X = context.current_X.copy()
    current_X[2] = 0.0
    context = replace(context, current_X=current_X)
    plan = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    assert plan.spend["c2"] == 0.0
    assert any(warning.startswith("c2: nothing was spent") for warning in plan.warnings)


def test_a_cautious_plan_has_the_higher_lower_quantile() -> None:
    hills, context = market(seed=7, channels=8)
    request = {"budget": "current", "default_bounds": HALF, "level": 0.9}
    mean = plan_of(hills, request, context)
    cautious = plan_of(hills, {**request, "risk": 0.05}, context)
    assert mean.gain is not None and cautious.gain is not None
    assert mean.gain.lower is not None and cautious.gain.lower is not None
    assert cautious.gain.lower >= mean.gain.lower - 1e-6 * abs(mean.gain.lower)
    assert cautious.gain.mean <= mean.gain.mean * (1 + 1e-9)


@pytest.mark.parametrize("regions", [3, 40])
@pytest.mark.parametrize("capped", [False, True])
def test_plans_by_region(regions: int, capped: bool) -> None:
    hills, context = market(seed=5, channels=4, regions=regions)
    current_C = np.bincount(context.channel_X, context.current_X)
    bounds = {"c1": {"max": 1.1 * float(current_C[1])}, "c2": {"min": float(current_C[2])}} if capped else {}
    request = {
        "budget": "current",
        "by_region": True,
        "default_bounds": HALF,
        "bounds": bounds,
        "region_bounds": HALF if capped else None,
    }
    plan = plan_of(hills, request, context)
    assert plan.status == "optimal"
    assert plan.regions is not None
    amount_X = np.array([row.spend for row in plan.regions])
    assert np.all(amount_X >= 0.5 * context.current_X * (1 - 1e-9))
    assert np.all(amount_X <= 1.5 * context.current_X * (1 + 1e-9))
    assert float(amount_X.sum()) == pytest.approx(float(context.current_X.sum()), abs=1e-5)
    channel_C = np.bincount(context.channel_X, amount_X)
    assert channel_C.tolist() == pytest.approx(list(plan.spend.values()), abs=1e-5)
    if capped:
        assert plan.spend["c1"] <= bounds["c1"]["max"] + 1e-3
        assert plan.spend["c2"] >= bounds["c2"]["min"] - 1e-3
    whole = plan_of(hills, {"budget": "current", "by_region": True, "fixed": list(context.channels)}, context)
    assert plan.gain is not None and whole.gain is not None
    assert plan.gain.mean > whole.gain.mean


def test_exposure_only_markets_are_planned_in_exposure() -> None:
    hills, context = market(units={f"c{i}": "impressions" for i in range(6)})
    plan = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    assert plan.unit == "impressions"
    assert plan.profit_gain is None
    assert total(plan) == pytest.approx(float(context.current_X.sum()))


def test_channels_without_spend_stay_or_get_a_cost() -> None:
    hills, context = market(units={"c0": "GRP"})
    aside = plan_of(hills, {"budget": 3e5}, context)
    assert aside.spend["c0"] == pytest.approx(context.current_X[0], abs=1e-5)
    assert total(aside) - aside.spend["c0"] == pytest.approx(3e5)
    assert any("unit_costs.c0" in warning for warning in aside.warnings)
    priced = plan_of(hills, {"budget": 3e5, "unit_costs": {"c0": 2.0}}, context)
    assert total(priced) == pytest.approx(3e5)
    assert priced.current_spend["c0"] == pytest.approx(2.0 * context.current_X[0])
    more = plan_of(hills, {"budget": 3e5, "bounds": {"c0": {"max": 123.0}}}, context)
    assert more.spend["c0"] == 123.0
    with pytest.raises(RequestError, match="more is always better"):
        plan_of(hills, {"budget": 3e5, "bounds": {"c0": {"min": 1}}}, context)
    with pytest.raises(RequestError, match="c0 has exposure but no spend"):
        plan_of(hills, {"budget": 3e5, "groups": [{"channels": ["c0"], "max": 1}]}, context)


def test_a_response_through_the_graph() -> None:
    hills, context = market(seed=8)
    plain = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    summed = plan_of(Summed(hills), {"budget": "current", "default_bounds": HALF}, context)
    proxied = plan_of(Summed(hills), {"budget": "current", "default_bounds": HALF}, context, table=hills)
    assert plain.gain is not None and summed.gain is not None and proxied.gain is not None
    assert summed.status == "feasible"
    assert summed.gain.mean == pytest.approx(plain.gain.mean, rel=1e-3)
    assert proxied.gain.mean == pytest.approx(plain.gain.mean, rel=1e-6)
    assert summed.roi == pytest.approx(plain.roi, rel=1e-2)


def test_a_table_gives_the_same_plan() -> None:
    hills, context = market(seed=9, channels=8)
    table = TabulatedResponse(hills, 2.0 * context.current_X)
    assert table.values_MX(context.current_X) == pytest.approx(hills.values_MX(context.current_X), rel=2e-3)
    beyond_X = 3.0 * context.current_X
    assert table.values_MX(beyond_X) == pytest.approx(hills.values_MX(beyond_X))
    request = {"budget": "current", "default_bounds": HALF}
    exact, tabulated = plan_of(hills, request, context), plan_of(table, request, context)
    amount_X = np.array(list(tabulated.spend.values()))
    assert exact.kpi is not None
    assert hills.values_MX(amount_X).sum(axis=1).mean() + 1e4 >= exact.kpi.mean * (1 - 1e-4)


def test_rescaling_the_currency_rescales_the_plan() -> None:
    hills, context = market(seed=10)
    plan = plan_of(hills, {"budget": "current", "default_bounds": HALF}, context)
    yen = Hills(hills.top_MX, 100 * hills.half_MX, hills.slope_MX)
    moved = replace(context, current_X=100 * context.current_X, supported_X=100 * context.supported_X)
    scaled = plan_of(yen, {"budget": "current", "default_bounds": HALF}, moved)
    for channel, amount in plan.spend.items():
        assert scaled.spend[channel] == pytest.approx(100 * amount, rel=1e-3)


def test_problems_of_names_and_horizon_come_with_the_plan() -> None:
    hills, context = market()
    with pytest.raises(RequestError) as caught:
        plan_of(hills, {"budget": 1, "horizon": 151, "fixed": ["tvv"], "bounds": {"C0": {}}}, context)
    assert {problem.where for problem in caught.value.problems} == {"horizon", "fixed", "bounds.C0"}
    with pytest.raises(RequestError, match="no regions"):
        plan_of(hills, {"budget": 1, "by_region": True}, context)
    idle = replace(context, current_X=np.zeros(6))
    with pytest.raises(RequestError, match="nothing was spent"):
        plan_of(hills, {"budget": "current"}, idle)


def test_time() -> None:
    """Loose bounds that a shared machine meets; decisions are milliseconds where nothing else runs."""
    hills, context = market(channels=12)
    request = {"budget": "current", "default_bounds": HALF}
    plan_of(hills, request, context)
    start = time.perf_counter()
    plan_of(hills, request, context)
    assert time.perf_counter() - start < 0.5
    hills, context = market(channels=13, regions=190)
    start = time.perf_counter()
    plan_of(hills, {**request, "by_region": True}, context)
    assert time.perf_counter() - start < 5.0
