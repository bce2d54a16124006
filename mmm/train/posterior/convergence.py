"""Whether chains agree: split R-hat and effective sample size of quantities that users see.

Source: Vehtari et al. 2021, "Rank-normalization, folding, and localization: an improved R-hat"; Geyer 1992
for the sum of autocorrelations.

Shapes: M chains, N draws of a chain, Q quantities.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from mmm.data.panel import Floats


def rank_normalised(values_MNQ: Floats) -> Floats:
    """Normal numbers in the order of the values, of all draws together, shape MNQ.

    Whether chains agree then hangs neither on how heavy the tails are nor on whether a quantity or its
    logarithm is looked at.
    """
    flat_SQ = values_MNQ.reshape(-1, values_MNQ.shape[2])
    rank_SQ = stats.rankdata(flat_SQ, axis=0)
    normal_SQ = special.ndtri((rank_SQ - 0.375) / (len(flat_SQ) + 0.25))
    normal: Floats = normal_SQ.reshape(values_MNQ.shape)
    return normal


def split_r_hat(values_MNQ: Floats) -> Floats:
    """Ratio of the spread of all half chains to the spread within one, shape Q; 1 where nothing varies."""
    half = values_MNQ.shape[1] // 2
    halves = np.concatenate([values_MNQ[:, :half], values_MNQ[:, half : 2 * half]])
    within_Q = halves.var(1, ddof=1).mean(0)
    between_Q = half * halves.mean(1).var(0, ddof=1)
    total_Q = (half - 1) / half * within_Q + between_Q / half
    ratio: Floats = np.sqrt(np.divide(total_Q, within_Q, out=np.ones_like(within_Q), where=within_Q > 0))
    return ratio


def effective_draws(values_MNQ: Floats) -> Floats:
    """Independent draws that would know the mean as well, shape Q.

    Autocorrelations are summed in pairs until a pair is negative.
    """
    chains, rounds, _ = values_MNQ.shape
    centred = values_MNQ - values_MNQ.mean(1, keepdims=True)
    size = 2 * rounds
    spectrum = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    covariance_NQ = np.fft.irfft(spectrum, size, axis=1)[:, :rounds].mean(0) / rounds
    within_Q = covariance_NQ[0] * rounds / (rounds - 1)
    between_Q = values_MNQ.mean(1).var(0, ddof=1) if chains > 1 else np.zeros(values_MNQ.shape[2])
    total_Q = np.maximum(within_Q * (rounds - 1) / rounds + between_Q, 1e-300)
    correlation_NQ = 1.0 - (within_Q - covariance_NQ) / total_Q
    pairs = rounds // 2
    sums_PQ = correlation_NQ[: 2 * pairs].reshape(pairs, 2, -1).sum(1)
    positive_PQ = np.cumprod(sums_PQ > 0, axis=0)
    time_Q = np.maximum(2.0 * (sums_PQ * positive_PQ).sum(0) - 1.0, 1.0 / np.log10(chains * rounds + 10))
    effective: Floats = np.minimum(chains * rounds / time_Q, chains * rounds * np.log10(chains * rounds + 10))
    return effective
