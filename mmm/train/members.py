"""Ensemble members: what makes each of them a draw of what could be believed given the data.

Each member sees the region-time blocks with other weights (the Bayesian bootstrap) and other centres of
its priors. For a linear model with normal noise the minimisers are draws from the posterior ("randomize,
then optimize", Bardsley et al. 2014): what the data leave open varies between members as the prior does,
which resampling the data alone would hide.

One more fit, on the data as they are, is the centre: members are moved in free-parameter space so that
their mean is that fit. Few members then have no more bias than it has.

Shapes: M members, G regions, T periods.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmm.data.panel import Floats, Frequency
from mmm.model.parameters import standard_normal
from mmm.model.temporal import Parameters

BLOCK: dict[Frequency, int] = {"daily": 28, "weekly": 6, "monthly": 3, "quarterly": 2}
"""Periods of a block: long enough to keep the dependence of neighbouring residuals."""


def with_centre(members: int) -> int:
    """Fits needed for so many members."""
    return members + 1 if members > 1 else 1


def recentred(parameters: Parameters) -> Parameters:
    """Members whose mean is the first fit, which is not one of them; one fit alone stays as it is."""
    if parameters["noise"].shape[0] == 1:
        return parameters
    return {
        name: value[:1] + value[1:] - value[1:].mean(0, keepdim=True) for name, value in parameters.items()
    }


def member_weights(regions: int, periods: int, members: int, frequency: Frequency, seed: int) -> Floats:
    """Times each cell counts, mean about 1, first for the centre (all 1), shape (M + 1)GT.

    One member is its own centre: shape 1GT.

    The product of a weight for the region and one for the block of time, which all regions share: errors
    are alike within a region and, through what moves the whole market, within a time. Source: Owen 2007,
    "The pigeonhole bootstrap", in the Bayesian form.
    """
    if members == 1:
        return np.ones((1, regions, periods))
    block = BLOCK[frequency]
    rng = np.random.default_rng([seed, 1])
    weight_MB = _exponential_pairs(rng, members, -(-periods // block))
    weight_MG = _exponential_pairs(rng, members, regions) if regions > 1 else np.ones((members, 1))
    weight_MGT = weight_MG[:, :, None] * np.repeat(weight_MB, block, axis=1)[:, None, :periods]
    weights = weight_MGT / weight_MGT.mean((1, 2), keepdims=True)
    return np.concatenate([np.ones((1, regions, periods)), weights])


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


def member_anchors(parameters: Parameters, seed: int) -> Parameters:
    """Centres of the normal priors of each fit: 0 for the first, draws from those priors for the rest."""
    members = parameters["noise"].shape[0] - 1
    if members == 0:
        return {}
    anchors: dict[str, Tensor] = {}
    for index, (name, value) in enumerate(sorted(parameters.items())):
        if standard_normal(name) or name == "share":
            half = np.random.default_rng([seed, 2, index]).standard_normal(
                (-(-members // 2), *value.shape[1:])
            )
            drawn = np.concatenate([np.zeros((1, *half.shape[1:])), _paired(half, -half)[:members]])
            anchors[name] = torch.as_tensor(drawn, dtype=value.dtype, device=value.device)
    return anchors
