"""Effectiveness that varies in time: one recurrent network shared by all regions.

It reads what is already past and gives bounded relative deviations, zero at the start of training, that
are smooth because the network takes one step for several periods. In counterfactuals the deviations stay
as they were: they are a coefficient that varies in time, not a second road for media.

Shapes: M members, G regions, T periods, S steps, I inputs, H hidden, J gates' and candidate's units (3 H),
C channels, V courses of an effect.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmm.model.inputs import Inputs
from mmm.model.parameters import Parameters

AMPLITUDE = "amplitude"
"""How much of the deviations that one fit found there is, by channel: a standard normal number."""
AMPLITUDE_STEEPNESS = 2.0
"""Steepness of the amplitude in its standard normal number: a channel may well have none, or all."""
MOST_AMPLITUDE = 2.0
"""Largest amplitude, in deviations of one fit."""
COURSE, COURSE_WIDTH = "course", "course_width"
"""Slow deviations that no input of the network tells: their sizes, and how large a channel's tend to be."""
COURSE_SD = 0.05
"""Typical size of a slow deviation, relative to the effect."""
COURSE_SPREAD = 1.0
"""Prior width, in logs, of that size between channels: one in twenty tends to five times as much."""


def effectiveness(parameters: Parameters, inputs: Inputs, bound: float) -> Tensor:
    """Multiplier of every channel's effect, around 1, shape MCGT.

    Args:
        parameters: Weights with a leading M axis, and ``bound``, each channel's learned limit.
        inputs: Gives the steps and how they fall on periods.
        bound: Largest deviation any channel may learn.
    """
    states_SMGH = _states(parameters, inputs.steps_GSI)
    raw_MCGS = torch.einsum("smgh,mch->mcgs", states_SMGH, parameters["gru_output"])
    limit_MC = bound * torch.sigmoid(parameters["bound"])
    limit = limit_MC[:, :, None, None]
    deviation_MCGS = limit * torch.tanh(raw_MCGS / limit)
    varied_MCGT = 1.0 + torch.einsum("mcgs,ts->mcgt", deviation_MCGS, inputs.between_TS)
    if COURSE not in parameters:
        return varied_MCGT
    return varied_MCGT + course_of(parameters[COURSE], inputs.course_TV, bound).unsqueeze(2)


def course_of(course_MCV: Tensor, course_TV: Tensor, bound: float) -> Tensor:
    """Slow deviations of every channel's effect, the same in all regions, shape MCT.

    Args:
        course_MCV: Size of each course.
        course_TV: The courses.
        bound: Largest deviation.
    """
    return bound * torch.tanh(course_MCV @ course_TV.T / bound)


def course_sizes(width_MC: Tensor, free_MN: Tensor) -> Tensor:
    """Size of each course of each channel, shape MCV, from standard normal numbers.

    Args:
        width_MC: Of how large a channel's courses tend to be.
        free_MN: Of each course, channel by channel.
    """
    size_MC1 = COURSE_SD * torch.exp(COURSE_SPREAD * width_MC).unsqueeze(2)
    return size_MC1 * free_MN.reshape(*size_MC1.shape[:2], -1)


def most_amplitude(parameters: Parameters) -> Tensor:
    """Largest amplitude of each channel whose deviations stay below the largest any may learn, shape MC."""
    return (0.99 / torch.sigmoid(parameters["bound"])).clamp_max(MOST_AMPLITUDE)


def amplitude_of(free_MC: Tensor, most_MC: Tensor) -> Tensor:
    """Amplitude of each channel's deviations, in those of one fit, from a standard normal number, MC."""
    return most_MC * torch.sigmoid(AMPLITUDE_STEEPNESS * free_MC)


def amplified(parameters: Parameters, amplitude_MC: Tensor) -> Parameters:
    """Output weights and limits with which the deviations are so many times those of ``parameters``."""
    limit_MC = amplitude_MC * torch.sigmoid(parameters["bound"])
    return {
        "gru_output": parameters["gru_output"] * amplitude_MC.unsqueeze(-1),
        "bound": torch.logit(limit_MC, eps=1e-12),
    }


def _states(parameters: Parameters, steps_GSI: Tensor) -> Tensor:
    """States of a gated recurrent unit after each step, from zero, shape SMGH.

    Written out because ``torch.gru`` knows no members: a step of all of them costs what a step of one does.
    Source: Cho et al. 2014, "Learning phrase representations", the reset gate where ``torch.nn.GRU`` has it.
    """
    both = 2 * parameters["gru_hidden"].shape[-1]
    read_SMGJ = torch.einsum("gsi,mji->smgj", steps_GSI, parameters["gru_input"])
    read_SMGJ = read_SMGJ + parameters["gru_bias_input"].unsqueeze(1)
    weight_MHJ = parameters["gru_hidden"].transpose(1, 2)
    bias_M1J = parameters["gru_bias_hidden"].unsqueeze(1)
    state_MGH = read_SMGJ.new_zeros((*read_SMGJ.shape[1:3], both // 2))
    states = []
    for gates_MGJ, candidate_MGH in zip(read_SMGJ[..., :both], read_SMGJ[..., both:], strict=True):
        kept_MGJ = torch.baddbmm(bias_M1J, state_MGH, weight_MHJ)
        reset_MGH, update_MGH = torch.sigmoid(gates_MGJ + kept_MGJ[..., :both]).chunk(2, -1)
        new_MGH = torch.tanh(torch.addcmul(candidate_MGH, reset_MGH, kept_MGJ[..., both:]))
        state_MGH = torch.lerp(new_MGH, state_MGH, update_MGH)
        states.append(state_MGH)
    return torch.stack(states)
