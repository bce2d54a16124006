"""Linear limits of a plan: whether any plan keeps them, and the plan nearest to another that does.

Shapes: X decision variables, R rows (limits of weighted sums), B blocks of variables. All amounts in money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog

from mmm.data.panel import Floats, Ints

TOLERANCE = 1e-7
"""Largest violation of a limit that still counts as kept, relative to the size of the plan."""


@dataclass(frozen=True, eq=False)
class Limits:
    """The polytope of allowed plans.

    Attributes:
        lower_X: Least amount per variable.
        upper_X: Largest amount per variable, finite.
        least: Least total.
        most: Largest total.
        rows_RX: Coefficients of further sums.
        row_lower_R: Least value of each sum, -inf if open.
        row_upper_R: Largest value of each sum, inf if open.
        row_names_R: What each sum is called in messages.
        variable_names_X: What each variable is called in messages.
    """

    lower_X: Floats
    upper_X: Floats
    least: float
    most: float
    rows_RX: Floats
    row_lower_R: Floats
    row_upper_R: Floats
    row_names_R: tuple[str, ...]
    variable_names_X: tuple[str, ...]

    @property
    def size(self) -> float:
        """Scale of the plan, for tolerances."""
        ends = np.concatenate([self.row_lower_R, self.row_upper_R, [self.lower_X.sum(), self.least]])
        for total in (self.most, float(self.upper_X.sum()), float(ends[np.isfinite(ends)].max(initial=1.0))):
            if np.isfinite(total):
                break
        return max(total, 1e-9)

    @property
    def is_single_sum(self) -> bool:
        """Nothing but bounds and the total."""
        return len(self.row_names_R) == 0

    def with_total(self, least: float, most: float) -> Limits:
        """The same limits with another range of the total."""
        return replace(self, least=least, most=most)

    def without_rows(self) -> Limits:
        """Bounds and total alone."""
        nothing, rows_0X = np.zeros(0), np.zeros((0, len(self.lower_X)))
        return replace(self, rows_RX=rows_0X, row_lower_R=nothing, row_upper_R=nothing, row_names_R=())

    def violation(self, money_X: Floats) -> float:
        """Largest violation of any limit, in money; rows relative to their largest coefficient."""
        total = float(money_X.sum())
        worst = [
            float(np.max(self.lower_X - money_X, initial=0.0)),
            float(np.max(money_X - self.upper_X, initial=0.0)),
            self.least - total,
            total - self.most,
        ]
        if not self.is_single_sum:
            sums_R = self.rows_RX @ money_X
            scale_R = np.maximum(np.abs(self.rows_RX).max(axis=1), 1.0)
            worst.append(float(np.max((self.row_lower_R - sums_R) / scale_R)))
            worst.append(float(np.max((sums_R - self.row_upper_R) / scale_R)))
        return max(*worst, 0.0)

    def holds(self, money_X: Floats, tolerance: float = TOLERANCE) -> bool:
        """No violation beyond the tolerance."""
        return self.violation(money_X) <= tolerance * self.size


def inequalities(limits: Limits) -> tuple[Floats, Floats, Floats, Floats]:
    """Rows as ``A z <= b`` and ``E z = e``, the total among them; scaled by the plan's size.

    Returns:
        A, b, E, e for variables ``z = money / limits.size``.
    """
    rows = np.vstack([np.ones_like(limits.lower_X)[None, :], limits.rows_RX])
    lower = np.concatenate([[limits.least], limits.row_lower_R]) / limits.size
    upper = np.concatenate([[limits.most], limits.row_upper_R]) / limits.size
    equal = np.isfinite(lower) & (upper <= lower * (1 + 1e-15))
    above, below = np.isfinite(upper) & ~equal, np.isfinite(lower) & ~equal
    a_matrix = np.vstack([rows[above], -rows[below]])
    return a_matrix, np.concatenate([upper[above], -lower[below]]), rows[equal], upper[equal]


def feasible_point(limits: Limits, towards_X: Floats | None = None) -> Floats | None:
    """An allowed plan, as near as a linear programme gets to ``towards_X``; None if there is none.

    Args:
        limits: What a plan must keep.
        towards_X: A plan to stay near to (least sum of absolute changes), or None for any plan.
    """
    count = len(limits.lower_X)
    a_matrix, b_vector, e_matrix, e_vector = inequalities(limits)
    box = np.column_stack([limits.lower_X, limits.upper_X]) / limits.size
    if towards_X is None:
        cost = np.zeros(count)
        result = linprog(cost, a_matrix, b_vector, e_matrix, e_vector, box, method="highs")
    else:
        # |money - aim| is linear with one more variable d per amount, d >= money - aim and d >= aim - money.
        aim = towards_X / limits.size
        identity, nothing = np.eye(count), np.zeros((len(e_matrix), count))
        distance = np.block([[identity, -identity], [-identity, -identity]])
        a_matrix = np.vstack([np.hstack([a_matrix, np.zeros_like(a_matrix)]), distance])
        b_vector = np.concatenate([b_vector, aim, -aim])
        box = np.vstack([box, np.tile([0.0, np.inf], (count, 1))])
        cost = np.concatenate([np.zeros(count), np.ones(count)])
        result = linprog(
            cost, a_matrix, b_vector, np.hstack([e_matrix, nothing]), e_vector, box, method="highs"
        )
    if result.status != 0:
        return None
    return np.asarray(np.clip(result.x[:count] * limits.size, limits.lower_X, limits.upper_X))


def is_feasible(limits: Limits) -> bool:
    """Some plan is allowed."""
    if not limits.is_single_sum:
        return feasible_point(limits) is not None
    slack = TOLERANCE * limits.size
    crossed = bool(np.any(limits.lower_X > limits.upper_X + slack)) or limits.least > limits.most + slack
    low, high = total_range(limits)
    return not crossed and low <= limits.most + slack and high >= limits.least - slack


def total_range(limits: Limits) -> tuple[float, float]:
    """Least and largest total that everything but the total's own limits allows; NaN if nothing does."""
    free = limits.with_total(-np.inf, np.inf)
    if limits.is_single_sum:
        return float(limits.lower_X.sum()), float(limits.upper_X.sum())
    a_matrix, b_vector, e_matrix, e_vector = inequalities(free)
    size = free.size
    box = np.column_stack([limits.lower_X, limits.upper_X]) / size
    ends = []
    for sign in (1.0, -1.0):
        cost = np.full(len(box), sign)
        result = linprog(cost, a_matrix, b_vector, e_matrix, e_vector, box, method="highs")
        ends.append(sign * result.fun * size if result.status == 0 else np.nan)
    return ends[0], ends[1]


def repair(limits: Limits, money_X: Floats) -> Floats | None:
    """The nearest allowed plan (Euclid for a single sum, else least absolute change), None if none is."""
    wish_X = money_X = np.clip(np.nan_to_num(money_X), limits.lower_X, limits.upper_X)
    total = float(wish_X.sum())
    aim = min(max(total, limits.least), limits.most)
    if total != aim:
        zero_X = np.zeros(len(wish_X), dtype=np.int64)
        money_X = with_sums(
            wish_X, np.ones_like(wish_X), limits.lower_X, limits.upper_X, zero_X, np.array([aim])
        )
    if limits.holds(money_X):
        return money_X
    return None if limits.is_single_sum else feasible_point(limits, wish_X)


def with_sums(
    wish_X: Floats, yield_X: Floats, low_X: Floats, high_X: Floats, block_X: Ints, sums_B: Floats
) -> Floats:
    """``clip(wish - multiplier * yield, low, high)`` with the multiplier of each block that meets its sum."""
    # The sum of a block falls as its multiplier rises, in straight pieces. Beyond these ends every variable
    # of the block stands at a bound, so the multiplier lies between. A chord meets the sum as soon as one
    # piece is left between the ends; halvings see to it that this is soon.
    blocks = len(sums_B)
    least_B, most_B = np.full(blocks, np.inf), np.full(blocks, -np.inf)
    np.minimum.at(least_B, block_X, (wish_X - high_X) / yield_X)
    np.maximum.at(most_B, block_X, (wish_X - low_X) / yield_X)
    over_B, under_B = (np.bincount(block_X, end_X, blocks) - sums_B for end_X in (high_X, low_X))
    near_B = 1e-15 * np.bincount(block_X, np.abs(wish_X), blocks)
    for turn in range(100):
        part_B = np.full(blocks, 0.5)
        if turn % 2 == 0:
            np.divide(over_B, over_B - under_B, out=part_B, where=(over_B > 0) & (under_B < 0))
        middle_B = least_B + part_B * (most_B - least_B)
        filled_X = np.clip(wish_X - middle_B[block_X] * yield_X, low_X, high_X)
        beyond_B = np.bincount(block_X, filled_X, blocks) - sums_B
        if (np.abs(beyond_B) <= near_B).all():
            break
        above_B = beyond_B > 0
        least_B, most_B = np.where(above_B, middle_B, least_B), np.where(above_B, most_B, middle_B)
        over_B, under_B = np.where(above_B, beyond_B, over_B), np.where(above_B, under_B, beyond_B)
    return _settle(filled_X, low_X, high_X, block_X, sums_B)


def _settle(filled_X: Floats, low_X: Floats, high_X: Floats, block_X: Ints, sums_B: Floats) -> Floats:
    """Spread what rounding leaves over the variables of the block that have room."""
    # Each pass leaves the rounding error of its own sum, so a few bring the total to its last digit.
    for _ in range(3):
        missing_B = sums_B - np.bincount(block_X, weights=filled_X, minlength=len(sums_B))
        room_X = np.where(missing_B[block_X] > 0, high_X - filled_X, filled_X - low_X)
        total_B = np.bincount(block_X, weights=room_X, minlength=len(sums_B))
        part_B = np.divide(missing_B, total_B, out=np.zeros_like(missing_B), where=total_B > 0)
        filled_X = np.clip(filled_X + room_X * np.clip(part_B, -1.0, 1.0)[block_X], low_X, high_X)
    return filled_X
