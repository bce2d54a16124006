"""Structure of the channel graph: what explains a channel's innovations, and in which direction.

Shapes: C channels, K carry-over shapes, F features. Matrices over channels are [cause, effect].
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from mmm.data.panel import Bools, Floats
from mmm.graph.moments import DELAY_K, structure_index
from mmm.graph.notears import Moments

REVERSE_DISCOUNT = 0.5
"""Part of the evidence for the reverse that is taken off an edge's own."""
DISCOUNT_FLOOR = 1e-3
"""Smallest discount factor, so that ranks survive."""
DOUBT = 3.0
"""Evidence, in units of one cell's, that chance gives either direction."""
RIDGE = 1e-9
"""Added to correlations' diagonals, so that collinear channels still have a solution."""


def structural_moments(moment_FF: Floats, channels: int, *, lagged: bool = False) -> Moments:
    """Correlations of innovations with carried media, each cause by the shape that explains most.

    Args:
        moment_FF: Second moments of all features.
        channels: C.
        lagged: Only shapes that begin after the period in which media ran.
    """
    media, own, shapes = structure_index(channels)
    every = np.arange(channels)
    carried_KC = np.stack(
        [
            np.arange(span.start, span.stop)
            for span, delay in zip(shapes, DELAY_K, strict=True)
            if delay or not lagged
        ]
    )
    # A channel's own past predicts it best of all, and its causes too: what both share with that past would
    # look like influence. So each equation is solved on what its own past leaves, and has a Gram of its own.
    net_CFF = np.stack(
        [_net_of(moment_FF, [span.start + effect for span in own]) for effect in range(channels)]
    )
    power_C = net_CFF[every, every + media.start, every + media.start]
    # A channel that its own past explains wholly has no innovation: rounding alone must not be correlated.
    floor_C = 1e-9 * np.maximum(moment_FF.diagonal()[media], np.finfo(np.float64).tiny)
    power_C = np.maximum(power_C, floor_C)
    variance_CKC = net_CFF[every[:, None, None], carried_KC, carried_KC]
    cross_CKC = net_CFF[every[:, None, None], carried_KC, media.start + every[:, None, None]]
    # The same of a cause that is constant once the effect's past is known: an infinite scale, correlation 0.
    usable = variance_CKC > 1e-9 * np.maximum(moment_FF.diagonal()[carried_KC], np.finfo(np.float64).tiny)
    scale_CKC = np.sqrt(np.where(usable, variance_CKC, np.inf))
    correlation_CKC = cross_CKC / scale_CKC / np.sqrt(power_C)[:, None, None]
    correlation_CKC[every, :, every] = 0.0
    # One shape for a cause in all equations, that which explains most over all effects: chosen for each pair
    # it would be the luckiest of K for every pair, and noise would win edges. Negative correlations do not
    # count, since influence is taken to be non-negative.
    best_C = np.argmax((np.maximum(correlation_CKC, 0.0) ** 2).sum(axis=0), axis=0)
    index_C = carried_KC[best_C, every]
    scale_CC = scale_CKC[:, best_C, every]
    gram_CCC = net_CFF[:, index_C[:, None], index_C[None, :]] / scale_CC[:, :, None] / scale_CC[:, None, :]
    # Correlations, so that one L1 and one threshold hold for loud and quiet channels alike.
    gram_CCC[:, every, every] = 1.0 + RIDGE
    cross_CC = correlation_CKC[:, best_C, every].T
    return Moments(gram_DDD=gram_CCC, cross_DD=cross_CC, power_D=np.ones(channels))


def _net_of(moment_FF: Floats, given: list[int]) -> Floats:
    """Second moments after regression on some of the features."""
    inverse = np.linalg.pinv(moment_FF[np.ix_(given, given)], rcond=1e-10, hermitian=True)
    return moment_FF - moment_FF[:, given] @ inverse @ moment_FF[given, :]


def direction_discount(moment_FF: Floats, support_CC: Bools, cells: float) -> Floats:
    """Factor per edge, near 1 for influence and near 0 where both directions look alike.

    Hidden demand that moves two channels together shows in both directions. Influence leaves a trace in
    the reverse only within the period, so that evidence is discounted in part, and evidence from earlier
    periods in full.

    Args:
        moment_FF: Second moments of all features.
        support_CC: Edges asked about.
        cells: Cells behind the moments.
    """
    # Both directions of each pair are needed, the reverse of an edge being what it is discounted by.
    wanted_CC = support_CC | support_CC.T
    evidence_CC = _evidence(structural_moments(moment_FF, len(support_CC)), wanted_CC)
    own_CC = np.where(evidence_CC > 0, evidence_CC, 1.0)
    whole_CC = (evidence_CC - REVERSE_DISCOUNT * evidence_CC.T) / own_CC
    past_CC = _evidence(structural_moments(moment_FF, len(support_CC), lagged=True), wanted_CC)
    # Edges that act within the period have no evidence from earlier ones in either direction: the doubt makes
    # their factor 1 instead of a ratio of two chances.
    doubt = DOUBT / cells
    earlier_CC = (past_CC - past_CC.T + doubt) / (past_CC + doubt)
    return np.clip(whole_CC, DISCOUNT_FLOOR, 1.0) * np.clip(earlier_CC, DISCOUNT_FLOOR, 1.0)


def _evidence(moments: Moments, wanted_CC: Bools) -> Floats:
    """Log ratio of residual power without and with each cause, among all other channels as causes."""
    size = moments.size
    evidence_CC = np.zeros((size, size))
    for effect in range(size):
        others = np.flatnonzero(np.arange(size) != effect)
        # The Cholesky factor stands in for the rows: its columns have the same inner products, so that
        # least squares on it are least squares on the data, and leaving a cause out is leaving a column out.
        factor = np.linalg.cholesky(moments.gram_DDD[effect][np.ix_(others, others)])
        target = np.linalg.solve(factor, moments.cross_DD[others, effect])
        unexplained = max(float(moments.power_D[effect] - target @ target), 0.0)
        weights, misfit = _nnls(factor.T, target)
        residual = max(unexplained + misfit**2, 1e-9)
        # A cause with weight 0 has no evidence, and one that nobody asked about costs a solution.
        for at in np.flatnonzero((weights > 0) & wanted_CC[others, effect]):
            without = _nnls(np.delete(factor.T, at, axis=1), target)[1]
            evidence_CC[others[at], effect] = np.log(max(unexplained + without**2, residual) / residual)
    return evidence_CC


def _nnls(design: Floats, target: Floats) -> tuple[Floats, float]:
    """Non-negative least squares that also takes a design without columns, which SciPy's C code cannot."""
    if design.shape[1] == 0:
        return np.zeros(0), float(np.linalg.norm(target))
    weights, misfit = nnls(design, target)
    return np.asarray(weights, dtype=np.float64), float(misfit)
