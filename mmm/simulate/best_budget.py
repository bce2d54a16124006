"""The truly best split of a simulated market's money: what a budget plan is measured against.

Shapes: C channels, P multipliers of a grid, S steps of money.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import LinearConstraint, minimize

from mmm.data.panel import Floats
from mmm.simulate.worlds import World


@dataclass(frozen=True)
class BestBudget:
    """The truly best split of the same money.

    Attributes:
        multipliers_C: Factor on each channel's spend of the last ``horizon`` periods.
        spend_C: Spend of the best plan.
        current_spend_C: Spend of the last ``horizon`` periods.
        kpi: Media-driven KPI of the best plan.
        current_kpi: Media-driven KPI of repeating the last ``horizon`` periods.
        horizon: Periods of the plan.
    """

    multipliers_C: Floats
    spend_C: Floats
    current_spend_C: Floats
    kpi: float
    current_kpi: float
    horizon: int

    @property
    def lift(self) -> float:
        """KPI units gained over repeating the last periods."""
        return self.kpi - self.current_kpi


def best_budget(world: World, *, horizon: int = 13, max_change: float = 0.5) -> BestBudget:
    """The best split of the same money, each channel within ``max_change`` of what it spent.

    Channels that nobody buys run as they did.

    Global search by dynamic programming over a grid of multipliers, then refined continuously.

    Args:
        world: A simulated world.
        horizon: Periods of the plan, whose pattern and money are those of the last ``horizon`` periods.
        max_change: Largest relative change of a channel's spend, above 0 and at most 1.

    Raises:
        ValueError: ``horizon`` or ``max_change`` is out of range.
    """
    if not 1 <= horizon <= len(world.dates):
        raise ValueError(
            f"horizon is {horizon}; it must be within 1 and {len(world.dates)}, the periods known."
        )
    if not 0 < max_change <= 1:
        raise ValueError(f"max_change is {max_change}; it must be above 0 and at most 1.")
    grid_P = np.linspace(1 - max_change, 1 + max_change, 101)
    kpi_CP = np.stack([world.planned_C(np.full(len(world.channels), m), horizon) for m in grid_P], axis=1)
    held_C = ~world.bought_C
    kpi_CP[held_C] = world.planned_C(np.ones(len(world.channels)), horizon)[held_C, None]
    spend_C = world.spend_GTC[:, -horizon:].sum(axis=(0, 1))
    share_C = spend_C / spend_C.sum()
    start_C = _best_on_grid(kpi_CP, share_C, grid_P)
    current_kpi = world.kpi_under(np.ones_like(share_C), horizon)
    best_C, best_kpi = np.ones_like(share_C), current_kpi
    # Candidates are judged by the world itself, not by the interpolation they were found on, and repeating
    # the last periods is one of them: the best plan is never worse than that.
    for found_C in _refine(kpi_CP, share_C, grid_P, start_C):
        candidate_C = np.where(held_C, 1.0, found_C)
        kpi = world.kpi_under(candidate_C, horizon)
        if kpi > best_kpi:
            best_C, best_kpi = candidate_C, kpi
    return BestBudget(best_C, best_C * spend_C, spend_C, best_kpi, current_kpi, horizon)


def _best_on_grid(kpi_CP: Floats, share_C: Floats, grid_P: Floats, states: int = 2000) -> Floats:
    """Multipliers on the grid that spend the same money best, money counted in ``states`` steps."""
    step = (1 - grid_P[0]) / states
    cost_CP = np.rint(share_C[:, None] * (grid_P - grid_P[0]) / step).astype(int)
    value_S = np.full(states + 1, -np.inf)
    value_S[0] = 0.0
    choices = []
    # value_S[s]: the most that the channels so far bring for exactly s steps of money above their least.
    for kpi_P, cost_P in zip(kpi_CP, cost_CP, strict=True):
        option_PS = np.full((len(grid_P), states + 1), -np.inf)
        for p, cost in enumerate(cost_P[cost_P <= states]):
            option_PS[p, cost:] = value_S[: states + 1 - cost] + kpi_P[p]
        choices.append(option_PS.argmax(axis=0))
        value_S = option_PS.max(axis=0)
    # At most, not exactly, the money there is: what no channel wants is left, and refinement places it.
    state, best_C = int(value_S.argmax()), np.ones_like(share_C)
    for c in range(len(share_C) - 1, -1, -1):
        chosen = choices[c][state]
        best_C[c] = grid_P[chosen]
        state -= cost_CP[c, chosen]
    return best_C


def _refine(kpi_CP: Floats, share_C: Floats, grid_P: Floats, start_C: Floats) -> list[Floats]:
    """Local optima of the interpolated curves that spend the same money to 1e-9."""
    curves = [PchipInterpolator(grid_P, kpi_P) for kpi_P in kpi_CP]
    slopes = [curve.derivative() for curve in curves]
    scale = float(kpi_CP.mean(axis=1).sum())

    def loss(multiplier_C: Floats) -> float:
        return -sum(float(curve(m)) for curve, m in zip(curves, multiplier_C, strict=True)) / scale

    def gradient(multiplier_C: Floats) -> Floats:
        steepness_C: Floats = np.array(
            [float(slope(m)) for slope, m in zip(slopes, multiplier_C, strict=True)]
        )
        return -steepness_C / scale

    found = []
    for first_C in (start_C, np.ones_like(start_C)):
        result = minimize(
            loss,
            first_C,
            jac=gradient,
            method="SLSQP",
            bounds=[(grid_P[0], grid_P[-1])] * len(share_C),
            constraints=LinearConstraint(share_C[None, :], 1.0, 1.0),
            options={"maxiter": 300, "ftol": 1e-12},
        )
        if abs(share_C @ result.x - 1.0) < 1e-9:
            found.append(np.clip(result.x, grid_P[0], grid_P[-1]))
    return found
