"""What the data tell of the coordinates by the expected KPI: their information, which costs no gradients.

It is the product of the movements of the expected KPI with each other, less what the linear parts could move
alike: the columns of the movements are eliminated as those of shared effects are. It is never negative, which
the curvature of a density may be, and costs one look at the media for each coordinate. How widths and noise
move the spread of the KPI is no part of it; they are few, and their curvature is taken as it is.

Source: the information of a normal model, Kay 1993, "Fundamentals of statistical signal processing", 3.9.

Shapes: M places, D coordinates, C channels, G regions, T training periods, R columns of a region's own,
O = R + C effects of a region's own, Q shared columns, P shared effects.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmm.train.posterior.density import Density
from mmm.train.posterior.layout import REGIONAL_WIDTHS, WIDTHS, Layout
from mmm.train.posterior.marginal import Eliminated, Terms, eliminate
from mmm.train.posterior.moments import SHOCK
from mmm.train.posterior.search import BATCH, STEP
from mmm.train.posterior.side_by_side import Mapped

SPREADS = ("noise", *WIDTHS, *REGIONAL_WIDTHS, SHOCK, "region_width")
"""Coordinates that move the spread of the KPI, not what is expected."""


def spread_places(layout: Layout) -> list[int]:
    """Places of the coordinates that move the spread of the KPI."""
    names = [name for name, size in layout.sizes.items() for _ in range(size)]
    return [place for place, name in enumerate(names) if name in SPREADS]


def information(density: Density, theta_D: Tensor, mapped: Mapped = map) -> Tensor:
    """What the data tell by the expected KPI at a place, over all shards, shape DD.

    Regions respond to media as they do on average given the data there.

    Args:
        density: The posterior.
        theta_D: The place.
        mapped: Computes how the expected KPI moves, by parts of the coordinates.
    """
    terms = _terms(density, theta_D.unsqueeze(0))
    found = eliminate(terms, density.columns, density.moments, density.shards)
    moved_DGT = _movements(density, theta_D, terms, found, mapped)
    weighted_DGT = moved_DGT * density.moments.weight_GT / terms.noise_M1[0]
    stacked_ND = (found.white_MGOO[0] @ _with_own(density, terms, weighted_DGT)).flatten(0, 1)
    half_NP = found.half_MGOX[0, ..., :-1].flatten(0, 1)
    with_shared_PD = _with_shared(density, terms, weighted_DGT) - half_NP.T @ stacked_ND
    left_DD = torch.einsum("dgt,egt->de", weighted_DGT, moved_DGT) / terms.noise_M1[0]
    left_DD = left_DD - stacked_ND.T @ stacked_ND
    sums = density.shards.total(torch.cat([with_shared_PD, left_DD]))
    shared = len(with_shared_PD)
    explained_PD = torch.linalg.solve_triangular(found.lower_MPP[0], sums[:shared], upper=False)
    told_DD: Tensor = sums[shared:] - explained_PD.T @ explained_PD
    return told_DD


def _terms(density: Density, theta_MD: Tensor) -> Terms:
    coordinates = density.layout.split(theta_MD)
    return density.terms(coordinates, density.media(coordinates))


def _movements(density: Density, theta_D: Tensor, terms: Terms, found: Eliminated, mapped: Mapped) -> Tensor:
    """How the expected KPI of every cell moves with each coordinate, in mean KPI, shape DGT."""
    own = len(density.columns.own_names)
    response_MGC = torch.ones_like(terms.effect_MCGT[..., 0].transpose(1, 2))
    if terms.region_MC.shape[1]:
        response_MGC = 1.0 + terms.region_MC.unsqueeze(1) * found.own_mean(found.mean_MP)[..., own:]

    def expected(part: Terms) -> Tensor:
        return torch.einsum("mcgt,gc->mgt", part.effect_MCGT, response_MGC[0]) + part.beside_MGT

    here_MGT = expected(terms)
    steps_DD = STEP * torch.eye(len(theta_D)).to(theta_D)

    def moved(part_MD: Tensor) -> Tensor:
        return (expected(_terms(density, theta_D + part_MD)) - here_MGT) / STEP

    return torch.cat(list(mapped(moved, torch.split(steps_DD, min(BATCH, density.rows)))))


def _with_own(density: Density, terms: Terms, weighted_DGT: Tensor) -> Tensor:
    """Products of the movements with effects of the regions' own, in units of their widths, shape GOD."""
    with_own_GRD = torch.einsum("dgt,tr->grd", weighted_DGT, density.columns.own_TR)
    products = [with_own_GRD * terms.own_MR[0].unsqueeze(1)]
    if terms.region_MC.shape[1]:
        with_media_GCD = torch.einsum("dgt,cgt->gcd", weighted_DGT, terms.effect_MCGT[0])
        products.append(with_media_GCD * terms.region_MC[0].unsqueeze(1))
    return torch.cat(products, 1) / terms.noise_M1[0]


def _with_shared(density: Density, terms: Terms, weighted_DGT: Tensor) -> Tensor:
    """Products of the movements with shared effects, in units of their widths, shape PD."""
    products = [torch.einsum("dgt,gtq->qd", weighted_DGT, density.columns.shared_GTQ)]
    if density.columns.shocks:
        products.append(weighted_DGT.sum(1).T)
    return torch.cat(products) * (terms.shared_MP[0] / terms.noise_M1[0]).unsqueeze(1)
