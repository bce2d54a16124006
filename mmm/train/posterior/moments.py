"""What stays the same from draw to draw: the columns of the linear parts and their weighted products.

Shapes: G regions, T training periods, R columns with effects of each region's own, P columns with effects
that regions share, F = R + P + 1 columns with the KPI last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmm.model.inputs import Inputs
from mmm.model.restrictions import Restrictions


@dataclass(frozen=True, eq=False)
class Columns:
    """The linear parts of a panel, or of a shard of it.

    Attributes:
        own_TR: Columns whose effects differ by region: its level first, then its walk and its season.
        own_names: What each of them belongs to.
        shared_GTP: Columns whose effects all regions share: national walk, season, controls.
        shared_names: What each of them belongs to.
        kpi_GT: KPI less 1.
        trained_GT: 1 where a cell counts, else 0.
        signed_GTK: Controls whose effect has a known sign, turned so that it is positive.
        treated_GTR: Treatments.
        restrictions: Which controls those are.
    """

    own_TR: Tensor
    own_names: tuple[str, ...]
    shared_GTP: Tensor
    shared_names: tuple[str, ...]
    kpi_GT: Tensor
    trained_GT: Tensor
    signed_GTK: Tensor
    treated_GTR: Tensor
    restrictions: Restrictions


def columns_of(inputs: Inputs, restrictions: Restrictions, *, national: bool) -> Columns:
    """The linear parts of scaled inputs that hold training periods only."""
    controls_GTK, signed = inputs.controls_GTK, restrictions.signed
    sign_K = controls_GTK.new_tensor([restrictions.sign_K[k] for k in signed])
    regions, periods = inputs.kpi_GT.shape
    shared = {
        "national_level": inputs.national_TN.expand(regions, -1, -1),
        "season": inputs.season_TF.expand(regions, -1, -1),
        "control": controls_GTK[..., restrictions.unsigned],
    }
    own = {"level": torch.ones(periods, 1).to(inputs.kpi_GT)}
    if not national:
        own |= {"regional_level": inputs.regional_TR, "region_season": inputs.region_season_TE}
    return Columns(
        own_TR=torch.cat(list(own.values()), 1),
        own_names=_names(own),
        shared_GTP=torch.cat(list(shared.values()), 2),
        shared_names=_names(shared),
        kpi_GT=inputs.kpi_GT - 1.0,
        trained_GT=inputs.trained_GT,
        signed_GTK=controls_GTK[..., signed] * sign_K,
        treated_GTR=controls_GTK[..., restrictions.treated],
        restrictions=restrictions,
    )


def _names(parts: dict[str, Tensor]) -> tuple[str, ...]:
    return tuple(name for name, part in parts.items() for _ in range(part.shape[-1]))


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted products of the columns with each other.

    Attributes:
        weight_GT: Precision of a cell relative to the noise, 0 where it does not count.
        weighted_GTF: All columns, KPI last, times the weight.
        product_GFF: Their products, summed over periods.
        cells: Cells that count.
    """

    weight_GT: Tensor
    weighted_GTF: Tensor
    product_GFF: Tensor
    cells: Tensor


def moments_of(columns: Columns, weight_GT: Tensor) -> Moments:
    """Products under the given weights of cells."""
    regions = len(columns.kpi_GT)
    every_GTF = torch.cat(
        [columns.own_TR.expand(regions, -1, -1), columns.shared_GTP, columns.kpi_GT.unsqueeze(-1)], 2
    )
    weight_GT = weight_GT * columns.trained_GT
    weighted_GTF = every_GTF * weight_GT.unsqueeze(-1)
    return Moments(
        weight_GT=weight_GT,
        weighted_GTF=weighted_GTF,
        product_GFF=torch.einsum("gtp,gtq->gpq", weighted_GTF, every_GTF),
        cells=(weight_GT > 0).sum().to(weight_GT),
    )
