"""The outline of a panel that no process holds: KPI and presence of every cell, everything else as sums.

Parts with some regions each are looked at by whoever reads them. What checks of whole columns need of a part
is small: some twenty bytes a cell, sums by channel and period, and flags.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from mmm.data.closed import closed_findings, closed_periods, closed_while_running, without_closed
from mmm.data.history import HistorySums, history_findings, history_sums
from mmm.data.panel import Bools, Floats, Panel, parts_fingerprint, region_digests
from mmm.data.regions import began_late, kept_regions, late_finding, late_words
from mmm.data.schema import Finding
from mmm.data.series import SeriesSums, same_series, series_findings, series_problems, series_sums
from mmm.data.split import Split
from mmm.errors import Problem


@dataclass(frozen=True, eq=False)
class PartOutline:
    """What is to be known of some regions.

    Attributes:
        panel: The panel of the regions that are fitted, closed periods left out, without data but KPI and
            presence; media and spend are sums over its regions, as of one.
        kpi_GT: KPI as given, closed periods included.
        present_GT: Presence as given.
        closed_GT: Where regions were closed.
        running: Closed periods in which media ran.
        late: Regions that began after the training window, in words.
        digests: Of the data of each region that is fitted.
        copies_CC: Whether the media of two channels are the same.
        series: Sums of the series as given.
        history: Sums of the panel that is fitted.
        products_CC: Products of media as :func:`training_products` has them.
    """

    panel: Panel
    kpi_GT: Floats
    present_GT: Bools
    closed_GT: Bools
    running: int
    late: tuple[str, ...]
    digests: tuple[bytes, ...]
    copies_CC: Bools
    series: SeriesSums
    history: HistorySums
    products_CC: Floats


def training_products(panel: Panel, split: Split) -> Floats:
    """Products of the media's deviations from regions' means over the training window, shape CC."""
    train = split.train
    media_GTC = np.where(panel.present_GT[:, train, None], panel.media_GTC[:, train], 0.0)
    away_GTC = media_GTC - media_GTC.mean(axis=1, keepdims=True)
    products: Floats = np.einsum("gtc,gtd->cd", away_GTC, away_GTC, optimize=True)
    return products


def outline_of(given: Panel, split: Split, *, leave_out: bool) -> PartOutline:
    """The outline of a part.

    Args:
        given: Its regions, closed periods included.
        split: Windows of the whole.
        leave_out: Whether closed periods are left out of the fit.
    """
    late_G = began_late(given, split)
    late = tuple(late_words(given, late_G))
    given = kept_regions(given, ~late_G)
    closed_GT = closed_periods(given)
    panel = without_closed(given, closed_GT) if leave_out else given
    return PartOutline(
        panel=replace(
            panel,
            media_GTC=panel.media_GTC.sum(0, keepdims=True),
            spend_GTC=panel.spend_GTC.sum(0, keepdims=True),
            controls_GTK=panel.controls_GTK[:0],
            kpi_value_GT=panel.kpi_value_GT[:0],
            population_G=None,
        ),
        kpi_GT=given.kpi_GT,
        present_GT=given.present_GT,
        closed_GT=closed_GT,
        running=closed_while_running(given, closed_GT),
        late=late,
        digests=region_digests(panel),
        copies_CC=same_series(panel),
        series=series_sums(given),
        history=history_sums(panel),
        products_CC=training_products(panel, split),
    )


@dataclass(frozen=True, eq=False)
class Outline:
    """What was found out about a panel in parts.

    Attributes:
        regions: Names of all that are fitted.
        observed_G: Cells of each whose KPI is known.
        fingerprint: Of the data.
        problems: What is wrong with whole columns.
        findings: What the user should know of.
        products_CC: As :func:`training_products`.
    """

    regions: tuple[str, ...]
    observed_G: np.ndarray[tuple[int], np.dtype[np.int64]]
    fingerprint: str
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]
    products_CC: Floats


def put_together(parts: Sequence[PartOutline], split: Split, *, leave_out: bool) -> Outline:
    """Every check of whole columns, on the outlines of all parts in the order of their regions."""
    panel = _panel(parts)
    series, history = (
        reduce(add, every) for every in zip(*((p.series, p.history) for p in parts), strict=True)
    )
    copies_CC = np.all([part.copies_CC for part in parts], axis=0)
    digests = [digest for part in parts for digest in part.digests]
    return Outline(
        regions=panel.regions,
        observed_G=panel.observed_GT.sum(1).astype(np.int64),
        fingerprint=parts_fingerprint(parts[0].panel, digests),
        problems=tuple(series_problems(panel, split, copies_CC)),
        findings=tuple(_findings(parts, panel, split, series, history, leave_out=leave_out)),
        products_CC=np.sum([part.products_CC for part in parts], axis=0),
    )


def _panel(parts: Sequence[PartOutline]) -> Panel:
    """The outline of all parts as a panel; media and spend are sums over all regions, as of one."""
    panels = [part.panel for part in parts]
    return replace(
        panels[0],
        regions=tuple(name for panel in panels for name in panel.regions),
        kpi_GT=np.concatenate([panel.kpi_GT for panel in panels]),
        present_GT=np.concatenate([panel.present_GT for panel in panels]),
        media_GTC=np.sum([panel.media_GTC for panel in panels], axis=0),
        spend_GTC=np.sum([panel.spend_GTC for panel in panels], axis=0),
    )


def _findings(
    parts: Sequence[PartOutline],
    panel: Panel,
    split: Split,
    series: SeriesSums,
    history: HistorySums,
    *,
    leave_out: bool,
) -> list[Finding]:
    late = [name for part in parts for name in part.late]
    given = replace(
        panel,
        kpi_GT=np.concatenate([part.kpi_GT for part in parts]),
        present_GT=np.concatenate([part.present_GT for part in parts]),
    )
    closed_GT = np.concatenate([part.closed_GT for part in parts])
    running = sum(part.running for part in parts)
    told = (
        [late_finding(late, len(panel.regions) + len(late), panel.dates[split.n_train - 1])] if late else []
    )
    return [
        *told,
        *closed_findings(given, closed_GT, left_out=leave_out, running=running),
        *series_findings(given, split, series),
        *history_findings(panel, history),
    ]
