"""What the channel graph needs of a panel: sums over regions, so that shards add up to the whole.

Two passes. The first sums media features per period, so that what all regions share in a period can be
taken out; the second sums second moments of what is left, per bootstrap block. Both are plain sums over
regions: combine shards with ``+``.

Features of a channel are its media, its own past and its carried-over media, on two scales. *Structure*
is found on square roots of media relative to the region's mean, which tames bursts and noise that grows
with the level. *Strength* is measured on media per region size, where influence is linear.

Shapes: G regions, T periods, C channels, F features (feature-major, channel-minor), B blocks, R terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Bools, Floats
from mmm.graph.channel_graph import carried

OWN_LAGS = 2
"""Periods of a channel's own past that its equation holds."""
RETENTION_K = (0.3, 0.6, 0.3, 0.6)
"""Share of carried media kept from one period to the next, by carry-over shape."""
DELAY_K = (0, 0, 1, 1)
"""Periods before influence begins, by carry-over shape."""
SHAPES = len(RETENTION_K)
PERIOD_EFFECT_REGIONS = 4
"""Fewest regions whose common movement is taken out; with fewer, a smooth calendar stands in."""
BLOCKS = 64
"""Bootstrap blocks at most, unless periods are few."""
BLOCK_PERIODS = 8
"""Length of a bootstrap block in time, where regions are too few to be blocks."""


@dataclass(frozen=True, eq=False)
class PeriodTotals:
    """First pass: sums of features over regions, and the number of regions, per period."""

    sum_TF: Floats
    count_T: Floats

    def __add__(self, other: PeriodTotals) -> PeriodTotals:
        return PeriodTotals(self.sum_TF + other.sum_TF, self.count_T + other.count_T)

    @property
    def mean_TF(self) -> Floats:
        """Mean over regions; zero where no region was present."""
        return self.sum_TF / np.maximum(self.count_T, 1.0)[:, None]


@dataclass(frozen=True, eq=False)
class GraphStatistics:
    """Second pass: second moments of the features net of region, calendar and period, per block.

    Attributes:
        moment_BFF: Sums of products.
        count_B: Cells summed.
    """

    moment_BFF: Floats
    count_B: Floats

    def __add__(self, other: GraphStatistics) -> GraphStatistics:
        return GraphStatistics(self.moment_BFF + other.moment_BFF, self.count_B + other.count_B)


@dataclass(frozen=True)
class GraphDesign:
    """What all shards of a panel agree on.

    Attributes:
        regions: Regions of the whole panel, not of a shard.
        periods: T.
        periods_per_year: Periods of this frequency in a year.
    """

    regions: int
    periods: int
    periods_per_year: float

    @property
    def period_effects(self) -> bool:
        """Whether what regions share in a period is taken out."""
        return self.regions >= PERIOD_EFFECT_REGIONS

    @property
    def _time_blocks(self) -> int:
        if self.regions >= BLOCKS // 4:
            return 1
        return max(1, self.periods // BLOCK_PERIODS)

    @property
    def blocks(self) -> int:
        """Number of bootstrap blocks: groups of regions, or regions by stretches of time."""
        return min(self.regions, BLOCKS) * self._time_blocks

    def block_T(self, region: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Block of each period of a region, by its index in the whole panel."""
        stretch = np.arange(self.periods) * self._time_blocks // self.periods
        return (region % BLOCKS) * self._time_blocks + stretch

    def calendar_TR(self) -> Floats:
        """Orthonormal terms taken out of every region: level, trend, year and, daily, week."""
        time = np.arange(self.periods)
        degree, harmonics = (1, 1) if self.period_effects else (2, 2)
        terms = [(time / self.periods) ** power for power in range(degree + 1)]
        cycles = [(self.periods_per_year, harmonics)] if self.periods >= self.periods_per_year else []
        if self.periods_per_year > 300 and not self.period_effects:
            cycles.append((7.0, 3))
        for length, count in cycles:
            for harmonic in range(1, count + 1):
                angle = 2.0 * np.pi * harmonic * time / length
                terms += [np.sin(angle), np.cos(angle)]
        return np.linalg.qr(np.column_stack(terms[: max(1, self.periods // 4)]))[0]


def period_totals(media_GTC: Floats, present_GT: Bools, size_G: Floats, design: GraphDesign) -> PeriodTotals:
    """First pass over a shard of regions.

    Args:
        media_GTC: Media of the shard's regions; 0 where absent.
        present_GT: Cells with a row.
        size_G: Positive region sizes, on one scale over all shards.
        design: The whole panel's design.
    """
    features_GTF, valid_GT = _features(media_GTC, present_GT, size_G)
    features_GTF = _without_calendar(features_GTF, valid_GT, design)
    return PeriodTotals(features_GTF.sum(axis=0), valid_GT.sum(axis=0).astype(np.float64))


def graph_statistics(
    media_GTC: Floats,
    present_GT: Bools,
    size_G: Floats,
    design: GraphDesign,
    *,
    totals: PeriodTotals,
    first_region: int = 0,
) -> GraphStatistics:
    """Second pass over a shard of regions.

    Args:
        media_GTC: Media of the shard's regions; 0 where absent.
        present_GT: Cells with a row.
        size_G: Positive region sizes, on one scale over all shards.
        design: The whole panel's design.
        totals: First pass summed over all shards.
        first_region: Index in the whole panel of the shard's first region.
    """
    features_GTF, valid_GT = _features(media_GTC, present_GT, size_G)
    features_GTF = _without_calendar(features_GTF, valid_GT, design)
    if design.period_effects:
        # Period means put back a little of the calendar where cells are missing: it is taken out again.
        features_GTF = features_GTF - totals.mean_TF
        features_GTF = _without_calendar(features_GTF, valid_GT, design)
    count = features_GTF.shape[2]
    moment_BFF = np.zeros((design.blocks, count, count))
    count_B = np.zeros(design.blocks)
    for region, features_TF in enumerate(features_GTF):
        block_T = design.block_T(first_region + region)
        for block in np.unique(block_T):
            rows = features_TF[block_T == block]
            moment_BFF[block] += rows.T @ rows
            count_B[block] += valid_GT[region, block_T == block].sum()
    return GraphStatistics(moment_BFF, count_B)


def structure_index(channels: int) -> tuple[slice, list[slice], list[slice]]:
    """Features of the structure scale: media, own past by lag, carried media by shape."""
    spans = [slice(at * channels, (at + 1) * channels) for at in range(1 + OWN_LAGS + SHAPES)]
    return spans[0], spans[1 : 1 + OWN_LAGS], spans[1 + OWN_LAGS :]


def strength_index(channels: int) -> tuple[slice, list[slice]]:
    """Features of the strength scale: media, carried media by shape."""
    first = 1 + OWN_LAGS + SHAPES
    spans = [slice(at * channels, (at + 1) * channels) for at in range(first, first + 1 + SHAPES)]
    return spans[0], spans[1:]


def _features(media_GTC: Floats, present_GT: Bools, size_G: Floats) -> tuple[Floats, Bools]:
    """Features [G, T, F] and the cells whose whole past is known."""
    count_G = np.maximum(present_GT.sum(axis=1), 1)[:, None, None]
    media_GTC = np.where(present_GT[:, :, None], media_GTC, 0.0)
    mean_G1C = media_GTC.sum(axis=1, keepdims=True) / count_G
    # Square roots: the variance of media grows with their level, and a few bursts would decide correlations.
    relative_GTC = np.sqrt(media_GTC / np.where(mean_G1C > 0, mean_G1C, 1.0))
    sized_GTC = media_GTC / size_G[:, None, None]
    parts = [relative_GTC, *(_lagged(relative_GTC, lag) for lag in range(1, OWN_LAGS + 1))]
    for scaled_GTC in (relative_GTC, sized_GTC):
        if scaled_GTC is sized_GTC:
            parts.append(scaled_GTC)
        # What ran before the data is unknown: taken as the region's mean rather than as nothing, which
        # would give all channels the same ramp and so a correlation.
        start_G1C = scaled_GTC.sum(axis=1, keepdims=True) / count_G
        for retention, delay in zip(RETENTION_K, DELAY_K, strict=True):
            parts.append(carried(scaled_GTC, retention, delay, start_G1C))
    # A cell whose own past is absent would show a lag of 0, a collapse that never happened.
    valid_GT = present_GT.copy()
    for lag in range(1, OWN_LAGS + 1):
        valid_GT[:, lag:] &= present_GT[:, :-lag]
        valid_GT[:, :lag] = False
    return np.concatenate(parts, axis=2), valid_GT


def _lagged(media_GTC: Floats, lag: int) -> Floats:
    out_GTC = np.zeros_like(media_GTC)
    out_GTC[:, lag:] = media_GTC[:, :-lag]
    return out_GTC


def _without_calendar(features_GTF: Floats, valid_GT: Bools, design: GraphDesign) -> Floats:
    """Features less their projection on the calendar over valid cells; zero elsewhere."""
    calendar_TR = design.calendar_TR()
    out_GTF = np.where(valid_GT[:, :, None], features_GTF, 0.0)
    # Calendar terms are orthonormal over whole series only. Over the cells that a region has they are made so
    # again, once for each pattern of gaps, of which most panels have few.
    patterns, pattern_G = np.unique(valid_GT, axis=0, return_inverse=True)
    for pattern, valid_T in enumerate(patterns):
        regions = np.flatnonzero(pattern_G.ravel() == pattern)
        terms_TR = np.linalg.svd(calendar_TR * valid_T[:, None], full_matrices=False)
        basis_TR = terms_TR[0][:, terms_TR[1] > 1e-8]
        inside = out_GTF[regions]
        out_GTF[regions] = inside - basis_TR @ (basis_TR.T @ inside)
    return out_GTF
