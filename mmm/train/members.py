"""Ensemble members: what makes each of them a draw of what could be believed given the data.

Each member sees the region-time blocks with other weights (the Bayesian bootstrap) and other centres of
its priors. For a linear model with normal noise the minimisers are draws from the posterior ("randomize,
then optimize", Bardsley et al. 2014): what the data leave open varies between members as the prior does,
which resampling the data alone would hide.

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


def member_weights(regions: int, periods: int, members: int, frequency: Frequency, seed: int) -> Floats:
    """Times each cell counts, mean about 1, shape MGT; all 1 for one member.

    The draws of a region depend on the seed, the member and the region's position only.
    """
    if members == 1:
        return np.ones((1, regions, periods))
    block = BLOCK[frequency]
    blocks = -(-periods // block)
    rng = np.random.default_rng([seed, 1])
    weight_MGB = rng.exponential(size=(members, regions, blocks))
    weight_MGB /= weight_MGB.mean((1, 2), keepdims=True)
    weights: Floats = np.repeat(weight_MGB, block, axis=2)[:, :, :periods]
    return weights


def member_anchors(parameters: Parameters, seed: int) -> Parameters:
    """Centres of the normal priors of each member: draws from those priors; none for one member."""
    members = parameters["noise"].shape[0]
    if members == 1:
        return {}
    anchors: dict[str, Tensor] = {}
    for index, (name, value) in enumerate(sorted(parameters.items())):
        if standard_normal(name) or name == "share":
            draw = np.random.default_rng([seed, 2, index]).standard_normal(tuple(value.shape))
            anchors[name] = torch.as_tensor(draw, dtype=value.dtype, device=value.device)
    return anchors
