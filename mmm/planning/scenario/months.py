"""Plans by the month for weekly or daily models: a month's amount falls evenly on its days.

Shapes: N rows, H periods after the data.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from mmm.data.calendar import Calendar
from mmm.data.panel import Dates
from mmm.data.schema import named
from mmm.errors import Problem, RequestError
from mmm.planning.scenario.rows import SpendRows

SPREAD = "Monthly amounts fall evenly on the days of their month."
"""What is taken for granted of such plans."""
DAY = np.timedelta64(1, "D")


def is_monthly(rows: SpendRows, calendar: Calendar, longest: int) -> bool:
    """Whether rows are of months though periods are shorter.

    Each is of the first of a month, and together they are no plan by the period.
    """
    months = np.unique(rows.date_N.astype("datetime64[M]"))
    firsts = bool((rows.date_N == rows.date_N.astype("datetime64[M]").astype("datetime64[D]")).all())
    if calendar.frequency not in ("weekly", "daily") or not len(months) or not firsts:
        return False
    return len(months) > 1 or not np.isin(rows.date_N, calendar.after(longest)).all()


def by_period(rows: SpendRows, calendar: Calendar, longest: int) -> SpendRows:
    """Rows of months as rows of the periods that their days lie in; a period of two months has parts of both.

    Args:
        rows: Of months.
        calendar: That of the model's data.
        longest: Periods after the data that a plan may reach.

    Raises:
        RequestError: A month that begins before the first period after the data, part of which is history,
            or one that ends beyond what a plan may reach.
    """
    after = calendar.after(longest + 1)
    starts, end = after[:-1], after[-1]
    month_N = rows.date_N.astype("datetime64[M]")
    next_N = (month_N + 1).astype("datetime64[D]")
    begun_N, beyond_N = rows.date_N < starts[0], next_N > end
    problems = []
    if begun_N.any():
        text = (
            f"{_named(month_N[begun_N])} began before {starts[0]}, where plans can begin, so that part of it "
            "is history. Give rows by period for it, or begin with the next month."
        )
        problems.append(Problem("month_begun", "date", text))
    if beyond_N.any():
        text = f"{_named(month_N[beyond_N])}: ends after {end}, further ahead than history goes back."
        problems.append(Problem("unknown_period", "date", text))
    if problems:
        raise RequestError(rows.source, problems)
    region_N = [None] * len(month_N) if rows.region_N is None else rows.region_N.tolist()
    sums: dict[tuple[int, str, str | None], float] = defaultdict(float)
    for first, following, channel, region, amount in zip(
        rows.date_N, next_N, rows.channel_N.tolist(), region_N, rows.spend_N.tolist(), strict=True
    ):
        for place, days in _days(starts, end, first, following):
            sums[place, channel, region] += amount * days / int((following - first) / DAY)
    keys = sorted(sums, key=lambda key: key[0])
    return replace(
        rows,
        date_N=starts[[place for place, _, _ in keys]],
        channel_N=np.array([channel for _, channel, _ in keys], dtype=object),
        region_N=None if rows.region_N is None else np.array([key[2] for key in keys], dtype=object),
        spend_N=np.array([sums[key] for key in keys], dtype=np.float64),
    )


def _named(month_N: Dates) -> str:
    return named([str(month) for month in np.unique(month_N)])


def _days(
    starts: Dates, end: np.datetime64, first: np.datetime64, following: np.datetime64
) -> list[tuple[int, int]]:
    """Periods that a month has days in, and how many."""
    edges = np.append(starts, end)
    places = range(
        int(np.searchsorted(edges, first, side="right")) - 1, int(np.searchsorted(edges, following))
    )
    return [
        (place, int((min(edges[place + 1], following) - max(edges[place], first)) / DAY)) for place in places
    ]
