"""What planned media bring: over the horizon and after it, with what history still does.

Shapes: M members, C channels, G regions, H periods of the horizon and of carry-over after it, X decision
variables (channels, or channel x region with the channel outermost), P plans.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmm.data.panel import Floats
from mmm.model.predictor import Predictor


class FutureResponse:
    """Response to amounts per channel, or per channel and region: a sum of one curve per amount.

    Args:
        predictor: The fitted model.
        unit_GHC: Media per unit of amount in each region and period of the horizon: the amount of channel
            c puts ``amount * unit_GHC[g, h, c]`` media into region g and period h.
        by_region: Whether amounts are per channel and region.
    """

    def __init__(self, predictor: Predictor, unit_GHC: Floats, *, by_region: bool = False) -> None:
        regions, self.horizon, channels = unit_GHC.shape
        after = np.zeros((regions, predictor.lags - 1, channels))
        ahead_GHC = np.concatenate([unit_GHC, after], 1)
        self._predictor, self._by_region = predictor, by_region
        self._unit = predictor.carried_ahead(ahead_GHC, history=False)
        self._history = predictor.carried_ahead(np.zeros_like(ahead_GHC), history=True)
        self._weight = predictor.weight_ahead(ahead_GHC.shape[1])
        self._idle = self._sum(self._weight * predictor.saturate(self._history)[0])

    def _sum(self, value_MCGH: Tensor) -> Tensor:
        """Total of each decision variable, shape MX."""
        return value_MCGH.sum(-1).flatten(1) if self._by_region else value_MCGH.sum((2, 3))

    def _volume(self, amount_X: Floats) -> Tensor:
        shape = self._unit.shape
        amount = torch.as_tensor(np.asarray(amount_X, dtype=np.float64))
        amount = amount.reshape(shape[1], shape[2], 1) if self._by_region else amount.reshape(-1, 1, 1)
        return self._history + amount * self._unit

    def values(self, amount_X: Floats) -> Floats:
        """KPI that each amount adds to what history still brings, effect after the horizon included, MX."""
        with torch.no_grad():
            level, _ = self._predictor.saturate(self._volume(amount_X))
            values: Floats = (self._sum(self._weight * level) - self._idle).numpy()
        return values

    def marginals(self, amount_X: Floats) -> Floats:
        """KPI per further unit of each amount, shape MX."""
        with torch.no_grad():
            _, slope = self._predictor.saturate(self._volume(amount_X))
            marginals: Floats = self._sum(self._weight * slope * self._unit).numpy()
        return marginals

    def table(self, grid_PX: Floats) -> Floats:
        """``values`` of many plans, shape MPX."""
        return np.stack([self.values(amount_X) for amount_X in grid_PX], 1)

    def after_horizon(self, amount_X: Floats) -> Floats:
        """The part of ``values`` that comes after the horizon, summed over amounts, shape M."""
        with torch.no_grad():
            level, _ = self._predictor.saturate(self._volume(amount_X))
            idle, _ = self._predictor.saturate(self._history)
            late = (self._weight * (level - idle))[..., self.horizon :]
        values: Floats = late.sum((1, 2, 3)).numpy()
        return values

    def idle_kpi(self) -> Floats:
        """KPI of the horizon without planned media: baseline, and what history still brings, shape M."""
        baseline_MGH = self._predictor.baseline_ahead(self.horizon)
        kpi: Floats = baseline_MGH.sum((1, 2)) + self._idle.sum(1).numpy()
        return kpi

    def kpi_by_period(self, amount_X: Floats) -> Floats:
        """Expected KPI of every period of the horizon over all regions, shape MH."""
        with torch.no_grad():
            level, _ = self._predictor.saturate(self._volume(amount_X))
        media_MH = (self._weight * level).sum((1, 2))[:, : self.horizon].numpy()
        kpi: Floats = self._predictor.baseline_ahead(self.horizon).sum(1) + media_MH
        return kpi
