"""Plans of simulated worlds whose prices rise, on the curves of the world itself: what is left is of prices.

Shapes: M members, C channels, P grid points.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.panel import Floats
from mmm.data.read import panel_from_frame
from mmm.model.future import TabulatedResponse
from mmm.planning.budget import as_read, best_plan, prepared
from mmm.planning.planner import Planner
from mmm.planning.prices.schedule import PricedResponse
from mmm.simulate.best_budget import BestBudget, best_budget
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.portfolio import shared_spec
from mmm.simulate.worlds import World
from tests.small import sketch

TRUE = 0.25
HALF = {"min_change": -0.5, "max_change": 0.5}


class TrueResponse:
    """The world's own response to amounts at last year's price, the same for every member.

    Args:
        world: The world.
        ran_C: Amounts at last year's price that bought what ran in the last 13 weeks.
        members: Members of the model that it stands for.
    """

    def __init__(self, world: World, ran_C: Floats, members: int) -> None:
        self.world, self.ran_C, self.members = world, ran_C, members

    @property
    def curves(self) -> TrueResponse:
        """See ``Response.curves``."""
        return self

    def values_MX(self, amount_X: Floats) -> Floats:
        """The world scales spend; exposure follows it by one less the elasticity."""
        assert self.world.elasticity_C is not None
        multiplier_C = (amount_X / self.ran_C) ** (1.0 / (1.0 - self.world.elasticity_C))
        return np.tile(self.world.planned_C(multiplier_C), (self.members, 1))

    def kpi_M(self, amount_X: Floats) -> Floats:
        """See ``Response.kpi_M``."""
        return np.asarray(self.values_MX(amount_X).sum(1))

    def table_MPX(self, grid_PX: Floats) -> Floats:
        """See ``SeparateCurves.table_MPX``."""
        return np.stack([self.values_MX(amount_X) for amount_X in grid_PX], 1)

    def gradient_MX(self, amount_X: Floats) -> Floats:
        """Differences: channels do not mix."""
        step_X = 1e-4 * self.ran_C
        above_MX, below_MX = (self.values_MX(amount_X + side * step_X) for side in (1.0, -1.0))
        return np.asarray((above_MX - below_MX) / (2.0 * step_X))


def planned(world: World, prices: str) -> tuple[Floats, float]:
    """Factors on the world's spend of the last 13 weeks, and the gain that the plan states."""
    place = {"brand": "acme", "market": "us", "data": {"path": "panel.csv"}}
    panel = panel_from_frame(world.frame(), validate(MarketSpec, place | shared_spec(world), "test")).panel
    planner = Planner(sketch(panel))
    asked = {"budget": "current", "horizon": 13, "default_bounds": HALF, "prices": prices}
    request = as_read(asked, panel.channels, len(panel.dates))
    status_quo = prepared(planner, request)[2]
    current_C, buying = status_quo.current_X, status_quo.buying
    bought_C = (planner.to_media.unit_GHC(13) * current_C).sum((0, 1))
    ran_C = current_C * panel.media_GTC[:, -13:].sum((0, 1)) / bought_C
    true = TrueResponse(world, ran_C, len(status_quo.baseline_M))
    exact = true if buying is None else PricedResponse(true, buying)
    status_quo = replace(status_quo, stated_current_M=exact.kpi_M(current_C))
    plan = best_plan(request, status_quo, exact, TabulatedResponse(exact, 2.0 * current_C))
    assert plan.gain is not None
    spend = [plan.spend[name] for name in world.channels]
    return np.array(spend) / world.spend_GTC[:, -13:].sum((0, 1)), plan.gain.mean


def lift(world: World, factor_C: Floats) -> float:
    """What factors on spend truly gain."""
    return world.kpi_under(factor_C) - world.kpi_under(np.ones_like(factor_C))


@pytest.fixture(scope="module", params=[1, 6], ids=["national", "regional"])
def world(request: pytest.FixtureRequest) -> World:
    return simulate_market(
        Design(regions=request.param, weeks=130, channels=4, price_elasticity=TRUE), seed=403
    )


@pytest.fixture(scope="module")
def best(world: World) -> BestBudget:
    return best_budget(world)


def test_the_gain_at_estimated_prices_is_the_worlds_within_a_twentieth(
    world: World, best: BestBudget
) -> None:
    factor_C, stated = planned(world, "estimated")
    constant_C, wrong = planned(world, "constant")

    assert stated == pytest.approx(lift(world, factor_C), rel=0.05)
    assert lift(world, factor_C) > 0.995 * best.lift
    assert abs(wrong / lift(world, constant_C) - 1.0) > 0.05, "constant prices miss it"
    assert lift(world, constant_C) < lift(world, factor_C)


def test_channels_whose_prices_rise_get_less_of_the_money(world: World) -> None:
    assert world.elasticity_C is not None
    rises_C = world.elasticity_C > 0
    spend_C = world.spend_GTC[:, -13:].sum((0, 1))
    kinds = ("estimated", "constant")
    priced, constant = (float((planned(world, kind)[0] * spend_C)[rises_C].sum()) for kind in kinds)

    assert priced < 0.99 * constant
