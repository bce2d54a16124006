"""The estimator of a test: one fixed rule from the KPI of regions to an effect, the same before and after.

With regions: the KPI of treated regions during the test, less what it would be had it moved from the
periods before as the control regions' did (ratio difference in differences). Without: the KPI of the
blocks, less the mean of as many periods before and after each (a block that is switched on and off).

Both run on an *adjusted* KPI: what recorded controls and other channels' media did is taken out by
coefficients that are registered with the design, and single cells far off their neighbours are held.

Shapes: G regions, T periods, K covariates, L lags, S assignments, W windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from mmm.data.panel import Bools, Floats, Ints

NEAR = 9
"""Periods whose median is the level that a cell is compared with."""
SMOOTH = 25
"""Periods of the running mean that is taken out before coefficients are found: slow moves are no effect."""
HELD = 4.0
"""Robust standard deviations from its neighbours at which a cell is held."""
FEWEST_TOGETHER = 4
"""Regions from which their median says what all of them did in a period."""
RIDGE = 1e-3
"""Shrinkage of coefficients, in cells."""


@dataclass(frozen=True, eq=False)
class Adjustment:
    """What is taken out of the KPI before regions are compared.

    Attributes:
        level_G: Mean KPI of each region; effects of covariates are relative to it.
        mean_GK: Mean of each covariate in each region; media are counted in it.
        media_K: The covariate is a channel's media: its effect is that of the root of what is carried over.
        kernel_KL: Carry-over of media by lag; 1, 0, 0 … for controls.
        coefficient_K: Relative change of the KPI per unit.
        band: Relative distance from its neighbours at which a cell is held.
    """

    level_G: Floats
    mean_GK: Floats
    media_K: Bools
    kernel_KL: Floats
    coefficient_K: Floats
    band: float


@dataclass(frozen=True)
class Windows:
    """Lengths of the parts of a test, in periods.

    Attributes:
        before: Periods before that the test is compared with; of a national test also after each block.
        test: Periods of the test, or of each block.
        cooldown: Periods after it that are left out, while media carry over.
        blocks: Blocks of a national test; 1 with regions.
        national: Compared with itself before and after, for want of other regions.
    """

    before: int
    test: int
    cooldown: int
    blocks: int = 1
    national: bool = False

    @property
    def gap(self) -> int:
        """Periods from the end of a block to the beginning of the next."""
        return self.cooldown + self.before

    @property
    def needed(self) -> int:
        """Periods whose KPI the estimator reads."""
        if not self.national:
            return self.before + self.test
        return self.before + self.blocks * (self.test + self.gap)

    @property
    def span(self) -> int:
        """Periods from the first changed to the last changed one."""
        return self.blocks * self.test + (self.blocks - 1) * self.gap

    def block_starts(self) -> Ints:
        """First period of each block, counted from the first block's."""
        return np.arange(self.blocks) * (self.test + self.gap)


def covariate_values(raw_GTK: Floats, adjustment: Adjustment) -> Floats:
    """Covariates as they enter: roots of media carried over, and controls, each less its usual, GTK."""
    of_mean_GTK = raw_GTK / np.where(adjustment.media_K, adjustment.mean_GK, 1.0)[:, None]
    carried_GTK = np.zeros_like(of_mean_GTK)
    for lag in range(adjustment.kernel_KL.shape[1]):
        shifted_GTK = of_mean_GTK[:, : raw_GTK.shape[1] - lag]
        carried_GTK[:, lag:] += adjustment.kernel_KL[:, lag] * shifted_GTK
    media_GTK = np.sqrt(np.maximum(carried_GTK, 0.0)) - 1.0
    return np.where(adjustment.media_K, media_GTK, raw_GTK - adjustment.mean_GK[:, None])


def adjusted_kpi(kpi_GT: Floats, raw_GTK: Floats, adjustment: Adjustment) -> Floats:
    """KPI without what covariates did, outlying cells held; NaN where it is unknown, shape GT."""
    moved_GT = covariate_values(raw_GTK, adjustment) @ adjustment.coefficient_K
    return held(kpi_GT - adjustment.level_G[:, None] * moved_GT, adjustment.band)


def held(kpi_GT: Floats, band: float) -> Floats:
    """The KPI with every cell within ``band`` of its neighbours in time and of what all regions did."""
    away_GT, usual_GT = _away(kpi_GT)
    known: Floats = np.where(np.isfinite(kpi_GT), np.clip(away_GT, 1.0 - band, 1.0 + band) * usual_GT, np.nan)
    return known


def band_of(kpi_GT: Floats) -> float:
    """Distance from its neighbours at which a cell of this KPI is far off them."""
    away_GT, _ = _away(kpi_GT)
    apart = np.abs(away_GT[np.isfinite(kpi_GT)] - 1.0)
    return HELD * 1.4826 * float(np.median(apart)) if len(apart) else 0.0


def _away(kpi_GT: Floats) -> tuple[Floats, Floats]:
    """Each cell over what it is compared with, and that: the level near it times what all regions did."""
    level_GT = np.maximum(median_filter(_filled(kpi_GT), size=(1, NEAR), mode="nearest"), 1e-12)
    ratio_GT = _filled(kpi_GT) / level_GT
    together_1T = np.ones((1, kpi_GT.shape[1]))
    if len(kpi_GT) >= FEWEST_TOGETHER:
        together_1T = np.maximum(np.median(ratio_GT, 0, keepdims=True), 1e-12)
    return ratio_GT / together_1T, level_GT * together_1T


def _filled(kpi_GT: Floats) -> Floats:
    """Unknown cells between their region's known neighbours; regions without any at the median of all."""
    known_GT = np.isfinite(kpi_GT)
    filled_GT, periods = kpi_GT.copy(), np.arange(kpi_GT.shape[1])
    for g in np.flatnonzero(~known_GT.all(1)):
        known_T = known_GT[g]
        if known_T.any():
            filled_GT[g] = np.interp(periods, periods[known_T], kpi_GT[g, known_T])
        else:
            filled_GT[g] = float(np.median(kpi_GT[known_GT])) if known_GT.any() else 1.0
    return filled_GT


def find_coefficients(kpi_GT: Floats, values_GTK: Floats, level_G: Floats) -> Floats:
    """What a unit of each covariate does to the KPI relative to its level, shape K.

    Least squares of relative deviations within regions, less slow moves and less what all regions did
    together where there are enough of them; cells far off count less (Huber 1964).
    """
    covariates = values_GTK.shape[2]
    if not covariates:
        return np.zeros(0)
    together = len(kpi_GT) >= FEWEST_TOGETHER
    target_N = _moves(_filled(kpi_GT) / level_G[:, None], together)[np.isfinite(kpi_GT)]
    rows_NK = np.stack(
        [_moves(values_GTK[..., k], together)[np.isfinite(kpi_GT)] for k in range(covariates)], 1
    )
    weight_N = np.ones_like(target_N)
    scale_K = np.maximum(rows_NK.std(0), 1e-9)
    rows_NK = rows_NK / scale_K
    found_K = np.zeros(covariates)
    for _ in range(8):
        weighted_NK = rows_NK * weight_N[:, None]
        normal_KK = weighted_NK.T @ rows_NK + RIDGE * len(rows_NK) * np.eye(covariates)
        found_K = np.linalg.solve(normal_KK, weighted_NK.T @ target_N)
        apart_N = np.abs(target_N - rows_NK @ found_K)
        limit = 2.0 * 1.4826 * float(np.median(apart_N))
        weight_N = np.minimum(1.0, limit / np.maximum(apart_N, 1e-300))
    coefficient_K: Floats = found_K / scale_K
    return coefficient_K


def _moves(values_GT: Floats, together: bool) -> Floats:
    """Values less their slow moves and, with enough regions, less the mean of all in each period."""
    fast_GT = values_GT - uniform_filter1d(values_GT, min(SMOOTH, values_GT.shape[1]), axis=1, mode="nearest")
    moves: Floats = fast_GT - fast_GT.mean(0, keepdims=True) if together else fast_GT
    return moves


# --- effects ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of windows.

    Attributes:
        effect_SW: KPI with the change less without it; NaN where a window lacks what it needs.
        expected_SW: KPI without the change, by the estimator.
    """

    effect_SW: Floats
    expected_SW: Floats

    @property
    def relative_SW(self) -> Floats:
        """Effects over what was expected without the change."""
        relative: Floats = self.effect_SW / self.expected_SW
        return relative


def effects(adjusted_GT: Floats, treated_SG: Bools, control_SG: Bools, windows: Windows) -> Effects:
    """Effects of a test at every time at which the KPI holds it, for many assignments.

    Windows begin one period after another: window 0 has its first test period at ``windows.before``. A
    region that lacks a cell of a window takes no part in it.

    Args:
        adjusted_GT: From :func:`adjusted_kpi`.
        treated_SG: Treated regions of each assignment.
        control_SG: Their controls; looked at with regions only.
        windows: Lengths.
    """
    if windows.national:
        return _national(np.where(np.asarray(treated_SG.any(0))[:, None], adjusted_GT, 0.0).sum(0), windows)
    starts_W = np.arange(windows.before, adjusted_GT.shape[1] - windows.test + 1)
    known_GT = np.asarray(np.isfinite(adjusted_GT), dtype=np.bool_)
    sums_GT, counts_GT = _running(np.where(known_GT, adjusted_GT, 0.0)), _running(known_GT.astype(np.float64))

    def total(of_GT: Floats, first_W: Ints, length: int) -> Floats:
        return np.asarray(of_GT[:, first_W + length] - of_GT[:, first_W])

    whole_GW = total(counts_GT, starts_W - windows.before, windows.needed) == windows.needed
    before_GW = np.where(whole_GW, total(sums_GT, starts_W - windows.before, windows.before), 0.0)
    during_GW = np.where(whole_GW, total(sums_GT, starts_W, windows.test), 0.0)
    treated, control = treated_SG.astype(np.float64), control_SG.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected_SW = (treated @ before_GW) * (control @ during_GW) / (control @ before_GW)
    expected_SW = np.where(expected_SW > 0, expected_SW, np.nan)
    return Effects(treated @ during_GW - expected_SW, expected_SW)


def _running(values_GT: Floats) -> Floats:
    summed: Floats = np.cumsum(np.pad(values_GT, ((0, 0), (1, 0))), axis=1)
    return summed


def _national(kpi_T: Floats, windows: Windows) -> Effects:
    """Blocks against as many periods before and after each; one assignment, the nation."""
    summed_T = _running(kpi_T[None])[0]
    starts_W = np.arange(windows.before, len(kpi_T) - (windows.needed - windows.before) + 1)
    effect_W, expected_W = np.zeros(len(starts_W)), np.zeros(len(starts_W))
    for first in windows.block_starts():
        start_W = starts_W + first
        end_W = start_W + windows.test
        after_W = end_W + windows.cooldown
        beside_W = summed_T[start_W] - summed_T[start_W - windows.before]
        beside_W = beside_W + summed_T[after_W + windows.before] - summed_T[after_W]
        own_W = beside_W * windows.test / (2 * windows.before)
        expected_W += own_W
        effect_W += summed_T[end_W] - summed_T[start_W] - own_W
    expected_W = np.where(expected_W > 0, expected_W, np.nan)
    return Effects(effect_W[None], expected_W[None])
