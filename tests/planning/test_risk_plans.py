"""Plans as users ask for them: odds, frontier, increments, chances of a target and regret."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.errors import RequestError
from mmm.planning.plan import Plan
from mmm.planning.response import StatusQuo
from tests.planning.hills import Hills, Summed, plan_of, portfolio_of, random_context, random_hills

HALF = {"min_change": -0.5, "max_change": 0.5}
REQUEST: dict[str, Any] = {"budget": "current", "default_bounds": HALF}
DRAWS = 120


def market(seed: int = 0, *, draws: int = DRAWS, channels: int = 5) -> tuple[Hills, StatusQuo]:
    """Channels of which little is sure."""
    rng = np.random.default_rng(seed)
    hills = random_hills(rng, channels, draws, spread=0.4)
    return hills, random_context(rng, channels, members=draws)


def gains(hills: Hills, context: StatusQuo, plan: Plan) -> Floats:
    """Gain of each draw, by the curves themselves."""
    spend_C = np.array([plan.spend[channel] for channel in context.channels])
    return np.asarray(hills.kpi_M(spend_C) - hills.kpi_M(context.current_X))


def test_the_odds_of_a_plan_are_those_of_its_draws() -> None:
    hills, context = market()
    plan = plan_of(hills, REQUEST, context)
    gain_M = gains(hills, context, plan)

    assert plan.draws == DRAWS
    assert plan.chance_of_gain == np.mean(gain_M > 0)
    assert plan.gain_at is not None
    found = (plan.gain_at.p5, plan.gain_at.p50, plan.gain_at.p95)
    assert found == pytest.approx(tuple(np.quantile(gain_M, [0.05, 0.5, 0.95])))
    assert plan.cvar == pytest.approx(np.sort(gain_M)[:12].mean())
    assert plan.chance_of_profit == np.mean(gain_M > 0)  # the same money
    assert plan.regret is not None
    assert plan.regret.mean > 0


def test_one_draw_has_no_odds() -> None:
    hills, context = market(draws=1)
    plan = plan_of(hills, REQUEST, context)

    odds = (plan.chance_of_gain, plan.gain_at, plan.cvar, plan.chance_of_profit)
    assert odds == (None, None, None, None)
    assert plan.draws == 1


@pytest.mark.parametrize("risk", [{"cvar": 0.1}, {"mean_sd": 1}, {"regret": "max"}, {"quantile": 0.2}])
def test_a_measure_is_better_served_by_its_own_plan_than_by_that_of_the_mean(risk: dict[str, Any]) -> None:
    hills, context = market(1)
    bold, own = plan_of(hills, REQUEST, context), plan_of(hills, {**REQUEST, "risk": risk}, context)
    bold_M, own_M = gains(hills, context, bold), gains(hills, context, own)
    judged = {
        "cvar": lambda gain_M: np.sort(gain_M)[:12].mean(),
        "mean_sd": lambda gain_M: gain_M.mean() - gain_M.std(ddof=1),
        "quantile": lambda gain_M: np.quantile(gain_M, 0.2),
    }
    (name,) = risk
    if name == "regret":
        assert bold.regret is not None
        assert own.regret is not None
        # The same best plans of each draw lie behind both, so that the worst regret is the worst difference.
        assert np.max(bold_M - own_M) >= 0
        assert own.regret.mean >= bold.regret.mean
    else:
        assert judged[name](own_M) >= judged[name](bold_M) - 1e-6 * abs(bold_M.mean())
    assert own_M.mean() <= bold_M.mean() + 1e-6 * abs(bold_M.mean())


def test_both_forms_of_a_quantile_are_one_question() -> None:
    hills, context = market()
    plain = plan_of(hills, {**REQUEST, "risk": 0.1}, context)

    assert plan_of(hills, {**REQUEST, "risk": {"quantile": 0.1}}, context) == plain
    assert plain.risk == 0.1


def test_only_what_is_proved_is_called_optimal_and_a_gap_says_the_rest() -> None:
    hills, context = market(2)
    gentle = Hills(hills.top_MX, hills.half_MX, np.full_like(hills.slope_MX, 0.8))
    for risk in ("mean", {"cvar": 0.1}, {"mean_sd": 1.0}, {"regret": "max"}):
        plan = plan_of(gentle, {**REQUEST, "risk": risk}, context)
        assert plan.status == "optimal"
        assert plan.gap is not None
        assert plan.gap <= 1e-3 * sum(row.kpi.mean for row in plan.channels)
    unsure = plan_of(gentle, {**REQUEST, "risk": 0.1}, context)
    assert unsure.status == "feasible"
    assert unsure.gap is not None
    assert unsure.gap > 0
    hidden = plan_of(Summed(gentle), REQUEST, context)
    assert (hidden.status, hidden.gap, hidden.regret) == ("feasible", None, None)


def test_a_frontier_gives_up_mean_gain_for_the_worst_draws() -> None:
    hills, context = market(3)
    plan = plan_of(hills, {**REQUEST, "frontier": 5}, context)
    assert plan.frontier is not None
    cautions = [one.caution for one in plan.frontier]
    means = [one.gain.mean for one in plan.frontier]
    worst = [one.cvar for one in plan.frontier]

    assert cautions == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert means == sorted(means)
    assert worst == sorted(worst, key=lambda cvar: -(cvar or 0.0))
    assert means[-1] >= (plan.gain.mean if plan.gain else 0.0) - 1e-9
    assert means[-1] > means[0]
    assert all(sum(one.spend.values()) == pytest.approx(plan.current_budget) for one in plan.frontier)


def test_additional_money_goes_on_top_of_what_is_spent() -> None:
    hills, context = market(4)
    plan = plan_of(hills, {"budget": 20_000, "mode": "increment"}, context)

    assert plan.budget == pytest.approx(plan.current_budget + 20_000)
    assert all(plan.spend[name] >= amount - 0.01 for name, amount in plan.current_spend.items())
    assert "Best use of 20,000 USD on top of" in plan.message
    gain_M = gains(hills, context, plan)
    assert plan.chance_of_profit == np.mean(100.0 * gain_M > 20_000)
    bold = plan_of(hills, {"budget": plan.budget}, context)
    assert plan.gain is not None and bold.gain is not None
    assert bold.gain.mean > plan.gain.mean  # taking money away as well may only help


def test_additional_money_for_profit_is_left_where_it_does_not_pay() -> None:
    hills, context = market(4)
    worthless = Hills(hills.top_MX * 1e-6, hills.half_MX, hills.slope_MX)
    plan = plan_of(worthless, {"budget": 20_000, "mode": "increment", "objective": "profit"}, context)

    assert plan.budget == pytest.approx(plan.current_budget)


@pytest.mark.parametrize("draws", [DRAWS, 55, 8])
def test_a_target_with_a_chance_is_reached_in_that_share_of_draws_and_no_cheaper(draws: int) -> None:
    hills, context = market(5, draws=draws)
    gentle = Hills(hills.top_MX, hills.half_MX, np.full_like(hills.slope_MX, 0.9))
    mean = float(np.mean(context.baseline_M + gentle.kpi_M(context.current_X)))
    question = {"objective": "kpi_target", "target": mean, "default_bounds": {"max_change": 3.0}}
    sure, even = (plan_of(gentle, {**question, **more}, context) for more in ({"chance": 0.8}, {}))
    kpi_M = context.baseline_M + gentle.kpi_M(context.current_X) + gains(gentle, context, sure)

    assert sure.budget is not None and even.budget is not None and sure.chance_of_target is not None
    assert sure.budget > even.budget
    assert "80 % of the draws" in sure.message
    if draws >= 50:
        assert np.mean(kpi_M >= mean * (1 - 1e-9)) >= 0.8
        assert sure.chance_of_target == np.mean(kpi_M >= mean * (1 - 1e-9))
        assert sure.chance_of_target <= 0.8 + 1.0 / draws + 1e-9  # no dearer than need be
    else:
        assert sure.chance_of_target == pytest.approx(0.8, abs=1e-3)


def test_a_chance_out_of_reach_says_so() -> None:
    hills, context = market(5)
    top = float(np.mean(context.baseline_M + hills.top_MX.sum(axis=1)))
    plan = plan_of(hills, {"objective": "kpi_target", "target": 0.9 * top, "chance": 0.95}, context)

    assert plan.status == "infeasible"
    assert "in 95 % of the draws" in plan.message


def test_regret_is_refused_where_hindsight_is_not_known() -> None:
    hills, context = market()
    with pytest.raises(RequestError, match=r"risk: regret needs the best plan of every draw.*direct"):
        plan_of(Summed(hills), {**REQUEST, "risk": {"regret": "max"}}, context)


def test_several_models_have_odds_of_their_joint_value() -> None:
    models = {"a": market(6), "b": market(7)}
    answer = portfolio_of(models, {**REQUEST, "risk": {"cvar": 0.1}, "frontier": 2})
    plan = answer.plan
    gain_M = np.sum(
        [100.0 * gains(*models[name], answer.models[name]) for name in models], axis=0
    )  # 100 is what a KPI unit is worth

    assert plan.cvar == pytest.approx(np.sort(gain_M)[:12].mean(), rel=1e-6)
    assert plan.chance_of_gain == np.mean(gain_M > 0)
    assert plan.frontier is not None
    assert plan.regret is not None
    assert answer.models["a"].cvar is not None
