"""Diminishing returns: Hill curves of people who differ.

Shapes: M members, C channels, G regions, T periods, X cells, P multipliers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

LEAST_MULTIPLIER = 0.01
"""Multiple of the volume below which the derivative of a curve is not taken: at 0 it may have none."""
MIXING = 3.0 / math.pi**2
"""Variance of a standard normal over that of a standard logistic."""


def hill(volume: Tensor, half_saturation: Tensor, slope: Tensor) -> Tensor:
    """``volume ** slope / (volume ** slope + half_saturation ** slope)``, 0 at 0, in [0, 1).

    Computed as a logistic curve of log volume, which neither overflows nor loses its gradient.
    """
    log_volume = torch.log(volume.clamp_min(1e-12))
    return torch.sigmoid(slope * (log_volume - torch.log(half_saturation))) * (volume > 0)


def scaled_sums(
    volume_MCX: Tensor, half_MC: Tensor, slope_MC: Tensor, scale_MCX: Tensor, multiplier_P: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Sums over cells of scaled Hill curves of multiples of the volume.

    The volume's logarithm is taken once and every table is written over, so that a multiplier costs one look
    at the logistic curve.

    Args:
        volume_MCX: Volume in each cell, not negative.
        half_MC: Half-saturation.
        slope_MC: Hill slope.
        scale_MCX: What full saturation brings in each cell.
        multiplier_P: Factors on the volume, not negative.

    Returns:
        Sums, and their derivative by the multiplier, both of shape MPC. Below ``LEAST_MULTIPLIER`` the
        derivative is that at it.
    """
    slope_MC1 = slope_MC.unsqueeze(2)
    scale_MCX = torch.where(volume_MCX > 0, scale_MCX, 0.0)
    start_MCX = torch.log(volume_MCX.clamp_min(1e-12)).sub_(torch.log(half_MC).unsqueeze(2)).mul_(slope_MC1)
    level_MCX, steep_MCX = torch.empty_like(start_MCX), torch.empty_like(start_MCX)

    def at(multiplier: float) -> Tensor:
        log_multiplier = math.log(multiplier) if multiplier > 0 else -math.inf
        torch.add(start_MCX, slope_MC1, alpha=log_multiplier, out=level_MCX)
        return torch.sigmoid_(level_MCX)

    sums, slopes = [], []
    for multiplier in multiplier_P:
        near = max(multiplier, LEAST_MULTIPLIER)
        level = at(near)
        # The derivative of the logistic curve, in one go: scale * level * (1 - level).
        torch.ops.aten.sigmoid_backward.grad_input(scale_MCX, level, grad_input=steep_MCX)
        slopes.append(steep_MCX.sum(2) * slope_MC / near)
        sums.append(_dot(scale_MCX, level if multiplier == near else at(multiplier)))
    return torch.stack(sums, 1), torch.stack(slopes, 1)


def _dot(a_MCX: Tensor, b_MCX: Tensor) -> Tensor:
    """Sums of products over the last axis."""
    return (a_MCX.unsqueeze(2) @ b_MCX.unsqueeze(3))[..., 0, 0]


def market_slope(slope_MC: Tensor, spread_MC: Tensor) -> Tensor:
    """Hill slope of a market of people who each respond with ``slope`` but saturate at unlike volumes.

    Where log half-saturation is normal with standard deviation ``spread`` between people, the mean of
    their logistic curves in log volume is again close to a logistic curve (to 0.02), of slope
    ``slope / sqrt(1 + 3/π² · (slope · spread)²)``. Spread 0 leaves the slope as it is. Source: MacKay
    1992, "The evidence framework applied to classification networks", eq. 12.
    """
    return slope_MC / torch.sqrt(1.0 + MIXING * (slope_MC * spread_MC) ** 2)
