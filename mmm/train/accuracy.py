"""How well a training explains the KPI along its way, in KPI units.

Shapes: M fits, G regions, T periods.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

SUMS = 4
"""Numbers that cells are summed up by."""


class Accuracy(NamedTuple):
    """Root mean squared error in KPI units and share of the differences explained, over some cells."""

    rmse: float | None = None
    r2: float | None = None


def sums_of(prediction_GT: Tensor, kpi_GT: Tensor, kpi_G: Tensor, cells_GT: Tensor) -> Tensor:
    """What :func:`accuracy_of` needs of some cells; of shards it adds up. Four numbers.

    Args:
        prediction_GT: Predicted KPI over its region's mean.
        kpi_GT: The KPI over its region's mean.
        kpi_G: That mean, KPI units.
        cells_GT: 1 for cells that count, else 0.
    """
    unit_G1 = kpi_G.double().unsqueeze(-1)
    kpi_GT, error_GT = unit_G1 * kpi_GT.double(), unit_G1 * (prediction_GT - kpi_GT).double()
    cells_GT = cells_GT.double()
    summed = (torch.ones_like(cells_GT), error_GT**2, kpi_GT, kpi_GT**2)
    return torch.stack([(values_GT * cells_GT).sum() for values_GT in summed])


def accuracy_of(sums: Tensor) -> Accuracy:
    """RMSE and R² of the cells summed up; unknown without cells, R² also without differences."""
    cells, squares, kpi, kpi_squares = sums.tolist()
    if cells < 1:
        return Accuracy()
    differences = kpi_squares - kpi**2 / cells
    known = differences > 1e-12 * kpi_squares
    return Accuracy(math.sqrt(squares / cells), 1.0 - squares / differences if known else None)
