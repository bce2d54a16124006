"""Plans of hundreds of amounts, by channel and region: channels outside, their regions inside.

Shapes: Y variables (channel x region), C channels, B blocks of variables, P grid points, S segments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Floats, Ints
from mmm.planning.solve.branch_and_bound import Curves, majorant_slopes, search
from mmm.planning.solve.limits import Limits, repair, with_sums
from mmm.planning.solve.objective import Objective

OUTER_POINTS = 129
"""Points of a channel's curve."""


def is_nested(limits: Limits, channel_Y: Ints) -> bool:
    """Every further sum weighs all variables of a channel alike."""
    first_Y = np.searchsorted(channel_Y, channel_Y)
    return bool(np.array_equal(limits.rows_RX, limits.rows_RX[:, first_Y]))


def nested_plans(curves: Curves, limits: Limits, channel_Y: Ints) -> tuple[list[Floats], float]:
    """Allowed plans of the global search, channel totals first, then each channel's regions; and their bound.

    With many regions the sum of a channel's curves is all but concave (Shapley and Folkman), so the
    least concave majorants of the regions' curves, added up by falling slope, give the channel's own.

    Args:
        curves: One per variable.
        limits: Rows that weigh all regions of a channel alike.
        channel_Y: Channel of each variable, from 0, ascending.

    Returns:
        The plan, none if none is allowed, and what no allowed plan on these curves exceeds: majorants lie
        above them, and so does the sum by falling slope (but for what lies between the points of its table).
    """
    slope_SY = majorant_slopes(curves)
    outer_limits = outer_limits_of(limits, channel_Y)
    outer = _outer_curves(curves, slope_SY, channel_Y, outer_limits)
    found = search(outer, outer_limits, keep=1)
    if found is None:
        return [], -np.inf
    plan_Y = np.empty(len(channel_Y))
    for c, total in enumerate(found.plans[0]):
        mine = channel_Y == c
        inner_limits = inner_limits_of(limits, mine, float(total))
        inner = search(Curves(curves.grid_PX[:, mine], curves.value_PX[:, mine]), inner_limits, max_nodes=20)
        if inner is None:
            return [], found.bound
        plan_Y[mine] = inner.plans[0]
    repaired_Y = repair(limits, plan_Y)
    return ([] if repaired_Y is None else [repaired_Y]), found.bound


def climb(objective: Objective, limits: Limits, start_Y: Floats, channel_Y: Ints, knee_Y: Floats) -> Floats:
    """Refine a plan of thousands of separate curves; see ``climb_blocks``.

    Channels whose limits bind keep their totals, all others share one; if a limit gives way, every
    channel keeps its total.
    """
    _, weight_M = objective.judge(objective.kpi(start_Y) - objective.reference_M)
    for block_Y in (_blocks(limits, start_Y, channel_Y), channel_Y):
        plan_Y = climb_blocks(
            lambda money_Y: objective.pieces(money_Y, weight_M),
            lambda money_Y: objective.slopes(money_Y, weight_M),
            start_Y,
            limits.lower_X,
            limits.upper_X,
            block_Y,
            0.25 * np.minimum(limits.upper_X - limits.lower_X, 2.0 * knee_Y),
        )
        if limits.holds(plan_Y):
            return plan_Y
    return start_Y


def _blocks(limits: Limits, start_Y: Floats, channel_Y: Ints) -> Ints:
    """Variables that exchange money: the free channels (-1 if the total is free too), each bound one."""
    sums_R = limits.rows_RX @ start_Y
    slack = 1e-6 * limits.size
    binding_R = (sums_R > limits.row_upper_R - slack) | (sums_R < limits.row_lower_R + slack)
    bound_Y = np.any(limits.rows_RX[binding_R] != 0, axis=0)
    total = float(start_Y.sum())
    free_total = limits.least + slack < total < limits.most - slack
    rest = -1 if free_total else int(channel_Y.max()) + 1
    label_Y = np.where(bound_Y, channel_Y, rest)
    held = label_Y >= 0
    label_Y[held] = np.unique(label_Y[held], return_inverse=True)[1]
    return label_Y


def outer_limits_of(limits: Limits, channel_Y: Ints) -> Limits:
    """Limits of channel totals; rows that concern one channel become its bounds."""
    channels = int(channel_Y.max()) + 1
    lower_C = _sums(limits.lower_X, channel_Y, channels)
    upper_C = _sums(limits.upper_X, channel_Y, channels)
    first_C = np.searchsorted(channel_Y, np.arange(channels))
    rows_RC = limits.rows_RX[:, first_C]
    single_R = (rows_RC != 0).sum(axis=1) == 1
    for r in np.flatnonzero(single_R):
        c = int(np.flatnonzero(rows_RC[r])[0])
        ends = np.sort([limits.row_lower_R[r] / rows_RC[r, c], limits.row_upper_R[r] / rows_RC[r, c]])
        lower_C[c], upper_C[c] = max(lower_C[c], ends[0]), min(upper_C[c], ends[1])
    many = ~single_R
    return Limits(
        lower_C,
        np.maximum(upper_C, lower_C),
        limits.least,
        limits.most,
        rows_RC[many],
        limits.row_lower_R[many],
        limits.row_upper_R[many],
        tuple(np.array(limits.row_names_R, dtype=object)[many]),
        tuple(str(c) for c in range(channels)),
    )


def _sums(money_Y: Floats, channel_Y: Ints, channels: int) -> Floats:
    return np.asarray(np.bincount(channel_Y, weights=money_Y, minlength=channels), dtype=np.float64)


def _outer_curves(curves: Curves, slope_SY: Floats, channel_Y: Ints, outer: Limits) -> Curves:
    """Each channel's best score by its total, its regions' majorants taken by falling slope."""
    width_SY = np.diff(curves.grid_PX, axis=0)
    knots_P = np.linspace(0.0, 1.0, OUTER_POINTS)
    grid_PC = outer.lower_X + (outer.upper_X - outer.lower_X) * knots_P[:, None]
    value_PC = np.empty_like(grid_PC)
    for c in range(grid_PC.shape[1]):
        mine = channel_Y == c
        slope_N, width_N = slope_SY[:, mine].ravel(), width_SY[:, mine].ravel()
        order_N = np.argsort(-slope_N, kind="stable")
        start = float(curves.grid_PX[0, mine].sum())
        money_N = start + np.concatenate([[0.0], np.cumsum(width_N[order_N])])
        worth_N = np.concatenate([[0.0], np.cumsum((slope_N * width_N)[order_N])])
        value_PC[:, c] = float(curves.value_PX[0, mine].sum()) + np.interp(grid_PC[:, c], money_N, worth_N)
    return Curves(grid_PC, value_PC)


def inner_limits_of(limits: Limits, mine: npt.NDArray[np.bool_], total: float) -> Limits:
    """The bounds of one channel's regions and its total."""
    lower, upper = limits.lower_X[mine], limits.upper_X[mine]
    total = min(max(total, float(lower.sum())), float(upper.sum()))
    return replace(
        limits, lower_X=lower, upper_X=upper, least=total, most=total, variable_names_X=()
    ).without_rows()


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
        # The trust box shrinks only once nothing is gained any more, so that S-shaped curves can still be
        # crossed.
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
    # A step towards the roomier side stays inside the bounds. Where the curve is convex, Newton's step would
    # run to the wrong side; a small positive curvature makes it a long step uphill, which the trust box then
    # cuts.
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
