"""Posterior densities of small panels, and places in them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmm.data.panel import Panel
from mmm.model.restrictions import Restrictions
from mmm.train.posterior import posterior as program
from mmm.train.posterior.density import Density
from mmm.train.prepare import Prepared, pose
from mmm.train.shards import Alone
from tests.small import market, split_of

MODEL = {"temporal": {"enabled": False}, "graph": {"mode": "none"}}
N_TRAIN = 40
RESTRICTED = Restrictions(sign_K=(-1, 0), shape_of_C=(0, 1, 0))
"""The first control lowers the KPI; the first and the last channel share their shape."""


def prepared(panel: Panel, model: dict[str, Any] | None = None) -> Prepared:
    spec = market(panel, model=MODEL | (model or {}), train={"precision": "float64"})
    return pose(spec, panel, split_of(panel).n_train, Alone(len(panel.regions)))


def density_of(item: Prepared) -> Density:
    return program._density(item, item.start(1, 0))


def places(density: Density, count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.5 * torch.randn(count, density.layout.length, generator=generator, dtype=torch.float64)
