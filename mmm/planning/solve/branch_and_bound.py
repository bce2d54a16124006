"""Global search for separable plans: branch and bound over concave envelopes of the curves.

A Hill curve of slope above 1 is convex first and concave after, so local solvers stop at local
optima. Over the least concave majorants of the curves the problem is linear and easy; where the
majorant differs from its curve the curve's range is split in two, until the bound meets the best plan
found (Falk and Soland 1969, An algorithm for separable nonconvex programming problems).

Shapes: M draws, X and Y decision variables, P grid points, S segments between them (P - 1), R rows.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, linprog

from mmm.data.panel import Bools, Floats, Ints
from mmm.planning.solve.limits import Limits, inequalities

TANGENTS = 40
"""Rounds at most in which the least of a convex function is looked for where tangents meet."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Piecewise linear curves to be maximised in sum.

    Attributes:
        grid_PX: Ascending money per variable; the first row is the lower bound, the last the upper.
        value_PX: Objective at the grid.
    """

    grid_PX: Floats
    value_PX: Floats

    def at(self, money_X: Floats) -> Floats:
        """Value of each curve at its own amount."""
        piece_X = np.clip((self.grid_PX <= money_X).sum(axis=0) - 1, 0, len(self.grid_PX) - 2)
        variable_X = np.arange(len(money_X))
        low_X, high_X = self.grid_PX[piece_X, variable_X], self.grid_PX[piece_X + 1, variable_X]
        low_value_X, high_value_X = self.value_PX[piece_X, variable_X], self.value_PX[piece_X + 1, variable_X]
        width_X = high_X - low_X
        part_X = np.divide(money_X - low_X, width_X, out=np.zeros_like(money_X), where=width_X > 0)
        return np.asarray(low_value_X + part_X * (high_value_X - low_value_X))


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What the search leaves.

    Attributes:
        plans: Allowed plans, best first, distinct.
        value: Objective of the first.
        bound: No allowed plan on these curves exceeds it.
    """

    plans: tuple[Floats, ...]
    value: float
    bound: float


@dataclass(frozen=True, eq=False)
class _Node:
    """A box of the search: each variable between two grid points, and its curves' majorants there."""

    first_X: Ints
    last_X: Ints
    slope_SX: Floats


def search(
    curves: Curves, limits: Limits, *, tolerance: float = 1e-5, max_nodes: int = 300, keep: int = 3
) -> SearchResult | None:
    """Best allowed plans on piecewise linear curves.

    Args:
        curves: Curves between the bounds of ``limits``.
        limits: Bounds, total and further sums.
        tolerance: The search ends once bound and best plan are this close, relative to the spread of
            the objective.
        max_nodes: Boxes looked at before the search ends with what it has.
        keep: Plans to return, as starts of a local solver.

    Returns:
        None if no plan is allowed.
    """
    last = len(curves.grid_PX) - 1
    count = curves.grid_PX.shape[1]
    root = _Node(np.zeros(count, np.int64), np.full(count, last), majorant_slopes(curves))
    start = _relax(root, curves, limits)
    if start is None:
        return None
    spread = float((curves.value_PX.max(axis=0) - curves.value_PX.min(axis=0)).max()) or 1.0
    plans: list[tuple[float, Floats]] = []
    order = itertools.count()
    queue = [(-start[1], next(order), root, start[0])]
    bound = start[1]
    for _ in range(max_nodes):
        if not queue:
            break
        negative_bound, _, node, money_X = heapq.heappop(queue)
        bound = -negative_bound
        if plans and bound - plans[0][0] <= tolerance * spread:
            break
        reached_X = curves.at(money_X)
        plans = _keep_best(plans, float(reached_X.sum()), money_X, limits.size, keep)
        for child in _split(node, curves, money_X, reached_X):
            relaxed = _relax(child, curves, limits)
            if relaxed is not None and relaxed[1] > plans[0][0] + tolerance * spread:
                heapq.heappush(queue, (-relaxed[1], next(order), child, relaxed[0]))
    else:
        return SearchResult(tuple(p for _, p in plans), plans[0][0], bound)
    bound = max(plans[0][0], bound if queue else plans[0][0]) + tolerance * spread
    return SearchResult(tuple(p for _, p in plans), plans[0][0], bound)


def majorant_slopes(curves: Curves) -> Floats:
    """Slopes of the least concave majorant of every curve, shape SX, falling along S.

    They are the weighted antitonic regression of the curve's own slopes (Robertson, Wright and
    Dykstra 1988, theorem 1.2.1).
    """
    width_SX = np.diff(curves.grid_PX, axis=0)
    slope_SX = _slopes(curves, width_SX)
    for x in np.flatnonzero(np.any(np.diff(slope_SX, axis=0) > 0, axis=0)):
        slope_SX[:, x] = _antitonic(slope_SX[:, x], width_SX[:, x])
    return slope_SX


def _slopes(curves: Curves, width_SX: Floats) -> Floats:
    """Slopes of the pieces; a piece without width carries the slope 0 and no weight."""
    rise_SX = np.diff(curves.value_PX, axis=0)
    return np.divide(rise_SX, width_SX, out=np.zeros_like(rise_SX), where=width_SX > 0)


def _antitonic(slope_S: Floats, width_S: Floats) -> Floats:
    wide = width_S > 0
    result = np.zeros_like(slope_S)
    if wide.any():
        regression = isotonic_regression(slope_S[wide], weights=width_S[wide], increasing=False)
        result[wide] = regression.x
    return result


def _relax(node: _Node, curves: Curves, limits: Limits) -> tuple[Floats, float] | None:
    """Best plan on the majorants within the box, and its value there; None if the box allows none."""
    # Every variable starts at the lower end of its box; what is left to decide is how far each climbs along
    # its majorant. Pieces outside the box get no width instead of being cut out, so that all boxes share one
    # shape.
    variable_X = np.arange(len(node.first_X))
    start_X = curves.grid_PX[node.first_X, variable_X]
    base = float(curves.value_PX[node.first_X, variable_X].sum())
    piece_S1 = np.arange(len(curves.grid_PX) - 1)[:, None]
    inside_SX = (piece_S1 >= node.first_X) & (piece_S1 < node.last_X)
    width_SX = np.where(inside_SX, np.diff(curves.grid_PX, axis=0), 0.0)
    fill_SX = _fill(width_SX, node.slope_SX, start_X, limits)
    # Most boxes break no group, and there a sort does what the linear programme would, hundreds of times
    # faster.
    if fill_SX is not None and not limits.holds(start_X + fill_SX.sum(axis=0)):
        fill_SX = _programme(width_SX, node.slope_SX, start_X, limits)
    if fill_SX is None:
        return None
    money_X = np.clip(start_X + fill_SX.sum(axis=0), limits.lower_X, limits.upper_X)
    return money_X, base + float(np.sum(fill_SX * node.slope_SX))


def _fill(width_SX: Floats, slope_SX: Floats, start_X: Floats, limits: Limits) -> Floats | None:
    """Steepest pieces first until the total is spent; pieces that fall only to reach the least total."""
    slack = 1e-12 * limits.size
    least, most = limits.least - start_X.sum(), limits.most - start_X.sum()
    if most < -slack or width_SX.sum() < least - slack:
        return None
    # Slopes of a majorant fall along its pieces, so taking the steepest of all pieces never skips one of a
    # curve.
    width_N, slope_N = width_SX.ravel(), slope_SX.ravel()
    order_N = np.argsort(-slope_N, kind="stable")
    end_N = np.cumsum(width_N[order_N])
    worth = float(width_N[slope_N > 0].sum())
    total = min(max(worth, least, 0.0), max(most, 0.0))
    fill_N = np.empty_like(width_N)
    fill_N[order_N] = np.clip(total - (end_N - width_N[order_N]), 0.0, width_N[order_N])
    return fill_N.reshape(width_SX.shape)


def _programme(width_SX: Floats, slope_SX: Floats, start_X: Floats, limits: Limits) -> Floats | None:
    """The same as a linear programme, for limits beyond one sum."""
    # Columns K of the programme are runs of pieces N of one variable with the same slope: a majorant is
    # straight over most of its pieces, and the time of HiGHS grows with the columns. Pieces are gone through
    # variable by variable, so that a run is a stretch of N.
    width_XS, slope_XS = width_SX.T, slope_SX.T
    wide_XS = width_XS > 0
    starts_XS = wide_XS.copy()
    starts_XS[:, 1:] &= ~wide_XS[:, :-1] | (slope_XS[:, 1:] != slope_XS[:, :-1])
    column_N, width_N = np.cumsum(starts_XS[wide_XS]) - 1, width_XS[wide_XS]
    variable_K, slope_K = np.nonzero(starts_XS)[0], slope_XS[starts_XS]
    # Money in plans of size 1 and slopes of at most 1: absolute tolerances of HiGHS then mean the same for
    # any currency. Majorants are concave, so the optimum fills a variable's columns in their order by itself.
    a_matrix, b_vector, e_matrix, e_vector = inequalities(limits)
    shift = start_X / limits.size
    result = linprog(
        -slope_K / max(float(np.abs(slope_K).max(initial=0.0)), 1e-300),
        a_matrix[:, variable_K],
        b_vector - a_matrix @ shift,
        e_matrix[:, variable_K],
        e_vector - e_matrix @ shift,
        np.column_stack([np.zeros(len(slope_K)), np.bincount(column_N, weights=width_N) / limits.size]),
        method="highs",
    )
    if result.status != 0:
        return None
    # What a column holds goes to its pieces from the first on: less what lies before a piece in its run.
    before_N = np.cumsum(width_N) - width_N
    first_K = np.flatnonzero(np.diff(column_N, prepend=-1))
    filled_XS = np.zeros_like(width_XS)
    rest_N = (result.x * limits.size)[column_N] - (before_N - before_N[first_K][column_N])
    filled_XS[wide_XS] = np.clip(rest_N, 0.0, width_N)
    return filled_XS.T


def _split(node: _Node, curves: Curves, money_X: Floats, reached_X: Floats) -> list[_Node]:
    """Two boxes, cut where the majorant overstates its curve most."""
    # The bound exceeds the plan by the sum of these gaps, so cutting at the widest closes most of it. A box
    # of one piece has no gap: curve and majorant are the same line there.
    variable_X = np.arange(len(money_X))
    start_X = curves.grid_PX[node.first_X, variable_X]
    width_SX = np.diff(curves.grid_PX, axis=0)
    offset_SX = curves.grid_PX[:-1] - start_X
    piece_S1 = np.arange(len(width_SX))[:, None]
    inside_SX = (piece_S1 >= node.first_X) & (piece_S1 < node.last_X)
    filled_SX = np.where(inside_SX, np.clip(money_X - start_X - offset_SX, 0.0, width_SX), 0.0)
    majorant_X = curves.value_PX[node.first_X, variable_X] + np.sum(filled_SX * node.slope_SX, axis=0)
    gap_X = np.where(node.last_X - node.first_X >= 2, majorant_X - reached_X, -np.inf)
    x = int(np.argmax(gap_X))
    if not gap_X[x] > 0:
        return []
    first, last = int(node.first_X[x]), int(node.last_X[x])
    nearest = int(np.argmin(np.abs(curves.grid_PX[:, x] - money_X[x])))
    cut = min(max(nearest, first + 1), last - 1)
    return [_narrow(node, curves, x, first, cut), _narrow(node, curves, x, cut, last)]


def _narrow(node: _Node, curves: Curves, x: int, first: int, last: int) -> _Node:
    first_X, last_X, slope_SX = node.first_X.copy(), node.last_X.copy(), node.slope_SX.copy()
    first_X[x], last_X[x] = first, last
    width_S = np.diff(curves.grid_PX[first : last + 1, x])
    rise_S = np.diff(curves.value_PX[first : last + 1, x])
    slope_S = np.divide(rise_S, width_S, out=np.zeros_like(rise_S), where=width_S > 0)
    slope_SX[first:last, x] = _antitonic(slope_S, width_S)
    return _Node(first_X, last_X, slope_SX)


def _keep_best(
    plans: list[tuple[float, Floats]], value: float, money_X: Floats, size: float, keep: int
) -> list[tuple[float, Floats]]:
    """The best plans that differ by more than a hundredth of the budget."""
    distinct: list[tuple[float, Floats]] = []
    for candidate in sorted([*plans, (value, money_X)], key=lambda plan: -plan[0]):
        if all(np.abs(candidate[1] - plan[1]).sum() > 0.01 * size for plan in distinct):
            distinct.append(candidate)
    return distinct[:keep]


def least_priced(score_MYP: Floats, money_YP: Floats, most: float, low_M: Floats, high_M: Floats) -> Floats:
    """Bound on each draw's best plan by a price of money: the least over prices between two.

    At a price every variable takes its best point, and the total at that price is given back. That is convex
    in the price and made of straight pieces, so that the tangents at both ends meet at its least after a few
    rounds.

    Args:
        score_MYP: Score of every point of every variable's grid.
        money_YP: The grid.
        most: The total.
        low_M: Least price.
        high_M: Largest price.
    """
    # Dozens of rounds write into the same room: making it anew took most of their time.
    net_MYP = np.empty_like(score_MYP)
    variable_Y = np.arange(len(money_YP))

    def priced(price_M: Floats) -> tuple[Floats, Floats, Floats]:
        """The price, the bound there, and its slope: the total less what is spent."""
        np.multiply(price_M[:, None, None], money_YP, out=net_MYP)
        np.subtract(score_MYP, net_MYP, out=net_MYP)
        place_MY = net_MYP.argmax(axis=2)
        spent_M = money_YP[variable_Y, place_MY].sum(axis=1)
        value_MY = net_MYP[np.arange(len(price_M))[:, None], variable_Y, place_MY]
        return price_M, value_MY.sum(axis=1) + price_M * most, most - spent_M

    low, high = priced(low_M), priced(high_M)
    best_M = np.minimum(low[1], high[1])
    for _ in range(TANGENTS):
        (from_M, value_M, fall_M), (to_M, end_M, rise_M) = low, high
        open_M = (fall_M < 0) & (rise_M > 0)
        over_M = value_M - end_M + rise_M * (to_M - from_M)
        step_M = np.divide(over_M, rise_M - fall_M, out=np.zeros_like(over_M), where=open_M)
        if not (open_M & (best_M - (value_M + fall_M * step_M) > 1e-14 * np.abs(best_M))).any():
            break
        here = priced(from_M + step_M)
        best_M = np.where(open_M, np.minimum(best_M, here[1]), best_M)
        falls_M = here[2] < 0
        low, high = _chosen(open_M & falls_M, here, low), _chosen(open_M & ~falls_M, here, high)
    return best_M


def _chosen(which_M: Bools, new: Sequence[Floats], old: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    one, two, three = (np.where(which_M, now_M, was_M) for now_M, was_M in zip(new, old, strict=True))
    return one, two, three
