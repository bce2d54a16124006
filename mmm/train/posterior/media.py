"""What media bring in every cell, from the coordinates of the sampler.

Shapes: M draws, C channels, G regions, T training periods.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mmm.config import ModelSpec
from mmm.model.frequency import Reached
from mmm.model.inputs import Inputs
from mmm.model.network import (
    PER_HEAD_SD,
    PER_HEAD_START,
    ChannelShape,
    channel_shape,
    expected_shape,
    saturated,
    standard_shape,
)
from mmm.model.parameters import Parameters, inverse_softplus
from mmm.model.restrictions import SHAPE
from mmm.train.posterior.layout import DEMAND_WIDTH

STRONGER_FROM, STRONGER_STEEPNESS = 1.0, 2.0
"""How strongly spend follows unrecorded demand may be many times what is typical, and is never less: twice
that or more in one of six cases, nine times in one of forty (decision 0026)."""


def shapes(coordinates: Parameters, inputs: Inputs, spec: ModelSpec) -> ChannelShape:
    """Carry-over and saturation from coordinates of every channel; its share is of no meaning here."""
    free = free_shapes(coordinates, inputs, spec)
    return channel_shape({**free, "share": torch.zeros_like(free["half"])}, inputs, spec)


def free_shapes(coordinates: Parameters, inputs: Inputs, spec: ModelSpec) -> Parameters:
    """Carry-over and saturation as the model's free parameters, from coordinates, each of shape MC."""
    return {**coordinates, **expected_shape(coordinates, spec, inputs.stack_CGTL.shape[-1])}


def shape_coordinates(free: Parameters, inputs: Inputs, spec: ModelSpec) -> Parameters:
    """The inverse of :func:`free_shapes`, for those of the names of shapes that are there."""
    found = {name: free[name] for name in SHAPE if name in free}
    return found | standard_shape(found, spec, inputs.stack_CGTL.shape[-1])


def demand_of(coordinates: Parameters) -> Tensor:
    """Free parameters of unrecorded demand in the model, whose typical strength is learned here, shape MC."""
    more_M1 = torch.exp(STRONGER_STEEPNESS * (coordinates[DEMAND_WIDTH] - STRONGER_FROM))
    factor_M1 = 1.0 + more_M1
    return inverse_softplus(factor_M1 * softplus(coordinates["demand"]))


def region_factor(coordinates: Parameters, inputs: Inputs) -> Tensor:
    """Effect of a region of average response, relative to its KPI, shape MG: see ``channel_weight``."""
    if "per_head" not in coordinates:
        return torch.ones_like(coordinates["noise"])
    exponent_M1 = PER_HEAD_START + PER_HEAD_SD * coordinates["per_head"]
    return torch.exp(exponent_M1 * inputs.log_heads_G)


def saturation_of(
    shape: ChannelShape, inputs: Inputs, effectiveness_MCGT: Tensor | None, seen: Reached | None = None
) -> Tensor:
    """Saturation of carried-over media times effectiveness over time, shape MCGT."""
    level_MCGT = saturated(inputs.stack_CGTL, shape, seen)
    return level_MCGT if effectiveness_MCGT is None else level_MCGT * effectiveness_MCGT
