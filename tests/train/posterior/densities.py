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
