"""Coordinates of the sampler: everything of the model that is not linear, one standard row per draw.

What enters the KPI linearly (levels, seasons, controls, deviations of regions) is integrated out and has no
place here, see :mod:`mmm.train.posterior.density`. Every coordinate is about standard normal a priori.

Shapes: M draws, D coordinates, C channels, H groups of channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mmm.model.beliefs import COMMON, DEVIATION, HELD_TOTAL
from mmm.model.frequency import HALF, SLOPE
from mmm.model.parameters import Parameters
from mmm.model.restrictions import SHAPE, Restrictions
from mmm.model.temporal import AMPLITUDE, COURSE, COURSE_WIDTH
from mmm.train.posterior.moments import SHOCK

WIDTHS = ("national_level", "season", "control")
"""Logarithms of the widths of linear parts, relative to those found beforehand."""
REGIONAL_WIDTHS = ("regional_level", "region_season")
SIGNED = "signed"
"""Controls whose effect has a known sign: their softplus is the effect's size, in prior widths."""
DEMAND_WIDTH = "demand_width"
"""How strongly spend of all channels tends to follow unrecorded demand: a standard normal number."""
TREATED, LASTING = "treated", "treatment_retention"
"""Effects of treatments, in prior widths (of known sign: the softplus is the size); how long they last."""


@dataclass(frozen=True)
class Layout:
    """Names and lengths of the coordinates, in order.

    Attributes:
        sizes: Lengths by name.
        group_C: Group of each channel; those of one group have their shapes in one place.
    """

    sizes: Mapping[str, int]
    group_C: tuple[int, ...]

    @property
    def length(self) -> int:
        """Coordinates in all, D."""
        return sum(self.sizes.values())

    def split(self, theta_MD: Tensor) -> Parameters:
        """Coordinates by name, each of shape M x its length."""
        return dict(zip(self.sizes, torch.split(theta_MD, list(self.sizes.values()), 1), strict=True))

    def join(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The inverse of :meth:`split`; names that are absent stand at their prior centre, 0."""
        like = next(iter(parts.values()))
        rows = [parts.get(name, like.new_zeros(len(like), size)) for name, size in self.sizes.items()]
        return torch.cat([row.reshape(len(like), -1) for row in rows], 1)

    def of_channels(self, coordinates: Parameters) -> Parameters:
        """Carry-over and saturation of every channel, each of shape MC: those of a group are the same."""
        places = list(self.group_C)
        return {name: coordinates[name][:, places] for name in SHAPE}

    def of_groups(self, shape_MC: Tensor) -> Tensor:
        """Means over the channels of each group, from shape MC to one column for each group."""
        member_CH = torch.nn.functional.one_hot(torch.tensor(self.group_C)).to(shape_MC)
        return shape_MC @ (member_CH / member_CH.sum(0))


def layout(
    channels: int,
    restrictions: Restrictions,
    *,
    national: bool,
    demand: bool,
    held: bool = False,
    lasting: bool = False,
    reach: int = 0,
    shocks: bool = False,
    courses: int = 0,
) -> Layout:
    """Coordinates of a model of so many channels.

    Args:
        channels: C.
        restrictions: Channels that share shapes, controls whose sign is known.
        national: Whether the panel has one region, so that nothing differs between regions.
        demand: Whether spend may follow demand that no column shows.
        held: Whether some channels are not bought.
        lasting: Whether the effect of some treatment may last.
        reach: Channels with reach and a frequency that varies.
        shocks: Whether all regions may move together in a period.
        courses: Courses that effects may take over time; 0 holds them constant.
    """
    groups = sorted(set(restrictions.shape_of_C))
    sizes = dict.fromkeys(SHAPE, len(groups)) | {DEVIATION: channels}
    sizes |= dict.fromkeys((*COMMON, "noise", *WIDTHS), 1)
    if demand:
        sizes |= {"demand": channels, DEMAND_WIDTH: 1}
    if restrictions.signed:
        sizes[SIGNED] = len(restrictions.signed)
    if held:
        sizes[HELD_TOTAL] = 1
    if restrictions.treatments:
        sizes[TREATED] = restrictions.treatments
    if lasting:
        sizes[LASTING] = restrictions.treatments
    if reach:
        sizes |= dict.fromkeys((HALF, SLOPE), reach)
    if not national:
        sizes |= dict.fromkeys(("per_head", *REGIONAL_WIDTHS), 1)
        sizes["region_width"] = channels
    if shocks:
        sizes[SHOCK] = 1
    if courses:
        sizes |= {AMPLITUDE: channels, COURSE_WIDTH: channels, COURSE: channels * courses}
    return Layout(sizes, tuple(groups.index(first) for first in restrictions.shape_of_C))
