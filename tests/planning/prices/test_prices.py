"""Elasticities found in panels, and plans at prices that move."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mmm.cli.answers import plan_table
from mmm.data.panel import Floats, Panel
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.model.future import FutureResponse
from mmm.planning.budget import answer_budget, plan_budget
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner, planner_of
from mmm.planning.prices.elasticity import LEAST_CELLS, elasticities
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.simulate.draws import Design, simulate_market
from tests.small import sketch, small_panel

TRUE = 0.25
REQUEST = {"budget": "current", "horizon": 13, "default_bounds": {"min_change": -0.3, "max_change": 0.3}}


def priced_panel(elasticity: float, noise: float = 0.05, seed: int = 0, **sizes: int) -> Panel:
    """A panel whose first channel costs ``(s / mean)^elasticity / 10`` a unit, but for noise."""
    panel = small_panel(**{"periods": 104, **sizes}, seed=seed)
    rng = np.random.default_rng(seed + 100)
    spend_GT = panel.spend_GTC[..., 0]
    price_GT = 0.1 * (spend_GT / spend_GT.mean(1, keepdims=True)) ** elasticity
    media_GTC = panel.media_GTC.copy()
    media_GTC[..., 0] = spend_GT / price_GT * np.exp(noise * rng.standard_normal(spend_GT.shape))
    return replace(panel, media_GTC=media_GTC)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch(priced_panel(TRUE))


def test_every_wording_of_prices_reads_the_table_of_constant_ones(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner, points = Planner(fitted), []
    tabulate = FutureResponse.table_MPX

    def counted(response: FutureResponse, grid_PX: Floats) -> Floats:
        points.append(len(grid_PX))
        return tabulate(response, grid_PX)

    monkeypatch.setattr(FutureResponse, "table_MPX", counted)
    wordings: tuple[Any, ...] = (
        "constant",
        "estimated",
        {"tv": {"elasticity": 0.4}},
        {"*": {"elasticity": 0.1}},
    )
    plans = [answer_budget(planner, {**REQUEST, "prices": stated}) for stated in wordings]

    assert len(points) == 1
    assert len({plan.kpi.mean for plan in plans if plan.kpi is not None}) == len(wordings), (
        "each is planned with its own prices"
    )


def planned(fitted: Fitted, prices: Any = None, **request: Any) -> Plan:
    stated = {} if prices is None else {"prices": prices}
    return plan_budget(fitted, {**REQUEST, **stated, **request})


@pytest.mark.parametrize("elasticity", [0.0, 0.25, 0.5])
def test_an_elasticity_is_found_in_a_panel_that_has_it(elasticity: float) -> None:
    found, *others = elasticities(priced_panel(elasticity))

    assert found.value == pytest.approx(elasticity, abs=0.02)
    assert found.is_clear is (elasticity > 0)
    assert [one.cells for one in others] == [0, 0], "without exposure there is no price"


def test_what_little_data_say_is_shrunk_and_too_little_says_nothing() -> None:
    noisy = elasticities(priced_panel(TRUE, noise=2.0, regions=1, periods=40))[0]
    assert noisy.error > 0.05 and not noisy.is_clear
    assert elasticities(priced_panel(TRUE, regions=1, periods=LEAST_CELLS - 1))[0].cells == 0


def test_demand_of_the_season_is_not_taken_for_a_price() -> None:
    """Prices and spend that both rise before the holidays: nothing is left of it beside the season."""
    panel = priced_panel(0.0, noise=0.02)
    season_T = np.exp(0.3 * np.sin(2 * np.pi * np.arange(104) / panel.periods_per_year))
    spend_GTC, media_GTC = panel.spend_GTC.copy(), panel.media_GTC.copy()
    spend_GTC[..., 0] *= season_T**2
    media_GTC[..., 0] *= season_T

    assert elasticities(replace(panel, spend_GTC=spend_GTC, media_GTC=media_GTC))[0].value < 0.02


def test_simulated_worlds_may_have_it() -> None:
    design = Design(regions=3, weeks=104, channels=2, price_elasticity=TRUE)
    world, plain = (simulate_market(one, seed=3) for one in (design, replace(design, price_elasticity=0.0)))
    spend_GT, exposure_GT = world.spend_GTC[..., 0], world.exposure_GTC[..., 0]
    slope = np.polyfit(np.log(spend_GT[0]), np.log(spend_GT[0] / exposure_GT[0]), 1)[0]

    assert slope == pytest.approx(TRUE, abs=0.05)
    np.testing.assert_allclose(spend_GT.sum(1), plain.spend_GTC[..., 0].sum(1))
    np.testing.assert_array_equal(world.kpi_GT, plain.kpi_GT)
    twice = world.planned_C(np.array([2.0, 1.0]))[0]
    assert twice == pytest.approx(plain.planned_C(np.array([2.0 ** (1 - TRUE), 1.0]))[0])


def test_prices_that_stay_leave_every_number_as_it_was(fitted: Fitted) -> None:
    plain = planned(fitted)

    for prices in ("constant", {"tv": {"elasticity": 0.0}}, {"tv": "constant"}):
        found = planned(fitted, prices)
        same = {"warnings": plain.warnings, "request": plain.request}
        assert found.model_copy(update=same) == plain
    assert plain.lost_to_prices is None
    tv = plain.channels[0]
    assert tv.price == pytest.approx(tv.marginal_price) and tv.price == pytest.approx(tv.current_price)
    assert plain.channels[1].units is None


def test_a_price_that_rises_turns_money_away_and_says_what_it_takes(fitted: Fitted) -> None:
    plain, priced = planned(fitted, bounds={}), planned(fitted, {"tv": {"elasticity": 0.6}})
    most = planned(fitted, "estimated", default_bounds={"max_change": 2.0}, budget=30_000.0)
    tv = most.channels[0]

    assert priced.spend["tv"] < plain.spend["tv"]
    assert tv.units is not None and tv.price == pytest.approx(tv.spend / tv.units)
    assert tv.marginal_price == pytest.approx((tv.price or 0) / (1 - elasticities(fitted.panel)[0].value))
    assert tv.price is not None and tv.current_price is not None and tv.price > tv.current_price
    assert most.lost_to_prices is not None and most.lost_to_prices.mean > 0


@pytest.mark.parametrize("by_region", [False, True])
def test_the_gain_is_that_of_the_true_prices_within_a_twentieth(fitted: Fitted, by_region: bool) -> None:
    """The plan's money bought at the price that the panel was made with, through the same response."""
    plan = planned(fitted, "estimated", by_region=by_region, budget=22_000.0)
    constant = planned(fitted, by_region=by_region, budget=22_000.0)
    planner = planner_of(fitted)
    ran_GHC = fitted.panel.media_GTC[:, -13:]
    response = FutureResponse(planner.predictor, ran_GHC, by_region=by_region)
    power_C = np.array([1.0 - TRUE, 1.0, 1.0])

    def true_gain(one: Plan) -> float:
        if one.regions is None:
            more_X = np.array([row.spend / row.current_spend for row in one.channels]) ** power_C
        else:
            each = np.array([row.spend / row.current_spend for row in one.regions]).reshape(3, -1)
            more_X = (each ** power_C[:, None]).ravel()
        return float((response.kpi_M(more_X) - response.kpi_M(np.ones_like(more_X))).mean())

    assert plan.gain is not None and constant.gain is not None
    assert plan.gain.mean == pytest.approx(true_gain(plan), rel=0.05)
    assert abs(constant.gain.mean / true_gain(constant) - 1.0) > 0.05, "constant prices miss it"


def test_plans_at_constant_prices_say_that_the_panel_shows_another(fitted: Fitted) -> None:
    told = [text for text in planned(fitted).warnings if "prices: estimated" in text]

    assert len(told) == 1 and told[0].startswith("tv:")
    assert not [text for text in planned(fitted, "estimated").warnings if "prices: estimated" in text]


def test_a_scenario_of_a_plan_brings_what_the_plan_said(fitted: Fitted) -> None:
    plan = planned(fitted, "estimated")
    request = {"horizon": 13, "prices": "estimated", "plans": {"best": {"spend": plan.spend}}}
    scenario = evaluate_scenario(fitted, request)
    best, tv = scenario.plans[0], scenario.plans[0].channels[0]

    assert plan.gain is not None
    assert best.gain.mean == pytest.approx(plan.gain.mean, rel=1e-3)
    assert tv.units == pytest.approx(plan.channels[0].units, rel=1e-6)
    assert any("moved as stated" in text for text in scenario.assumptions)


def test_steps_of_a_rate_card_are_bought_in_order(fitted: Fitted) -> None:
    cheap = planned(fitted, {"tv": {"tiers": [{"up_to": 1e9, "price": 0.1}, {"price": 0.3}]}})
    dear = planned(fitted, {"tv": {"tiers": [{"up_to": 500, "price": 0.1}, {"price": 0.3}]}})

    assert cheap.channels[0].price == pytest.approx(0.1) == cheap.channels[0].marginal_price
    assert dear.channels[0].marginal_price == pytest.approx(0.3)
    assert dear.spend["tv"] <= cheap.spend["tv"]


def test_the_command_tells_prices_only_where_they_move(fitted: Fitted) -> None:
    console = Console(width=200, record=True, file=StringIO())
    for prices in ("constant", "estimated"):
        console.print(plan_table(planned(fitted, prices)))
    constant, moving = console.export_text().split("Best split")[1:]

    assert "dearer units" not in constant
    assert "dearer units take" in moving and "tv: 0." in moving and "one more 0." in moving


@pytest.mark.parametrize("price", ["estimated", {"elasticity": 0.25}, {"tiers": [{"price": 1.0}]}])
def test_a_price_of_what_has_none_is_refused_with_a_way_out(fitted: Fitted, price: Any) -> None:
    """Search has spend and no exposure: no unit of it has a price, in plans and in scenarios."""
    asked = {"horizon": 8, "prices": {"search": price}}
    for answer in (
        lambda: plan_budget(fitted, {**asked, "budget": "current"}),
        lambda: evaluate_scenario(fitted, {**asked, "plans": {"p": {"spend": {}, "others": "current"}}}),
    ):
        with pytest.raises(RequestError, match=r"search has no column of exposure.*Leave it out"):
            answer()
    planned(fitted, {"search": "constant"})


def test_a_price_that_cannot_be_estimated_is_said_to_stay() -> None:
    short = sketch(priced_panel(TRUE, regions=1, periods=LEAST_CELLS - 1))
    plan = plan_budget(short, {"budget": "current", "horizon": 4, "prices": "estimated"})

    assert any(warning.startswith("tv: its price was seen too seldom") for warning in plan.warnings)
