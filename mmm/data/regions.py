"""Regions that are not modelled: those that the spec excludes, and those that opened too late.

Shapes: N rows, G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmm.config.problems import nearest
from mmm.data.panel import Bools, Panel
from mmm.data.schema import Finding, LongTable, named
from mmm.data.split import Split
from mmm.errors import Problem

HISTORY_LEAST = 4
"""Periods of training with a KPI that a region needs for a level of its own."""


def without_regions(table: LongTable, exclude: Sequence[str]) -> tuple[LongTable, Bools, list[Problem]]:
    """The rows of all regions but some, which rows these are, and a problem for each that is not there."""
    if not exclude:
        return table, np.ones(len(table.date_N), dtype=np.bool_), []
    problems = []
    for name in exclude:
        if name not in table.regions:
            close = nearest(name, table.regions) or list(table.regions[:5])
            message = f"no rows of {name!r}; did you mean {' or '.join(map(repr, close))}? Correct the name."
            problems.append(Problem("unknown_region", "regions.exclude", message))
    kept = [g for g, name in enumerate(table.regions) if name not in exclude]
    if not kept:
        message = "every region of the panel is left out. Keep at least one."
        every_N = np.ones(len(table.date_N), dtype=np.bool_)
        return table, every_N, [*problems, Problem("no_regions", "regions.exclude", message)]
    place_G = np.full(len(table.regions) + 1, -1)
    place_G[kept] = np.arange(len(kept))
    stays_N = (place_G[table.region_N] >= 0) | (table.region_N < 0)
    cut = replace(
        table,
        regions=tuple(table.regions[g] for g in kept),
        region_N=place_G[table.region_N][stays_N],
        date_N=table.date_N[stays_N],
        numbers={column: values[stays_N] for column, values in table.numbers.items()},
    )
    return cut, stays_N, problems


def opened_late(panel: Panel, split: Split) -> Bools:
    """Regions that began too late to have a level in training, shape G; none if all of them did."""
    late_G = began_late(panel, split)
    return late_G if not late_G.all() else np.zeros_like(late_G)


def began_late(panel: Panel, split: Split) -> Bools:
    """Regions that began too late to have a level in training, shape G."""
    opened_GT = panel.present_GT[:, split.train]
    known_G = panel.observed_GT[:, split.train].sum(axis=1)
    late_G: Bools = (opened_GT.sum(axis=1) < HISTORY_LEAST) & (known_G < HISTORY_LEAST)
    first_G = np.argmax(panel.present_GT, axis=1)
    late_G &= panel.present_GT.any(axis=1) & (first_G > 0)
    return late_G


def without_late(panel: Panel, split: Split, late_G: Bools) -> tuple[Panel, Panel | None, list[Finding]]:
    """The panel without regions that opened late, the panel of those, and what is to be said of them."""
    if not late_G.any():
        return panel, None, []
    finding = late_finding(late_words(panel, late_G), len(late_G), panel.dates[split.n_train - 1])
    return kept_regions(panel, ~late_G), kept_regions(panel, late_G), [finding]


def late_words(panel: Panel, late_G: Bools) -> list[str]:
    """Regions that opened late, in words."""
    shown = []
    for g in np.flatnonzero(late_G):
        kpi_T = panel.kpi_GT[g][panel.observed_GT[g]]
        first = panel.dates[int(np.argmax(panel.present_GT[g]))]
        shown.append(f"{panel.regions[g]!r} (since {first}, KPI {kpi_T.sum():,.0f} in {len(kpi_T)} periods)")
    return shown


def late_finding(shown: Sequence[str], regions: int, until: np.datetime64) -> Finding:
    """What is said of regions that opened late.

    Args:
        shown: They, in words.
        regions: Regions in all.
        until: Last date of training.
    """
    return Finding(
        "warning",
        "region_left_out",
        "region",
        f"{len(shown)} of {regions} regions began after the training window, which ends on "
        f"{until}, or just before its end: {named(shown)}.",
        "They have no history to learn from and are left out of the fit: effects, scores and totals are "
        f"those of the other {regions - len(shown)}. Plans take them at the effect that all regions share "
        "and their own level.",
        "Nothing: they join as soon as training covers them.",
    )


def kept_regions(panel: Panel, kept_G: Bools) -> Panel:
    """The panel of some of its regions, on the same calendar."""
    return replace(
        panel,
        regions=tuple(name for name, kept in zip(panel.regions, kept_G, strict=True) if kept),
        present_GT=panel.present_GT[kept_G],
        kpi_GT=panel.kpi_GT[kept_G],
        media_GTC=panel.media_GTC[kept_G],
        spend_GTC=panel.spend_GTC[kept_G],
        controls_GTK=panel.controls_GTK[kept_G],
        population_G=None if panel.population_G is None else panel.population_G[kept_G],
        kpi_value_GT=panel.kpi_value_GT[kept_G],
        contacts_GTC=None if panel.contacts_GTC is None else panel.contacts_GTC[kept_G],
    )
