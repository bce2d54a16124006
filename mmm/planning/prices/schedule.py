"""What money buys where prices rise with it, and the response to money through what it buys.

Amounts are turned into amounts at last year's price: units of exposure are those times the rate that the plan
counts with. The turn is concave and rising, so that curves stay curves and the search for the best plan is
the same.

With an elasticity e the price of a cell is ``s^e / k`` at a spend s there, k being such that the last year's
spend bought the last year's exposure. Media in the pattern of the plan then cost ``(q / Q)^(1 / (1 - e))``.

Shapes: G regions, H periods of a horizon, C channels, X decision variables, P kinks or grid points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmm.data.panel import Floats
from mmm.model.future import Response, SeparateCurves
from mmm.planning.prices.stated import Tier

FLOOR = 0.1
"""Part of the usual amount below which a price falls no further: nobody buys from the cheapest unit alone."""


class Curve(Protocol):
    """What money buys of one variable."""

    def __call__(self, amount: Floats) -> tuple[Floats, Floats]:
        """Amounts at last year's price, and their slope, from money; any shape."""

    def spent(self, amount: float) -> Floats:
        """Money in each cell of the variable, shape GH, of an amount in the pattern of the plan."""

    def buys(self, money_GH: Floats) -> Floats:
        """Units of exposure that money buys in each cell; periods may be fewer than those of the plan."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """Prices of every decision variable.

    Attributes:
        rate_X: Units of exposure per unit of money at last year's price; NaN where exposure is not known.
        curves: By variable; None where the price stays.
    """

    rate_X: Floats
    curves: tuple[Curve | None, ...]

    @property
    def moves(self) -> bool:
        """Whether any price does."""
        return any(curve is not None for curve in self.curves)

    def bought(self, amount_X: Floats) -> Floats:
        """Amounts at last year's price that buy the same; leading axes are kept."""
        return self._each(amount_X)[0]

    def slope(self, amount_X: Floats) -> Floats:
        """Its derivative."""
        return self._each(amount_X)[1]

    def _each(self, amount_X: Floats) -> tuple[Floats, Floats]:
        bought_X, slope_X = np.array(amount_X, dtype=np.float64), np.ones_like(amount_X, dtype=np.float64)
        for x, curve in enumerate(self.curves):
            if curve is not None:
                bought_X[..., x], slope_X[..., x] = curve(np.asarray(amount_X[..., x], dtype=np.float64))
        return bought_X, slope_X

    def at_prices_of(self, amount_X: Floats, reference_X: Floats) -> Floats:
        """What amounts would buy at the prices of others, as amounts at last year's price."""
        each_X = self.bought(reference_X)
        ratio_X = np.divide(each_X, reference_X, out=self.slope(reference_X), where=reference_X > 0)
        return amount_X * ratio_X


@dataclass(frozen=True, eq=False)
class Elastic:
    """Prices that rise with spend by an elasticity.

    Attributes:
        power: One less the elasticity.
        rate: Units per unit of money at last year's price.
        least: Money below which prices fall no further.
        unit: Money that buys one unit in the pattern of the plan, were prices as at one unit.
        law_GH: Units that the first unit of money buys in each cell.
        spent_GH: Share of the money in each cell; adds up to 1.
    """

    power: float
    rate: float
    least: float
    unit: float
    law_GH: Floats
    spent_GH: Floats

    def __call__(self, amount: Floats) -> tuple[Floats, Floats]:
        """See ``Curve``."""
        above = np.maximum(amount, self.least)
        bought = (above / self.unit) ** self.power / self.rate
        first = (self.least / self.unit) ** self.power / self.rate
        low = amount < self.least
        return (
            np.where(low, first * amount / self.least, bought),
            np.where(low, first / self.least, self.power * bought / above),
        )

    def spent(self, amount: float) -> Floats:
        """See ``Curve``."""
        return amount * self.spent_GH

    def buys(self, money_GH: Floats) -> Floats:
        """See ``Curve``; a cell in which the plan spends nothing has the floor of the average one."""
        spent_GH, law_GH = (own[:, : money_GH.shape[1]] for own in (self.spent_GH, self.law_GH))
        typical = 1.0 / max(int((self.spent_GH > 0).sum()), 1)
        least_GH = self.least * np.where(spent_GH > 0, spent_GH, typical)
        units_GH: Floats = law_GH * np.maximum(money_GH, least_GH) ** self.power
        return units_GH * np.minimum(money_GH / least_GH, 1.0)


def elastic(elasticity: float, cell_GH: Floats, law_GH: Floats, rate: float, usual: float) -> Elastic | None:
    """Prices that rise with spend by an elasticity; None where they stay.

    Args:
        elasticity: Above 0.
        cell_GH: Share of the plan's exposure in each cell; adds up to 1.
        law_GH: Units that the first unit of money buys in each cell, k.
        rate: Units per unit of money at last year's price.
        usual: Amount around which plans are made.
    """
    power = 1.0 - elasticity
    on_GH = (cell_GH > 0) & (law_GH > 0)
    if elasticity <= 0 or usual <= 0 or rate <= 0 or not on_GH.any():
        return None
    cost_GH = np.where(on_GH, cell_GH / np.where(on_GH, law_GH, 1.0), 0.0) ** (1.0 / power)
    unit = float(cost_GH[on_GH].sum())
    return Elastic(power, rate, FLOOR * usual, unit, law_GH, cost_GH / unit)


@dataclass(frozen=True, eq=False)
class Stepped:
    """Prices that rise in steps, per period over all regions of a variable.

    Attributes:
        rate: Units per unit of money at last year's price.
        ends: Units of a period at which each step but the last ends.
        price_K: Price of each step.
        cell_GH: Share of the plan's exposure in each cell; adds up to 1.
        units_P: Units of the plan at its kinks.
        money_P: Money that buys them.
        each_P: Money for one unit more.
    """

    rate: float
    ends: Floats
    price_K: Floats
    cell_GH: Floats
    units_P: Floats
    money_P: Floats
    each_P: Floats

    def __call__(self, amount: Floats) -> tuple[Floats, Floats]:
        """See ``Curve``."""
        place = np.clip(np.searchsorted(self.money_P, amount, side="right") - 1, 0, len(self.money_P) - 1)
        each = self.each_P[place]
        bought = (self.units_P[place] + (amount - self.money_P[place]) / each) / self.rate
        return bought, 1.0 / (each * self.rate)

    def _costs(self) -> Floats:
        """Money that the steps of a period cost up to the end of each but the last, 0 first."""
        return np.concatenate([[0.0], np.cumsum(np.diff(self.ends, prepend=0.0) * self.price_K[:-1])])

    def spent(self, amount: float) -> Floats:
        """See ``Curve``; regions of a period pay the same price."""
        units_GH = float(self(np.asarray(amount))[0]) * self.rate * self.cell_GH
        units_H = units_GH.sum(0)
        step_H = np.searchsorted(self.ends, units_H, side="right")
        begins = np.concatenate([[0.0], self.ends])
        money_H = self._costs()[step_H] + (units_H - begins[step_H]) * self.price_K[step_H]
        money_GH: Floats = money_H * np.divide(
            units_GH, units_H, out=np.zeros_like(units_GH), where=units_H > 0
        )
        return money_GH

    def buys(self, money_GH: Floats) -> Floats:
        """See ``Curve``."""
        money_H, costs = money_GH.sum(0), self._costs()
        step_H = np.searchsorted(costs, money_H, side="right") - 1
        begins = np.concatenate([[0.0], self.ends])
        units_H = begins[step_H] + (money_H - costs[step_H]) / self.price_K[step_H]
        units_GH: Floats = units_H * np.divide(
            money_GH, money_H, out=np.zeros_like(money_GH), where=money_H > 0
        )
        return units_GH


def stepped(tiers: Sequence[Tier], cell_GH: Floats, part: float, rate: float) -> Stepped | None:
    """Prices that rise in steps.

    Args:
        tiers: Of the whole market, per period.
        cell_GH: Share of the plan's exposure in each cell; adds up to 1.
        part: Share of the market's exposure that this variable buys: steps are as much narrower.
        rate: Units per unit of money at last year's price.
    """
    share_H = cell_GH.sum(0)
    share_H = share_H[share_H > 0]
    if not len(share_H) or part <= 0 or rate <= 0:
        return None
    ends = np.array([tier.up_to for tier in tiers[:-1]], dtype=np.float64) * part
    price_K = np.array([tier.price for tier in tiers])
    units_P = np.unique(np.concatenate([[0.0], (ends[:, None] / share_H).ravel()]))
    step = np.searchsorted(ends, units_P[:, None] * share_H * (1.0 + 1e-12), side="right")
    each_P = (price_K[step] * share_H).sum(1)
    money_P = np.concatenate([[0.0], np.cumsum(np.diff(units_P) * each_P[:-1])])
    return Stepped(rate, ends, price_K, cell_GH, units_P, money_P, each_P)


class PricedResponse:
    """A response to money through what it buys.

    Args:
        response: To amounts at last year's price.
        schedule: What money buys.
    """

    def __init__(self, response: Response, schedule: Schedule) -> None:
        self.response, self.schedule = response, schedule

    @property
    def curves(self) -> PricedResponse | None:
        """See ``Response.curves``: concave and rising in money, a curve stays one."""
        return None if self.response.curves is None else self

    @property
    def _curves(self) -> SeparateCurves:
        assert self.response.curves is not None
        return self.response.curves

    def kpi_M(self, amount_X: Floats) -> Floats:
        """See ``Response.kpi_M``."""
        return self.response.kpi_M(self.schedule.bought(amount_X))

    def gradient_MX(self, amount_X: Floats) -> Floats:
        """See ``Response.gradient_MX``."""
        return self.response.gradient_MX(self.schedule.bought(amount_X)) * self.schedule.slope(amount_X)

    def values_MX(self, amount_X: Floats) -> Floats:
        """See ``SeparateCurves.values_MX``."""
        return self._curves.values_MX(self.schedule.bought(amount_X))

    def table_MPX(self, grid_PX: Floats) -> Floats:
        """See ``SeparateCurves.table_MPX``."""
        return self._curves.table_MPX(self.schedule.bought(grid_PX))
