"""What a spend plan means for a model: amounts of every channel as media by region and period.

Shapes: G regions, H periods of the horizon, C channels.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmm.config import DataSpec
from mmm.config.problems import nearest
from mmm.data.calendar import Calendar
from mmm.data.panel import Floats
from mmm.data.schema import named
from mmm.errors import Problem, RequestError
from mmm.planning.amounts import AmountsToMedia, Flighting
from mmm.planning.fields import unknown_name
from mmm.planning.scenario.months import by_period, is_monthly
from mmm.planning.scenario.request import ChannelAmounts, ScenarioRequest, SpendPlan
from mmm.planning.scenario.rows import SpendRows, entries_of, read_rows, rows_given
from mmm.planning.wait import Wait, wait_until
from mmm.storage import resolve

HORIZON = 13
"""Periods of a request that leaves them open."""


@dataclass(frozen=True, eq=False)
class PlannedMedia:
    """A plan as the model sees it.

    Attributes:
        amount_HC: Amounts by period over all regions, in each channel's unit.
        media_GHC: Media they buy.
        treatment_R: Money for treatments over the horizon.
    """

    amount_HC: Floats
    media_GHC: Floats
    treatment_R: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def amount_C(self) -> Floats:
        """Amounts over the horizon."""
        total: Floats = self.amount_HC.sum(0)
        return total

    def per_unit(self, otherwise_GHC: Floats) -> Floats:
        """Media per unit of each channel's amount, shape GHC; ``otherwise_GHC`` where nothing is planned."""
        planned = np.broadcast_to(self.amount_C > 0, self.media_GHC.shape)
        unit_GHC: Floats = np.divide(self.media_GHC, self.amount_C, out=otherwise_GHC.copy(), where=planned)
        return unit_GHC


def status_quo(to_media: AmountsToMedia, horizon: int) -> PlannedMedia:
    """The amounts of the last ``horizon`` periods again, where and when they ran."""
    return _spread(to_media, horizon, to_media.current(horizon), "history")


def _spread(to_media: AmountsToMedia, horizon: int, amount_C: Floats, flighting: Flighting) -> PlannedMedia:
    """Totals over a horizon."""
    pattern_GHC = to_media.pattern_GHC(horizon, flighting)
    unit_GHC = to_media.unit_GHC(horizon, flighting)
    return PlannedMedia(pattern_GHC.sum(0) * amount_C, unit_GHC * amount_C)


def planned_media(
    to_media: AmountsToMedia, horizon: int, plan: SpendPlan, entries: Mapping[str, ChannelAmounts]
) -> PlannedMedia:
    """A plan without problems as media; channels it does not name run as ``plan.others`` says."""
    panel = to_media.panel
    keep = plan.others == "current"
    rest_C = to_media.current(horizon) * [keep and name not in entries for name in panel.channels]
    rest = _spread(to_media, horizon, rest_C, "history")
    amount_HC, media_GHC = rest.amount_HC.copy(), rest.media_GHC.copy()
    unit_GHC = to_media.unit_GHC(horizon, plan.flighting)
    regional_GHC = to_media.unit_GHC(horizon, plan.flighting, by_region=True)
    pattern_HC = to_media.pattern_GHC(horizon, plan.flighting).sum(0)
    share_GC = to_media.region_share_GC(horizon)
    for channel, entry in entries.items():
        if channel not in panel.channels:
            continue
        c = panel.channels.index(channel)
        if isinstance(entry, Mapping):
            for region, amounts in entry.items():
                g = panel.regions.index(region)
                per_H = regional_GHC[g, :, c] / max(to_media.rate_GC[g, c], 1e-300)
                spent_H = np.asarray(amounts) if isinstance(amounts, tuple) else amounts * per_H
                amount_HC[:, c] += spent_H
                media_GHC[g, :, c] += spent_H * to_media.rate_GC[g, c]
        elif isinstance(entry, tuple):
            amount_HC[:, c] = entry
            media_GHC[..., c] = share_GC[:, [c]] * np.asarray(entry) * to_media.rate_C[c]
        else:
            amount_HC[:, c] = entry * pattern_HC[:, c]
            media_GHC[..., c] = entry * unit_GHC[..., c]
    return PlannedMedia(amount_HC, media_GHC)


def entry_problems(
    to_media: AmountsToMedia,
    horizon: int,
    where: str,
    plan: SpendPlan,
    entries: Mapping[str, ChannelAmounts],
    treatments: Sequence[str] = (),
) -> Iterator[Problem]:
    """Everything in a plan's amounts that this model and horizon cannot mean."""
    panel = to_media.panel
    names = (*panel.channels, *treatments)
    missing = [channel for channel in names if channel not in entries]
    if missing and plan.others is None:
        text = (
            f"names no amount for {named(missing, sep=', ')}. Add them, 0 where nothing runs, or say what "
            "the channels that are not named do: others: current, or others: none."
        )
        yield Problem("missing_channels", where, text)
    for channel, entry in entries.items():
        place = f"{where}.spend.{channel}"
        if channel not in names:
            yield Problem("unknown_channel", place, unknown_name(channel, names))
        if channel in treatments and not isinstance(entry, float):
            text = "is a treatment; give its total, and how it falls on periods as `flighting`"
            yield Problem("no_total", place, text)
            continue
        yield from _length_problems(place, entry, horizon)
        if isinstance(entry, Mapping):
            yield from _region_problems(place, entry, panel.regions, horizon)
    tables = plan.flighting if isinstance(plan.flighting, Mapping) else {"": plan.flighting}
    for channel, table in tables.items():
        if not isinstance(table, str):
            place = f"{where}.flighting.{channel}".rstrip(".")
            yield from _length_problems(place, table, horizon)


def _length_problems(place: str, entry: ChannelAmounts, horizon: int) -> Iterator[Problem]:
    if isinstance(entry, tuple) and len(entry) != horizon:
        text = f"has {len(entry)} values; expected one for each of the {horizon} periods of the horizon."
        yield Problem("wrong_length", place, text)


def _region_problems(
    place: str, entry: Mapping[str, ChannelAmounts], regions: Sequence[str], horizon: int
) -> Iterator[Problem]:
    for region, amounts in entry.items():
        if region not in regions:
            close = nearest(region, regions, count=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            yield Problem("unknown_region", place, f"unknown region {region!r}.{hint}")
        yield from _length_problems(f"{place}.{region}", amounts, horizon)
    missing = [region for region in regions if region not in entry]
    if missing:
        text = f"names no amount for {len(missing)} of {len(regions)} regions: {named(missing)}. Add them."
        yield Problem("missing_regions", place, text)


@dataclass(frozen=True, eq=False)
class ResolvedPlans:
    """Plans of a request without problems.

    Attributes:
        horizon: Periods.
        wait: What lies between the data and the first of them.
        entries: Each plan's amounts by channel.
        monthly: Whether some plan is by the month and the model is not.
    """

    horizon: int
    wait: Wait
    entries: dict[str, dict[str, ChannelAmounts]]
    monthly: bool


def resolve_plans(
    to_media: AmountsToMedia, request: ScenarioRequest, base: str, reading: DataSpec | None = None
) -> ResolvedPlans:
    """Horizon, where it begins, and each plan's amounts by channel.

    Args:
        to_media: The model's.
        request: What is asked.
        base: Folder that paths of plan files are relative to.
        reading: How the model's own files are read; plan files are read likewise.

    Raises:
        RequestError: With every problem of every plan.
    """
    panel = to_media.panel
    calendar, longest = Calendar(panel.dates, panel.frequency), len(panel.dates)
    given = {name: _rows(plan, base, reading, panel.channels) for name, plan in request.plans.items()}
    monthly = {name for name, one in given.items() if one is not None and is_monthly(one, calendar, longest)}
    rows = {
        name: by_period(one, calendar, longest) if one is not None and name in monthly else one
        for name, one in given.items()
    }
    start = request.start or _implied_start(request.horizon, rows, calendar, longest)
    wait = Wait()
    if start is not None:
        wait = wait_until(panel, start, request.meanwhile, request.horizon or 1, "scenario request")
    horizon = request.horizon or _implied(request, rows, calendar, longest, wait.periods)
    if horizon > longest:
        text = (
            f"is {horizon}; it must not exceed the {len(panel.dates)} periods of history, since the status "
            f"quo is what ran in the last {horizon} periods."
        )
        raise RequestError("scenario request", [Problem("horizon_beyond_history", "horizon", text)])
    problems: list[Problem] = []
    names = (*panel.channels, *request.treatment_costs)
    entries: dict[str, dict[str, ChannelAmounts]] = {}
    for name, plan in request.plans.items():
        entries[name] = dict(plan.spend or {})
        own = rows[name]
        where = f"plans.{name}"
        if own is not None:
            dates = calendar.after(wait.periods + horizon)[wait.periods :]
            entries[name], found = entries_of(own, dates, names, panel.regions)
            place = f"{where}.{own.source}"
            problems += [Problem(one.code, f"{place}.{one.where}", one.message) for one in found]
        problems += entry_problems(
            to_media, horizon, where, plan, entries[name], tuple(request.treatment_costs)
        )
    if problems:
        raise RequestError("scenario request", problems)
    if start is not None:
        wait_until(panel, start, request.meanwhile, horizon, "scenario request")
    return ResolvedPlans(horizon, wait, entries, bool(monthly))


def _rows(plan: SpendPlan, base: str, reading: DataSpec | None, channels: Sequence[str]) -> SpendRows | None:
    if plan.file is not None:
        return read_rows(resolve(plan.file, base), reading, plan.date_format, channels)
    return None if plan.rows is None else rows_given("rows", plan.rows)


def _implied_start(
    horizon: int | None, rows: Mapping[str, SpendRows | None], calendar: Calendar, longest: int
) -> dt.date | None:
    """Where plans begin that are all rows, none of which begins where the data end.

    Rows that are fewer than the horizon asked for miss its first periods instead.
    """
    if None in rows.values():
        return None
    reached = [own.reach(calendar, longest) for own in rows.values() if own is not None]
    first = min(place for place, _ in reached)
    last = max(place + periods for place, periods in reached)
    day: dt.date = calendar.after(first + 1)[first].astype(object)
    return day if first and horizon in (None, last - first) else None


def longest_list(plan: SpendPlan) -> int:
    """Periods of a plan's longest list of amounts, those of regions among them; 0 without a list."""
    entries = (plan.spend or {}).values()
    parts = [list(entry.values()) if isinstance(entry, dict) else [entry] for entry in entries]
    lists = [amounts for part in parts for amounts in part if isinstance(amounts, tuple)]
    return max(map(len, lists), default=0)


def _implied(
    request: ScenarioRequest,
    rows: Mapping[str, SpendRows | None],
    calendar: Calendar,
    longest: int,
    wait: int,
) -> int:
    """Periods from the start that the plans cover, as far as they say."""
    reached = [own.reach(calendar, longest) for own in rows.values() if own is not None]
    lengths = [first + periods - wait for first, periods in reached]
    return max(*lengths, *map(longest_list, request.plans.values()), 0) or HORIZON
