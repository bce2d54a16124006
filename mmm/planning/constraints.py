"""From a request to the limits of a plan, and from limits that clash to the ones that do.

Shapes: C channels, X decision variables (channel x region, channel outermost), Y those in the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mmm.errors import Problem
from mmm.planning.request import Bounds, BudgetRequest, Group
from mmm.planning.response import Floats, Ints, PlanContext
from mmm.planning.solve.limits import Limits, is_feasible, total_range

OPEN = Bounds()
"""No limit on either side."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """Which variables the budget covers, and their status quo in money.

    Attributes:
        moved_Y: Indices of the variables in the budget.
        cost_Y: Money per unit of each.
        current_Y: Status quo in money.
        channel_Y: Position of each one's channel among ``channels``.
        channels: Channels in the budget.
        aside: Channels without spend or unit cost, which no budget in money covers.
        unit: Unit of the budget.
    """

    moved_Y: Ints
    cost_Y: Floats
    current_Y: Floats
    channel_Y: Ints
    channels: tuple[str, ...]
    aside: tuple[str, ...]
    unit: str


def decisions(request: BudgetRequest, context: PlanContext) -> Decisions:
    """Split channels into those the budget pays for and those planned aside.

    If no channel has spend or a unit cost, the budget itself is in exposure units and covers all.
    """
    priced = [c not in context.units or c in request.unit_costs for c in context.channels]
    in_exposure = not any(priced)
    covered_C = np.array([in_exposure or p for p in priced])
    cost_C = np.array([request.unit_costs.get(c, 1.0) for c in context.channels])
    moved_Y = np.flatnonzero(covered_C[context.channel_X])
    place_C = np.cumsum(covered_C) - 1
    units = sorted(set(context.units.values()))
    cost_Y = cost_C[context.channel_X[moved_Y]]
    return Decisions(
        moved_Y=moved_Y,
        cost_Y=cost_Y,
        current_Y=context.current_X[moved_Y] * cost_Y,
        channel_Y=place_C[context.channel_X[moved_Y]],
        channels=tuple(c for c, covered in zip(context.channels, covered_C, strict=True) if covered),
        aside=tuple(c for c, covered in zip(context.channels, covered_C, strict=True) if not covered),
        unit=" + ".join(units) if in_exposure else context.currency,
    )


def amount_range(bounds: Bounds, current: Floats) -> tuple[Floats, Floats]:
    """Least and largest amounts that bounds allow around current amounts."""
    lower, upper = np.zeros_like(current), np.full_like(current, np.inf)
    if bounds.min_change is not None:
        lower = current * (1.0 + bounds.min_change)
    if bounds.max_change is not None:
        upper = current * (1.0 + bounds.max_change)
    if bounds.min is not None:
        lower = np.full_like(current, bounds.min)
    if bounds.max is not None:
        upper = np.full_like(current, bounds.max)
    return lower, upper


def channel_bounds(request: BudgetRequest, channel: str) -> Bounds:
    """Bounds that hold for a channel: its own, else the default, else none."""
    return request.bounds.get(channel, request.default_bounds or OPEN)


class LimitsBuilder:
    """Collects bounds and rows for one request."""

    def __init__(self, request: BudgetRequest, context: PlanContext, chosen: Decisions) -> None:
        self._request, self._context, self._chosen = request, context, chosen
        self._lower_Y = np.zeros(len(chosen.moved_Y))
        self._upper_Y = np.full(len(chosen.moved_Y), np.inf)
        self._rows: list[tuple[str, Floats, float, float]] = []

    def build(self, least: float, most: float) -> Limits:
        """Limits of the request for a range of the total; open upper bounds stay infinite."""
        for c, channel in enumerate(self._chosen.channels):
            self._bound(channel, self._chosen.channel_Y == c)
        for group in self._request.groups:
            self._group(group)
        count = len(self._lower_Y)
        names = tuple(self._chosen.channels[c] for c in self._chosen.channel_Y)
        return Limits(
            self._lower_Y,
            self._upper_Y,
            least,
            most,
            np.array([row for _, row, _, _ in self._rows]).reshape(-1, count),
            np.array([low for _, _, low, _ in self._rows]),
            np.array([high for _, _, _, high in self._rows]),
            tuple(name for name, _, _, _ in self._rows),
            names,
        )

    def _bound(self, channel: str, mine: npt.NDArray[np.bool_]) -> None:
        current = self._chosen.current_Y[mine]
        if channel in self._request.fixed:
            held = self._held(channel, current)
            self._lower_Y[mine], self._upper_Y[mine] = held, held
            return
        bounds = channel_bounds(self._request, channel)
        if not self._context.regions:
            self._lower_Y[mine], self._upper_Y[mine] = amount_range(bounds, current)
            return
        region = self._request.region_bounds
        relative = Bounds(min_change=bounds.min_change, max_change=bounds.max_change)
        self._lower_Y[mine], self._upper_Y[mine] = amount_range(region or relative, current)
        whole = bounds if region else Bounds(min=bounds.min, max=bounds.max)
        lower, upper = amount_range(whole, np.array([current.sum()]))
        if lower[0] > 0 or np.isfinite(upper[0]):
            self._rows.append((channel, mine.astype(np.float64), float(lower[0]), float(upper[0])))

    def _held(self, channel: str, current: Floats) -> Floats:
        if not isinstance(self._request.fixed, dict):
            return current
        amount, total = self._request.fixed[channel], float(current.sum())
        return current * (amount / total) if total > 0 else np.full_like(current, amount / len(current))

    def _group(self, group: Group) -> None:
        member_Y = self._members(group.channels)
        if group.min is not None or group.max is not None:
            limits = (_or(group.min, -np.inf), _or(group.max, np.inf))
            self._rows.append((group.name, member_Y, *limits))
        for share, is_least in ((group.min_share, True), (group.max_share, False)):
            if share is not None:
                self._ratio(f"share of {group.name}", member_Y - share, is_least)
        other_Y = self._members(group.relative_to or ())
        for ratio, is_least in ((group.min_ratio, True), (group.max_ratio, False)):
            if ratio is not None:
                name = f"{group.name} / {' + '.join(group.relative_to or ())}"
                self._ratio(name, member_Y - ratio * other_Y, is_least)

    def _ratio(self, name: str, row_Y: Floats, is_least: bool) -> None:
        row_Y = row_Y / max(1.0, float(np.abs(row_Y).max()))
        limits = (0.0, np.inf) if is_least else (-np.inf, 0.0)
        self._rows.append((name, row_Y, *limits))

    def _members(self, channels: tuple[str, ...]) -> Floats:
        places = [self._chosen.channels.index(channel) for channel in channels]
        return np.isin(self._chosen.channel_Y, places).astype(np.float64)


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit


def limit_problems(request: BudgetRequest, context: PlanContext, chosen: Decisions) -> list[Problem]:
    """What the request asks that this model's channels cannot mean."""
    problems = []
    for i, group in enumerate(request.groups):
        for channel in (*group.channels, *(group.relative_to or ())):
            if channel in chosen.aside:
                text = f"{channel} has exposure but no spend; give unit_costs.{channel} to plan it in money"
                problems.append(Problem("no_spend", f"groups[{i}]", text))
    for channel in request.unit_costs:
        if channel in context.channels and channel not in context.units:
            text = f"{channel} has spend of its own; remove its unit cost"
            problems.append(Problem("has_spend", f"unit_costs.{channel}", text))
    if request.by_region and not context.regions:
        text = "this model has no regions; set by_region to false"
        problems.append(Problem("no_regions", "by_region", text))
    if request.budget == "current" and not chosen.current_Y.sum() > 0:
        text = f"nothing was spent in the last {request.horizon} periods; give an amount"
        problems.append(Problem("no_current_spend", "budget", text))
    return problems


def clash(limits: Limits, unit: str) -> tuple[str, tuple[str, ...]] | None:
    """Why no plan is allowed: a sentence and the fewest limits that exclude each other; None if one is.

    The set is found by deletion: a limit without which there is still no plan is left out
    (Chinneck and Dravnieks 1991).
    """
    if is_feasible(limits):
        return None
    low, high = total_range(limits)
    if np.isfinite(low):
        if limits.least > high or limits.most < low:
            total = limits.least if limits.least > high else limits.most
            what = "channel bounds" if limits.is_single_sum else "bounds and groups"
            place = f"outside [{amount(low)}, {amount(high)}], the range the {what} allow"
            if not np.isfinite(high):
                place = f"below {amount(low)}, the least the {what} allow"
            text = f"Total budget {amount(total)} is {place}. Change the total or widen the bounds."
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
            parts[f"{channel} at least {amount(lower)} {unit}"] = _without_lower(mine)
        if np.isfinite(upper):
            parts[f"{channel} at most {amount(upper)} {unit}"] = _without_upper(mine)
    for r, name in enumerate(limits.row_names_R):
        for side, end in (("least", limits.row_lower_R[r]), ("most", limits.row_upper_R[r])):
            if np.isfinite(end):
                text = f"{name} at {side}" + (f" {amount(end)} {unit}" if end != 0 else " its limit")
                parts[text] = _without_row(r, side)
    if np.isfinite(limits.least):
        parts[f"total at least {amount(limits.least)} {unit}"] = lambda old: replace(old, least=-np.inf)
    if np.isfinite(limits.most):
        parts[f"total at most {amount(limits.most)} {unit}"] = lambda old: replace(old, most=np.inf)
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


def amount(number: float) -> str:
    """An amount as it stands in a message: no trailing zeros, no exponent for money."""
    return f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) < 1e15 else f"{number:g}"
