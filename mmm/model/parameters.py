"""Parameters: their names, shapes, starts and priors. All are free numbers; most are standard normal.

A parameter ``z`` that is standard normal a priori is multiplied by the scale of what it stands for, so
that one learning rate serves all and the prior is ``z² / 2`` for each.

Shapes: M members; the rest as in ``mmm.model.inputs``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from mmm.config import ModelSpec
from mmm.data.panel import Floats
from mmm.model.frequency import HALF, SLOPE
from mmm.model.inputs import Inputs
from mmm.model.scales import Scales

Parameters = dict[str, Tensor]
Values = TypeVar("Values", Tensor, Floats)

NETWORK = ("gru_input", "gru_hidden", "gru_bias_input", "gru_bias_hidden", "gru_output")
"""Weights of the network, to which L1 and L2 apply."""

REGIONAL = ("level", "regional_level", "region_season", "region_scale", "region_treatment", "region_noise")
"""Parameters with a region axis (the second): each shard owns those of its regions."""

SHARE_START = 0.02
"""Share of the KPI at which every channel starts."""
MOST_OF_SCALE = 0.5
"""Most of a share's prior scale at which it starts."""
LEAST_SHARE = 1e-7
"""Share, in prior scales, below which a channel has none to speak of."""


def start_parameters(
    inputs: Inputs,
    spec: ModelSpec,
    scales: Scales,
    members: int,
    generator: torch.Generator,
    *,
    national: bool | None = None,
) -> Parameters:
    """Where training starts: prior means, equal small shares, a recurrent network without effect.

    Args:
        inputs: The scaled panel, or a shard of it.
        spec: The model's structure.
        scales: Prior scales.
        members: M.
        generator: Source of the recurrent network's weights.
        national: Whether the whole panel has one region only; None looks at ``inputs``.
    """
    channels = inputs.stack_CGTL.shape[0]
    regions = inputs.regions
    national = regions == 1 if national is None else national
    zeros: dict[str, tuple[int, ...]] = {
        "retention": (channels,),
        "delay": (channels,),
        "half": (channels,),
        "slope": (channels,),
        "spread": (channels,),
        "level": (regions,),
        "national_level": (inputs.national_TN.shape[1],),
        "season": (inputs.season_TF.shape[1],),
        "control": (inputs.controls_GTK.shape[2],),
    }
    if inputs.contacts is not None:
        zeros |= dict.fromkeys((HALF, SLOPE), (len(inputs.reach),))
    if not national:
        zeros |= {
            "regional_level": (regions, inputs.regional_TR.shape[1]),
            "region_season": (regions, inputs.region_season_TE.shape[1]),
            "region_scale": (regions, channels),
            "region_noise": (regions,),
            "per_head": (),
        }
    if treatments := len(inputs.carries_R):
        zeros |= {} if national else {"region_treatment": (regions, treatments)}
        zeros |= {"treatment_retention": (treatments,)} if inputs.carries_R.any() else {}
    like = inputs.kpi_GT
    parameters = {name: like.new_zeros((members, *shape)) for name, shape in zeros.items()}
    start_C = (SHARE_START / inputs.share_scale_C.double()).clamp_max(MOST_OF_SCALE)
    parameters["share"] = inverse_softplus(start_C).to(like).expand(members, -1).clone()
    parameters["noise"] = like.new_full((members,), math.log(scales.noise))
    if spec.temporal.enabled:
        parameters |= _start_network(inputs, spec, members, channels, generator)
    return parameters


def _start_network(
    inputs: Inputs, spec: ModelSpec, members: int, channels: int, generator: torch.Generator
) -> Parameters:
    hidden, reads = spec.temporal.hidden, inputs.steps_GSI.shape[2]
    like = inputs.kpi_GT

    def draw(*shape: int) -> Tensor:
        width = 1.0 / math.sqrt(hidden)
        weights = (torch.rand(shape, generator=generator) * 2 - 1) * width
        return weights.to(like).repeat(members, *[1] * len(shape))

    shapes = ((3 * hidden, reads), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,))
    weights = {name: draw(*shape) for name, shape in zip(NETWORK[:4], shapes, strict=True)}
    weights["gru_output"] = like.new_zeros(members, channels, hidden)
    weights["bound"] = like.new_zeros(members, channels)
    return weights


def inverse_softplus(value: Tensor) -> Tensor:
    """The numbers whose softplus is ``value``, which must be positive; any shape."""
    return value + torch.log(-torch.expm1(-value))


def standard_normal(name: str) -> bool:
    """Whether a parameter is standard normal a priori; the others have priors of their own."""
    return name not in ("share", "noise", "level", *NETWORK)


def of_regions(parameters: Mapping[str, Values], own: slice) -> dict[str, Values]:
    """Parameters of a model, or centres of them, with some of its regions."""
    return {name: value[:, own] if name in REGIONAL else value for name, value in parameters.items()}


def by_member(value: Tensor) -> Tensor:
    """A parameter with everything of a member in one row, from shape M… to MP."""
    return value.unsqueeze(1) if value.dim() == 1 else value.flatten(1)
