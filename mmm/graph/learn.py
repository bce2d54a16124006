"""From sums over regions to a channel graph: structure, strength and bootstrap.

A channel's innovation (its media beyond region, period, calendar and its own past) is regressed on the
other channels' carried media, all channels at once, weights non-negative and acyclic (NOTEARS), and each
weight is discounted by the evidence for its reverse.

Shapes: M members, G regions, T periods, C channels, K carry-over shapes, F features, B blocks. Matrices
over channels are [cause, effect].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy.optimize import nnls

from mmm.config import GraphSpec
from mmm.data.panel import Bools, Floats
from mmm.data.scale import one_shard
from mmm.errors import SpecError
from mmm.graph.channel_graph import ChannelGraph, check_graph, edge_mask, empty_graph
from mmm.graph.moments import (
    DELAY_K,
    RETENTION_K,
    SHAPES,
    GraphDesign,
    GraphStatistics,
    PeriodTotals,
    graph_statistics,
    period_totals,
    strength_index,
)
from mmm.graph.notears import acyclic_part, notears_of_each, reachable
from mmm.graph.structure import direction_discount, structural_moments
from mmm.sums import in_blocks

CHANCE = 3.5
"""Threshold in standard errors of a correlation over all cells, where that exceeds the spec's."""


BLOCK_CELLS = 2**19
"""Cells of channels whose features are held at once: some thirty of them a cell, with copies 400 MB."""
MOST_SEARCHED = 30
"""Channels up to which an order is searched: the time of a search grows with more than their cube."""


def is_searchable(channels: int, cells: int) -> bool:
    """Whether an order of so many channels can be learned from so many region-periods in bounded time."""
    return channels <= MOST_SEARCHED and channels < cells


def learn_channel_graph(
    media_GTC: Floats,
    present_GT: Bools,
    channels: Sequence[str],
    spec: GraphSpec,
    *,
    periods_per_year: float,
    rng: np.random.Generator,
    size_G: Floats | None = None,
    n_bootstrap: int = 8,
    regions: int | None = None,
    first_region: int = 0,
    total: Callable[[Floats], Floats] = one_shard,
) -> ChannelGraph:
    """Which channels move which, learned from the media of a whole panel or, by sums, of its shards.

    Args:
        media_GTC: Media in any units; only its shape over time and regions counts.
        present_GT: Cells with a row.
        channels: Names of the channels.
        spec: The graph's settings.
        periods_per_year: Periods of this frequency in a year.
        rng: Source of the bootstrap.
        size_G: Positive region sizes; None takes each region's media relative to the others'.
        n_bootstrap: Members behind probabilities and intervals; 0 for none.
        regions: Regions of the whole panel; None for those given.
        first_region: Position of the first region given among all.
        total: Sum of an array over shards.

    Returns:
        The graph; one without edges where so many channels cannot be searched, see :func:`is_searchable`.

    Raises:
        SpecError: Settings that contradict one another or the channels.
    """
    problems = check_graph(spec, channels)
    if problems:
        raise SpecError("model.graph", problems)
    if spec.mode == "none" or len(channels) < 2:
        return empty_graph(channels)
    own, periods = present_GT.shape
    if spec.mode == "notears" and not is_searchable(len(channels), (regions or own) * periods):
        return empty_graph(channels)
    design = GraphDesign(regions=regions or own, periods=periods, periods_per_year=periods_per_year)
    sizes = media_size(media_GTC, present_GT) if size_G is None else size_G
    blocks = list(in_blocks(own, periods * len(channels), BLOCK_CELLS))
    here = reduce(add, (period_totals(media_GTC[at], present_GT[at], sizes[at], design) for at in blocks))
    totals = PeriodTotals(total(here.sum_TF), total(here.count_T))
    there = reduce(
        add,
        (
            graph_statistics(
                media_GTC[at],
                present_GT[at],
                sizes[at],
                design,
                totals=totals,
                first_region=first_region + at.start,
            )
            for at in blocks
        ),
    )
    statistics = GraphStatistics(total(there.moment_BFF), total(there.count_B))
    return solve_graph(statistics, channels, spec, rng=rng, n_bootstrap=n_bootstrap)


def media_size(media_GTC: Floats, present_GT: Bools) -> Floats:
    """Region sizes from media alone: the mean over channels of media relative to all regions'."""
    cells = np.maximum(present_GT.sum(axis=1), 1)
    mean_GC = np.where(present_GT[:, :, None], media_GTC, 0.0).sum(axis=1) / cells[:, None]
    overall_C = mean_GC.mean(axis=0)
    size_G = (mean_GC / np.where(overall_C > 0, overall_C, 1.0)).mean(axis=1)
    return np.where(size_G > 0, size_G, 1.0)


def solve_graph(
    statistics: GraphStatistics,
    channels: Sequence[str],
    spec: GraphSpec,
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 8,
) -> ChannelGraph:
    """The channel graph of the summed statistics of all shards.

    Deterministic given the statistics and the state of ``rng``.
    """
    rules = _Rules.of(spec, channels, cells=float(statistics.count_B.sum()))
    used = np.flatnonzero(statistics.count_B)
    weights = [np.ones(len(statistics.count_B))]
    for _ in range(n_bootstrap):
        # Blocks, not cells, are drawn: cells of a region or a stretch of time are no independent evidence.
        weight_B = np.zeros(len(statistics.count_B))
        if len(used):
            np.add.at(weight_B, rng.choice(used, size=len(used)), 1.0)
        weights.append(weight_B)
    (score_CC, edges_CC, coefficient_KCC), *members = _solve(statistics, weights, rules)
    edges_MCC = [edges for _, edges, _ in members]
    coefficients = [coefficient for _, _, coefficient in members]
    return ChannelGraph(
        channels=tuple(channels),
        edges_CC=edges_CC,
        score_CC=score_CC,
        probability_CC=np.mean(edges_MCC, axis=0) if edges_MCC else edges_CC.astype(np.float64),
        coefficient_KCC=coefficient_KCC,
        coefficient_MKCC=np.array(coefficients).reshape(n_bootstrap, *coefficient_KCC.shape),
        retention_K=RETENTION_K,
        delay_K=DELAY_K,
    )


@dataclass(frozen=True, eq=False)
class _Rules:
    """Settings as masks and numbers."""

    allowed_CC: Bools
    required_CC: Bools
    ordered: bool
    l1: float
    threshold: float

    @classmethod
    def of(cls, spec: GraphSpec, channels: Sequence[str], cells: float) -> _Rules:
        size = len(channels)
        required_CC = edge_mask(spec.required, channels)
        allowed_CC = ~edge_mask(spec.forbidden, channels) & ~np.eye(size, dtype=bool)
        # No edge may close a cycle with required ones: they would have to give way, and must not.
        allowed_CC &= ~reachable(required_CC).T
        ordered = spec.mode == "triangular"
        if ordered:
            rank = np.argsort([list(channels).index(name) for name in spec.order or channels])
            allowed_CC &= rank[:, None] < rank[None, :]
        chance = CHANCE / np.sqrt(max(cells, 1.0))
        return cls(allowed_CC, required_CC, ordered, spec.l1, max(spec.threshold, chance))


def _solve(
    statistics: GraphStatistics, weights: Sequence[Floats], rules: _Rules
) -> list[tuple[Floats, Bools, Floats]]:
    """Scores, edges and coefficients under each of some weights of the blocks, searched for at once."""
    cells = [max(float(weight_B @ statistics.count_B), 1.0) for weight_B in weights]
    moments = [
        np.tensordot(weight_B, statistics.moment_BFF, axes=1) / count
        for weight_B, count in zip(weights, cells, strict=True)
    ]
    every_CC = notears_of_each(
        [structural_moments(moment_FF, len(rules.allowed_CC)) for moment_FF in moments],
        l1=rules.l1,
        allowed_DD=rules.allowed_CC,
        unpenalised_DD=rules.required_CC,
        non_negative=True,
        acyclic=not rules.ordered,
    )
    parts = zip(every_CC, moments, cells, strict=True)
    return [_concluded(weights_CC, moment_FF, count, rules) for weights_CC, moment_FF, count in parts]


def _concluded(
    weights_CC: Floats, moment_FF: Floats, cells: float, rules: _Rules
) -> tuple[Floats, Bools, Floats]:
    """Scores, edges and coefficients of the weights of a search."""
    support_CC = acyclic_part(weights_CC, rules.required_CC)
    score_CC = np.where(support_CC, weights_CC, 0.0)
    # Where the order is given the direction is known, and evidence for the reverse says nothing.
    if not rules.ordered:
        score_CC = score_CC * direction_discount(moment_FF, support_CC, cells)
    edges_CC = (score_CC >= rules.threshold) | rules.required_CC
    return score_CC, edges_CC, _coefficients(moment_FF, edges_CC)


def _coefficients(moment_FF: Floats, edges_CC: Bools) -> Floats:
    """Non-negative least squares of media on all shapes of the causes' carried media, per effect."""
    channels = len(edges_CC)
    media, shapes = strength_index(channels)
    coefficient_KCC = np.zeros((SHAPES, channels, channels))
    for effect in np.flatnonzero(edges_CC.any(axis=0)):
        causes = np.flatnonzero(edges_CC[:, effect])
        index = np.array([span.start + cause for cause in causes for span in shapes])
        gram = moment_FF[np.ix_(index, index)]
        # Shapes of one cause are nearly collinear and channels differ in units: scaled, with a small ridge.
        scale = np.sqrt(np.maximum(gram.diagonal(), np.finfo(np.float64).tiny))
        factor = np.linalg.cholesky(gram / np.outer(scale, scale) + 1e-6 * np.eye(len(index)))
        target = np.linalg.solve(factor, moment_FF[index, media.start + effect] / scale)
        weights = nnls(factor.T, target)[0] / scale
        coefficient_KCC[:, causes, effect] = weights.reshape(len(causes), SHAPES).T
    return coefficient_KCC
