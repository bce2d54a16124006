"""Why there is no plan: the fewest limits that exclude each other, or the target out of reach.

Shapes: X decision variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mmm.planning.plan import Plan
from mmm.planning.report_plan import SolvedPlan, question_fields, stated_current
from mmm.planning.request import BudgetRequest
from mmm.planning.solve.limits import Limits, is_feasible, total_range
from mmm.planning.solve.targets import Unreachable
from mmm.words import amount

UNKNOWN = ("budget", "kpi", "gain", "profit_gain", "total_roi", "effect_after_horizon")
"""What a request without a plan has no number for."""


def infeasible_plan(solved: SolvedPlan, message: str, clashes: tuple[str, ...]) -> Plan:
    """The answer to a request without a plan: status quo, reason and clashing limits."""
    unknown: dict[str, Any] = dict.fromkeys(UNKNOWN)
    current_M = stated_current(solved)
    return Plan(
        status="infeasible",
        message=message,
        clashes=clashes,
        **question_fields(solved, current_M),
        **unknown,
        spend={},
        roi={},
        marginal_roi={},
        binding={},
        extrapolated=(),
        channels=(),
    )


def clash(limits: Limits, unit: str) -> tuple[str, tuple[str, ...]]:
    """Why no plan is allowed: a sentence and the fewest limits that exclude each other.

    The set is found by deletion: a limit without which there is still no plan is left out
    (Chinneck and Dravnieks 1991).
    """
    low, high = total_range(limits)
    if np.isfinite(low):
        if limits.least > high or limits.most < low:
            total = limits.least if limits.least > high else limits.most
            what = "channel bounds" if limits.is_single_sum else "bounds and groups"
            place = f"outside {amount(low)} to {amount(high, unit)}, the range the {what} allow"
            if not np.isfinite(high):
                place = f"below {amount(low, unit)}, the least the {what} allow"
            text = f"Total budget {amount(total, unit)} is {place}. Change the total or widen the bounds."
        else:
            text = "No plan keeps every limit."
    else:
        text = "The bounds and groups contradict each other, whatever the budget."
    parts = _parts(limits, unit)
    kept = list(parts)
    for name in list(parts):
        trial = [other for other in kept if other != name]
        if not is_feasible(_only(limits, parts, trial)):
            kept = trial
    return text, tuple(kept)


def _parts(limits: Limits, unit: str) -> dict[str, Callable[[Limits], Limits]]:
    """Every limit in words, with what removes it; rows and totals are tried after bounds."""
    parts: dict[str, Callable[[Limits], Limits]] = {}
    names_X = np.array(limits.variable_names_X)
    for channel in dict.fromkeys(limits.variable_names_X):
        mine = names_X == channel
        lower, upper = float(limits.lower_X[mine].sum()), float(limits.upper_X[mine].sum())
        if lower > 0:
            parts[f"{channel} at least {amount(lower, unit)}"] = _without_lower(mine)
        if np.isfinite(upper):
            parts[f"{channel} at most {amount(upper, unit)}"] = _without_upper(mine)
    for r, name in enumerate(limits.row_names_R):
        for side, end in (("least", limits.row_lower_R[r]), ("most", limits.row_upper_R[r])):
            if np.isfinite(end):
                text = f"{name} at {side}" + (f" {amount(end, unit)}" if end != 0 else " its limit")
                parts[text] = _without_row(r, side)
    if np.isfinite(limits.least):
        parts[f"total at least {amount(limits.least, unit)}"] = lambda old: replace(old, least=-np.inf)
    if np.isfinite(limits.most):
        parts[f"total at most {amount(limits.most, unit)}"] = lambda old: replace(old, most=np.inf)
    return parts


def _without_lower(mine: npt.NDArray[np.bool_]) -> Callable[[Limits], Limits]:
    return lambda old: replace(old, lower_X=np.where(mine, 0.0, old.lower_X))


def _without_upper(mine: npt.NDArray[np.bool_]) -> Callable[[Limits], Limits]:
    return lambda old: replace(old, upper_X=np.where(mine, np.inf, old.upper_X))


def _without_row(r: int, side: str) -> Callable[[Limits], Limits]:
    def change(old: Limits) -> Limits:
        lower, upper = old.row_lower_R.copy(), old.row_upper_R.copy()
        (lower if side == "least" else upper)[r] = -np.inf if side == "least" else np.inf
        return replace(old, row_lower_R=lower, row_upper_R=upper)

    return change


def _only(limits: Limits, parts: dict[str, Callable[[Limits], Limits]], kept: list[str]) -> Limits:
    for name, remove in parts.items():
        if name not in kept:
            limits = remove(limits)
    return limits


def out_of_reach(request: BudgetRequest, unreachable: Unreachable, unit: str) -> str:
    """Why the target is not met, and what would be."""
    target, highest = request.target or 0.0, unreachable.highest
    if request.objective == "target_roi":
        return (
            f"Target ROI {target:g} is above the highest reachable, {highest:.4g} at a budget of "
            f"{amount(unreachable.total, unit)}. Lower the target or widen the bounds."
        )
    sure = "" if request.chance is None else f" in {100 * request.chance:g} % of the draws"
    return (
        f"KPI target {amount(target)} is above the highest reachable{sure}, {amount(highest)} at a budget of "
        f"{amount(unreachable.total, unit)}. Lower the target, raise the budget or widen the bounds."
    )
