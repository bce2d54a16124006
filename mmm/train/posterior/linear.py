"""Levels, seasons, controls and deviations of regions, given the coordinates: means or draws.

Shapes: M draws, C channels, G regions, T training periods, R columns of a region's own, P shared effects,
O = R + C effects of a region's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmm.model.parameters import Parameters
from mmm.train.posterior.density import Density, Media
from mmm.train.posterior.marginal import eliminate, shared_kpi


@dataclass(frozen=True, eq=False)
class Linear:
    """Effects that are linear in the KPI, in mean KPI.

    Attributes:
        shared_MP: Shared effects: of columns, then the shocks of periods.
        own_MGR: Effects of a region's own columns.
        response_MGC: A region's response to each channel, relative to that of the average region.
        treated_MGR: The same of each treatment.
    """

    shared_MP: Tensor
    own_MGR: Tensor
    response_MGC: Tensor
    treated_MGR: Tensor


def linear_parts(
    density: Density, coordinates: Parameters, media: Media, noise: tuple[Tensor, Tensor] | None
) -> Linear:
    """The linear parts of each draw.

    Args:
        density: The posterior.
        coordinates: Of each draw.
        media: What media bring in each draw.
        noise: Standard normal numbers for shared effects, shape MP, and for those of regions, shape MGO;
            None gives means.
    """
    columns = density.columns
    terms = density.terms(coordinates, media)
    found = eliminate(terms, columns, density.moments, density.shards)
    shared_MP = found.mean_MP
    if noise is not None:
        shared_MP = shared_MP + _spread(found.lower_MPP, noise[0])
    own_MGO = found.own_mean(shared_MP)
    if noise is not None:
        own_MGO = own_MGO + (found.white_MGOO.transpose(2, 3) @ noise[1].unsqueeze(-1))[..., 0]
    own = len(columns.own_names)
    response_MGC = torch.ones_like(media.top_MCG.transpose(1, 2))
    treated_MGR = torch.ones_like(media.treated_MRGT[..., 0].transpose(1, 2))
    if "region_width" in coordinates:
        every_MGO = 1.0 + terms.region_MC.unsqueeze(1) * own_MGO[..., own:]
        channels = response_MGC.shape[2]
        response_MGC, treated_MGR = every_MGO[..., :channels], every_MGO[..., channels:]
    return Linear(
        shared_MP=shared_MP * terms.shared_MP,
        own_MGR=own_MGO[..., :own] * terms.own_MR.unsqueeze(1),
        response_MGC=response_MGC,
        treated_MGR=treated_MGR,
    )


def _spread(lower: Tensor, standard: Tensor) -> Tensor:
    """Normal numbers whose precision is the product of a lower triangle with its transpose."""
    upper = lower.transpose(-1, -2)
    spread: Tensor = torch.linalg.solve_triangular(upper, standard.unsqueeze(-1), upper=True)[..., 0]
    return spread


def expected_kpi(density: Density, media: Media, linear: Linear) -> Tensor:
    """KPI less 1 that is expected in each training cell, shape MGT."""
    columns = density.columns
    media_MGT = torch.einsum("mcgt,mgc->mgt", media.effect_MCGT, linear.response_MGC)
    if media.beside_MGT is not None:
        media_MGT = media_MGT + media.beside_MGT
    if columns.restrictions.treatments:
        media_MGT = media_MGT + torch.einsum("mrgt,mgr->mgt", media.treated_MRGT, linear.treated_MGR)
    own_MGT = linear.own_MGR @ columns.own_TR.T
    return media_MGT + own_MGT + shared_kpi(columns, linear.shared_MP)
