"""Versions of some weeks ago, held against the KPI that came since: entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np

from jobs.record.ledger import HORIZONS, Entry, Standing
from jobs.record.store import local_copy
from mmm.data.panel import Panel
from mmm.errors import ModelFileError

MOST_AHEAD = 2 * max(HORIZONS)
"""Periods after its data in which a version is judged at most, where no newer one stood."""


def judge(
    panel: Panel,
    standings: Sequence[Standing],
    judged: frozenset[tuple[str, date]],
    renamed: Mapping[str, str],
) -> list[Entry]:
    """Entries that the data now allow and the ledger lacks.

    In each period the version counts that stood 1, 4, 8 and 13 periods before, champion and challenger
    apart. A model that was removed or is of an older program is left out.

    Args:
        panel: The data now.
        standings: Versions of the market.
        judged: Key and period of entries that are there.
        renamed: Channels that had another name: new name to old name.
    """
    entries: list[Entry] = []
    for standing, wanted in _due(panel, standings, judged).items():
        entries += _entries(panel, standing, wanted, renamed)
    return entries


def _due(
    panel: Panel, standings: Sequence[Standing], judged: frozenset[tuple[str, date]]
) -> dict[Standing, set[date]]:
    """Periods in which each version is still to be judged."""
    if not standings:
        return {}
    dates: list[date] = panel.dates.astype("datetime64[D]").tolist()
    place = {day: t for t, day in enumerate(dates)}
    due: dict[Standing, set[date]] = {}
    oldest = min(item.until for item in standings)
    for t, day in enumerate(dates):
        if day <= oldest:
            continue
        for standing in _stood(t, dates, standings):
            ahead = t - place.get(standing.until, -len(dates))
            if ahead <= MOST_AHEAD and (standing.key, day) not in judged:
                due.setdefault(standing, set()).add(day)
    return due


def _stood(period: int, dates: Sequence[date], standings: Sequence[Standing]) -> Iterator[Standing]:
    """Newest champion and challenger of each number of periods before."""
    for horizon in HORIZONS:
        if period < horizon:
            continue
        for role in ("champion", "challenger"):
            own = [item for item in standings if item.role == role and item.until <= dates[period - horizon]]
            if own:
                yield max(own, key=lambda item: (item.until, item.made_at))


def _entries(
    panel: Panel, standing: Standing, wanted: set[date], renamed: Mapping[str, str]
) -> Iterator[Entry]:
    from mmm.fitted import load_fitted
    from mmm.planning.hindsight import hindsight

    try:
        with local_copy(standing.directory, ("model",)) as folder:
            fitted = load_fitted(folder)
    except (ModelFileError, FileNotFoundError):
        return
    seen = hindsight(fitted, panel, renamed)
    if seen is None:
        return
    for h, day in enumerate(seen.dates.astype("datetime64[D]").tolist()):
        actual = float(seen.actual_H[h])
        if day not in wanted or not np.isfinite(actual):
            continue
        expected, lower, upper = (float(side[h]) for side in (seen.expected_H, seen.lower_H, seen.upper_H))
        yield Entry(
            brand=standing.brand,
            market=standing.market,
            version=standing.version,
            made_at=standing.made_at,
            period=day,
            horizon=h + 1,
            expected=expected,
            lower=lower,
            upper=upper,
            actual=actual,
            error=actual - expected,
            covered=lower <= actual <= upper,
            naive=float(seen.naive_H[h]),
            role=standing.role,
            key=standing.key,
        )
