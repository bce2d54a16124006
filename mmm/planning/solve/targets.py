"""The total that meets a target: the least for a KPI, the largest at an ROI.

The best score for a total never falls with the total, so both are one-dimensional searches over it.
Scans use the search on tabulated curves; the last steps use the response itself.

Shapes: Y variables the solver moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits, total_range
from mmm.planning.solve.solver import Solution, Solver

SCAN = 24
"""Totals looked at before the bracket is narrowed."""

NARROW = 24
"""Halvings of the bracket."""

EXACT = 5
"""Newton steps on the response itself."""


@dataclass(frozen=True)
class Unreachable:
    """No total meets the target.

    Attributes:
        highest: The most that can be reached.
        total: The total at which it is.
    """

    highest: float
    total: float


def least_total(solver: Solver, target: float) -> Solution | Unreachable:
    """Cheapest plan whose score reaches the target; scores are KPI of the whole horizon."""
    low, high = _range(solver)
    top = _at(solver, high)
    if top.score < target * (1 - 1e-12):
        return Unreachable(top.score, high)
    if _estimate(solver, low) >= target:
        bottom = _at(solver, low)
        if bottom.score >= target:
            return bottom
    for _ in range(NARROW):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _estimate(solver, middle) >= target else (middle, high)
    plan = _at(solver, high)
    ceiling = top
    for _ in range(EXACT):
        if abs(plan.score - target) <= 1e-9 * abs(target):
            break
        step = (target - plan.score) / max(_marginal(solver, plan.money_Y), 1e-300)
        total = float(np.clip(plan.money_Y.sum() + step, *_range(solver)))
        moved = _at(solver, total, plan.money_Y)
        ceiling = moved if target <= moved.score < ceiling.score else ceiling
        plan = moved
    return plan if plan.score >= target * (1 - 1e-9) else ceiling


def largest_total(solver: Solver, target: float) -> Solution | Unreachable:
    """Plan of most KPI whose score per unit of total stays at or above the target."""
    # S-shaped curves earn little at first, so the ratio rises to a peak and falls after it: the target is
    # met on an interval of totals, whose upper end is wanted. The scan finds the peak, halving the fall
    # behind it.
    low, high = _range(solver)
    if high <= 0:
        return Unreachable(0.0, 0.0)
    low = max(low, 1e-6 * high)
    totals = low + (high - low) * np.linspace(0.0, 1.0, SCAN) ** 2
    ratios = np.array([_estimate(solver, total) / total for total in totals])
    best = int(np.argmax(ratios))
    peak_total, peak = _peak(solver, totals, best)
    if ratios[-1] < target:
        enough = np.flatnonzero(ratios >= target)
        if len(enough) == 0 and peak < target:
            exact = _at(solver, peak_total)
            return Unreachable(exact.score / peak_total, peak_total)
        low = totals[enough[-1]] if len(enough) else peak_total
        high = totals[enough[-1] + 1] if len(enough) else totals[min(best + 1, SCAN - 1)]
        for _ in range(NARROW):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if _estimate(solver, middle) >= target * middle else (low, middle)
    else:
        low = high
    return _meet_ratio(solver, target, low)


def _meet_ratio(solver: Solver, target: float, total: float) -> Solution:
    """Newton steps on the exact ROI of the refined plan; ends at or just above the target."""
    plan = _at(solver, total)
    kept = plan
    for _ in range(EXACT):
        total = float(plan.money_Y.sum())
        ratio = plan.score / total
        if ratio >= target:
            kept = plan
        if abs(ratio - target) <= 1e-9 * target:
            break
        fall = ratio - _marginal(solver, plan.money_Y)
        if fall <= 0:
            break
        low, high = _range(solver)
        moved = float(np.clip(total + (ratio - target) * total / fall * (1 - 1e-7), low, high))
        if moved == total:
            break
        plan = _at(solver, moved, plan.money_Y)
    return plan if plan.score >= target * float(plan.money_Y.sum()) * (1 - 1e-7) else kept


def _peak(solver: Solver, totals: Floats, best: int) -> tuple[float, float]:
    """Total of the highest ratio near the best of the scan, by golden section."""
    low, high = totals[max(best - 1, 0)], totals[min(best + 1, len(totals) - 1)]
    golden = 0.5 * (np.sqrt(5.0) - 1.0)
    tried = {float(totals[best]): _estimate(solver, float(totals[best])) / float(totals[best])}
    left, right = high - golden * (high - low), low + golden * (high - low)
    for _ in range(16):
        for total in (left, right):
            if total not in tried:
                tried[total] = _estimate(solver, total) / total
        if tried[left] >= tried[right]:
            high, right = right, left
            left = high - golden * (high - low)
        else:
            low, left = left, right
            right = low + golden * (high - low)
    total = max(tried, key=lambda key: tried[key])
    return total, tried[total]


def _range(solver: Solver) -> tuple[float, float]:
    """Totals that the limits allow."""
    low, high = total_range(solver.limits)
    return max(low, solver.limits.least), min(high, solver.limits.most)


def _fixed(solver: Solver, total: float) -> Limits:
    return solver.limits.with_total(total, total)


def _estimate(solver: Solver, total: float) -> float:
    found = solver.estimate(_fixed(solver, total))
    return -np.inf if found is None else found[1]


def _at(solver: Solver, total: float, warm_Y: Floats | None = None) -> Solution:
    solution = solver.solve(_fixed(solver, total), warm_Y)
    assert solution is not None
    return solution


def _marginal(solver: Solver, money_Y: Floats) -> float:
    """Score that one more unit of total brings: the largest slope among variables with room."""
    _, slope_Y = solver.objective.score_and_gradient(money_Y)
    slack = 1e-6 * solver.limits.size
    room_Y = (money_Y < solver.limits.upper_X - slack) & (money_Y > solver.limits.lower_X + slack)
    if not room_Y.any():
        room_Y = money_Y < solver.limits.upper_X
    return float(np.max(slope_Y[room_Y], initial=0.0))
