"""Weights of cells: residuals are Student-t, each region has a noise of its own.

A Student-t residual is a normal one whose precision is drawn for each cell; the weight is what the residuals
at the mode say of it. Cells far off then move the fit little, however far they are.

The precisions are not known, only expected, and a likelihood that takes them as known says more than the data
do: its curvature is that of complete data, from which what is missing has to be taken (Louis 1982).

Shapes: G regions, T training periods.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmm.config import LossSpec
from mmm.train.shards import Shards

TAILS = 5.0
"""Degrees of freedom of residuals."""
REGION_CELLS = 20.0
"""Cells of evidence that a region's noise is like the others'."""
LEAST_KNOWN = 0.5
"""Share of the information that counts however far residuals are off; about 0.74 whatever their tails."""
ROUNDS = 6
"""Rounds between weights and noise; they settle to a per mille."""


def cell_weights(
    residual_GT: Tensor, trained_GT: Tensor, spec: LossSpec, shards: Shards
) -> tuple[Tensor, Tensor]:
    """Precision of every cell relative to the shared noise, and each region's variance relative to it.

    Args:
        residual_GT: KPI less what is expected.
        trained_GT: 1 where a cell counts, else 0.
        spec: ``mse`` takes residuals as normal.
        shards: What the shard knows of the whole.

    Returns:
        Weights of shape GT, 0 where a cell does not count, and variances of shape G.
    """
    cells_G = trained_GT.sum(1)
    square_GT = residual_GT.square() * trained_GT
    variance_G = _shrunk(square_GT.sum(1), cells_G, shards)
    weight_GT = torch.ones_like(square_GT)
    for _ in range(0 if spec.kind == "mse" else ROUNDS):
        weight_GT = (TAILS + 1.0) / (TAILS + square_GT / variance_G.unsqueeze(1))
        variance_G = _shrunk((weight_GT * square_GT).sum(1), cells_G, shards)
    total, cells = shards.total(torch.stack([(weight_GT * square_GT).sum(), cells_G.sum()])).unbind()
    relative_G = variance_G / (total / cells).clamp_min(1e-12)
    return weight_GT * trained_GT / relative_G.unsqueeze(1), relative_G


def known_share(weight_GT: Tensor, relative_G: Tensor, spec: LossSpec, shards: Shards) -> float:
    """Share of the information under weights of cells that is left, as the weights are not known.

    It is the curvature of the Student-t log density over that of the normal one of the same weights, both
    summed over cells: about 0.74, whether residuals are normal, Student-t or normal but for a few far off.

    Args:
        weight_GT: Precision of every cell, see :func:`cell_weights`.
        relative_G: Variance of each region.
        spec: ``mse`` takes residuals as normal: nothing is missing.
        shards: What the shard knows of the whole.
    """
    if spec.kind == "mse":
        return 1.0
    student_GT = weight_GT * relative_G.unsqueeze(1)
    far_GT = (TAILS + 1.0) / student_GT.clamp_min(1e-12) - TAILS
    bend_GT = student_GT.square() * (TAILS - far_GT) / (TAILS + 1.0)
    bend, total = shards.total(torch.stack([bend_GT.sum(), student_GT.sum()])).unbind()
    return float((bend / total.clamp_min(1e-12)).clamp(LEAST_KNOWN, 1.0))


def _shrunk(sum_G: Tensor, cells_G: Tensor, shards: Shards) -> Tensor:
    """Variance of each region, drawn towards that of all."""
    total, cells = shards.total(torch.stack([sum_G.sum(), cells_G.sum()])).unbind()
    shared = total / cells.clamp_min(1.0)
    return ((sum_G + REGION_CELLS * shared) / (cells_G + REGION_CELLS)).clamp_min(1e-12)
