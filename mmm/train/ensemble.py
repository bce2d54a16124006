"""Ensemble members: what makes each of them a draw of what could be believed given the data.

Each member sees the region-time blocks with other weights (the Bayesian bootstrap) and other centres of
its priors. For a linear model with normal noise the minimisers are draws from the posterior ("randomize,
then optimize", Bardsley et al. 2014): what the data leave open varies between members as the prior does,
which resampling the data alone would hide.

One more fit, on the data as they are, is the centre: members are moved so that their mean is that fit. Few
members then have no more bias than it has.

Shapes: M members, G regions, T periods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from mmm.data.panel import Floats, Frequency
from mmm.model.parameters import LEAST_SHARE, REGIONAL, Parameters, inverse_softplus, standard_normal

BLOCK: dict[Frequency, int] = {"daily": 28, "weekly": 6, "monthly": 3, "quarterly": 2}
"""Periods of a block: long enough to keep the dependence of neighbouring residuals."""


WIDENING = 1.15
"""Factor on the distances between members, for errors of form, which members do not have; found by how often
intervals held the truth of simulated worlds."""


def with_centre(members: int) -> int:
    """Fits needed for so many members."""
    return members + 1 if members > 1 else 1


def recentred(parameters: Parameters, scale_sd: float, signed: Sequence[int] = ()) -> Parameters:
    """Members whose mean is the first fit, which is not one of them; one fit alone stays as it is.

    Effects are proportional to the softplus of ``share`` and to the exponential of ``region_scale``: there
    it is the mean of those that is the first fit's. The mean of an exponential exceeds that of its
    exponent, so that media would otherwise look the larger the less is known of them.

    Args:
        parameters: Free parameters, the centre first.
        scale_sd: What ``region_scale`` is multiplied by in its exponential.
        signed: Controls whose effects keep their sign.
    """
    if parameters["noise"].shape[0] == 1:
        return parameters
    moved = {name: value[:1] + WIDENING * _around(value[1:]) for name, value in parameters.items()}
    share_MC = _of_one_sign(softplus(parameters["share"].double()))
    if signed:
        own = list(signed)
        moved["control"][:, own] = _of_one_sign(parameters["control"][:, own])
    moved["share"] = inverse_softplus(share_MC.clamp_min(LEAST_SHARE)).to(parameters["share"])
    if "region_scale" in parameters and scale_sd > 0:
        log_MGC = scale_sd * moved["region_scale"]
        mean_1GC = torch.logsumexp(log_MGC, 0, keepdim=True) - math.log(len(log_MGC))
        moved["region_scale"] = (log_MGC - mean_1GC) / scale_sd + parameters["region_scale"][:1]
    return moved


def _of_one_sign(value_MP: Tensor) -> Tensor:
    """Members of numbers of one sign, widened without another sign; their mean is the first fit."""
    relative_MP = (1.0 + WIDENING * _around(value_MP[1:] / value_MP[1:].mean(0))).clamp_min(0.0)
    return value_MP[:1] * relative_MP / relative_MP.mean(0, keepdim=True)


def _around(value_M: Tensor) -> Tensor:
    """Distances of members from their mean."""
    return value_M - value_M.mean(0, keepdim=True)


def member_weights(
    regions: int, periods: int, members: int, frequency: Frequency, seed: int, own: slice = slice(None)
) -> Floats:
    """Times each cell counts, mean about 1, first for the centre (all 1), shape (M + 1)GT.

    One member is its own centre: shape 1GT.

    The product of a weight for the region and one for the block of time, which all regions share: errors
    are alike within a region and, through what moves the whole market, within a time. Source: Owen 2007,
    "The pigeonhole bootstrap", in the Bayesian form.

    Args:
        regions: Regions of the whole panel.
        periods: T.
        members: M.
        frequency: Length of a period.
        seed: What the weights hang on.
        own: The regions wanted; whatever they are, each region's weights are the same.
    """
    wanted = len(range(*own.indices(regions)))
    if members == 1:
        return np.ones((1, wanted, periods))
    block = BLOCK[frequency]
    rng = np.random.default_rng([seed, 1])
    weight_MB = _exponential_pairs(rng, members, -(-periods // block))
    weight_MG = _exponential_pairs(rng, members, regions) if regions > 1 else np.ones((members, 1))
    weight_MT = np.repeat(weight_MB, block, axis=1)[:, :periods]
    weight_MT = weight_MT / weight_MT.mean(1, keepdims=True)
    weight_MG = weight_MG / weight_MG.mean(1, keepdims=True)
    return np.concatenate([np.ones((1, wanted, periods)), weight_MG[:, own, None] * weight_MT[:, None]])


def _exponential_pairs(rng: np.random.Generator, members: int, size: int) -> Floats:
    """Exponential draws by member; the second of a pair draws high where the first draws low.

    What pairs do differently cancels in their mean, so that few members have the mean of many.
    """
    uniform = rng.uniform(1e-9, 1 - 1e-9, size=(-(-members // 2), size))
    draws: Floats = -np.log(_paired(uniform, 1.0 - uniform)[:members])
    return draws


def _paired(first: Floats, second: Floats) -> Floats:
    """Rows of both in turn."""
    rows: Floats = np.stack([first, second], 1).reshape(2 * len(first), *first.shape[1:])
    return rows


def member_draws(members: int, size: int, *seed: int) -> Floats:
    """Standard normal numbers for each fit, 0 for the first, the centre; shape (M + 1, size), or 1 alone."""
    if members == 1:
        return np.zeros((1, size))
    half = np.random.default_rng([seed[0], 4, *seed[1:]]).standard_normal((-(-members // 2), size))
    return np.concatenate([np.zeros((1, size)), _paired(half, -half)[:members]])


def member_anchors(
    parameters: Parameters, seed: int, regions: int | None = None, first: int = 0
) -> Parameters:
    """Centres of the normal priors of each fit: 0 for the first, draws from those priors for the rest.

    Args:
        parameters: Gives names and shapes.
        seed: What the draws hang on.
        regions: Regions of the whole panel, where these are the parameters of a shard.
        first: Position of the shard's first region.
    """
    members = parameters["noise"].shape[0] - 1
    if members == 0:
        return {}
    anchors: dict[str, Tensor] = {}
    for index, (name, value) in enumerate(sorted(parameters.items())):
        if standard_normal(name) or name == "share":
            shape, own = tuple(value.shape[1:]), slice(None)
            if name in REGIONAL and regions is not None:
                own = slice(first, first + shape[0])
                shape = (regions, *shape[1:])
            half = np.random.default_rng([seed, 2, index]).standard_normal((-(-members // 2), *shape))
            drawn = np.concatenate([np.zeros((1, *shape)), _paired(half, -half)[:members]])
            if name in REGIONAL:
                drawn = drawn[:, own]
            anchors[name] = torch.as_tensor(drawn, dtype=value.dtype, device=value.device)
    return anchors
