"""The periods after the data: their dates and controls, the KPI without planned media, and its spread.

Shapes: M members, G regions, H periods after the data, K controls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.data.calendar import Calendar, holiday_counts
from mmm.data.panel import Dates, Floats
from mmm.fitted import Fitted
from mmm.planning.ahead import with_stated

HOLIDAY = "holiday: "
"""How the names of controls made from the calendar begin."""

ROBUST = 1.4826
"""Standard deviation of a normal over its median distance from 0."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What is expected after the data, whatever is planned.

    Attributes:
        dates: H period starts.
        baseline_MH: KPI without media, all regions: last level, season, controls.
        noise_HH: Covariance between periods of what the expected KPI leaves open: noise of the cells and how
            far the level may have wandered since the fit's last period.
    """

    dates: Dates
    baseline_MH: Floats
    noise_HH: Floats


def forecast_of(
    fitted: Fitted, horizon: int, controls: Mapping[str, Any] | None = None, wait: int = 0
) -> Forecast:
    """``horizon`` periods after the data.

    Args:
        fitted: The model.
        horizon: Periods.
        controls: Paths of controls that are known, see ``mmm.planning.ahead``.
        wait: Periods between the data and the first of them.
    """
    panel = fitted.panel
    dates = Calendar(panel.dates, panel.frequency).after(wait + horizon)[wait:]
    ahead_GHK = with_stated(controls_ahead(fitted, dates), panel, controls or {})
    baseline_MGH = fitted.predictor.baseline_ahead(ahead_GHK, wait)
    return Forecast(dates, baseline_MGH.sum(1), open_covariance(fitted, wait + horizon)[wait:, wait:])


def controls_ahead(fitted: Fitted, dates: Dates) -> Floats:
    """Controls after the data, shape GHK: holidays by the calendar, others at their last year's mean."""
    panel = fitted.panel
    year = slice(-min(round(panel.periods_per_year), len(panel.dates)), None)
    seen_GTK = np.where(panel.present_GT[:, year, None], panel.controls_GTK[:, year], np.nan)
    known_GK = np.maximum(panel.present_GT[:, year].sum(1), 1)[:, None]
    mean_GK = np.nansum(seen_GTK, 1) / known_GK
    seen_G1 = panel.present_GT[:, year].any(1, keepdims=True)
    mean_GK = np.where(seen_G1, mean_GK, panel.controls_GTK[:, -1])
    ahead_GHK = np.repeat(mean_GK[:, None], len(dates), axis=1)
    names = [name for name in panel.controls if name.startswith(HOLIDAY)]
    if fitted.spec.holidays is not None and names:
        _, count_HN = holiday_counts(dates, panel.frequency, fitted.spec.holidays, names)
        place = [panel.controls.index(name) for name in names]
        ahead_GHK[:, :, place] = count_HN
    return ahead_GHK


def open_covariance(fitted: Fitted, horizon: int, *, wandering: bool = True) -> Floats:
    """Covariance over periods of the KPI of all regions around its expectation.

    The noise of a period is the larger of what the cells' own noise adds up to and what the residuals of all
    regions together showed; the level walks on from the fit's last period, unless it is known
    (``wandering``).
    """
    panel, predictor, scales = fitted.panel, fitted.predictor, fitted.scales
    noise_G = np.sqrt((predictor.noise_MG**2).mean(0))
    residual_GT = panel.kpi_GT - predictor.parts.prediction_MGT.mean(0)
    seen_T = np.isfinite(residual_GT).all(0)
    seen_T[fitted.trained_until :] = False
    together = ROBUST * float(np.median(np.abs(residual_GT[:, seen_T].sum(0)))) if seen_T.any() else 0.0
    kpi_G = fitted.scaling.kpi_G
    drift = scales.national_level**2 * kpi_G.sum() ** 2
    if len(kpi_G) > 1:
        drift += scales.regional_level**2 * (kpi_G**2).sum()
    drift *= wandering
    ahead_H = len(panel.dates) - fitted.trained_until + 1 + np.arange(horizon)
    noise = max(float((noise_G**2).sum()), together**2)
    open_HH: Floats = drift * np.minimum.outer(ahead_H, ahead_H) + noise * np.eye(horizon)
    return open_HH
