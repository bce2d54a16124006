"""Plans where the model knows little: channels at 0, channels it never saw, channels that rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from mmm.cli.answers import plan_table
from mmm.config import ChannelPriors
from mmm.fitted import Fitted
from mmm.planning.amounts import AmountsToMedia
from mmm.planning.budget import plan_budget
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner
from mmm.planning.portfolio import plan_budgets
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.solve.objective import next_amount_MX
from tests.planning.hills import Hills, Summed, plan_of, random_context, random_hills
from tests.small import sketch, small_panel

HALF = {"min_change": -0.5, "max_change": 0.5}
NOW = {"budget": "current", "horizon": 6}


def with_media(channel: int, first: int, last: int) -> Fitted:
    """A model whose channel ran only from one period of 48 to another; 40 of them entered the fit."""
    panel = small_panel()
    runs_TC = np.ones((len(panel.dates), len(panel.channels)))
    runs_TC[:, channel] = (np.arange(len(panel.dates)) >= first) & (np.arange(len(panel.dates)) <= last)
    changed = replace(panel, media_GTC=panel.media_GTC * runs_TC, spend_GTC=panel.spend_GTC * runs_TC)
    return sketch(changed)


def shown(plan: Plan) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(plan_table(plan))
    return capture.get()


# --- at 0 ----------------------------------------------------------------------------------------


def test_at_zero_the_figure_is_what_the_next_sensible_amount_brings() -> None:
    """Usual amounts 10. S-shaped 8 r² / (1 + r²), r = a / 10: 4 at 10, so 0.4 per unit, with slope 0 at 0.
    Concave 10 r / (1 + r): 0.1 brings 0.0990, more per unit than any larger amount."""
    hills = Hills(np.array([[8.0, 10.0]]), np.array([[10.0, 10.0]]), np.array([[2.0, 1.0]]))
    usual_X, each_X = np.array([10.0, 10.0]), np.arange(2)

    at_zero_MX = next_amount_MX(hills, np.zeros(2), usual_X, each_X)

    np.testing.assert_allclose(at_zero_MX, [[0.4, 10 / 10.1]])
    np.testing.assert_allclose(next_amount_MX(Summed(hills), np.zeros(2), usual_X, each_X), at_zero_MX)
    running_X = np.array([2.0, 3.0])
    np.testing.assert_array_equal(
        next_amount_MX(hills, running_X, usual_X, each_X), hills.gradient_MX(running_X)
    )


def test_a_plan_shows_the_next_amount_of_a_channel_at_zero() -> None:
    """Concave with an endless slope at 0; a hundredth of the usual amount brings most per unit."""
    rng = np.random.default_rng(0)
    drawn, context = random_hills(rng, 3), random_context(rng, 3)
    hills = Hills(drawn.top_MX, drawn.half_MX, np.full_like(drawn.slope_MX, 0.5))
    plan = plan_of(hills, {"budget": "current", "fixed": {"c0": 0.0}}, context)
    step = 0.01 * context.supported_X[0]
    brought = hills.values_MX(np.array([step, 0.0, 0.0]))[:, 0].mean()

    assert plan.marginal_roi["c0"] == pytest.approx(100.0 * brought / step)


# --- never seen ----------------------------------------------------------------------------------


def test_a_channel_that_the_fit_never_saw_is_held_and_named() -> None:
    fitted = with_media(1, 42, 48)
    plan = plan_budget(fitted, {**NOW, "default_bounds": HALF})

    assert plan.spend["search"] == pytest.approx(plan.current_spend["search"])
    assert plan.binding["search"] == "fixed"
    assert plan.budget == pytest.approx(plan.current_budget)
    held = [text for text in plan.warnings if text.startswith("search: ")]
    assert "ran too little" in held[0]
    assert "give bounds.search" in held[1]


def test_bounds_of_its_own_plan_it_all_the_same() -> None:
    fitted = with_media(1, 42, 48)
    own = {"search": {"min_change": -0.5, "max_change": -0.4}}
    plan = plan_budget(fitted, {**NOW, "default_bounds": HALF, "bounds": own})

    assert plan.spend["search"] <= 0.6 * plan.current_spend["search"] * (1 + 1e-6)
    assert any(text.startswith("search: ran too little") for text in plan.warnings)
    assert not any("held at the current amount" in text for text in plan.warnings)


def test_holding_never_makes_a_request_infeasible() -> None:
    fitted = with_media(1, 42, 48)
    less = 0.5 * plan_budget(fitted, NOW).current_spend["search"]
    plan = plan_budget(fitted, {"budget": less, "horizon": 6})

    assert plan.feasible
    assert plan.budget == pytest.approx(less)
    assert not any("held at the current amount" in text for text in plan.warnings)


@pytest.mark.parametrize(("first", "held"), [(38, True), (37, False)])
def test_two_periods_say_nothing_and_three_something(first: int, held: bool) -> None:
    """Forty periods entered the fit, the last of them period 39."""
    plan = plan_budget(with_media(1, first, 48), {**NOW, "default_bounds": HALF})

    assert (plan.binding.get("search") == "fixed") is held


def test_a_stated_prior_is_knowledge() -> None:
    fitted = with_media(1, 42, 48)
    stated = {"channels": {"search": ChannelPriors()}}
    priors = fitted.spec.model.priors.model_copy(update=stated)
    model = fitted.spec.model.model_copy(update={"priors": priors})
    known = replace(fitted, spec=fitted.spec.model_copy(update={"model": model}))

    assert Planner(fitted).unknown == ("search",)
    assert Planner(known).unknown == ()


def test_scenarios_and_portfolios_name_it_too() -> None:
    fitted = with_media(1, 42, 48)
    scenario = evaluate_scenario(fitted, {"spend": {"tv": 1.0}, "others": "current", "horizon": 6})
    joint = plan_budgets({"acme/us": fitted, "acme/de": sketch(seed=5)}, {**NOW, "default_bounds": HALF}).plan

    assert any(text.startswith("search: ran too little") for text in scenario.plans[0].warnings)
    assert any(text.startswith("acme/us/search: ran too little") for text in joint.warnings)
    assert joint.spend["acme/us/search"] == pytest.approx(joint.current_spend["acme/us/search"])


# --- resting -------------------------------------------------------------------------------------


def test_a_channel_that_rests_says_since_when() -> None:
    fitted = with_media(0, 0, 20)
    to_media = AmountsToMedia(fitted.panel, fitted.scaling.size_G)
    plan = plan_budget(fitted, {**NOW, "fixed": ["tv"]})

    assert to_media.rests_since(6) == {"tv": str(fitted.panel.dates[20])}
    assert to_media.rests_since(28) == {}
    assert f"tv: last ran in the period of {fitted.panel.dates[20]}" in " ".join(plan.warnings)


def test_only_what_never_ran_is_new() -> None:
    rested, unseen = with_media(0, 0, 20), with_media(0, 50, 50)
    amount = {**NOW, "fixed": {"tv": 100.0}, "default_bounds": {"max_change": 9.0}}
    resting, again, new = (
        shown(plan_budget(fitted, request))
        for fitted, request in [(rested, {**NOW, "fixed": ["tv"]}), (rested, amount), (unseen, amount)]
    )

    assert ["new" in text for text in (resting, again, new)] == [False, False, True]
    assert " again " in again
