"""How the price of exposure moved with spend in a panel.

Within a region, its season and trend: log price on log spend, by least squares over cells in which both ran.
Errors are those of sums over regions, correlated over a quarter (Newey and West 1987): a shock to prices hits
all regions and lasts. The estimate is shrunk towards 0, a price that stays.

Spend that is booked with errors, or evenly while delivery moves, looks like a price that moves.

Shapes: G regions, T periods, C channels, N cells, K columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Floats, Panel

PRIOR_SD = 0.2
"""Spread of elasticities around 0 before the data: most within half of the largest that may be stated."""
MOST = 0.6
LEAST_CELLS = 30
"""Cells in which a channel ran below which nothing is estimated."""
CLEAR, CLEAR_ERRORS = 0.1, 3.0
"""Elasticity, and its distance from 0 in standard errors, from which it is remarked on."""


@dataclass(frozen=True)
class Elasticity:
    """Of one channel.

    Attributes:
        value: Shrunk, within 0 and 0.6.
        error: Its standard error.
        cells: Cells it comes from; 0 where it is not known.
    """

    value: float = 0.0
    error: float = math.nan
    cells: int = 0

    @property
    def is_clear(self) -> bool:
        """Whether plans at constant prices should say so."""
        return self.cells > 0 and self.value >= max(CLEAR, CLEAR_ERRORS * self.error)


def elasticities(panel: Panel) -> tuple[Elasticity, ...]:
    """That of every channel; unknown where exposure or spend is."""
    priced_C = panel.has_spend_C & panel.has_exposure_C
    return tuple(_of_channel(panel, c) if priced_C[c] else Elasticity() for c in range(len(panel.channels)))


def _of_channel(panel: Panel, channel: int) -> Elasticity:
    spend_GT, media_GT = panel.spend_GTC[..., channel], panel.media_GTC[..., channel]
    ran_GT = (spend_GT > 0) & (media_GT > 0)
    if ran_GT.sum() < LEAST_CELLS:
        return Elasticity()
    region_N, period_N = np.nonzero(ran_GT)
    log_spend_N = np.log(spend_GT[ran_GT])
    log_price_N = log_spend_N - np.log(media_GT[ran_GT])
    year_N = period_N / panel.periods_per_year
    columns_NK = np.stack([log_price_N, log_spend_N, year_N, *_season(year_N)], 1)
    counts_G = np.maximum(np.bincount(region_N, minlength=len(ran_GT)), 1)
    for k in range(columns_NK.shape[1]):
        mean_G = np.bincount(region_N, columns_NK[:, k], len(ran_GT)) / counts_G
        columns_NK[:, k] -= mean_G[region_N]
    beside_NK = columns_NK[:, 2:]
    fit_K2 = np.linalg.lstsq(beside_NK, columns_NK[:, :2], rcond=None)[0]
    price_N, spend_N = (columns_NK[:, :2] - beside_NK @ fit_K2).T
    square = float(spend_N @ spend_N)
    if square <= 1e-9 * len(spend_N):
        return Elasticity()
    raw = float(spend_N @ price_N) / square
    score_T = np.bincount(period_N, spend_N * (price_N - raw * spend_N), len(panel.dates))
    error = math.sqrt(max(_long_run(score_T, round(panel.periods_per_year / 4)), 0.0)) / square
    weight = PRIOR_SD**2 / (PRIOR_SD**2 + error**2)
    return Elasticity(min(max(weight * raw, 0.0), MOST), error * math.sqrt(weight), len(spend_N))


def _season(year_N: Floats) -> list[Floats]:
    """Two yearly harmonics."""
    return [wave(2 * np.pi * order * year_N) for order in (1, 2) for wave in (np.sin, np.cos)]


def _long_run(score_T: npt.NDArray[Any], lags: int) -> float:
    """Variance of the sum of a series, its correlations counted with falling weight."""
    lags = min(max(lags, 1), len(score_T) - 1)
    total = float(score_T @ score_T)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(score_T[lag:] @ score_T[:-lag])
    return total
