"""What money buys: by hand, concave, and as an inverse of what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.planning.prices.schedule import FLOOR, Curve, PricedResponse, Schedule, elastic, stepped
from mmm.planning.prices.stated import Tier

GRID = np.linspace(0.0, 400.0, 401)


def of(curve: Curve | None) -> Curve:
    assert curve is not None
    return curve


def test_an_elasticity_of_a_half_buys_with_the_root_of_money() -> None:
    """One cell of price ``sqrt(s) / 2``: 100 buys 100 / 5 = 20 units, 400 buys 40; the rate is 0.2."""
    curve = of(elastic(0.5, np.array([1.0]), np.array([2.0]), 0.2, 100.0))
    bought, slope = curve(np.array([100.0, 400.0, 5.0]))

    assert 0.2 * bought == pytest.approx([20.0, 40.0, 0.5 * 2.0 * np.sqrt(100.0 * FLOOR)])
    assert slope[:2] == pytest.approx(bought[:2] / [200.0, 800.0])


def test_cells_of_unlike_spend_cost_what_each_of_them_costs() -> None:
    """The cost of 30 units in a pattern of 1 to 2, added up over the cells, buys 30 units."""
    share, law, power = np.array([1.0, 2.0]) / 3.0, np.array([2.0, 3.0]), 0.75
    cost = float(((30.0 * share / law) ** (1.0 / power)).sum())

    assert of(elastic(0.25, share, law, 1.0, cost))(np.array([cost]))[0] == pytest.approx([30.0])


def test_steps_by_hand() -> None:
    """Up to 10 units a period at 1, then 2; two periods of 25 and 75 %: the second reaches 10 at 40 / 3."""
    curve = of(stepped([Tier(up_to=10, price=1), Tier(price=2)], np.array([[0.25, 0.75]]), 1.0, 0.5))
    bought, slope = curve(np.array([10.0, 40.0 / 3.0, 40.0 / 3.0 + 17.5, 1000.0]))

    units = [10.0, 40.0 / 3.0, 40.0 / 3.0 + 10.0, 40.0 + (1000.0 - 60.0) / 2.0]
    assert 0.5 * bought == pytest.approx(units)
    assert 0.5 * slope == pytest.approx([1.0, 1.0 / 1.75, 1.0 / 1.75, 0.5])


@pytest.mark.parametrize(
    "curve",
    [
        elastic(0.3, np.array([0.5, 0.5]), np.array([2.0, 1.0]), 1.0, 100.0),
        stepped(
            [Tier(up_to=10, price=1), Tier(up_to=30, price=2), Tier(price=5)], np.full(4, 0.25), 1.0, 1.0
        ),
    ],
)
def test_more_money_buys_more_and_ever_less_for_a_unit(curve: Curve | None) -> None:
    bought, slope = of(curve)(GRID)

    assert bought[0] == 0.0
    assert (np.diff(bought) > 0).all()
    assert (np.diff(slope) <= 1e-12).all()
    assert (np.diff(bought, 2) <= 1e-9).all()


def test_prices_that_stay_turn_nothing() -> None:
    schedule = Schedule(np.array([2.0, np.nan]), (None, None))

    assert not schedule.moves
    np.testing.assert_array_equal(schedule.bought(np.array([10.0, 3.0])), [10.0, 3.0])


def test_other_prices_are_those_of_the_reference() -> None:
    """At 100 a unit of money buys 1 / 5 units; 400 at that price would buy 80, not 40."""
    curve = elastic(0.5, np.array([1.0]), np.array([2.0]), 1.0, 100.0)
    schedule = Schedule(np.array([1.0]), (curve,))

    assert schedule.at_prices_of(np.array([400.0]), np.array([100.0])) == pytest.approx([80.0])


class _Squares:
    """KPI that is the square of what is bought."""

    curves = None

    def kpi_M(self, amount_X: Floats) -> Floats:
        return np.array([float((amount_X**2).sum())])

    def gradient_MX(self, amount_X: Floats) -> Floats:
        return 2.0 * amount_X[None]


def test_gradients_by_money_are_those_of_differences() -> None:
    schedule = Schedule(np.ones(2), (elastic(0.3, np.array([1.0]), np.array([2.0]), 1.0, 50.0), None))
    priced = PricedResponse(_Squares(), schedule)
    amount_X, step = np.array([80.0, 3.0]), 1e-5
    found = [
        float((priced.kpi_M(amount_X + step * way) - priced.kpi_M(amount_X - step * way))[0]) / (2 * step)
        for way in np.eye(2)
    ]

    assert priced.curves is None
    assert priced.gradient_MX(amount_X)[0] == pytest.approx(found, rel=1e-6)
