"""Effectiveness that varies in time: one recurrent network shared by all regions.

It reads what is already past and gives bounded relative deviations, zero at the start of training, that
are smooth because the network takes one step for several periods. In counterfactuals the deviations stay
as they were: they are a coefficient that varies in time, not a second road for media.

Shapes: M members, G regions, T periods, S steps, I inputs, H hidden, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmm.model.inputs import Inputs

Parameters = dict[str, Tensor]

NETWORK = ("gru_input", "gru_hidden", "gru_bias_input", "gru_bias_hidden", "gru_output")
"""Weights of the network, to which L1 and L2 apply."""


def effectiveness(parameters: Parameters, inputs: Inputs, bound: float) -> Tensor:
    """Multiplier of every channel's effect, around 1, shape MCGT.

    Args:
        parameters: Weights with a leading M axis, and ``bound``, each channel's learned limit.
        inputs: Gives the steps and how they fall on periods.
        bound: Largest deviation any channel may learn.
    """
    hidden = parameters["gru_hidden"].shape[-1]
    states = [
        torch.gru(
            inputs.steps_GSI,
            inputs.steps_GSI.new_zeros(1, inputs.regions, hidden),
            [parameters[name][m] for name in NETWORK[:4]],
            True,
            1,
            0.0,
            False,
            False,
            True,
        )[0]
        for m in range(parameters["gru_hidden"].shape[0])
    ]
    raw_MCGS = torch.einsum("mgsh,mch->mcgs", torch.stack(states), parameters["gru_output"])
    limit_MC = bound * torch.sigmoid(parameters["bound"])
    limit = limit_MC[:, :, None, None]
    deviation_MCGS = limit * torch.tanh(raw_MCGS / limit)
    return 1.0 + torch.einsum("mcgs,ts->mcgt", deviation_MCGS, inputs.between_TS)
