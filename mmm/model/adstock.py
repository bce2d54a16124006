"""Carry-over: media act in the period they run and, less and less, in later ones.

Shapes: M members, C channels, G regions, T periods, L lags (max_lag + 1).
"""

from __future__ import annotations

import torch
from torch import Tensor

PEAKS_FROM, PEAKS_GRADUALLY = 0.6, 3.0
"""Delay around which an effect is one that peaks later, and how gradually: an exponent (decision 0032)."""
LEAST_DISTANCE = 1e-6
"""Distance from the peak, in periods, that counts as none."""


def geometric_kernel(retention_MC: Tensor, delay_MC: Tensor, lags: int) -> Tensor:
    """Weights of lags 0 … lags - 1, normalised to add up to 1, shape MCL.

    ``retention ** (lag - delay * log(1 + lag))``: with delay 0 the plain geometric adstock; otherwise the
    effect builds up until lag ``delay - 1`` and then decays with the same retention.

    Args:
        retention_MC: Share carried to the next period, in (0, 1).
        delay_MC: Slowness of the build-up, not negative.
        lags: Number of weights.
    """
    lag_L = torch.arange(lags, dtype=retention_MC.dtype, device=retention_MC.device)
    exponent_MCL = lag_L - delay_MC.unsqueeze(-1) * torch.log1p(lag_L)
    return torch.softmax(torch.log(retention_MC).unsqueeze(-1) * exponent_MCL, -1)


def delayed_kernel(retention_MC: Tensor, delay_MC: Tensor, lags: int) -> Tensor:
    """Weights of lags 0 … lags - 1, normalised to add up to 1, shape MCL.

    ``retention ** |lag - delay| ** power``: power 1 for effects without delay, the plain geometric adstock, 2
    for those that peak later, which fall off on both sides of the peak; in between it goes from one to the
    other around a delay of ``PEAKS_FROM``. Source: Jin et al. 2017, "Bayesian methods for media mix modeling
    with carryover and shape effects", eq. 2 and 3.

    Args:
        retention_MC: Share left one period from the peak, in (0, 1).
        delay_MC: Periods until the peak, not negative.
        lags: Number of weights.
    """
    lag_L = torch.arange(lags, dtype=retention_MC.dtype, device=retention_MC.device)
    delay_MC1 = delay_MC.unsqueeze(-1)
    peaks_MC1 = (delay_MC1 / PEAKS_FROM) ** PEAKS_GRADUALLY
    power_MC1 = 1.0 + peaks_MC1 / (1.0 + peaks_MC1)
    # Not the absolute value: at no distance its power has no slope.
    away_MCL = ((lag_L - delay_MC1).square() + LEAST_DISTANCE**2).sqrt()
    return torch.softmax(torch.log(retention_MC).unsqueeze(-1) * away_MCL**power_MC1, -1)


def weibull_kernel(retention_MC: Tensor, shape_MC: Tensor, lags: int) -> Tensor:
    """Weights of a Weibull survival curve, ``retention ** (lag ** shape)``, normalised, shape MCL.

    Shape 1 is geometric; below 1 a long tail, above 1 a plateau that then falls. Source: Robyn's Weibull
    CDF adstock, with retention as survival after one period.
    """
    lag_L = torch.arange(lags, dtype=retention_MC.dtype, device=retention_MC.device)
    power_MCL = lag_L.clamp_min(1e-9) ** shape_MC.unsqueeze(-1)
    weight_MCL = retention_MC.unsqueeze(-1) ** power_MCL
    return weight_MCL / weight_MCL.sum(-1, keepdim=True)


def lag_stack(media_CGT: Tensor, lags: int) -> Tensor:
    """Every period with the ones before it, shape CGTL; periods before the first are zero media."""
    periods = media_CGT.shape[-1]
    padded = torch.nn.functional.pad(media_CGT, (lags - 1, 0))
    return padded.unfold(-1, lags, 1)[..., :periods, :].flip(-1).contiguous()


def carry_over(stack_CGTL: Tensor, kernel_MCL: Tensor) -> Tensor:
    """Media as they still act in each period, shape MCGT: one batched product for all members and lags."""
    channels, regions, periods, lags = stack_CGTL.shape
    flat = stack_CGTL.reshape(channels, regions * periods, lags)
    carried = torch.einsum("cnl,mcl->mcn", flat, kernel_MCL)
    return carried.reshape(-1, channels, regions, periods)
