"""Periods in which a region was closed: the KPI is 0, and most often nothing runs, beyond all chance.

A closed border, a season, a lockdown. Taken as sales of 0 such periods move with media as nothing else
does, and media get the credit for being open.

Shapes: G regions, T periods, R runs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Bools, Floats, Panel
from mmm.data.schema import Finding, named

NEAR = 0.01
"""Part of the usual KPI up to which a period in which nothing runs counts as 0."""
CHANCE = 0.01
"""Expected number of runs of zeros by chance below which a run is none."""
INTERMITTENT = 0.2
"""Share of zeros outside of runs from which a KPI is 0 now and then by nature."""
OPEN_LEAST = 50
"""Periods with media, none of them at 0, from which single idle zeros are told from chance."""
OPEN_LEVEL = 0.25
"""Part of the usual KPI that nearly every open period must reach for the same."""


def closed_periods(panel: Panel) -> Bools:
    """Where regions were closed, shape GT.

    Long runs of zeros count whatever the media, single zeros only where nothing runs and no period with
    media is near 0. A KPI that is 0 now and then by nature, or always, has no closed periods.
    """
    idle_GT = _idle(panel)
    closed_GT = np.zeros_like(panel.observed_GT)
    for g in np.flatnonzero(_ever_near(panel)):
        closed_GT[g] = _closed_of_region(panel.kpi_GT[g], panel.observed_GT[g], idle_GT[g])
    return closed_GT


def _idle(panel: Panel) -> Bools:
    runs_GTC = (panel.media_GTC > 0) | (panel.spend_GTC > 0)
    idle_GT: Bools = np.logical_not(np.any(runs_GTC, axis=2))
    return idle_GT


def _ever_near(panel: Panel) -> Bools:
    level_G = np.where(panel.observed_GT, np.abs(panel.kpi_GT), 0.0).mean(axis=1)
    near_GT = panel.observed_GT & (np.abs(panel.kpi_GT) <= NEAR * level_G[:, None])
    ever_G: Bools = near_GT.any(axis=1)
    return ever_G


def _closed_of_region(kpi_T: Floats, known_T: Bools, idle_T: Bools) -> Bools:
    none_T = np.zeros_like(known_T)
    positive = kpi_T[known_T & (kpi_T > 0)]
    if not len(positive):
        return none_T
    level = float(np.median(positive))
    zero_T = known_T & ((kpi_T == 0) | (idle_T & (np.abs(kpi_T) <= NEAR * level)))
    if not zero_T.any() or zero_T.all():
        return none_T
    length_T = _run_lengths(zero_T)
    least = _least_run(zero_T, length_T, int(known_T.sum()))
    closed_T: Bools = zero_T & (length_T >= least)
    running = kpi_T[known_T & ~idle_T & ~closed_T]
    if len(running) >= OPEN_LEAST and np.quantile(running, 0.01) > OPEN_LEVEL * level:
        closed_T = closed_T | (zero_T & idle_T)
    return closed_T


def _run_lengths(zero_T: Bools) -> npt.NDArray[np.int64]:
    """Length of the run of zeros that each period is part of; 0 outside."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], zero_T.astype(np.int64), [0]))))
    length_T = np.zeros(len(zero_T), dtype=np.int64)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        length_T[start:stop] = stop - start
    return length_T


def _least_run(zero_T: Bools, length_T: npt.NDArray[np.int64], known: int) -> int:
    """The shortest run, of 2 periods at least, that the zeros outside of such runs do not bring by chance."""
    for length in np.unique(length_T[length_T >= 2]):
        shorter = int((zero_T & (length_T < length)).sum())
        others = known - int((length_T >= length).sum())
        share = (shorter + 0.5) / (others + 1)
        if share <= INTERMITTENT and known * share ** int(length) < CHANCE:
            return int(length)
    return len(zero_T) + 1


def without_closed(panel: Panel, closed_GT: Bools) -> Panel:
    """The panel with closed periods masked: no KPI is known there and, where nothing ran, no row is."""
    idle_GT = _idle(panel)
    return replace(
        panel,
        kpi_GT=np.where(closed_GT, np.nan, panel.kpi_GT),
        present_GT=panel.present_GT & ~(closed_GT & idle_GT),
    )


def closed_findings(
    panel: Panel, closed_GT: Bools, *, left_out: bool, running: int | None = None
) -> list[Finding]:
    """What was seen of closed periods, with their dates.

    Args:
        panel: The panel as given.
        closed_GT: Where regions were closed.
        left_out: They are left out of the fit; else they count as sales of 0.
        running: Of an outline, in how many of them media ran.
    """
    if not closed_GT.any():
        return []
    places = _places(panel, closed_GT)
    running = closed_while_running(panel, closed_GT) if running is None else running
    what = (
        f"The KPI is 0 in {int(closed_GT.sum())} of {closed_GT.size} region-periods as chance does not bring "
        f"it, {f'though media ran in {running} of them' if running else 'and nothing runs in them'}: "
        f"{named(places)}."
    )
    if left_out:
        return [
            Finding(
                "warning",
                "closed_periods",
                "kpi",
                what,
                "They are taken as closed, or as not recorded, and enter no fit or score: else media get the "
                "credit for being open. Forecasts take every coming period as open.",
                "Nothing, if that is so; set data.closed: keep if these are sales of 0 in open periods.",
            )
        ]
    return [
        Finding(
            "error",
            "structural_zeros",
            "kpi",
            what,
            "Kept as sales of 0 (data.closed: keep), they credit media with all that being open brings.",
            "Leave them out (data.closed: leave_out), or mark open periods in a column of columns.events.",
        )
    ]


def closed_while_running(panel: Panel, closed_GT: Bools) -> int:
    """Closed periods in which media ran."""
    return int((closed_GT & panel.media_GTC.any(axis=2)).sum())


def _places(panel: Panel, closed_GT: Bools) -> list[str]:
    """Runs of closed periods in words, the longest first, equal ones of several regions as one."""
    runs: dict[tuple[int, int], list[str]] = {}
    for g in np.flatnonzero(closed_GT.any(axis=1)):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], closed_GT[g].astype(np.int64), [0]))))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            runs.setdefault((int(start), int(stop) - 1), []).append(panel.regions[g])
    ordered = sorted(runs, key=lambda run: (run[0] - run[1], run))
    one_region = len(panel.regions) == 1
    return [
        f"{panel.dates[first]} to {panel.dates[last]} ({last - first + 1} periods"
        + ("" if one_region else f" in {_regions(runs[first, last], len(panel.regions))}")
        + ")"
        for first, last in ordered
    ]


def _regions(names: list[str], count: int) -> str:
    return "every region" if len(names) == count else named([repr(name) for name in names])
