"""Scores on observed cells, always beside the naive predictors anyone could use instead.

Shapes: G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmm.data.panel import Bools, Floats, Panel
from mmm.data.split import Split

RECENT = 8
"""Training periods in the mean of ``recent_mean``."""

Scores = dict[str, object]


def score_splits(panel: Panel, split: Split, predicted_GT: Floats) -> dict[str, Scores]:
    """``metrics.json``: scores and naive scores of every window.

    ``r2`` is pooled over regions and periods; ``r2_within`` compares with each region's own mean of the
    window, so that differences between regions do not count. ``skill`` is 1 minus the squared error over
    that of the best naive predictor: below 0 the model forecasts worse than a rule of thumb. ``nrmse`` is
    ``rmse`` as a part of the window's mean KPI.
    """
    naive = naive_predictors(panel, split)
    return {
        name: _window_scores(
            panel.kpi_GT[:, window],
            predicted_GT[:, window],
            {rule: values_GT[:, window] for rule, values_GT in naive.items()},
        )
        for name, window in split.windows.items()
    }


def generalisation_gap(metrics: Mapping[str, Mapping[str, Any]]) -> float | None:
    """R² of training less that of the holdout, as in ``metrics.json``; None where either is unknown."""
    train, holdout = (metrics.get(window, {}).get("r2") for window in ("train", "holdout"))
    return None if train is None or holdout is None else float(train) - float(holdout)


def naive_predictors(panel: Panel, split: Split) -> dict[str, Floats]:
    """Predictions that need no model, from training periods only, each of shape GT.

    In the training window itself they are what they would have said there: the region's mean, the value
    one period, the mean of ``RECENT`` periods and the value one year before.
    """
    observed_GT = panel.observed_GT.copy()
    observed_GT[:, split.n_train :] = False
    mean_G = _masked_mean(panel.kpi_GT, observed_GT)
    filled_GT = _carried(np.where(observed_GT, panel.kpi_GT, np.nan), mean_G)
    start = split.n_train
    last_GT = np.concatenate([mean_G[:, None], filled_GT[:, :-1]], 1)
    last_GT[:, start:] = filled_GT[:, [start - 1]]
    recent_GT = np.stack([filled_GT[:, max(0, t - RECENT) : max(t, 1)].mean(1) for t in range(start + 1)], 1)
    recent_GT = np.concatenate(
        [recent_GT[:, :start], np.repeat(recent_GT[:, [start]], split.n_periods - start, 1)], 1
    )
    year = round(panel.periods_per_year)
    seasonal_GT = last_GT.copy()
    if start > year:
        lagged_T = np.arange(split.n_periods) - year
        lagged_T = np.where(lagged_T >= start, lagged_T - year, lagged_T)
        seasonal_GT[:, year:] = filled_GT[:, lagged_T[year:]]
    return {
        "region_mean": np.repeat(mean_G[:, None], split.n_periods, 1),
        "last_value": last_GT,
        "recent_mean": recent_GT,
        "seasonal": seasonal_GT,
    }


def _window_scores(actual_GT: Floats, predicted_GT: Floats, naive: dict[str, Floats]) -> Scores:
    known_GT = np.isfinite(actual_GT)
    count = int(known_GT.sum())
    if count == 0:
        return {"n": 0}
    error = (predicted_GT - actual_GT)[known_GT]
    actual = actual_GT[known_GT]
    rules: dict[str, dict[str, float | None]] = {}
    squares = []
    for rule, values_GT in naive.items():
        wrong = (values_GT - actual_GT)[known_GT]
        squares.append(float((wrong**2).mean()))
        rules[rule] = {"r2": _r2(wrong, actual - actual.mean()), "mae": float(np.abs(wrong).mean())}
    mean = float(actual.mean())
    rmse = float(np.sqrt((error**2).mean()))
    within = actual_GT - _masked_mean(actual_GT, known_GT)[:, None]
    best = min(squares)
    return {
        "r2": _r2(error, actual - actual.mean()),
        "r2_within": _r2(error, within[known_GT]),
        "rmse": rmse,
        "nrmse": rmse / mean if mean > 0 else None,
        "mae": float(np.abs(error).mean()),
        "wape": float(np.abs(error).sum() / np.abs(actual).sum()) if np.abs(actual).sum() > 0 else None,
        "bias": float(error.mean()),
        "n": count,
        "naive": rules,
        "skill": 1.0 - float((error**2).mean()) / best if best > 0 else None,
    }


def _r2(error: Floats, deviation: Floats) -> float | None:
    total = float((deviation**2).sum())
    return 1.0 - float((error**2).sum()) / total if total > 0 else None


def _masked_mean(values_GT: Floats, known_GT: Bools) -> Floats:
    total_G = np.where(known_GT, values_GT, 0.0).sum(1)
    mean: Floats = total_G / np.maximum(known_GT.sum(1), 1)
    return mean


def _carried(values_GT: Floats, start_G: Floats) -> Floats:
    """Last known value up to each period; before the first, the region's mean."""
    known_GT = np.isfinite(values_GT)
    position_GT = np.maximum.accumulate(np.where(known_GT, np.arange(values_GT.shape[1]), -1), 1)
    carried = np.take_along_axis(values_GT, np.maximum(position_GT, 0), 1)
    return np.where(position_GT >= 0, carried, start_G[:, None])
