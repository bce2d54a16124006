"""Diminishing returns: Hill curves of people who differ.

Shapes: M members, C channels, G regions, T periods.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MIXING = 3.0 / math.pi**2
"""Variance of a standard normal over that of a standard logistic."""


def hill(volume: Tensor, half_saturation: Tensor, slope: Tensor) -> Tensor:
    """``volume ** slope / (volume ** slope + half_saturation ** slope)``, 0 at 0, in [0, 1).

    Computed as a logistic curve of log volume, which neither overflows nor loses its gradient.
    """
    log_volume = torch.log(volume.clamp_min(1e-12))
    return torch.sigmoid(slope * (log_volume - torch.log(half_saturation))) * (volume > 0)


def market_slope(slope_MC: Tensor, spread_MC: Tensor) -> Tensor:
    """Hill slope of a market of people who each respond with ``slope`` but saturate at unlike volumes.

    Where log half-saturation is normal with standard deviation ``spread`` between people, the mean of
    their logistic curves in log volume is again close to a logistic curve (to 0.02), of slope
    ``slope / sqrt(1 + 3/π² · (slope · spread)²)``. Spread 0 leaves the slope as it is. Source: MacKay
    1992, "The evidence framework applied to classification networks", eq. 12.
    """
    return slope_MC / torch.sqrt(1.0 + MIXING * (slope_MC * spread_MC) ** 2)
