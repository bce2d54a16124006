"""The density of beliefs about some cells: what the model says of the same cells, and how far that is off.

Shapes: M draws or members, G regions, T periods, C channels, L lags.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mmm.config import ChannelBelief
from mmm.data.panel import Floats
from mmm.data.stated.beliefs import PlacedBelief
from mmm.model.frequency import Reached, carried
from mmm.model.network import ChannelShape
from mmm.model.saturation import hill

LEAST = 1e-12
"""Value from which a logarithm is taken."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A belief about cells, as tensors.

    Attributes:
        belief: What is believed of which cells.
        weight_GT: KPI units of a cell's mean KPI where it counts, else 0.
    """

    belief: PlacedBelief
    weight_GT: Tensor

    def to(self, like: Tensor) -> Placed:
        """The same on the device, and in the precision, of another tensor."""
        return replace(self, weight_GT=self.weight_GT.to(like))

    def until(self, periods: int) -> Placed:
        """The same on the first periods only, in float64 on the CPU."""
        return replace(self, weight_GT=self.weight_GT.double().cpu()[:, :periods])

    def brought(
        self,
        shape: ChannelShape,
        stack_CGTL: Tensor,
        effect_MCG: Tensor,
        effectiveness_MCGT: Tensor | None,
        seen: Reached | None = None,
    ) -> Tensor:
        """KPI units that the belief is about, of these regions, shape M; over shards it is a sum.

        Args:
            shape: Carry-over and saturation of channels.
            stack_CGTL: Scaled media of each period and those before it.
            effect_MCG: Effect at full saturation, in mean KPI; one column where regions respond alike.
            effectiveness_MCGT: Multiplier of effects over time; None holds it at 1.
            seen: What a person reached counts, of channels with reach and frequency.
        """
        c, belief = self.belief.channel, self.belief
        half_M11, slope_M11 = shape.half_MC[:, c, None, None], shape.slope_MC[:, c, None, None]
        kernel_ML = shape.kernel_MCL[:, c]
        own = slice(c, c + 1)
        own_seen = None if seen is None else seen.part(slice(None), np.array([c]))
        volume_MGT = carried(stack_CGTL[own], shape.kernel_MCL[:, own], own_seen)[:, 0]
        level_MGT = hill(volume_MGT, half_M11, slope_M11)
        if belief.quantity == "marginal_roi":
            level_MGT = slope_M11 * level_MGT * (1.0 - level_MGT)
        elif belief.quantity == "test":
            moved_MGT = hill(volume_MGT * (1.0 + belief.change), half_M11, slope_M11)
            level_MGT = (moved_MGT - level_MGT) / belief.change
        if effectiveness_MCGT is not None:
            level_MGT = level_MGT * effectiveness_MCGT[:, c]
        brought_M = (level_MGT * effect_MCG[:, c, :, None] * self.weight_GT).sum((1, 2))
        return brought_M * measured(kernel_ML, belief.periods) if belief.periods else brought_M

    def value(self, brought_M: Tensor) -> Tensor:
        """The quantity from the KPI units of all regions."""
        value_M = self.belief.unit * brought_M
        return 1.0 / value_M.clamp_min(LEAST) if self.belief.quantity == "cost_per_kpi" else value_M

    def deviations(self, brought_M: Tensor, between: float = 0.0) -> Tensor:
        """How far the model is off, in standard deviations.

        Args:
            brought_M: KPI units of all regions.
            between: Variance, relative to the effect, by which single regions respond otherwise than the
                average one that ``brought_M`` is of; 0 where it is of the regions themselves.
        """
        belief, value_M = self.belief, self.value(brought_M)
        relative = between * belief.between
        if belief.is_lognormal:
            value_M, variance = torch.log(value_M.clamp_min(LEAST)), belief.width**2 + relative
        else:
            variance = belief.width**2 + relative * belief.centre**2
        away_M: Tensor = (value_M - belief.centre) / math.sqrt(variance)
        return away_M


def measured(kernel_ML: Tensor, periods: int) -> Tensor:
    """Share of an even change's effect that falls within so many periods from its start, shape M.

    Kernel [0.5, 0.25, 0.25], 2 periods: the first sees 0.5, the second 0.75 of the full effect: 0.625.
    """
    seen_ML = torch.cumsum(kernel_ML, 1)[:, :periods]
    beyond = periods - seen_ML.shape[1]
    total_M: Tensor = (seen_ML.sum(1) + max(beyond, 0)) / periods
    return total_M


def pose_beliefs(beliefs: Sequence[PlacedBelief], kpi_G: Floats) -> tuple[Placed, ...]:
    """Beliefs as tensors in float64.

    Args:
        beliefs: On the panel.
        kpi_G: KPI of the average period of each region.
    """
    unit_G1 = torch.as_tensor(kpi_G)[:, None]
    return tuple(Placed(belief, torch.as_tensor(belief.cells_GT) * unit_G1) for belief in beliefs)


def standardised(value_M: Tensor, belief: ChannelBelief) -> Tensor:
    """How far values lie from a belief, in its standard deviations."""
    centre, width = belief.normal
    if belief.is_lognormal:
        value_M = torch.log(value_M.clamp_min(LEAST))
    return (value_M - centre) / width
