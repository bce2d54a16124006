"""Plans in whole cents whose total is exact and whose limits still hold.

Shapes: Y variables, C channels, R rows.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from mmm.data.panel import Floats, Ints
from mmm.planning.solve.by_region import inner_limits_of, is_nested, outer_limits_of
from mmm.planning.solve.limits import Limits, repair, total_range

CENT = 0.01
"""Smallest amount a plan names."""


def in_cents(money_Y: Floats, limits: Limits, channel_Y: Ints, unit: float | None = None) -> Floats:
    """The plan in cents, its total that of the plan to the last digit.

    Amounts are cut to cents and the missing ones go to the largest remainders, within every limit. A
    variable whose bounds hold no whole cent keeps its amount, and what the total has beyond cents
    goes to the largest amount with room. Where no such plan keeps the limits only the total is made exact.
    Where cents are coarse a smaller power of ten takes their place, so that no amount is a rounding error.

    Args:
        money_Y: An allowed plan.
        limits: Its limits.
        channel_Y: Channel of each variable; totals of channels are rounded first.
        unit: What takes the place of a cent; by default found from the total.
    """
    free_total = limits.most - limits.least > CENT
    total = _cut(float(money_Y.sum()), limits) if free_total else limits.most
    unit = smallest(total, len(money_Y)) if unit is None else unit
    if len(money_Y) > len(np.unique(channel_Y)) and is_nested(limits, channel_Y):
        return _by_channel(money_Y, limits, channel_Y, unit)
    money_Y = _exact(money_Y, limits, total)
    rounded_Y = _largest_remainder(money_Y, limits, total, unit)
    if rounded_Y is not None and limits.holds(rounded_Y):
        return rounded_Y
    rounded_Y = _by_programme(money_Y, limits, total, unit)
    return money_Y if rounded_Y is None or not limits.holds(rounded_Y) else rounded_Y


def smallest(total: float, variables: int) -> float:
    """The smallest amount that a plan names: a cent, or a power of ten that leaves it four digits or more."""
    if not is_coarse(total, variables) or total <= 0:
        return CENT
    return float(10.0 ** math.floor(math.log10(total / (1e4 * variables))))


def settled(money_Y: Floats, limits: Limits, channel_Y: Ints, objective: str) -> Floats:
    """The plan in cents; a total that follows from a target stays on the side where the target is met."""
    if objective in ("target_roi", "kpi_target"):
        total = _whole_total(float(money_Y.sum()), limits, objective == "target_roi")
        limits = limits.with_total(total, total)
    return in_cents(money_Y, limits, channel_Y)


def _whole_total(total: float, limits: Limits, at_most: bool) -> float:
    """The total in cents, rounded down where it may be at most this, up where it must be at least this."""
    if is_coarse(total, len(limits.lower_X)):
        return total
    low, high = total_range(limits)
    whole = np.floor(total / CENT + 1e-6) if at_most else np.ceil(total / CENT - 1e-6)
    return float(np.clip(whole * CENT, max(low, limits.least), min(high, limits.most)))


def is_coarse(total: float, variables: int) -> bool:
    """So little money that whole cents would change the plan."""
    return total < 100.0 * CENT * variables


def _exact(money_Y: Floats, limits: Limits, total: float) -> Floats:
    """The nearest plan within bounds that has the total to the last digit."""
    exact_Y = repair(replace(limits.without_rows(), least=total, most=total), money_Y)
    return exact_Y if exact_Y is not None and limits.holds(exact_Y) else money_Y


def _by_channel(money_Y: Floats, limits: Limits, channel_Y: Ints, unit: float) -> Floats:
    outer = outer_limits_of(limits, channel_Y)
    total_C = np.asarray(np.bincount(channel_Y, weights=money_Y), dtype=np.float64)
    rounded_C = in_cents(total_C, outer, np.arange(len(total_C)), unit)
    rounded_Y = money_Y.copy()
    for c, total in enumerate(rounded_C):
        mine = channel_Y == c
        inner = inner_limits_of(limits, mine, float(total))
        cents = _largest_remainder(money_Y[mine], inner, inner.most, unit)
        rounded_Y[mine] = _exact(money_Y[mine], inner, inner.most) if cents is None else cents
    return rounded_Y if limits.holds(rounded_Y) else money_Y


def _cut(total: float, limits: Limits) -> float:
    """A free total in cents, within its limits."""
    if is_coarse(total, len(limits.lower_X)):
        return total
    whole = round(total / CENT) * CENT
    return whole if limits.least <= whole <= limits.most else total


def _whole(limits: Limits, unit: float) -> tuple[Floats, Floats]:
    """Bounds in cents; the lower exceeds the upper where no whole cent lies between."""
    slack = 1e-7
    # Adding 0 turns the -0 that ceil makes of 0 less a slack into 0.
    return np.ceil(limits.lower_X / unit - slack) + 0.0, np.floor(limits.upper_X / unit + slack)


def _largest_remainder(money_Y: Floats, limits: Limits, total: float, unit: float) -> Floats | None:
    """Cut to cents, then a cent each in the order of what was cut, within bounds."""
    low_Y, high_Y = _whole(limits, unit)
    free_Y = low_Y <= high_Y
    if not free_Y.any():
        return None
    cents_Y = np.clip(np.floor(money_Y / unit + 1e-6), low_Y, np.maximum(high_Y, low_Y))
    wanted = (total - float(money_Y[~free_Y].sum())) / unit
    whole = np.floor(wanted + 1e-4)
    missing = int(whole - cents_Y[free_Y].sum())
    order = np.flatnonzero(free_Y)[np.argsort(-(money_Y / unit - cents_Y)[free_Y], kind="stable")]
    if missing < 0:
        order = order[::-1]
    step = 1 if missing > 0 else -1
    for _ in range(abs(missing) // max(len(order), 1) + 2):
        for y in order:
            if missing != 0 and low_Y[y] <= cents_Y[y] + step <= high_Y[y]:
                cents_Y[y] += step
                missing -= step
    if missing != 0:
        return None
    result_Y = np.where(free_Y, np.round(cents_Y * unit, _digits(unit)), money_Y)
    rest = (wanted - whole) * unit
    return result_Y if abs(rest) < 1e-4 * unit else _give_rest(result_Y, rest, limits)


def _digits(unit: float) -> int:
    """Decimals of a power of ten."""
    return round(-math.log10(unit))


def _give_rest(money_Y: Floats, rest: float, limits: Limits) -> Floats | None:
    """What the total has beyond whole cents goes to the largest amount that has room for it."""
    for y in np.argsort(-money_Y, kind="stable"):
        if limits.lower_X[y] <= money_Y[y] + rest <= limits.upper_X[y]:
            money_Y[y] += rest
            return money_Y
    return None


def _by_programme(money_Y: Floats, limits: Limits, total: float, unit: float) -> Floats | None:
    """Whole cents nearest to the plan that keep every sum, as an integer programme around the plan."""
    if limits.is_single_sum:
        return None
    low_Y, high_Y = _whole(limits, unit)
    base_Y = np.floor(money_Y / unit + 1e-6)
    goal = total / unit - base_Y.sum()
    if abs(goal - round(goal)) > 1e-4:
        return None
    shift_R = limits.rows_RX @ base_Y
    rows = [
        LinearConstraint(np.ones_like(money_Y)[None, :], round(goal), round(goal)),
        LinearConstraint(
            limits.rows_RX, limits.row_lower_R / unit - shift_R, limits.row_upper_R / unit - shift_R
        ),
    ]
    cost_Y = base_Y - money_Y / unit
    for down, up in ((0, 1), (-3, 3)):
        box = Bounds(np.maximum(low_Y - base_Y, down), np.minimum(high_Y - base_Y, up))
        if np.any(box.lb > box.ub):
            continue
        whole_Y = np.ones_like(money_Y)
        result = milp(cost_Y, constraints=rows, bounds=box, integrality=whole_Y, options={"time_limit": 0.5})
        if result.x is not None:
            return np.asarray(np.round((base_Y + np.round(result.x)) * unit, _digits(unit)))
    return None
