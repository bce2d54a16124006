"""The likelihood with every linear part integrated out, and its gradient in closed form.

Effects of a region's own (its level, walk and season, and how its response to each channel departs from the
average) are integrated out region by region, effects that regions share afterwards, from sums over regions.
Everything is measured in units of the noise and of the prior widths, so that a precision matrix is ``I`` plus
products.

The gradient is what the model expects of its linear parts given the data (Fisher's identity): no graph of
the elimination is kept, which halves the cost of a step.

Shapes: M draws, C channels, G regions, T training periods, R columns of a region's own, Q shared columns and
D shocks of periods that regions share, P = Q + D shared effects, O = R + C effects of a region's own (R where
regions respond alike), X = P + 1 with the KPI last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mmm.train.posterior.moments import Columns, Moments
from mmm.train.shards import Shards


class Terms(NamedTuple):
    """What the KPI is made of, given the coordinates.

    Attributes:
        effect_MCGT: What each channel brings in a region of average response, in mean KPI.
        beside_MGT: What else is given: unrecorded demand, controls of known sign; 0 where there is none.
        own_MR: Prior width of each effect of a region's own columns, in mean KPI.
        shared_MP: Prior width of each shared effect.
        region_MC: Prior width of a region's departure from the average response, relative to it; no columns
            where regions respond alike.
        noise_M1: Standard deviation of a cell of weight 1.
    """

    effect_MCGT: Tensor
    beside_MGT: Tensor
    own_MR: Tensor
    shared_MP: Tensor
    region_MC: Tensor
    noise_M1: Tensor


@dataclass(frozen=True, eq=False)
class Eliminated:
    """What is left after effects of the regions' own are integrated out.

    Attributes:
        white_MGOO: Inverse of the lower triangle of the precision of a region's own effects.
        half_MGOX: Their products with shared effects and KPI, made white by it.
        cross_MGO: Their products with the KPI.
        shared_MX: Products of shared effects and KPI with the KPI, over the shard's regions.
        left_MXX: Products of shared columns and KPI with themselves, less what own effects explain, over all
            shards.
        lower_MPP: Lower triangle of the precision of shared effects.
        mean_MP: Their means.
        log_det_M: Log determinant of the own effects' lower triangles, over all shards.
        failed_M: Above 0 where a precision matrix could not be decomposed.
    """

    white_MGOO: Tensor
    half_MGOX: Tensor
    cross_MGO: Tensor
    shared_MX: Tensor
    left_MXX: Tensor
    lower_MPP: Tensor
    mean_MP: Tensor
    log_det_M: Tensor
    failed_M: Tensor

    @property
    def value_M(self) -> Tensor:
        """Log likelihood up to a constant, without the noise's own factor; minus infinity where it failed."""
        squares_M = self.left_MXX[:, -1, -1] - (self.mean_MP * self.left_MXX[:, :-1, -1]).sum(1)
        value_M = -0.5 * squares_M - log_diagonal(self.lower_MPP) - self.log_det_M
        return torch.where((self.failed_M > 0) | ~torch.isfinite(value_M), -torch.inf, value_M)

    def own_mean(self, shared_MP: Tensor) -> Tensor:
        """Means of the regions' own effects, given the shared ones, shape MGO."""
        pull_MGO1 = self.half_MGOX[..., -1:] - self.half_MGOX[..., :-1] @ shared_MP[:, None, :, None]
        mean_MGO: Tensor = (self.white_MGOO.transpose(2, 3) @ pull_MGO1)[..., 0]
        return mean_MGO


def eliminate(terms: Terms, columns: Columns, moments: Moments, shards: Shards) -> Eliminated:
    """Integrate the linear parts out.

    Args:
        terms: What the KPI is made of.
        columns: Linear parts of the panel or shard.
        moments: Their weighted products.
        shards: What the shard knows of the whole.
    """
    shared_MP = terms.shared_MP / terms.noise_M1
    own_MGOO, cross_MGOX, shared_MX = _products(terms, columns, moments)
    own_MGOO.diagonal(dim1=2, dim2=3).add_(1.0)
    lower_MGOO, failed_MG = decomposed(own_MGOO)
    unit_OO = torch.eye(lower_MGOO.shape[-1]).to(cross_MGOX)
    white_MGOO = torch.linalg.solve_triangular(lower_MGOO, unit_OO.expand_as(lower_MGOO), upper=False)
    half_MGOX = white_MGOO @ cross_MGOX
    stacked_MNX = half_MGOX.flatten(1, 2)
    left_MXX = -(stacked_MNX.transpose(1, 2) @ stacked_MNX)
    left_MXX[:, :-1, :-1] += moments.shared_PP * shared_MP.unsqueeze(2) * shared_MP.unsqueeze(1)
    left_MXX[:, -1] += shared_MX
    left_MXX[:, :-1, -1] += shared_MX[:, :-1]
    draws, size, _ = left_MXX.shape
    sums_MN = shards.total(
        torch.cat(
            [
                left_MXX.flatten(1),
                log_diagonal(lower_MGOO).sum(1, keepdim=True),
                (failed_MG != 0).sum(1, keepdim=True).to(left_MXX),
            ],
            1,
        )
    )
    left_MXX = sums_MN[:, :-2].reshape(draws, size, size)
    inner_MPP = left_MXX[:, :-1, :-1] + torch.eye(size - 1).to(left_MXX)
    lower_MPP, failed_M = decomposed(inner_MPP)
    mean_MP = torch.cholesky_solve(left_MXX[:, :-1, -1:], lower_MPP)[..., 0]
    return Eliminated(
        white_MGOO=white_MGOO,
        half_MGOX=half_MGOX,
        cross_MGO=cross_MGOX[..., -1],
        shared_MX=shared_MX,
        left_MXX=left_MXX,
        lower_MPP=lower_MPP,
        mean_MP=mean_MP,
        log_det_M=sums_MN[:, -2],
        failed_M=sums_MN[:, -1] + (failed_M != 0),
    )


def _products(terms: Terms, columns: Columns, moments: Moments) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted products, in units of prior widths and noise.

    Of own effects with each other, MGOO, of own with shared effects and KPI, MGOX, and of shared effects and
    KPI with the KPI, over the shard's regions, MX.
    """
    own, bases = len(columns.own_names), columns.shared_GTQ.shape[2]
    effect_MCGT, per_noise_M1 = terms.effect_MCGT, 1.0 / terms.noise_M1
    draws, _, regions, _ = effect_MCGT.shape
    deviate = terms.region_MC.shape[1]
    left_MGT = columns.kpi_GT - effect_MCGT.sum(1) - terms.beside_MGT
    left_MGF = torch.einsum("gtf,mgt->mgf", moments.weighted_GTF[..., :-1], left_MGT)
    weighted_MGT = left_MGT * moments.weight_GT
    own_MR, shared_MP = terms.own_MR * per_noise_M1, terms.shared_MP * per_noise_M1
    own_MGR1, shared_M11P = own_MR[:, None, :, None], shared_MP[:, None, None]
    effects = own + deviate
    own_MGOO = effect_MCGT.new_empty(draws, regions, effects, effects)
    cross_MGOX = effect_MCGT.new_empty(draws, regions, effects, len(columns.shared_names) + 1)
    product_GFF = moments.product_GFF
    own_MGOO[:, :, :own, :own] = product_GFF[:, :own, :own] * own_MGR1 * own_MGR1.transpose(2, 3)
    cross_MGOX[:, :, :own, :bases] = product_GFF[:, :own, own:-1]
    if columns.shocks:
        cross_MGOX[:, :, :own, bases:-1] = moments.weighted_GTF[..., :own].transpose(1, 2)
    cross_MGOX[:, :, :own, :-1] *= own_MGR1 * shared_M11P
    cross_MGOX[:, :, :own, -1] = left_MGF[..., :own] * (own_MR * per_noise_M1).unsqueeze(1)
    if deviate:
        width_MC = terms.region_MC * per_noise_M1
        width_M1C1 = width_MC[:, None, :, None]
        effect_MGCT = effect_MCGT.transpose(1, 2).contiguous()
        with_media_MGCF = torch.einsum("gtf,mgct->mgcf", moments.weighted_GTF[..., :-1], effect_MGCT)
        link_MGCR = with_media_MGCF[..., :own] * width_M1C1 * own_MGR1.transpose(2, 3)
        weighted_MGCT = effect_MGCT * moments.weight_GT.unsqueeze(1)
        media_MGCC = weighted_MGCT @ effect_MGCT.transpose(2, 3)
        own_MGOO[:, :, own:, :own] = link_MGCR
        own_MGOO[:, :, :own, own:] = link_MGCR.transpose(2, 3)
        own_MGOO[:, :, own:, own:] = media_MGCC * width_M1C1 * width_M1C1.transpose(2, 3)
        cross_MGOX[:, :, own:, :bases] = with_media_MGCF[..., own:]
        if columns.shocks:
            cross_MGOX[:, :, own:, bases:-1] = weighted_MGCT
        cross_MGOX[:, :, own:, :-1] *= width_M1C1 * shared_M11P
        media_kpi_MGC = torch.einsum("mgct,mgt->mgc", effect_MGCT, weighted_MGT)
        cross_MGOX[:, :, own:, -1] = media_kpi_MGC * (width_MC * per_noise_M1).unsqueeze(1)
    with_shocks = [weighted_MGT.sum(1)] if columns.shocks else []
    with_shared_MP = torch.cat([left_MGF[..., own:].sum(1), *with_shocks], 1) * shared_MP * per_noise_M1
    squares_M1 = (weighted_MGT * left_MGT).sum((1, 2)).unsqueeze(1) * per_noise_M1.square()
    shared_MX = torch.cat([with_shared_MP, squares_M1], 1)
    return own_MGOO, cross_MGOX, shared_MX


def shared_kpi(columns: Columns, effect_MP: Tensor) -> Tensor:
    """KPI that shared effects bring in every cell, in mean KPI, shape MGT."""
    bases = columns.shared_GTQ.shape[2]
    brought_MGT = torch.einsum("gtq,mq->mgt", columns.shared_GTQ, effect_MP[:, :bases])
    return brought_MGT + effect_MP[:, None, bases:] if columns.shocks else brought_MGT


def log_likelihood(
    terms: Terms, columns: Columns, moments: Moments, shards: Shards
) -> tuple[Tensor, Eliminated]:
    """Log density of the KPI of all shards, shape M, and what is left after the elimination."""
    found = eliminate(terms, columns, moments, shards)
    cells = shards.total(moments.cells.clone())
    return found.value_M - cells * torch.log(terms.noise_M1[:, 0]), found


def gradient_of(terms: Terms, found: Eliminated, columns: Columns, moments: Moments, shards: Shards) -> Terms:
    """Gradient of the log likelihood by each of its terms, the shard's own part of it.

    By Fisher's identity it is the mean, over the linear parts given the data, of the gradient that the KPI's
    density has where they are known.
    """
    own, deviate = len(columns.own_names), terms.region_MC.shape[1]
    bases = columns.shared_GTQ.shape[2]
    per_noise_M1 = 1.0 / terms.noise_M1
    mean_MP, mean_MGO = found.mean_MP, found.own_mean(found.mean_MP)
    spread_MPP = torch.cholesky_inverse(found.lower_MPP)
    back_MGOO = found.white_MGOO.transpose(2, 3)
    link_MGOP = back_MGOO @ found.half_MGOX[..., :-1]
    spread_MGOO = back_MGOO @ found.white_MGOO
    cross_MGOP = (link_MGOP.flatten(1, 2) @ spread_MPP).reshape(link_MGOP.shape)
    variance_MGO = spread_MGOO.diagonal(dim1=2, dim2=3) + (cross_MGOP * link_MGOP).sum(3)
    variance_MP = spread_MPP.diagonal(dim1=1, dim2=2)
    square_MO = (variance_MGO + mean_MGO.square() - 1.0).sum(1)
    square_MP = (variance_MP + mean_MP.square() - 1.0) / shards.count

    # Squared residuals that are expected, in units of the noise.
    explained_M = (mean_MGO * found.cross_MGO).sum((1, 2)) + (mean_MP * found.shared_MX[:, :-1]).sum(1)
    squares_M = found.shared_MX[:, -1] - explained_M - square_MO.sum(1) - square_MP.sum(1)

    own_mean_MGR = mean_MGO[..., :own] * terms.own_MR.unsqueeze(1)
    fitted_MGT = own_mean_MGR @ columns.own_TR.T + terms.beside_MGT
    fitted_MGT = fitted_MGT + shared_kpi(columns, mean_MP * terms.shared_MP)
    weight_MGT = moments.weight_GT * per_noise_M1.square().unsqueeze(2)
    if not deviate:
        left_MGT = weight_MGT * (columns.kpi_GT - fitted_MGT - terms.effect_MCGT.sum(1))
        by_effect_MCGT = left_MGT.unsqueeze(1).expand_as(terms.effect_MCGT)
    else:
        width_M1C = terms.region_MC.unsqueeze(1)
        response_MGC = 1.0 + width_M1C * mean_MGO[..., own:]
        effect_MGCT = terms.effect_MCGT.transpose(1, 2).contiguous()
        fitted_MGT = fitted_MGT + (response_MGC.unsqueeze(2) @ effect_MGCT)[:, :, 0]
        left_MGT = weight_MGT * (columns.kpi_GT - fitted_MGT)
        with_own_MGCO = spread_MGOO[:, :, own:] + cross_MGOP[:, :, own:] @ link_MGOP.transpose(2, 3)
        along_MGCT = (with_own_MGCO[..., :own] * terms.own_MR[:, None, None]) @ columns.own_TR.T
        along_MGCT += (with_own_MGCO[..., own:] * width_M1C.unsqueeze(2)) @ effect_MGCT
        shared_MGCP = cross_MGOP[:, :, own:] * terms.shared_MP[:, None, None]
        along_MGCT -= torch.einsum("mgcq,gtq->mgct", shared_MGCP[..., :bases], columns.shared_GTQ)
        if columns.shocks:
            along_MGCT -= shared_MGCP[..., bases:]
        by_effect_MGCT = response_MGC.unsqueeze(3) * left_MGT.unsqueeze(2)
        by_effect_MGCT -= width_M1C.unsqueeze(3) * along_MGCT * weight_MGT.unsqueeze(2)
        by_effect_MCGT = by_effect_MGCT.transpose(1, 2)
    return Terms(
        effect_MCGT=by_effect_MCGT,
        beside_MGT=left_MGT,
        own_MR=over_width(square_MO[:, :own], terms.own_MR),
        shared_MP=over_width(square_MP, terms.shared_MP),
        region_MC=over_width(square_MO[:, own:], terms.region_MC),
        noise_M1=(squares_M - moments.cells).unsqueeze(1) * per_noise_M1,
    )


def pulled_back(theta: Tensor, terms: Terms, slopes: Terms, rest: Tensor, own_part: float = 1.0) -> Tensor:
    """Gradient by the coordinates of the likelihood, whose gradient by its terms is known, and of the rest.

    Args:
        theta: The coordinates.
        terms: What the likelihood is of, computed from them.
        slopes: Its gradient by each term.
        rest: What is added to the likelihood.
        own_part: Factor on the gradient of the rest, which every shard has in full.
    """
    pairs = [(term, slope) for term, slope in zip(terms, slopes, strict=True) if term.requires_grad]
    pairs.append((rest, torch.full_like(rest, own_part)))
    outputs, factors = zip(*pairs, strict=True)
    (gradient,) = torch.autograd.grad(outputs, theta, factors)
    return gradient


def settled(value_M: Tensor, gradient_MD: Tensor) -> tuple[Tensor, Tensor]:
    """A value and its gradient: minus infinity and 0 where they cannot be computed."""
    known_M = torch.isfinite(value_M)
    value_M = torch.where(known_M, value_M, -torch.inf)
    return value_M, torch.nan_to_num(torch.where(known_M.unsqueeze(-1), gradient_MD, 0.0))


def over_width(by_log: Tensor, width: Tensor) -> Tensor:
    """Gradient by a width from that by its logarithm; a width of 0 has no effects to tell anything by."""
    return torch.where(width > 0, by_log / width.clamp_min(1e-300), 0.0)


def decomposed(precision: Tensor) -> tuple[Tensor, Tensor]:
    """Lower triangles of precision matrices, and above 0 where one has none.

    That of such a one is the identity, so that what is computed of the others goes on.
    """
    lower, failed = torch.linalg.cholesky_ex(precision)
    one = torch.eye(lower.shape[-1]).to(lower)
    # Without a look whether any has failed: densities at once could not look each for itself.
    return torch.where((failed != 0)[..., None, None], one, lower), failed


def log_diagonal(lower: Tensor) -> Tensor:
    """Log determinant of lower triangles."""
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)
