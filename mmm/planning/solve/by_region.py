"""Plans by channel and region with limits on channels: channels outside, their regions inside.

Shapes: Y variables (channel x region), C channels, P grid points, S segments.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Floats, Ints
from mmm.planning.solve.branch_and_bound import Curves, majorant_slopes, search
from mmm.planning.solve.limits import Limits
from mmm.planning.solve.local import climb_blocks, repair
from mmm.planning.solve.objective import Objective

OUTER_POINTS = 129
"""Points of a channel's curve."""


def is_nested(limits: Limits, channel_Y: Ints) -> bool:
    """Every further sum weighs all variables of a channel alike."""
    first_Y = np.searchsorted(channel_Y, channel_Y)
    return bool(np.array_equal(limits.rows_RX, limits.rows_RX[:, first_Y]))


def nested_plans(curves: Curves, limits: Limits, channel_Y: Ints) -> list[Floats]:
    """Allowed plans of the global search, channel totals first, then each channel's regions.

    With many regions the sum of a channel's curves is all but concave (Shapley and Folkman), so the
    least concave majorants of the regions' curves, added up by falling slope, give the channel's own.

    Args:
        curves: One per variable.
        limits: Rows that weigh all regions of a channel alike.
        channel_Y: Channel of each variable, from 0, ascending.
    """
    slope_SY = majorant_slopes(curves)
    outer_limits = outer_limits_of(limits, channel_Y)
    outer = _outer_curves(curves, slope_SY, channel_Y, outer_limits)
    found = search(outer, outer_limits, keep=1)
    if found is None:
        return []
    plan_Y = np.empty(len(channel_Y))
    for c, total in enumerate(found.plans[0]):
        mine = channel_Y == c
        inner_limits = inner_limits_of(limits, mine, float(total))
        inner = search(Curves(curves.grid_PX[:, mine], curves.value_PX[:, mine]), inner_limits, max_nodes=20)
        if inner is None:
            return []
        plan_Y[mine] = inner.plans[0]
    repaired_Y = repair(limits, plan_Y)
    return [] if repaired_Y is None else [repaired_Y]


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
