"""The likelihood of a panel of one region: the general one of ``marginal``, at a tenth of its cost.

With one region nothing departs from an average response, so the precision of the linear parts depends on
the coordinates through a few widths and the noise alone. The national level has most of the columns, one
width for all and independent standard normal effects, which a rotation leaves as they are: turned to the
axes of their products, their block of the precision is diagonal, and only the few other columns are left to
be decomposed.

Shapes: M draws, C channels, G = 1 regions, T training periods, N columns of the national level, K others (the
level, then season and controls), P = N + K - 1 shared effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmm.train.posterior.marginal import Terms, decomposed, log_diagonal, over_width
from mmm.train.posterior.moments import Columns, Moments

WALK = "national_level"


@dataclass(frozen=True, eq=False)
class Axes:
    """Columns of a panel of one region and their weighted products, those of the national level turned.

    Attributes:
        columns_TF: The turned columns of the national level, then the others; F = N + K.
        weighted_TF: The same times the weight of each period.
        square_N: Products of each turned column with itself; with one another they have none.
        cross_NK: Products of turned and other columns.
        pairs_NS: Products of every two of those of one turned column, S = K x K.
        rest_KK: Products of the other columns with each other.
    """

    columns_TF: Tensor
    weighted_TF: Tensor
    square_N: Tensor
    cross_NK: Tensor
    pairs_NS: Tensor
    rest_KK: Tensor


def axes_of(columns: Columns, moments: Moments) -> Axes | None:
    """Turned columns under the weights of the moments; None unless one region is the whole panel.

    Args:
        columns: Linear parts.
        moments: Their products.
    """
    if columns.own_names != ("level",) or columns.shocks or len(columns.kpi_GT) != 1:
        return None
    walk = columns.shared_names.count(WALK)
    if columns.shared_names[:walk] != (WALK,) * walk:
        return None
    weight_T1 = moments.weight_GT[0].unsqueeze(1)
    walk_TN = columns.shared_GTQ[0, :, :walk]
    rest_TK = torch.cat([columns.own_TR, columns.shared_GTQ[0, :, walk:]], 1)
    square_N, turn_NN = torch.linalg.eigh(walk_TN.T @ (weight_T1 * walk_TN))
    columns_TF = torch.cat([walk_TN @ turn_NN, rest_TK], 1)
    weighted_TF = weight_T1 * columns_TF
    cross_NK = weighted_TF[:, :walk].T @ rest_TK
    return Axes(
        columns_TF=columns_TF,
        weighted_TF=weighted_TF,
        square_N=square_N.clamp_min(0.0),
        cross_NK=cross_NK,
        pairs_NS=(cross_NK.unsqueeze(2) * cross_NK.unsqueeze(1)).flatten(1),
        rest_KK=weighted_TF[:, walk:].T @ rest_TK,
    )


def national_likelihood(terms: Terms, columns: Columns, moments: Moments, axes: Axes) -> tuple[Tensor, Terms]:
    """Log density of the KPI, shape M, and its gradient by each term.

    The gradient by the widths of single columns of the national level is that of the turned columns: they
    share one width, for which only their sum counts.

    Args:
        terms: What the KPI is made of.
        columns: Linear parts.
        moments: Their products.
        axes: The same, turned.
    """
    walk, others = axes.cross_NK.shape
    noise_M1 = terms.noise_M1
    left_MT = (columns.kpi_GT - terms.effect_MCGT.sum(1) - terms.beside_MGT)[:, 0]
    rest_MK = torch.cat([terms.own_MR.expand(len(noise_M1), -1), terms.shared_MP[:, walk:]], 1) / noise_M1
    walk_M1 = terms.shared_MP[:, :1] / noise_M1 if walk else torch.zeros_like(noise_M1)

    pull_MF = left_MT @ axes.weighted_TF / noise_M1
    pull_MN, pull_MK = walk_M1 * pull_MF[:, :walk], rest_MK * pull_MF[:, walk:]
    kept_MN = 1.0 / (1.0 + walk_M1.square() * axes.square_N)
    taken_MS = (walk_M1.square() * kept_MN) @ axes.pairs_NS
    inner_MKK = (axes.rest_KK - taken_MS.reshape(-1, others, others)) * (
        rest_MK.unsqueeze(2) * rest_MK.unsqueeze(1)
    )
    lower_MKK, failed_M = decomposed(inner_MKK + torch.eye(others).to(inner_MKK))
    spread_MKK = torch.cholesky_inverse(lower_MKK)
    link_MN = walk_M1 * kept_MN
    mean_MK = pull_MK - rest_MK * ((walk_M1 * kept_MN * pull_MN) @ axes.cross_NK)
    mean_MK = (spread_MKK @ mean_MK.unsqueeze(2))[:, :, 0]
    mean_MN = kept_MN * pull_MN - link_MN * ((rest_MK * mean_MK) @ axes.cross_NK.T)

    squares_M = (left_MT.square() * moments.weight_GT[0]).sum(1) / noise_M1[:, 0].square()
    squares_M = squares_M - (pull_MN * mean_MN).sum(1) - (pull_MK * mean_MK).sum(1)
    value_M = -0.5 * squares_M + 0.5 * torch.log(kept_MN).sum(1) - log_diagonal(lower_MKK)
    value_M = torch.where((failed_M != 0) | ~torch.isfinite(value_M), -torch.inf, value_M)
    value_M = value_M - moments.cells * torch.log(noise_M1[:, 0])

    spread_MS = (spread_MKK * rest_MK.unsqueeze(2) * rest_MK.unsqueeze(1)).flatten(1)
    variance_MN = kept_MN + link_MN.square() * (spread_MS @ axes.pairs_NS.T)
    square_MN = variance_MN + mean_MN.square() - 1.0
    square_MK = spread_MKK.diagonal(dim1=1, dim2=2) + mean_MK.square() - 1.0
    size_MF = torch.cat([walk_M1 * mean_MN, rest_MK * mean_MK], 1) * noise_M1
    slope_MT = (left_MT - size_MF @ axes.columns_TF.T) * moments.weight_GT / noise_M1.square()
    slope_MGT = slope_MT.unsqueeze(1)
    left_M = squares_M - square_MN.sum(1) - square_MK.sum(1) - moments.cells
    by_shared_MP = torch.cat([square_MN, square_MK[:, 1:]], 1)
    return value_M, Terms(
        effect_MCGT=slope_MGT.unsqueeze(1).expand_as(terms.effect_MCGT),
        beside_MGT=slope_MGT,
        own_MR=over_width(square_MK[:, :1], terms.own_MR),
        shared_MP=over_width(by_shared_MP, terms.shared_MP),
        region_MC=torch.zeros_like(terms.region_MC),
        noise_M1=left_M.unsqueeze(1) / noise_M1,
    )
