"""From a request to what a plan may decide: the variables in the budget, those beside it, and their limits.

Shapes: C channels, X decision variables (channel x region, channel outermost), Y those in the budget.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Floats, Ints
from mmm.errors import Problem
from mmm.planning.plan import Side
from mmm.planning.request import Bounds, BudgetRequest, Group
from mmm.planning.response import StatusQuo
from mmm.planning.solve.limits import Limits, is_feasible
from mmm.words import AMOUNT

OPEN = Bounds()
"""No limit on either side."""

NEAR = 1e-6
"""Distance from a limit that counts as standing at it, relative to the plan's size."""

SEARCHED = 10.0
"""Without a budget and without an upper bound a channel is searched up to this many times the most
that was ever spent; so is each channel in each region, if the whole budget fits twice."""


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


def decisions(request: BudgetRequest, status_quo: StatusQuo) -> Decisions:
    """Split channels into those the budget pays for and those planned aside.

    If no channel has spend or a unit cost, the budget itself is in exposure units and covers all.
    """
    priced = [c not in status_quo.units or c in request.unit_costs for c in status_quo.channels]
    in_exposure = not any(priced)
    bought = [c not in status_quo.not_bought for c in status_quo.channels]
    covered_C = np.array([b and (in_exposure or p) for b, p in zip(bought, priced, strict=True)])
    cost_C = np.array([request.unit_costs.get(c, 1.0) for c in status_quo.channels])
    moved_Y = np.flatnonzero(covered_C[status_quo.channel_X])
    place_C = np.cumsum(covered_C) - 1
    units = sorted({unit for c, unit in status_quo.units.items() if c not in status_quo.not_bought})
    cost_Y = cost_C[status_quo.channel_X[moved_Y]]
    return Decisions(
        moved_Y=moved_Y,
        cost_Y=cost_Y,
        current_Y=status_quo.current_X[moved_Y] * cost_Y,
        channel_Y=place_C[status_quo.channel_X[moved_Y]],
        channels=tuple(c for c, covered in zip(status_quo.channels, covered_C, strict=True) if covered),
        aside=tuple(c for c, covered in zip(status_quo.channels, covered_C, strict=True) if not covered),
        unit=" + ".join(units) if in_exposure else status_quo.currency,
    )


def amount_range(bounds: Bounds, current: Floats) -> tuple[Floats, Floats]:
    """Least and largest amounts that bounds allow around current amounts."""
    lower, upper = relative_range(bounds, current)
    whole_lower, whole_upper = absolute_range(bounds)
    return np.maximum(lower, whole_lower), np.minimum(upper, whole_upper)


def relative_range(bounds: Bounds, current: Floats) -> tuple[Floats, Floats]:
    """What bounds relative to current amounts allow; absolute ones left out."""
    lower, upper = np.zeros_like(current), np.full_like(current, np.inf)
    if bounds.min_change is not None:
        lower = current * (1.0 + bounds.min_change)
    if bounds.max_change is not None:
        upper = current * (1.0 + bounds.max_change)
    return lower, upper


def absolute_range(bounds: Bounds) -> tuple[float, float]:
    """What absolute bounds allow; relative ones left out."""
    return _or(bounds.min, 0.0), _or(bounds.max, np.inf)


def channel_bounds(request: BudgetRequest, channel: str) -> Bounds:
    """Bounds that hold for a channel: its own, else the default, else none."""
    return request.bounds.get(channel, request.default_bounds or OPEN)


class LimitsBuilder:
    """Collects bounds and rows for one request."""

    def __init__(
        self, request: BudgetRequest, status_quo: StatusQuo, chosen: Decisions, held: Collection[str] = ()
    ) -> None:
        self._held_channels = {*request.fixed, *held}
        self._request, self._status_quo, self._chosen = request, status_quo, chosen
        self._lower_Y = np.zeros(len(chosen.moved_Y))
        self._upper_Y = np.full(len(chosen.moved_Y), np.inf)
        self._rows: list[tuple[str, Floats, float, float]] = []

    def build(self, least: float, most: float) -> Limits:
        """Limits of the request for a range of the total; open upper bounds stay infinite."""
        for c, channel in enumerate(self._chosen.channels):
            self._bound(channel, self._chosen.channel_Y == c)
        for group in self._request.groups:
            self._group(group)
        if self._status_quo.most_X is not None:
            most_Y = self._status_quo.most_X[self._chosen.moved_Y] * self._chosen.cost_Y
            self._upper_Y = np.minimum(self._upper_Y, most_Y)
        if self._request.mode == "increment":
            self._lower_Y = np.maximum(self._lower_Y, self._chosen.current_Y)
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
        if channel in self._held_channels:
            held = self._held(channel, current)
            self._lower_Y[mine], self._upper_Y[mine] = held, held
            return
        bounds = channel_bounds(self._request, channel)
        if not self._status_quo.regions:
            self._lower_Y[mine], self._upper_Y[mine] = amount_range(bounds, current)
            return
        region = self._request.region_bounds
        self._lower_Y[mine], self._upper_Y[mine] = relative_range(region or bounds, current)
        lower, upper = absolute_range(bounds)
        if region:
            (lower,), (upper,) = amount_range(bounds, np.array([current.sum()]))
        if lower > 0 or np.isfinite(upper):
            self._rows.append((channel, mine.astype(np.float64), float(lower), float(upper)))

    def _held(self, channel: str, current: Floats) -> Floats:
        if not isinstance(self._request.fixed, dict) or channel not in self._request.fixed:
            return current
        amount, total = self._request.fixed[channel], float(current.sum())
        return current * (amount / total) if total > 0 else np.full_like(current, amount / len(current))

    def _group(self, group: Group) -> None:
        name, others = " + ".join(group.channels), " + ".join(group.relative_to or ())
        member_Y, other_Y = self._members(group.channels), self._members(group.relative_to or ())
        if group.min is not None or group.max is not None:
            self._rows.append((name, member_Y, _or(group.min, -np.inf), _or(group.max, np.inf)))
        for share, is_least in ((group.min_share, True), (group.max_share, False)):
            if share is not None:
                self._ratio(f"share of {name}", member_Y - share, is_least)
        for ratio, is_least in ((group.min_ratio, True), (group.max_ratio, False)):
            if ratio is not None:
                self._ratio(f"{name} / {others}", member_Y - ratio * other_Y, is_least)

    def _ratio(self, name: str, row_Y: Floats, is_least: bool) -> None:
        row_Y = row_Y / max(1.0, float(np.abs(row_Y).max()))
        limits = (0.0, np.inf) if is_least else (-np.inf, 0.0)
        self._rows.append((name, row_Y, *limits))

    def _members(self, channels: tuple[str, ...]) -> Floats:
        places = [self._chosen.channels.index(channel) for channel in channels]
        return np.isin(self._chosen.channel_Y, places).astype(np.float64)


def named_by(group: Group) -> tuple[str, ...]:
    """Every channel that a group names."""
    return (*group.channels, *(group.relative_to or ()))


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit


def limit_problems(request: BudgetRequest, status_quo: StatusQuo, chosen: Decisions) -> Iterator[Problem]:
    """What the request asks that this model's channels cannot mean."""
    held = status_quo.not_bought
    yield from _not_for_sale(request, held)
    for i, group in enumerate(request.groups):
        for channel in named_by(group):
            if channel in chosen.aside and channel not in held:
                text = f"{channel} has exposure but no spend; give unit_costs.{channel} to plan it in money"
                yield Problem("no_spend", f"groups[{i}]", text)
    for channel in request.unit_costs:
        if channel in status_quo.channels and channel not in status_quo.units:
            text = f"{channel} has spend of its own; remove its unit cost"
            yield Problem("has_spend", f"unit_costs.{channel}", text)
    yield from _beyond_most(request, status_quo)
    if request.by_region and not status_quo.regions:
        yield Problem("no_regions", "by_region", "this model has no regions; set by_region to false")
    if request.budget == "current" and not chosen.current_Y.sum() > 0:
        text = f"nothing was spent in the last {request.horizon} periods; give an amount"
        yield Problem("no_current_spend", "budget", text)
    for channel in chosen.aside:
        bounds = request.bounds.get(channel)
        if channel not in held and bounds is not None and bounds.max is None and bounds.max_change is None:
            text = (
                f"{channel} costs nothing in this plan, so more is always better; "
                f"give a max or unit_costs.{channel}"
            )
            yield Problem("open_exposure", f"bounds.{channel}", text)


def _beyond_most(request: BudgetRequest, status_quo: StatusQuo) -> Iterator[Problem]:
    """Least amounts of treatments that are more than their largest values cost."""
    if status_quo.most_X is None:
        return
    for c, name in enumerate(status_quo.channels):
        most = float(status_quo.most_X[status_quo.channel_X == c].sum())
        fixed = request.fixed.get(name) if isinstance(request.fixed, dict) else None
        bounds = request.bounds.get(name, OPEN)
        for place, least in ((f"bounds.{name}.min", bounds.min), (f"fixed.{name}", fixed)):
            if least is not None and least > most * (1 + NEAR):
                text = (
                    f"is {least:{AMOUNT}}, and more than {most:{AMOUNT}} cannot be spent on it: some period "
                    "is at its largest value then. Lower it, spread it with `flighting`, or raise "
                    f"treatment_costs.{name}.most"
                )
                yield Problem("beyond_most", place, text)


def _not_for_sale(request: BudgetRequest, held: Collection[str]) -> Iterator[Problem]:
    """Limits and costs of channels that nobody buys."""
    named = [
        (f"{field}.{name}", name) for field in ("bounds", "unit_costs") for name in getattr(request, field)
    ]
    for i, group in enumerate(request.groups):
        named += [(f"groups[{i}]", name) for name in named_by(group)]
    for place, name in named:
        if name in held:
            text = (
                f"nobody buys {name}, so a plan holds it as it is; remove it, or say in `fixed` or in a "
                "scenario how much of it there will be"
            )
            yield Problem("not_bought", place, text)


def aside_amounts(request: BudgetRequest, status_quo: StatusQuo, chosen: Decisions) -> Floats:
    """Amounts with channels that no budget covers as now, as fixed, or at the most allowed; shape X."""
    amount_X = status_quo.current_X.copy()
    for channel in chosen.aside:
        mine = status_quo.channel_X == status_quo.channels.index(channel)
        current = status_quo.current_X[mine]
        bounds, total = request.bounds.get(channel), float(current.sum())
        if bounds is not None:
            most = bounds.max if bounds.max is not None else total * (1.0 + (bounds.max_change or 0.0))
        elif isinstance(request.fixed, dict) and channel in request.fixed:
            most = request.fixed[channel]
        else:
            continue
        amount_X[mine] = current * (most / total) if total > 0 else most / len(current)
    return amount_X


def stated_limits(
    request: BudgetRequest, status_quo: StatusQuo, chosen: Decisions, held: Collection[str] = ()
) -> Limits:
    """The limits as the request has them, held channels at their status quo; open ends are infinite."""
    current = float(chosen.current_Y.sum())
    total = current if request.budget == "current" else request.budget
    most = np.inf if total is None else float(total)
    most += current if request.mode == "increment" else 0.0
    least = most if request.objective == "kpi" else 0.0
    return LimitsBuilder(request, status_quo, chosen, held).build(least, most)


def limits_of(
    request: BudgetRequest, status_quo: StatusQuo, chosen: Decisions
) -> tuple[Limits, tuple[str, ...]]:
    """The limits as the request has them, and channels that stay where they are for want of knowledge.

    Of these the request says nothing by name; where no plan exists with them in place they move after all.
    """
    named = {*request.bounds, *request.fixed}
    held = tuple(name for name in status_quo.unknown if name not in named)
    stated = stated_limits(request, status_quo, chosen, held)
    if held and not is_feasible(stated):
        return stated_limits(request, status_quo, chosen), ()
    return stated, held


def knee(status_quo: StatusQuo, chosen: Decisions) -> Floats:
    """Where each curve matters: the most that was ever spent, some amount where nothing was; shape Y."""
    seen_Y = status_quo.supported_X[chosen.moved_Y] * chosen.cost_Y
    knee_Y = np.maximum(seen_Y, chosen.current_Y)
    return np.where(knee_Y > 0, knee_Y, float(knee_Y.mean()) or 1.0)


def searched_limits(stated: Limits, knee_Y: Floats, *, by_region: bool) -> Limits:
    """The same plans in a finite box, no larger than the total needs."""
    room = stated.most - stated.lower_X.sum()
    upper_Y = np.minimum(stated.upper_X, stated.lower_X + max(room, 0.0))
    searched_Y = SEARCHED * knee_Y
    if by_region and searched_Y.sum() > 2.0 * stated.most:
        upper_Y = np.minimum(upper_Y, np.maximum(searched_Y, stated.lower_X))
    upper_Y = np.where(np.isfinite(upper_Y), upper_Y, searched_Y)
    upper_Y = np.maximum(upper_Y, stated.lower_X)
    return replace(stated, upper_X=upper_Y, most=min(stated.most, float(upper_Y.sum())))


def channel_limits(chosen: Decisions, stated: Limits, c: int) -> tuple[float, float]:
    """Least and largest total of a channel in the budget, rows on it alone included."""
    mine = chosen.channel_Y == c
    lower, upper = float(stated.lower_X[mine].sum()), float(stated.upper_X[mine].sum())
    for name, low, high in zip(stated.row_names_R, stated.row_lower_R, stated.row_upper_R, strict=True):
        if name == chosen.channels[c]:
            lower, upper = max(lower, float(low)), min(upper, float(high))
    return lower, upper


def binding_limits(chosen: Decisions, stated: Limits, money_Y: Floats) -> dict[str, Side]:
    """Limits at which a plan stands."""
    total = float(money_Y.sum())
    reached = [
        (channel, float(money_Y[chosen.channel_Y == c].sum()), *channel_limits(chosen, stated, c))
        for c, channel in enumerate(chosen.channels)
    ]
    sums = zip(
        stated.row_names_R, stated.rows_RX @ money_Y, stated.row_lower_R, stated.row_upper_R, strict=True
    )
    slack = max(NEAR * total, 0.011)
    binding: dict[str, Side] = {}
    for name, value, low, high in [*reached, *(row for row in sums if row[0] not in chosen.channels)]:
        if (side := _side(value, low, high, slack)) is not None:
            binding[name] = side
    if stated.least < stated.most and total >= stated.most - slack:
        binding["budget"] = "max"
    return binding


def _side(reached: float, lower: float, upper: float, slack: float) -> Side | None:
    if upper - lower <= slack:
        return "fixed"
    if reached >= upper - slack:
        return "max"
    return "min" if reached <= lower + slack and (lower > 0 or reached <= slack) else None
