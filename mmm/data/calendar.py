"""The calendar of a panel: its frequency, its periods without gaps, and public holidays in them.

Shapes: N rows of the long table, T periods, H holidays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmm.config import HolidaysSpec
from mmm.config.problems import nearest
from mmm.data.panel import Bools, Dates, Floats, Frequency
from mmm.data.schema import LongTable, named
from mmm.errors import Problem, SpecError

SPACINGS: dict[Frequency, tuple[int, int]] = {
    "daily": (1, 1),
    "weekly": (7, 7),
    "monthly": (28, 31),
    "quarterly": (89, 92),
}
"""Days from one period to the next, smallest and largest: from 1 February it is 89 to 1 May."""
WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
MONTHS: dict[Frequency, int] = {"monthly": 1, "quarterly": 3}
SPARSE = 4
"""A calendar this many times longer than the dates it holds has a mistyped date at an end."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """Periods of a panel.

    Attributes:
        dates_T: Starts, ascending, without gaps.
        frequency: Their length.
    """

    dates_T: Dates
    frequency: Frequency

    def index(self, date_N: Dates) -> npt.NDArray[np.int64]:
        """Position of each date in the calendar; -1 where it is none of its dates."""
        found = np.searchsorted(self.dates_T, date_N)
        clipped = np.minimum(found, len(self.dates_T) - 1)
        return np.where(self.dates_T[clipped] == date_N, clipped, -1).astype(np.int64)

    def after(self, periods: int) -> Dates:
        """Starts of the periods that follow the last one."""
        if self.frequency in MONTHS:
            grid = _month_grid(self.dates_T, len(self.dates_T) + periods, MONTHS[self.frequency])
            return grid[len(self.dates_T) :]
        step = SPACINGS[self.frequency][0]
        dates: Dates = self.dates_T[-1] + np.arange(1, periods + 1) * np.timedelta64(step, "D")
        return dates


def infer_calendar(table: LongTable) -> tuple[Calendar | None, list[Problem]]:
    """Frequency and periods from the dates of a table.

    The frequency is that of most steps from one date of a region to its next. All rows must then lie on
    one grid: the same weekday, or the same day of the month (its last day counts as one).

    Returns:
        The calendar, or None if there is none; and the problems: spacing, rows off the grid.
    """
    date_N = table.date_N[~np.isnat(table.date_N)]
    unique = np.unique(date_N)
    if len(unique) < 2:
        return None, [_problem("too_few_periods", f"{len(unique)} date is no time series. Give more periods")]
    frequency, days = _frequency(table)
    if frequency is None:
        message = (
            f"most dates lie {days} days apart, which is neither daily, weekly, monthly nor quarterly. "
            "Aggregate the rows to one of these"
        )
        return None, [_problem("unknown_frequency", message)]
    off_N, rule = _off_grid(table.date_N, frequency)
    problems = []
    if off_N.any():
        regions = sorted({repr(table.regions[code]) for code in table.region_N[off_N] if code >= 0})
        message = (
            f"{int(off_N.sum())} of {len(off_N)} dates are not {rule} like the rest, in {len(regions)} "
            f"region{'s' if len(regions) != 1 else ''} ({named(regions)}): {table.cells(off_N)}. "
            f"Periods must start on the same day in every region: shift these dates"
        )
        problems.append(_problem("misaligned_dates", message))
    on = np.unique(table.date_N[~off_N & ~np.isnat(table.date_N)])
    dates_T = _grid(on, frequency)
    if len(dates_T) > SPARSE * len(on) + 10:
        message = (
            f"{len(on)} {frequency} dates are spread from {on[0]} to {on[-1]}, {len(dates_T)} periods. "
            "Is the first or the last date mistyped? Correct it, or start where the data are dense"
        )
        return None, [*problems, _problem("sparse_calendar", message)]
    return Calendar(dates_T, frequency), problems


def _problem(code: str, message: str) -> Problem:
    return Problem(code, "date", f"{message}.")


def _frequency(table: LongTable) -> tuple[Frequency | None, int]:
    """The frequency of most steps within regions, and the commonest step in days."""
    keep = ~np.isnat(table.date_N)
    day_N = table.date_N[keep].astype(np.int64)
    region_N = table.region_N[keep]
    order = np.lexsort((day_N, region_N))
    steps = np.diff(day_N[order])[np.diff(region_N[order]) == 0]
    steps = steps[steps > 0]
    if not len(steps):
        steps = np.diff(np.unique(day_N))
    values, counts = np.unique(steps, return_counts=True)
    shares = {
        name: int(counts[(values >= low) & (values <= high)].sum()) for name, (low, high) in SPACINGS.items()
    }
    best = max(shares, key=lambda name: shares[name])
    found = best if shares[best] * 2 > len(steps) else None
    return found, int(values[np.argmax(counts)])


def _off_grid(date_N: Dates, frequency: Frequency) -> tuple[Bools, str]:
    """Rows off the commonest grid, and the name of that grid for messages."""
    known = ~np.isnat(date_N)
    off_N = np.zeros(len(date_N), dtype=np.bool_)
    if frequency == "daily":
        return off_N, "days"
    phase_N, rule = _phase(date_N[known], frequency)
    off_N[known] = phase_N != rule[0]
    return off_N, rule[1]


def _phase(date_N: Dates, frequency: Frequency) -> tuple[npt.NDArray[np.int64], tuple[int, str]]:
    if frequency == "weekly":
        weekday_N = date_N.astype(np.int64) % 7
        common = _commonest(weekday_N)
        return weekday_N, (common, f"{WEEKDAYS[common]}s")
    month_N = date_N.astype("datetime64[M]")
    day_N = (date_N - month_N.astype("datetime64[D]")).astype(np.int64) + 1
    last_N = ((month_N + 1).astype("datetime64[D]") - np.timedelta64(1, "D")) == date_N
    at_end = bool(last_N.mean() > 0.5)
    phase_N = np.where(last_N, 0, day_N) if at_end else day_N
    common = _commonest(phase_N)
    rule = "the last day of the month" if at_end else f"day {common} of the month"
    step = MONTHS[frequency]
    if step > 1:
        cycle_N = month_N.astype(np.int64) % step
        usual = _commonest(cycle_N)
        phase_N = np.where(cycle_N == usual, phase_N, -1)
        rule += f" in every {step}rd month"
    return phase_N, (common, rule)


def _commonest(values: npt.NDArray[np.int64]) -> int:
    unique, counts = np.unique(values, return_counts=True)
    return int(unique[np.argmax(counts)])


def _grid(unique: Dates, frequency: Frequency) -> Dates:
    if frequency in MONTHS:
        months = unique.astype("datetime64[M]").astype(np.int64)
        step = MONTHS[frequency]
        return _month_grid(unique, int(months[-1] - months[0]) // step + 1, step)
    step = SPACINGS[frequency][0]
    return np.arange(unique[0], unique[-1] + np.timedelta64(1, "D"), np.timedelta64(step, "D"))


def _month_grid(unique: Dates, count: int, step: int) -> Dates:
    """``count`` dates every ``step`` months from the first, on its day of the month or the last day."""
    month_T = unique[0].astype("datetime64[M]") + np.arange(count) * step
    next_T: Dates = (month_T + 1).astype("datetime64[D]")
    last_U = (unique.astype("datetime64[M]") + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    if (last_U == unique).all():
        end_T: Dates = next_T - np.timedelta64(1, "D")
        return end_T
    day = unique[0] - unique[0].astype("datetime64[M]").astype("datetime64[D]")
    grid_T: Dates = month_T.astype("datetime64[D]") + day
    return grid_T


def holiday_counts(
    dates: Dates, frequency: Frequency, spec: HolidaysSpec, names: Sequence[str] | None = None
) -> tuple[tuple[str, ...], Floats]:
    """Days of each public holiday in each period.

    Args:
        dates: T period starts.
        frequency: Length of a period.
        spec: Country and subdivision.
        names: Holidays to count, as found on the training data, e.g. for future periods; by default
            those that fall into ``dates``. A holiday observed on another day counts there, once.

    Returns:
        H names such as ``holiday: Christmas Day``, sorted, and counts, T x H.

    Raises:
        SpecError: A country or subdivision that is not known.
    """
    edges = np.append(dates, Calendar(dates, frequency).after(1))
    found = _public_holidays(spec, edges)
    chosen = tuple(sorted({name for _, name in found})) if names is None else tuple(names)
    counts_TH = np.zeros((len(dates), len(chosen)))
    column = {name: index for index, name in enumerate(chosen)}
    for day, name in found:
        if name in column:
            counts_TH[int(np.searchsorted(edges, day, side="right")) - 1, column[name]] += 1.0
    return chosen, counts_TH


def _public_holidays(spec: HolidaysSpec, edges: Dates) -> list[tuple[np.datetime64, str]]:
    import holidays

    countries = holidays.list_supported_countries()
    country = spec.country.upper()
    if country not in countries:
        raise _unknown("holidays.country", spec.country, list(countries))
    if spec.subdivision is not None and spec.subdivision not in countries[country]:
        raise _unknown("holidays.subdivision", spec.subdivision, list(countries[country]))
    first, last = (edge.astype(dt.date) for edge in (edges[0], edges[-1]))
    years = range(first.year, last.year + 1)
    calendar = holidays.country_holidays(country, subdiv=spec.subdivision, years=years, language="en_US")
    return [
        (np.datetime64(day, "D"), f"holiday: {name.removesuffix(' (observed)')}")
        for day, joined in sorted(calendar.items())
        if first <= day < last
        for name in joined.split("; ")
    ]


def _unknown(where: str, value: str, known: list[str]) -> SpecError:
    close = nearest(value, known) or sorted(known)[:10]
    message = f"{value!r} is not known; e.g. {', '.join(close)}. Give its ISO code"
    return SpecError("holidays", [Problem("unknown_country", where, f"{message}.")])
