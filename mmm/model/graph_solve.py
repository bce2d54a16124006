"""From sums over regions to a channel graph: structure, strength and bootstrap.

A channel's innovation (its media beyond region, period, calendar and its own past) is regressed on the
other channels' carried media, all channels at once, weights non-negative and acyclic (NOTEARS). Hidden
demand that moves two channels together looks the same in both directions, influence does not: a weight
is discounted by the evidence for its reverse.

Shapes: M members, G regions, T periods, C channels, K carry-over shapes, F features, B blocks. Matrices
over channels are [cause, effect].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from mmm.config import GraphSpec
from mmm.errors import SpecError
from mmm.model.channel_graph import ChannelGraph, check_graph, edge_mask, empty_graph
from mmm.model.graph_media import (
    DELAY_K,
    RETENTION_K,
    SHAPES,
    GraphDesign,
    GraphStatistics,
    graph_statistics,
    period_totals,
    strength_index,
    structure_index,
)
from mmm.model.notears import Bools, Floats, Moments, acyclic_part, notears, reachable

REVERSE_DISCOUNT = 0.5
"""Part of the evidence for the reverse that is taken off an edge's own."""
DISCOUNT_FLOOR = 1e-3
"""Smallest discount factor, so that ranks survive."""
CHANCE = 3.0
"""Threshold in standard errors of a correlation over all cells, where that exceeds the spec's."""
RIDGE = 1e-9
"""Added to correlations' diagonals, so that collinear channels still have a solution."""


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
) -> ChannelGraph:
    """Which channels move which, learned from the media of a whole panel.

    Args:
        media_GTC: Media in any units; only its shape over time and regions counts.
        present_GT: Cells with a row.
        channels: Names of the channels.
        spec: The graph's settings.
        periods_per_year: Periods of this frequency in a year.
        rng: Source of the bootstrap.
        size_G: Positive region sizes; None takes each region's media relative to the others'.
        n_bootstrap: Members behind probabilities and intervals; 0 for none.

    Raises:
        SpecError: Settings that contradict one another or the channels.
    """
    problems = check_graph(spec, channels)
    if problems:
        raise SpecError("model.graph", problems)
    if spec.mode == "none" or len(channels) < 2:
        return empty_graph(channels)
    design = GraphDesign(*present_GT.shape, periods_per_year=periods_per_year)
    sizes = media_size(media_GTC, present_GT) if size_G is None else size_G
    totals = period_totals(media_GTC, present_GT, sizes, design)
    statistics = graph_statistics(media_GTC, present_GT, sizes, design, totals=totals)
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
    score_CC, edges_CC, coefficient_KCC = _solve(statistics, np.ones(len(statistics.count_B)), rules)
    used = np.flatnonzero(statistics.count_B)
    edges_MCC, coefficients = [], []
    for _ in range(n_bootstrap):
        weight_B = np.zeros(len(statistics.count_B))
        if len(used):
            np.add.at(weight_B, rng.choice(used, size=len(used)), 1.0)
        _, member_CC, member_KCC = _solve(statistics, weight_B, rules)
        edges_MCC.append(member_CC)
        coefficients.append(member_KCC)
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
        allowed_CC &= ~reachable(required_CC).T
        ordered = spec.mode == "triangular"
        if ordered:
            rank = np.argsort([list(channels).index(name) for name in spec.order or channels])
            allowed_CC &= rank[:, None] < rank[None, :]
        chance = CHANCE / np.sqrt(max(cells, 1.0))
        return cls(allowed_CC, required_CC, ordered, spec.l1, max(spec.threshold, chance))


def _solve(statistics: GraphStatistics, weight_B: Floats, rules: _Rules) -> tuple[Floats, Bools, Floats]:
    """Scores, edges and coefficients under weights of the blocks."""
    cells = max(float(weight_B @ statistics.count_B), 1.0)
    moment_FF = np.tensordot(weight_B, statistics.moment_BFF, axes=1) / cells
    moments = _structural_moments(moment_FF, len(rules.allowed_CC))
    weights_CC = notears(
        moments,
        l1=rules.l1,
        allowed_DD=rules.allowed_CC,
        unpenalised_DD=rules.required_CC,
        non_negative=True,
        acyclic=not rules.ordered,
    )
    support_CC = acyclic_part(weights_CC, rules.required_CC)
    score_CC = np.where(support_CC, weights_CC, 0.0)
    if not rules.ordered:
        score_CC = score_CC * _direction_discount(moments, support_CC)
    edges_CC = (score_CC >= rules.threshold) | rules.required_CC
    return score_CC, edges_CC, _coefficients(moment_FF, edges_CC)


def _structural_moments(moment_FF: Floats, channels: int) -> Moments:
    """Correlations of innovations with carried media, each cause by the shape that explains most."""
    media, own, shapes = structure_index(channels)
    every = np.arange(channels)
    carried_KC = np.stack([np.arange(span.start, span.stop) for span in shapes])
    net_CFF = np.stack(
        [_net_of(moment_FF, [span.start + effect for span in own]) for effect in range(channels)]
    )
    power_C = net_CFF[every, every + media.start, every + media.start]
    floor_C = 1e-9 * np.maximum(moment_FF.diagonal()[media], np.finfo(np.float64).tiny)
    power_C = np.maximum(power_C, floor_C)
    variance_CKC = net_CFF[every[:, None, None], carried_KC, carried_KC]
    cross_CKC = net_CFF[every[:, None, None], carried_KC, media.start + every[:, None, None]]
    usable = variance_CKC > 1e-9 * np.maximum(moment_FF.diagonal()[carried_KC], np.finfo(np.float64).tiny)
    scale_CKC = np.sqrt(np.where(usable, variance_CKC, np.inf))
    correlation_CKC = cross_CKC / scale_CKC / np.sqrt(power_C)[:, None, None]
    correlation_CKC[every, :, every] = 0.0
    best_C = np.argmax((np.maximum(correlation_CKC, 0.0) ** 2).sum(axis=0), axis=0)
    index_C = carried_KC[best_C, every]
    scale_CC = scale_CKC[:, best_C, every]
    gram_CCC = net_CFF[:, index_C[:, None], index_C[None, :]] / scale_CC[:, :, None] / scale_CC[:, None, :]
    gram_CCC[:, every, every] = 1.0 + RIDGE
    cross_CC = correlation_CKC[:, best_C, every].T
    return Moments(gram_DDD=gram_CCC, cross_DD=cross_CC, power_D=np.ones(channels))


def _net_of(moment_FF: Floats, given: list[int]) -> Floats:
    """Second moments after regression on some of the features."""
    inverse = np.linalg.pinv(moment_FF[np.ix_(given, given)], rcond=1e-10, hermitian=True)
    return moment_FF - moment_FF[:, given] @ inverse @ moment_FF[given, :]


def _direction_discount(moments: Moments, support_CC: Bools) -> Floats:
    """Factor per edge: one less the evidence for its reverse relative to its own, when all may speak."""
    evidence_CC = _evidence(moments, support_CC | support_CC.T)
    own = np.where(evidence_CC > 0, evidence_CC, 1.0)
    return np.clip((evidence_CC - REVERSE_DISCOUNT * evidence_CC.T) / own, DISCOUNT_FLOOR, 1.0)


def _evidence(moments: Moments, wanted_CC: Bools) -> Floats:
    """Log ratio of residual power without and with each cause, among all other channels as causes."""
    size = moments.size
    evidence_CC = np.zeros((size, size))
    for effect in range(size):
        others = np.flatnonzero(np.arange(size) != effect)
        factor = np.linalg.cholesky(moments.gram_DDD[effect][np.ix_(others, others)])
        target = np.linalg.solve(factor, moments.cross_DD[others, effect])
        unexplained = max(float(moments.power_D[effect] - target @ target), 0.0)
        weights, misfit = nnls(factor.T, target)
        residual = max(unexplained + misfit**2, 1e-9)
        for at in np.flatnonzero((weights > 0) & wanted_CC[others, effect]):
            without = nnls(np.delete(factor.T, at, axis=1), target)[1]
            evidence_CC[others[at], effect] = np.log(max(unexplained + without**2, residual) / residual)
    return evidence_CC


def _coefficients(moment_FF: Floats, edges_CC: Bools) -> Floats:
    """Non-negative least squares of media on all shapes of the causes' carried media, per effect."""
    channels = len(edges_CC)
    media, shapes = strength_index(channels)
    coefficient_KCC = np.zeros((SHAPES, channels, channels))
    for effect in np.flatnonzero(edges_CC.any(axis=0)):
        causes = np.flatnonzero(edges_CC[:, effect])
        index = np.array([span.start + cause for cause in causes for span in shapes])
        gram = moment_FF[np.ix_(index, index)]
        scale = np.sqrt(np.maximum(gram.diagonal(), np.finfo(np.float64).tiny))
        factor = np.linalg.cholesky(gram / np.outer(scale, scale) + 1e-6 * np.eye(len(index)))
        target = np.linalg.solve(factor, moment_FF[index, media.start + effect] / scale)
        weights = nnls(factor.T, target)[0] / scale
        coefficient_KCC[:, causes, effect] = weights.reshape(len(causes), SHAPES).T
    return coefficient_KCC
