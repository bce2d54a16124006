"""What is wrong or remarkable with the series of a laid-out panel: constant, empty, twin or leaking ones.

Shapes: G regions, T periods, C channels, K controls, S series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.drivers.treatments import treatment_problems
from mmm.data.panel import Bools, Floats, Panel
from mmm.data.schema import Finding, named
from mmm.data.split import Split
from mmm.errors import Problem
from mmm.sums import Each, Highest, Lowest, Sums
from mmm.words import amount

TWIN = 0.9995
"""Correlation within regions from which two series cannot be told apart."""


def series_problems(panel: Panel, split: Split | None, copies_CC: Bools | None = None) -> list[Problem]:
    """Series that cannot be modelled: constant KPI, empty channels, copies, regions without a level.

    Args:
        panel: The panel, or its outline; see :mod:`mmm.data.parts.outline`.
        split: Its windows.
        copies_CC: Of an outline, :func:`same_series` of the panel.
    """
    problems = []
    if _flat(panel.kpi_GT, panel.observed_GT).all():
        message = (
            "the KPI never changes within a region: there is nothing for media to explain. Check the column."
        )
        problems.append(Problem("constant_kpi", "kpi", message))
    for c, channel in enumerate(panel.channels):
        if not panel.media_GTC[:, :, c].any():
            kind = "exposure" if panel.has_exposure_C[c] else "spend"
            message = (
                f"{kind} is 0 in every row: no effect can be learned. Remove the channel or check its column."
            )
            problems.append(Problem("empty_channel", f"channel {channel!r}", message))
    problems += _copies(panel, same_series(panel) if copies_CC is None else copies_CC)
    problems += treatment_problems(panel, split)
    if split is not None:
        problems += _region_levels(panel, split)
    return problems


def _flat(values_GT: Floats, known_GT: Bools) -> Bools:
    """Regions in which the known values are all the same, or which have none."""
    low_G = np.where(known_GT, values_GT, np.inf).min(axis=1)
    high_G = np.where(known_GT, values_GT, -np.inf).max(axis=1)
    flat_G: Bools = high_G <= low_G
    return flat_G


def same_series(panel: Panel) -> Bools:
    """Whether the media of two channels are the same in every cell, shape CC."""
    channels = range(len(panel.channels))
    same = [
        [np.array_equal(panel.media_GTC[:, :, c], panel.media_GTC[:, :, b]) for b in channels]
        for c in channels
    ]
    return np.array(same, dtype=np.bool_)


def _copies(panel: Panel, copies_CC: Bools) -> list[Problem]:
    problems = []
    for c, channel in enumerate(panel.channels):
        others = np.flatnonzero(copies_CC[c, :c])
        if panel.media_GTC[:, :, c].any() and len(others):
            message = (
                f"is an exact copy of channel {panel.channels[others[0]]!r}: their effects could not be told "
                "apart. Remove one, or correct its column."
            )
            problems.append(Problem("duplicate_channel", f"channel {channel!r}", message))
    return problems


def _region_levels(panel: Panel, split: Split) -> list[Problem]:
    """Regions whose KPI has no positive mean over the training window: every effect is scaled by it."""
    known_GT = panel.observed_GT[:, split.train]
    total_G = np.where(known_GT, panel.kpi_GT[:, split.train], 0.0).sum(axis=1)
    problems = []
    for code, bad_G, what in (
        ("no_kpi_in_training", ~known_GT.any(axis=1), "have no KPI in the training window"),
        (
            "no_kpi_level",
            known_GT.any(axis=1) & (total_G <= 0),
            "have a KPI of 0 or less in training on average",
        ),
    ):
        if bad_G.any():
            names = [repr(panel.regions[g]) for g in np.flatnonzero(bad_G)]
            message = (
                f"{len(names)} of {len(panel.regions)} regions {what} ({named(names)}), so they have no "
                "level to forecast from. Remove these regions or complete their KPI."
            )
            problems.append(Problem(code, "kpi", message))
    if not panel.observed_GT[:, split.holdout].any():
        message = (
            "the holdout has no observed KPI, so nothing can be scored. "
            "Shorten splits.holdout or complete the KPI."
        )
        problems.append(Problem("no_kpi_in_holdout", "kpi", message))
    return problems


@dataclass(frozen=True, eq=False)
class SeriesSums(Sums):
    """What remarks on series need of a panel's regions besides its outline.

    Attributes:
        product_SS: Products of deviations from regions' means, KPI, channels and controls.
        square_S: Squares of the series.
        low_K: Least value of each control.
        high_K: Largest.
        unseen: By channel, where money was spent and nothing ran.
    """

    product_SS: Floats
    square_S: Floats
    low_K: Lowest
    high_K: Highest
    unseen: Each[Unseen]


def series_sums(panel: Panel) -> SeriesSums:
    """Sums of a panel, or of some of its regions."""
    controls_NK = panel.controls_GTK[panel.present_GT]
    none = np.full(len(panel.controls), np.inf)
    return SeriesSums(
        *_within_products(panel),
        Lowest(controls_NK.min(0) if len(controls_NK) else none),
        Highest(controls_NK.max(0) if len(controls_NK) else -none),
        Each(tuple(_unseen(panel, c) for c in range(len(panel.channels)))),
    )


def series_findings(panel: Panel, split: Split | None, sums: SeriesSums | None = None) -> list[Finding]:
    """Everything worth a warning: absent periods, twins, leaks, constant controls, spend without exposure.

    Args:
        panel: The panel, or its outline.
        split: Its windows.
        sums: Of an outline, those of the panel.
    """
    sums = series_sums(panel) if sums is None else sums
    return [
        *_absent(panel),
        *_constant_controls(panel, sums),
        *_twins_and_leaks(panel, sums),
        *_spend_without_exposure(panel, sums),
        *_flat_regions(panel),
        *(_short_training(panel, split) if split is not None else []),
        *(_new_channels(panel, split) if split is not None else []),
    ]


def _absent(panel: Panel) -> list[Finding]:
    missing_GT = ~panel.present_GT
    if not missing_GT.any():
        return []
    count_G = missing_GT.sum(axis=1)
    worst = np.argsort(-count_G, kind="stable")[: int((count_G > 0).sum())]
    examples = [
        f"{panel.regions[g]!r} ({count_G[g]}, first {panel.dates[np.argmax(missing_GT[g])]})"
        for g in worst[:3]
    ]
    what = (
        f"{int(missing_GT.sum())} of {missing_GT.size} region-periods have no row, in {len(worst)} of "
        f"{len(count_G)} regions: {named(examples, len(worst))}."
    )
    gaps = panel.dates[missing_GT.all(axis=0)]
    if len(gaps):
        examples = [str(date) for date in gaps[:3]]
        what += f" {len(gaps)} periods are absent everywhere: {named(examples, len(gaps))}."
    return [
        Finding(
            "warning",
            "absent_periods",
            "region, date",
            what,
            "Absent rows are masked; media are taken not to have run there.",
            "Add the rows if they exist.",
        )
    ]


def _constant_controls(panel: Panel, sums: SeriesSums) -> list[Finding]:
    findings = []
    for control, low, high in zip(panel.controls, sums.low_K.values, sums.high_K.values, strict=True):
        if low == high:
            what = f"is {low:g} in every row."
            findings.append(
                Finding(
                    "warning",
                    "constant_control",
                    f"control {control!r}",
                    what,
                    "It cannot explain anything.",
                    "Remove it or check its column.",
                )
            )
    return findings


def _twins_and_leaks(panel: Panel, sums: SeriesSums) -> list[Finding]:
    """Pairs of series that move as one within regions, the KPI among them."""
    names = [
        "KPI",
        *(f"channel {name!r}" for name in panel.channels),
        *(f"control {n!r}" for n in panel.controls),
    ]
    related_SS = np.abs(_correlation(sums.product_SS, sums.square_S))
    findings = []
    for i, j in zip(*np.nonzero(np.triu(related_SS >= TWIN, k=1)), strict=True):
        r = related_SS[i, j]
        findings.append(_leak(names[j], r) if i == 0 else _twin(names[i], names[j], r))
    return findings


def _within_products(panel: Panel) -> tuple[Floats, Floats]:
    """Products of deviations from each region's mean, SS, and squares of the series, S; known cells."""
    known_GT = panel.observed_GT
    kpi_GT1 = np.where(known_GT, panel.kpi_GT, 0.0)[:, :, None]
    series_GTS = np.concatenate([kpi_GT1, panel.media_GTC, panel.controls_GTK], axis=2)
    weight_GT1 = known_GT[:, :, None].astype(np.float64)
    count_G11 = np.maximum(weight_GT1.sum(axis=1, keepdims=True), 1.0)
    series_GTS = series_GTS * weight_GT1
    square_S = np.einsum("gts,gts->s", series_GTS, series_GTS)
    series_GTS -= series_GTS.sum(axis=1, keepdims=True) / count_G11 * weight_GT1
    product_SS = np.einsum("gts,gtr->sr", series_GTS, series_GTS, optimize=True)
    return product_SS, square_S


def _correlation(product_SS: Floats, square_S: Floats) -> Floats:
    """Correlations after each region's mean, S x S; 0 for flat series."""
    size_S = np.sqrt(np.diag(product_SS))
    moving_S = size_S > 1e-9 * np.sqrt(square_S)
    scale_S = np.where(moving_S, 1.0 / np.where(moving_S, size_S, 1.0), 0.0)
    related_SS: Floats = product_SS * scale_S[:, None] * scale_S
    return related_SS


def _leak(name: str, r: float) -> Finding:
    return Finding(
        "warning",
        "leaking_series",
        name,
        f"moves exactly as the KPI does (correlation within regions {r:.4f}).",
        "It looks like the KPI itself, or is computed from it, and would take all of its variation.",
        "Remove it unless it is known beforehand.",
    )


def _twin(first: str, second: str, r: float) -> Finding:
    return Finding(
        "warning",
        "twin_series",
        f"{first}, {second}",
        f"move as one (correlation within regions {r:.4f}).",
        "The data cannot tell their effects apart; how it is split between them comes from the priors.",
        "Merge them, drop one, or add a lift test.",
    )


@dataclass(frozen=True)
class Unseen:
    """Cells in which money was spent on a channel and nothing ran.

    Attributes:
        rows: Number of cells.
        money: Spent in them.
        first: Region and date of the first.
    """

    rows: int = 0
    money: float = 0.0
    first: str = ""

    def __add__(self, other: Unseen) -> Unseen:
        """The same of the regions of both."""
        return Unseen(self.rows + other.rows, self.money + other.money, self.first or other.first)


def _unseen(panel: Panel, c: int) -> Unseen:
    if not (panel.has_spend_C[c] and panel.has_exposure_C[c]):
        return Unseen()
    unseen_GT = (panel.spend_GTC[:, :, c] > 0) & (panel.media_GTC[:, :, c] == 0)
    if not unseen_GT.any():
        return Unseen()
    g, t = (int(index[0]) for index in np.nonzero(unseen_GT))
    first = f"region {panel.regions[g]!r}, {panel.dates[t]}"
    return Unseen(int(unseen_GT.sum()), float(panel.spend_GTC[:, :, c][unseen_GT].sum()), first)


def _spend_without_exposure(panel: Panel, sums: SeriesSums) -> list[Finding]:
    return [
        Finding(
            "warning",
            "spend_without_exposure",
            f"channel {name!r}",
            f"spend is above 0 while exposure is 0 in {unseen.rows} rows "
            f"({amount(unseen.money, panel.currency)}), first in {unseen.first}.",
            "Exposure drives the response, so this money counts as spent for nothing.",
            "Check for exposure that is missing or booked in another period.",
        )
        for name, unseen in zip(panel.channels, sums.unseen.parts, strict=True)
        if unseen.rows
    ]


def _flat_regions(panel: Panel) -> list[Finding]:
    flat_G = _flat(panel.kpi_GT, panel.observed_GT)
    if not flat_G.any() or flat_G.all():
        return []
    names = [repr(panel.regions[g]) for g in np.flatnonzero(flat_G)]
    return [
        Finding(
            "warning",
            "constant_kpi_region",
            "kpi",
            f"The KPI never changes in {len(names)} of {len(flat_G)} regions: {named(names)}.",
            "Such a region says that media do nothing.",
            "Check whether its figures are real.",
        )
    ]


def _new_channels(panel: Panel, split: Split) -> list[Finding]:
    """Channels that run after the training window only."""
    findings = []
    for c, name in enumerate(panel.channels):
        runs_T = np.any(panel.media_GTC[:, :, c] > 0, axis=0)
        if runs_T[: split.n_train].any() or not runs_T.any():
            continue
        findings.append(
            Finding(
                "warning",
                "channel_after_training",
                f"channel {name!r}",
                f"runs since {panel.dates[int(np.argmax(runs_T))]} only, after the training window that ends "
                f"on {panel.dates[split.n_train - 1]}.",
                "Nothing in training tells its effect: what is said of it is the prior.",
                "Shorten splits.holdout, set train.refit_on_all, or state a belief in model.priors.channels.",
            )
        )
    return findings


def _short_training(panel: Panel, split: Split) -> list[Finding]:
    if split.n_train >= panel.periods_per_year:
        return []
    return [
        Finding(
            "warning",
            "short_training",
            "date",
            f"Training has {split.n_train} {panel.frequency} periods, less than a year.",
            "Seasonality and media that run in season cannot be told apart.",
            "Give more history if there is any.",
        )
    ]
