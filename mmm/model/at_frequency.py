"""What a channel with reach brings at another frequency, its contacts as they were.

Shapes: M members, F frequencies, C channels, G regions, T periods.
"""

from __future__ import annotations

import numpy as np
import torch

from mmm.data.panel import Floats
from mmm.model.adstock import carry_over, lag_stack
from mmm.model.frequency import bought_contacts
from mmm.model.predictor import DTYPE, Predictor
from mmm.model.saturation import hill


def frequency_totals(predictor: Predictor, channel: int, frequency_F: Floats, cells_GT: Floats) -> Floats:
    """KPI a channel with reach brings over the cells at a frequency, its contacts as they were, shape MF.

    Every cell has the people whom its contacts reach at that frequency: ``reach · contacts / frequency``.

    Args:
        predictor: The fitted model.
        channel: Its place among the channels.
        frequency_F: Contacts per person reached, 1 or more.
        cells_GT: Weight of each cell in the total, 0 or 1.
    """
    own, scaling, panel = slice(channel, channel + 1), predictor.scaling, predictor.panel
    contacts_GTC = scaling.scale_media(bought_contacts(panel.media_GTC, panel, scaling))
    contacts_CGT = torch.as_tensor(np.ascontiguousarray(contacts_GTC.transpose(2, 0, 1)[own]), dtype=DTYPE)
    scale = predictor.weight_MCG[:, own, :, None] * predictor.effectiveness_MCGT[:, own] * cells_GT
    half, slope = (shape[:, own] for shape in predictor.saturation_shape())
    kernel_MCL = torch.as_tensor(predictor.kernel_MCL[:, own])
    volume_MCGT = carry_over(lag_stack(contacts_CGT, predictor.lags), kernel_MCL)
    totals = [
        (torch.as_tensor(scale) * hill(volume_MCGT * worth_M[:, None, None, None], half, slope)).sum(
            (1, 2, 3)
        )
        for worth_M in torch.as_tensor(frequency_worth(predictor, channel, frequency_F).T.copy())
    ]
    return torch.stack(totals, 1).numpy()


def frequency_worth(predictor: Predictor, channel: int, frequency_F: Floats) -> Floats:
    """What a contact counts at a frequency, relative to one at the channel's mean frequency, shape MF."""
    assert predictor.scaling.contacts_C is not None
    r = predictor.reach.index(channel)
    asked_RF = np.broadcast_to(frequency_F, (len(predictor.reach), len(frequency_F)))
    response_MF = predictor.frequency_response(asked_RF[:, None])[:, r, 0].numpy()
    worth: Floats = response_MF * predictor.scaling.contacts_C[channel] / frequency_F
    return worth
