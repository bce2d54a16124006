"""Posterior densities of small panels, and places in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmm.data.panel import Panel, Treatment
from mmm.model.parameters import Parameters
from mmm.model.restrictions import Restrictions
from mmm.train.posterior import posterior as program
from mmm.train.posterior.density import Density
from mmm.train.posterior.moments import Columns
from mmm.train.prepare import Prepared, pose
from mmm.train.shards import Alone
from tests.small import market, small_panel, split_of

MODEL = {"temporal": {"enabled": False}, "graph": {"mode": "none"}}
VARYING = {"temporal": {"enabled": True, "hidden": 3}}
"""Settings under which effects vary over time."""
N_TRAIN = 40
RESTRICTED = Restrictions(sign_K=(-1, 0), shape_of_C=(0, 1, 0))
"""The first control lowers the KPI; the first and the last channel share their shape."""
DRIVEN = Restrictions(sign_K=(0, 1, 0), shape_of_C=(0, 1, 2), treatments=2)
"""The last two controls are treatments, the first of which raises the KPI."""


def driven_panel(regions: int = 3) -> Panel:
    """A panel of which radio is organic and the last two controls are treatments; the effect of one lasts."""
    panel = small_panel(regions=regions, controls=2)
    more_GT = panel.controls_GTK[..., :1] ** 2 + np.arange(panel.kpi_GT.shape[1])[:, None]
    return replace(
        panel,
        controls=(*panel.controls, "depth"),
        controls_GTK=np.concatenate([panel.controls_GTK, more_GT], 2),
        organic=("radio",),
        treatments=(Treatment("promo", "min"), Treatment("depth", "max", carry_over=True)),
    )


def prepared(panel: Panel, model: dict[str, Any] | None = None) -> Prepared:
    spec = market(panel, model=MODEL | (model or {}), train={"precision": "float64"})
    return pose(spec, panel, split_of(panel).n_train, Alone(len(panel.regions)))


def density_of(item: Prepared, *, shocks: bool = False) -> Density:
    return program._density(item, moved(item), shocks=shocks)


def moved(item: Prepared) -> Parameters:
    """Where training starts, but for effects that already vary over time if they may."""
    start = item.start(1, 0)
    if "gru_output" in start:
        generator = torch.Generator().manual_seed(1)
        start["gru_output"] = 0.2 * torch.randn(start["gru_output"].shape, generator=generator).to(
            start["gru_output"]
        )
    return start


def places(density: Density, count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.5 * torch.randn(count, density.layout.length, generator=generator, dtype=torch.float64)


def with_shocks(columns: Columns) -> Tensor:
    """Columns of all shared effects, those of the shocks of periods last."""
    regions, periods = columns.kpi_GT.shape
    shock_GTT = torch.eye(periods, columns.shocks).to(columns.kpi_GT).expand(regions, -1, -1)
    return torch.cat([columns.shared_GTQ, shock_GTT], 2)


def covariance_of(density: Density, theta_D: Tensor) -> tuple[Tensor, Tensor]:
    """KPI that is expected at a place, shape GT, and the whole covariance of the cells that count."""
    coordinates = density.layout.split(theta_D.unsqueeze(0))
    media = density.media(coordinates)
    columns, weight_GT = density.columns, density.moments.weight_GT
    regions, periods = weight_GT.shape
    own_TR = columns.own_TR * density.widths(coordinates, columns.own_names)
    shared_GTP = with_shocks(columns) * density.widths(coordinates, columns.shared_names)
    covariance = torch.einsum("gtp,hsp->gths", shared_GTP, shared_GTP).reshape(regions * periods, -1)
    effect_CGT = torch.cat([media.effect_MCGT[0], media.treated_MRGT[0]])
    mean_GT = effect_CGT.sum(0)
    if media.beside_MGT is not None:
        mean_GT = mean_GT + media.beside_MGT[0]
    for g in range(regions):
        block = slice(g * periods, (g + 1) * periods)
        own = own_TR @ own_TR.T
        if "region_width" in coordinates:
            width_C = density.region_widths(coordinates)[0, : len(effect_CGT)]
            moved_TC = (effect_CGT[:, g] * width_C[:, None]).T
            own = own + moved_TC @ moved_TC.T
        covariance[block, block] += own
    known = weight_GT.flatten() > 0
    noise = density.noise(coordinates)[0, 0] ** 2 / weight_GT.flatten()[known]
    return mean_GT, covariance[known][:, known] + torch.diag(noise)
