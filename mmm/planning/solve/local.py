"""Local refinement of a plan with analytic gradients, within its limits.

Shapes: Y variables the solver moves, B blocks of them whose sums stay.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, minimize

from mmm.data.panel import Floats, Ints
from mmm.planning.solve.limits import Limits, feasible_point, inequalities
from mmm.planning.solve.objective import Objective


def refine(
    objective: Objective, limits: Limits, start_Y: Floats, method: Literal["slsqp", "trust-constr"]
) -> Floats:
    """Climb from an allowed plan with SLSQP or the trust-region interior point of scipy.

    Variables are scaled by the size of the plan and the score by its value at the start, so that
    tolerances mean the same at any currency. The result keeps the limits and is never worse than
    the start.
    """
    size = limits.size
    start_score, gradient_Y = objective.score_and_gradient(start_Y)
    slope = float(np.abs(gradient_Y).max(initial=0.0)) * size
    unit = max(abs(start_score), float(np.abs(gradient_Y * start_Y).sum()), 1e-6 * slope) or 1.0

    def negative(scaled_Y: Floats) -> tuple[float, Floats]:
        money_Y = np.clip(scaled_Y * size, limits.lower_X, limits.upper_X)
        score, slope_Y = objective.score_and_gradient(money_Y)
        return -score / unit, -slope_Y * size / unit

    box = Bounds(limits.lower_X / size, limits.upper_X / size)
    a_matrix, b_vector, e_matrix, e_vector = inequalities(limits)
    if method == "slsqp":
        rows: list[dict[str, object]] = []
        if len(e_matrix):
            rows.append(_row("eq", lambda z: e_matrix @ z - e_vector, e_matrix))
        if len(a_matrix):
            rows.append(_row("ineq", lambda z: b_vector - a_matrix @ z, -a_matrix))
        options: dict[str, object] = {"ftol": 1e-10, "maxiter": 60}
    else:
        rows = []
        if len(e_matrix):
            rows.append(LinearConstraint(e_matrix, e_vector, e_vector))
        if len(a_matrix):
            rows.append(LinearConstraint(a_matrix, -np.inf, b_vector))
        options = {"gtol": 1e-9, "xtol": 1e-10, "maxiter": 300}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "delta_grad == 0.0", UserWarning)  # flat beyond saturation
        warnings.filterwarnings("ignore", "Singular Jacobian", UserWarning)  # limits that imply each other
        result = minimize(
            negative, start_Y / size, jac=True, method=method, bounds=box, constraints=rows, options=options
        )
    money_Y = repair(limits, result.x * size)
    if money_Y is None or not objective.score(money_Y) > start_score:
        return start_Y
    return money_Y


def _row(kind: str, value: Callable[[Floats], Floats], slope: Floats) -> dict[str, object]:
    return {"type": kind, "fun": value, "jac": lambda _: slope}


def repair(limits: Limits, money_Y: Floats) -> Floats | None:
    """The nearest allowed plan (Euclid for a single sum, else least absolute change), None if none is."""
    money_Y = np.clip(np.nan_to_num(money_Y), limits.lower_X, limits.upper_X)
    total = float(money_Y.sum())
    aim = min(max(total, limits.least), limits.most)
    if total != aim:
        zero_Y = np.zeros(len(money_Y), dtype=np.int64)
        money_Y = with_sums(
            money_Y, np.ones_like(money_Y), limits.lower_X, limits.upper_X, zero_Y, np.array([aim])
        )
    if limits.holds(money_Y):
        return money_Y
    return None if limits.is_single_sum else feasible_point(limits, money_Y)


def climb_blocks(
    value: Callable[[Floats], Floats],
    slope: Callable[[Floats], Floats],
    start_Y: Floats,
    lower_Y: Floats,
    upper_Y: Floats,
    block_Y: Ints,
    reach_Y: Floats,
    *,
    steps: int = 12,
) -> Floats:
    """Newton's method for thousands of separate curves whose sums by block stay as they are.

    Each step solves the quadratic model within a trust box: one multiplier per block, found by
    bisection for all blocks at once; each block takes the longest of a few step lengths that gains.

    Args:
        value: Score of each variable.
        slope: Its derivative.
        start_Y: Plan to start from.
        lower_Y: Least amounts.
        upper_Y: Largest amounts.
        block_Y: Block of each variable, from 0 without gaps; -1 for variables that need not keep a sum.
        reach_Y: Longest first step of each variable.
        steps: Most Newton steps.
    """
    money_Y, value_Y = start_Y, value(start_Y)
    reach = 1.0
    for _ in range(steps):
        slope_Y = slope(money_Y)
        low_Y = np.maximum(lower_Y, money_Y - reach * reach_Y)
        high_Y = np.minimum(upper_Y, money_Y + reach * reach_Y)
        curvature_Y = _curvature(slope, slope_Y, money_Y, low_Y, high_Y)
        aim_Y = _model_optimum(money_Y, slope_Y, curvature_Y, low_Y, high_Y, block_Y)
        stepped_Y, stepped_value_Y = _longest_gain(value, money_Y, value_Y, aim_Y, block_Y)
        gain = float(stepped_value_Y.sum() - value_Y.sum())
        money_Y, value_Y = stepped_Y, stepped_value_Y
        if gain <= 1e-9 * max(abs(float(value_Y.sum())), 1e-300):
            if reach < 0.05:
                break
            reach *= 0.1
    return money_Y


def _curvature(
    slope: Callable[[Floats], Floats], slope_Y: Floats, money_Y: Floats, low_Y: Floats, high_Y: Floats
) -> Floats:
    """Minus the second derivative, kept positive, from a small step into the trust box."""
    room_up_Y, room_down_Y = high_Y - money_Y, money_Y - low_Y
    step_Y = 1e-3 * np.where(room_up_Y >= room_down_Y, room_up_Y, -room_down_Y)
    moved_Y = slope(money_Y + step_Y)
    second_Y = np.divide(moved_Y - slope_Y, step_Y, out=np.zeros_like(step_Y), where=step_Y != 0)
    room_Y = np.maximum(high_Y - low_Y, 1e-300)
    floor_Y = 1e-3 * (np.abs(slope_Y) + np.abs(slope_Y).mean()) / room_Y
    return np.asarray(np.maximum(-second_Y, np.maximum(floor_Y, 1e-300)))


def _model_optimum(
    money_Y: Floats, slope_Y: Floats, curvature_Y: Floats, low_Y: Floats, high_Y: Floats, block_Y: Ints
) -> Floats:
    """Best plan of the quadratic model, sums by block kept."""
    wish_Y = money_Y + slope_Y / curvature_Y
    free_Y = block_Y < 0
    result_Y = np.asarray(np.clip(wish_Y, low_Y, high_Y))
    if not free_Y.all():
        held = ~free_Y
        sums_B = np.asarray(np.bincount(block_Y[held], weights=money_Y[held]), dtype=np.float64)
        result_Y[held] = with_sums(
            wish_Y[held], 1.0 / curvature_Y[held], low_Y[held], high_Y[held], block_Y[held], sums_B
        )
    return result_Y


def with_sums(
    wish_Y: Floats, yield_Y: Floats, low_Y: Floats, high_Y: Floats, block_Y: Ints, sums_B: Floats
) -> Floats:
    """``clip(wish - multiplier * yield, low, high)`` with the multiplier of each block that meets its sum."""
    blocks = len(sums_B)
    least_B, most_B = np.full(blocks, np.inf), np.full(blocks, -np.inf)
    np.minimum.at(least_B, block_Y, (wish_Y - high_Y) / yield_Y)
    np.maximum.at(most_B, block_Y, (wish_Y - low_Y) / yield_Y)
    for _ in range(100):
        middle_B = 0.5 * (least_B + most_B)
        filled_Y = np.clip(wish_Y - middle_B[block_Y] * yield_Y, low_Y, high_Y)
        above_B = np.bincount(block_Y, weights=filled_Y, minlength=blocks) > sums_B
        least_B, most_B = np.where(above_B, middle_B, least_B), np.where(above_B, most_B, middle_B)
    return _settle(filled_Y, low_Y, high_Y, block_Y, sums_B)


def _settle(filled_Y: Floats, low_Y: Floats, high_Y: Floats, block_Y: Ints, sums_B: Floats) -> Floats:
    """Spread what rounding leaves over the variables of the block that have room."""
    for _ in range(3):
        missing_B = sums_B - np.bincount(block_Y, weights=filled_Y, minlength=len(sums_B))
        room_Y = np.where(missing_B[block_Y] > 0, high_Y - filled_Y, filled_Y - low_Y)
        total_B = np.bincount(block_Y, weights=room_Y, minlength=len(sums_B))
        part_B = np.divide(missing_B, total_B, out=np.zeros_like(missing_B), where=total_B > 0)
        filled_Y = np.clip(filled_Y + room_Y * np.clip(part_B, -1.0, 1.0)[block_Y], low_Y, high_Y)
    return filled_Y


def _longest_gain(
    value: Callable[[Floats], Floats], money_Y: Floats, value_Y: Floats, aim_Y: Floats, block_Y: Ints
) -> tuple[Floats, Floats]:
    """Each block moves by the longest of 1, 1/4, 1/16 and 1/64 of the way that gains, else stays."""
    label_Y = block_Y + 1
    pending_B = np.ones(int(label_Y.max()) + 1, dtype=bool)
    best_Y, best_value_Y = money_Y.copy(), value_Y.copy()
    for part in (1.0, 0.25, 0.0625, 0.015625):
        tried_Y = np.where(pending_B[label_Y], money_Y + part * (aim_Y - money_Y), best_Y)
        tried_value_Y = value(tried_Y)
        gain_B = np.bincount(label_Y, weights=tried_value_Y - value_Y, minlength=len(pending_B))
        taken_Y = (pending_B & (gain_B > 0))[label_Y]
        best_Y = np.where(taken_Y, tried_Y, best_Y)
        best_value_Y = np.where(taken_Y, tried_value_Y, best_value_Y)
        pending_B = pending_B & ~(gain_B > 0)
        if not pending_B.any():
            break
    return best_Y, best_value_Y
