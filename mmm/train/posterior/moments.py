"""What stays the same from draw to draw: the columns of the linear parts and their weighted products.

Shapes: G regions, T training periods, R columns with effects of each region's own, Q columns with effects
that regions share and D periods with a shock that they share, P = Q + D shared effects, F = R + Q + 1 columns
with the KPI last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmm.model.inputs import Inputs
from mmm.model.restrictions import Restrictions

SHOCK = "shock"
"""What moves all regions in one period and in no other: a holiday, the weather, a competitor's sale."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The linear parts of a panel, or of a shard of it.

    Attributes:
        own_TR: Columns whose effects differ by region: its level first, then its walk and its season.
        own_names: What each of them belongs to.
        shared_GTQ: Columns whose effects all regions share: national walk, season, controls.
        shared_names: What each shared effect belongs to: those of the columns, then the shocks of periods.
        kpi_GT: KPI less 1.
        trained_GT: 1 where a cell counts, else 0.
        signed_GTK: Controls whose effect has a known sign, turned so that it is positive.
        treated_GTR: Treatments.
        restrictions: Which controls those are.
    """

    own_TR: Tensor
    own_names: tuple[str, ...]
    shared_GTQ: Tensor
    shared_names: tuple[str, ...]
    kpi_GT: Tensor
    trained_GT: Tensor
    signed_GTK: Tensor
    treated_GTR: Tensor
    restrictions: Restrictions

    @property
    def shocks(self) -> int:
        """Periods with a shock that regions share, D: all of them or none."""
        return len(self.shared_names) - self.shared_GTQ.shape[2]


def columns_of(
    inputs: Inputs, restrictions: Restrictions, *, national: bool, shocks: bool = False
) -> Columns:
    """The linear parts of scaled inputs that hold training periods only.

    Args:
        inputs: The scaled panel, or a shard of it.
        restrictions: Which controls are no such parts.
        national: Whether the whole panel has one region only.
        shocks: Whether all regions may move together in a period.
    """
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
        shared_GTQ=torch.cat(list(shared.values()), 2),
        shared_names=_names(shared) + (SHOCK,) * (periods if shocks else 0),
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
        weight_GT: Precision of a cell relative to the noise, 0 where it does not count,
            times what is known of it.
        weighted_GTF: All columns, KPI last, times the weight.
        product_GFF: Their products, summed over periods.
        shared_PP: Products of the columns of shared effects, summed over regions too; that of a shock is 1 in
            its period and 0 in all others.
        cells: Cells that count, each for as much as is known of its precision.
        known: Share of a cell's information that is left as its precision is not known for sure.
    """

    weight_GT: Tensor
    weighted_GTF: Tensor
    product_GFF: Tensor
    shared_PP: Tensor
    cells: Tensor
    known: float


def moments_of(columns: Columns, weight_GT: Tensor, known: float = 1.0) -> Moments:
    """Products under the given weights of cells.

    Args:
        columns: Linear parts.
        weight_GT: Precision of a cell relative to the noise.
        known: Share of the cells' information that counts, see :func:`robust.known_share`.
    """
    regions = len(columns.kpi_GT)
    every_GTF = torch.cat(
        [columns.own_TR.expand(regions, -1, -1), columns.shared_GTQ, columns.kpi_GT.unsqueeze(-1)], 2
    )
    weight_GT = weight_GT * columns.trained_GT * known
    weighted_GTF = every_GTF * weight_GT.unsqueeze(-1)
    product_GFF = torch.einsum("gtp,gtq->gpq", weighted_GTF, every_GTF)
    own = len(columns.own_names)
    shared_PP = product_GFF[:, own:-1, own:-1].sum(0)
    if columns.shocks:
        with_shock_QT = weighted_GTF[..., own:-1].sum(0).T
        shock_TT = torch.diag(weight_GT.sum(0))
        shared_PP = torch.cat(
            [torch.cat([shared_PP, with_shock_QT], 1), torch.cat([with_shock_QT.T, shock_TT], 1)]
        )
    return Moments(
        weight_GT=weight_GT,
        weighted_GTF=weighted_GTF,
        product_GFF=product_GFF,
        shared_PP=shared_PP,
        cells=known * (weight_GT > 0).sum().to(weight_GT),
        known=known,
    )
