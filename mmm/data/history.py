"""History against itself: units that change at a date, copied amounts and regions, periods cut short.

Such a feed is whole and plausible cell by cell; only beside the rest of itself it shows that it broke.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mmm.data.breaks import SIDE_LEAST, WINDOW, kpi_level, logs, unit_breaks
from mmm.data.panel import Bools, Floats, Panel
from mmm.data.schema import Finding, named
from mmm.sums import Highest, Lowest, Sums
from mmm.words import percent

COPIED = 0.9
"""Share of periods in which amounts or regions must be alike to be copies."""
MOST_COMPARED = 5_000
"""Regions up to which each is compared with every other: two tables of 200 MB."""
PARTIAL = 0.75
"""Part of its neighbours below which the KPI of the first or last period may be that of a part of it."""
PARTIAL_SPREADS = 5.0
"""Typical changes from period to period that such a fall must exceed."""


@dataclass(frozen=True, eq=False)
class HistorySums(Sums):
    """What remarks on history need of a panel's regions besides its outline.

    Attributes:
        high_AT: Largest amount of a region in each period, of the series of :func:`_amounts`.
        low_AT: Least.
        total_A: Their sums.
        product_CC: Products of deviations of spend and of media from regions' means.
        spend_C: Squares of those of spend.
        media_C: Squares of those of media.
    """

    high_AT: Highest
    low_AT: Lowest
    total_A: Floats
    product_CC: Floats
    spend_C: Floats
    media_C: Floats


def history_sums(panel: Panel) -> HistorySums:
    """Sums of a panel, or of some of its regions."""
    present_GT = panel.present_GT
    amounts = [values_GT for _, values_GT in _amounts(panel)]
    spend_GTC, media_GTC = (
        values - values.mean(axis=1, keepdims=True) for values in (panel.spend_GTC, panel.media_GTC)
    )
    return HistorySums(
        Highest(
            np.stack(
                [np.where(present_GT, values, -np.inf).max(axis=0, initial=-np.inf) for values in amounts]
            )
        ),
        Lowest(
            np.stack([np.where(present_GT, values, np.inf).min(axis=0, initial=np.inf) for values in amounts])
        ),
        np.array([values.sum() for values in amounts]),
        np.einsum("gtc,gtd->cd", spend_GTC, media_GTC),
        (spend_GTC**2).sum(axis=(0, 1)),
        (media_GTC**2).sum(axis=(0, 1)),
    )


def history_findings(panel: Panel, sums: HistorySums | None = None) -> list[Finding]:
    """Everything in a panel's history that contradicts the rest of it.

    Args:
        panel: The panel, or its outline; see :mod:`mmm.data.parts.outline`.
        sums: Of an outline, those of the panel.
    """
    sums = history_sums(panel) if sums is None else sums
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return [
            *unit_breaks(panel),
            *_partial_periods(panel),
            *_copied_amounts(panel, sums),
            *_double_regions(panel),
            *_total_regions(panel),
            *_swapped_spend(panel, sums),
            *_unpaid(panel),
        ]


def _partial_periods(panel: Panel) -> list[Finding]:
    """A first or last period whose KPI is that of a part of it."""
    level_T = kpi_level(panel)
    findings = []
    for last in (True, False):
        series_T = level_T if last else level_T[::-1]
        media_TC = panel.media_GTC.sum(0) if last else panel.media_GTC.sum(0)[::-1]
        if not _is_partial(series_T, media_TC, round(panel.periods_per_year)):
            continue
        t, side = (len(level_T) - 1, "last") if last else (0, "first")
        part = float(np.exp(series_T[-1] - np.nanmedian(series_T[-1 - WINDOW : -1])))
        findings.append(
            Finding(
                "warning",
                "partial_period",
                str(panel.dates[t]),
                f"The {side} period ({panel.dates[t]}) has {percent(part)} of the usual KPI "
                "and no more media than usual: is it complete?",
                "A period cut short reads as a collapse; scores and levels of forecasts follow it.",
                "Leave the period out until it is complete.",
            )
        )
    return findings


def _is_partial(level_T: Floats, media_TC: Floats, year: int) -> bool:
    """Whether the last period falls far below all that came before, as no other did, and media with it."""
    known_T = level_T[np.isfinite(level_T)]
    if len(known_T) < 2 * WINDOW or not np.isfinite(level_T[-1]):
        return False
    _, level = np.polyfit(np.arange(-WINDOW, 0), known_T[-1 - WINDOW : -1], 1)
    fall = float(known_T[-1] - min(level, np.median(known_T[-1 - WINDOW : -1])))
    usual = 1.4826 * float(np.median(np.abs(np.diff(known_T[:-1]))))
    if fall > np.log(PARTIAL) or -fall < PARTIAL_SPREADS * usual or level_T[-1] >= np.min(known_T[:-1]):
        return False
    if len(level_T) > year + WINDOW:
        before = float(level_T[-1 - year] - np.nanmedian(level_T[-1 - year - WINDOW : -1 - year]))
        if before < fall / 2:
            return False
    mean_C = media_TC[:-1].mean(axis=0)
    relative_C = media_TC[-1][mean_C > 0] / mean_C[mean_C > 0]
    return bool(relative_C.mean() <= 1.1) if len(relative_C) else True


def _amounts(panel: Panel) -> list[tuple[str, Floats]]:
    """Series that may be copied into every region, with the KPI last."""
    series = []
    for c, name in enumerate(panel.channels):
        if panel.has_spend_C[c]:
            series.append((f"spend of {name!r}", panel.spend_GTC[:, :, c]))
        if panel.has_exposure_C[c]:
            series.append((f"exposure of {name!r}", panel.media_GTC[:, :, c]))
    return [*series, ("the KPI", np.where(panel.observed_GT, panel.kpi_GT, 0.0))]


def _copied_amounts(panel: Panel, sums: HistorySums) -> list[Finding]:
    """Amounts that are the same in every region in every period."""
    if len(panel.regions) < 2:
        return []
    several_T = panel.present_GT.sum(axis=0) > 1
    return [
        _copied(panel, label, float(sums.total_A[a]))
        for a, (label, _) in enumerate(_amounts(panel))
        if _is_copied(several_T, sums.high_AT.values[a], sums.low_AT.values[a])
    ]


def _is_copied(several_T: Bools, high_T: Floats, low_T: Floats) -> bool:
    asked_T = several_T & (high_T > 0)
    if asked_T.sum() < SIDE_LEAST or len(np.unique(high_T[asked_T])) < 2:
        return False
    alike_T = high_T - low_T <= 1e-6 * high_T
    return bool(alike_T[asked_T].mean() >= COPIED)


def _copied(panel: Panel, label: str, total: float) -> Finding:
    count = len(panel.regions)
    points = " (Rating points and other figures per head are the same everywhere by nature.)"
    return Finding(
        "warning",
        "national_amount_in_regions",
        label,
        f"{label[0].upper()}{label[1:]} is the same in each of {count} regions in every period: is it a "
        f"national amount copied? Its sum is then {total:,.0f} instead of {total / count:,.0f}.",
        f"It is counted {count} times, and what it returns and every plan of it are off by that factor."
        + (points if label.startswith("exposure") else ""),
        "Divide it among the regions by their size, or model the market as one (no columns.region).",
    )


def _double_regions(panel: Panel) -> list[Finding]:
    """Regions whose KPI is that of another one, or that end where another begins."""
    regions, kpi_GT = len(panel.regions), panel.kpi_GT
    if regions > MOST_COMPARED:
        return [_not_compared(regions)]
    alike_GG, common_GG = np.zeros((2, regions, regions))
    for t in range(kpi_GT.shape[1]):
        value_G = kpi_GT[:, t]
        known_GG = np.isfinite(value_G)[:, None] & np.isfinite(value_G)
        close_GG = np.abs(value_G[:, None] - value_G) <= 1e-3 * np.abs(value_G)
        alike_GG += known_GG & close_GG & (value_G != 0)
        common_GG += known_GG & (value_G != 0)
    double_GG = np.triu((common_GG >= 2 * SIDE_LEAST) & (alike_GG >= COPIED * common_GG), k=1)
    level_G = np.nanmax(kpi_GT, axis=1) > np.nanmin(kpi_GT, axis=1)
    pairs = [(int(g), int(h)) for g, h in zip(*np.nonzero(double_GG), strict=True) if level_G[g]]
    findings = []
    all_alike = len(pairs) == regions * (regions - 1) / 2 and regions > 2
    if pairs and not all_alike:
        examples = [f"{panel.regions[g]!r} and {panel.regions[h]!r}" for g, h in pairs]
        findings.append(
            Finding(
                "warning",
                "region_twice",
                "region",
                f"The KPI of two regions is the same: {named(examples, sep='; ')}. Is it one region under "
                "two names?",
                "It counts twice in every total, and the fit believes it twice.",
                "Keep one of them: remove its rows, or name it in regions.exclude.",
            )
        )
    return findings + _followed_regions(panel)


def _not_compared(regions: int) -> Finding:
    return Finding(
        "info",
        "regions_not_compared",
        "region",
        f"{regions} regions are too many to compare each with every other: none is told to be there twice.",
        "A region under two names counts twice in every total.",
        f"Compare them before, or look at no more than {MOST_COMPARED} at a time.",
    )


def _total_regions(panel: Panel) -> list[Finding]:
    """A region whose KPI is the sum of all others."""
    if len(panel.regions) < 3:
        return []
    kpi_GT = np.where(panel.observed_GT, panel.kpi_GT, 0.0)
    sum_T = kpi_GT.sum(axis=0)
    known_GT = panel.observed_GT & (kpi_GT > 0)
    close_GT = np.abs(2 * kpi_GT - sum_T) <= 2e-3 * sum_T
    share_G = (close_GT & known_GT).sum(axis=1) / np.maximum(known_GT.sum(axis=1), 1)
    enough_G = known_GT.sum(axis=1) >= 2 * SIDE_LEAST
    names = [repr(panel.regions[g]) for g in np.flatnonzero((share_G >= COPIED) & enough_G)]
    if not names:
        return []
    return [
        Finding(
            "warning",
            "total_region",
            "region",
            f"The KPI of region {named(names)} is the sum of all others: is it their total?",
            "Everything then counts twice.",
            f"Leave it out: regions: {{exclude: [{', '.join(names)}]}}.",
        )
    ]


def _followed_regions(panel: Panel) -> list[Finding]:
    """Regions that end in the period before another of the same level begins."""
    seen_GT = panel.observed_GT
    first_G = np.argmax(seen_GT, axis=1)
    last_G = seen_GT.shape[1] - 1 - np.argmax(seen_GT[:, ::-1], axis=1)
    log_GT = logs(panel.kpi_GT)
    examples = []
    for g in np.flatnonzero((last_G < seen_GT.shape[1] - 1) & seen_GT.any(axis=1)):
        for h in np.flatnonzero((first_G == last_G[g] + 1) & seen_GT.any(axis=1)):
            before = np.nanmedian(log_GT[g, max(last_G[g] - WINDOW, 0) : last_G[g] + 1])
            after = np.nanmedian(log_GT[h, first_G[h] : first_G[h] + WINDOW])
            if abs(before - after) < np.log(1.25):
                dates = f"{panel.regions[h]!r} begins on {panel.dates[first_G[h]]}"
                examples.append(f"{panel.regions[g]!r} ends on {panel.dates[last_G[g]]} and {dates}")
    if not examples:
        return []
    return [
        Finding(
            "warning",
            "region_renamed",
            "region",
            f"One region ends where another of the same KPI begins: {named(examples, sep='; ')}.",
            "Under two names it is two regions, each with half of the history.",
            "Give it one name throughout, if it is one.",
        )
    ]


def _swapped_spend(panel: Panel, sums: HistorySums) -> list[Finding]:
    """Two channels of which each one's spend goes with the other's exposure."""
    both = [int(c) for c in np.flatnonzero(panel.has_spend_C & panel.has_exposure_C)]
    if len(both) < 2:
        return []
    size_CC = np.sqrt(sums.spend_C)[:, None] * np.sqrt(sums.media_C)
    related = (sums.product_CC / np.maximum(size_CC, 1e-300))[np.ix_(both, both)]
    findings = []
    for i in range(len(both)):
        for j in range(i):
            own, other = max(related[i, i], related[j, j]), min(related[i, j], related[j, i])
            if other > 0.8 and own < other - 0.3:
                names = f"{panel.channels[both[j]]!r} and {panel.channels[both[i]]!r}"
                findings.append(
                    Finding(
                        "warning",
                        "swapped_spend",
                        f"channels {names}",
                        f"The spend of each goes with the exposure of the other (correlation {other:.2f}, "
                        f"with its own {own:.2f}): are the columns of spend swapped?",
                        "Prices per exposure, returns and plans of both are then those of the other.",
                        "Swap the two in columns.channels if they are mixed up.",
                    )
                )
    return findings


def _unpaid(panel: Panel) -> list[Finding]:
    """Channels whose spend is 0 throughout while they run."""
    findings = []
    for c in np.flatnonzero(panel.has_spend_C & panel.has_exposure_C):
        if not panel.spend_GTC[:, :, c].any() and panel.media_GTC[:, :, c].any():
            findings.append(
                Finding(
                    "warning",
                    "no_spend",
                    f"channel {panel.channels[c]!r}",
                    "spend is 0 in every row, though exposure is not.",
                    "What cost nothing has no return, and a plan has no price for it.",
                    "Check the column of spend, or leave it out of the spec if the channel costs nothing.",
                )
            )
    return findings
