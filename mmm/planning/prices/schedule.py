"""What money buys where prices rise with it, and the response to money through what it buys.

Amounts are turned into amounts at last year's price: units of exposure are those times the rate that the plan
counts with. The turn is concave and rising, so that curves stay curves and the search for the best plan is
the same.

With an elasticity e the price of a cell is ``s^e / k`` at a spend s there, k being such that the last year's
spend bought the last year's exposure. Media in the pattern of the plan then cost ``(q / Q)^(1 / (1 - e))``.

Shapes: G regions, H periods of a horizon, C channels, X decision variables, P kinks or grid points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Floats
from mmm.model.future import Response, SeparateCurves
from mmm.planning.prices.stated import Tier

FLOOR = 0.1
"""Part of the usual amount below which a price falls no further: nobody buys from the cheapest unit alone."""

Curve = Callable[[Floats], tuple[Floats, Floats]]
"""Amounts at last year's price, and their slope, from money of one variable."""


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


def elastic(elasticity: float, cell_N: Floats, law_N: Floats, rate: float, usual: float) -> Curve | None:
    """Prices that rise with spend by an elasticity.

    Args:
        elasticity: Above 0.
        cell_N: Share of the plan's exposure in each cell; adds up to 1.
        law_N: Units that the first unit of money buys in each cell, k.
        rate: Units per unit of money at last year's price.
        usual: Amount around which plans are made.
    """
    power = 1.0 - elasticity
    on_N = (cell_N > 0) & (law_N > 0)
    if elasticity <= 0 or usual <= 0 or rate <= 0 or not on_N.any():
        return None
    unit = float(((cell_N[on_N] / law_N[on_N]) ** (1.0 / power)).sum())
    least = FLOOR * usual
    first = (least / unit) ** power / rate

    def curve(amount: Floats) -> tuple[Floats, Floats]:
        above = np.maximum(amount, least)
        bought = (above / unit) ** power / rate
        low = amount < least
        return (
            np.where(low, first * amount / least, bought),
            np.where(low, first / least, power * bought / above),
        )

    return curve


def stepped(tiers: Sequence[Tier], share_H: Floats, part: float, rate: float) -> Curve | None:
    """Prices that rise in steps.

    Args:
        tiers: Of the whole market, per period.
        share_H: Share of the plan's exposure in each period; adds up to 1.
        part: Share of the market's exposure that this variable buys: steps are as much narrower.
        rate: Units per unit of money at last year's price.
    """
    share_H = share_H[share_H > 0]
    if not len(share_H) or part <= 0 or rate <= 0:
        return None
    ends = np.array([tier.up_to for tier in tiers[:-1]], dtype=np.float64) * part
    price_K = np.array([tier.price for tier in tiers])
    units_P = np.unique(np.concatenate([[0.0], (ends[:, None] / share_H).ravel()]))
    step = np.searchsorted(ends, units_P[:, None] * share_H * (1.0 + 1e-12), side="right")
    each_P = (price_K[step] * share_H).sum(1)
    money_P = np.concatenate([[0.0], np.cumsum(np.diff(units_P) * each_P[:-1])])

    def curve(amount: Floats) -> tuple[Floats, Floats]:
        place = np.clip(np.searchsorted(money_P, amount, side="right") - 1, 0, len(money_P) - 1)
        bought = (units_P[place] + (amount - money_P[place]) / each_P[place]) / rate
        return bought, 1.0 / (each_P[place] * rate)

    return curve


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
