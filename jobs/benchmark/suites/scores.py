"""Scores of an estimate against a known truth. Definitions for readers: ``docs/benchmark.md``.

Shapes: C channels, P points of a curve, D nodes; matrices over channels or nodes are [cause, effect].
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from jobs.benchmark.suites.linear_dag import structural_hamming_distance
from mmm.data.panel import Bools, Floats

__all__ = [
    "attribution_error",
    "auroc",
    "curve_error",
    "growth_exponent",
    "interval_scores",
    "rank_correlation",
    "ratio_error",
    "share_distance",
    "structural_hamming_distance",
]


def attribution_error(estimate_C: Floats, truth_C: Floats) -> float:
    """Absolute errors of the channels' contributions over the true contribution of all of them."""
    return float(np.abs(estimate_C - truth_C).sum() / truth_C.sum())


def share_distance(first_C: Floats, second_C: Floats) -> float:
    """Half the sum of differences between two splits of the media's effect: 0 alike, 1 disjoint.

    NaN where one of them attributes nothing.
    """
    if min(first_C.sum(), second_C.sum()) <= 0:
        return float("nan")
    return float(np.abs(first_C / first_C.sum() - second_C / second_C.sum()).sum() / 2)


def rank_correlation(estimate_C: Floats, truth_C: Floats) -> float:
    """Spearman's correlation over channels; 0 where an estimate makes no difference between them."""
    ranks = rankdata(estimate_C), rankdata(truth_C)
    if min(rank.std() for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def curve_error(estimate_CP: Floats, truth_CP: Floats, truth_C: Floats) -> float:
    """Mean absolute difference of the response curves over the mean true contribution of a channel."""
    return float(np.abs(estimate_CP - truth_CP).mean() / truth_C.mean())


def ratio_error(estimate_C: Floats, truth_C: Floats) -> float:
    """Median over channels of the relative error: of ROI as of contribution, since spend is known."""
    return float(np.median(np.abs(estimate_C / truth_C - 1.0)))


def interval_scores(lower_C: Floats, upper_C: Floats, truth_C: Floats) -> tuple[float, float]:
    """Share of channels whose interval holds the truth, and the mean width over the mean truth."""
    held_C = (lower_C <= truth_C) & (truth_C <= upper_C)
    return float(held_C.mean()), float((upper_C - lower_C).mean() / truth_C.mean())


def auroc(score_CC: Floats, edges_CC: Bools) -> float:
    """Chance that a true edge scores higher than a pair without one, over ordered pairs; ties count half."""
    pairs_CC = ~np.eye(len(edges_CC), dtype=bool)
    true, score = edges_CC[pairs_CC], score_CC[pairs_CC]
    if true.all() or not true.any():
        return float("nan")
    above = score[true][:, None] - score[~true][None, :]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def growth_exponent(sizes: Floats, seconds: Floats) -> float:
    """Slope of log seconds over log size: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
