"""Scores on observed cells, always beside the naive predictors anyone could use instead.

Shapes: G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.data.panel import Bools, Floats, Panel
from mmm.data.split import Split
from mmm.sums import Sums

RECENT = 8
"""Training periods in the mean of ``recent_mean``."""

Scores = dict[str, object]


@dataclass(frozen=True)
class RuleSums(Sums):
    """Errors of a rule of thumb: squared and absolute, added up over cells."""

    squares: float
    absolute: float


@dataclass(frozen=True)
class WindowSums:
    """What the scores of a window are made of; of other regions they add up.

    Attributes:
        n: Observed cells.
        mean: Their mean KPI.
        deviation: Squared deviations from it.
        within: Squared deviations from each region's own mean.
        size: Absolute KPI.
        errors: Errors of the model.
        squares: Squared errors of the model.
        absolute: Absolute errors of the model.
        rules: Of each rule of thumb.
    """

    n: int
    mean: float
    deviation: float
    within: float
    size: float
    errors: float
    squares: float
    absolute: float
    rules: Mapping[str, RuleSums]

    def __add__(self, other: WindowSums) -> WindowSums:
        """The same of the cells of both; deviations by the rule of Chan, Golub and LeVeque 1983."""
        if not (self.n and other.n):
            return self if self.n else other
        n, apart = self.n + other.n, other.mean - self.mean
        return WindowSums(
            n=n,
            mean=self.mean + apart * other.n / n,
            deviation=self.deviation + other.deviation + apart**2 * self.n * other.n / n,
            within=self.within + other.within,
            size=self.size + other.size,
            errors=self.errors + other.errors,
            squares=self.squares + other.squares,
            absolute=self.absolute + other.absolute,
            rules={rule: own + other.rules[rule] for rule, own in self.rules.items()},
        )


@dataclass(frozen=True)
class ScoreSums:
    """Sums of every window, by name."""

    windows: Mapping[str, WindowSums]

    def __add__(self, other: ScoreSums) -> ScoreSums:
        """The same of the regions of both."""
        return ScoreSums({name: own + other.windows[name] for name, own in self.windows.items()})


def score_splits(panel: Panel, split: Split, predicted_GT: Floats) -> dict[str, Scores]:
    """``metrics.json``: scores and naive scores of every window.

    ``r2`` is pooled over regions and periods; ``r2_within`` compares with each region's own mean of the
    window, so that differences between regions do not count. ``skill`` is 1 minus the squared error over
    that of the best naive predictor: below 0 the model forecasts worse than a rule of thumb. ``nrmse`` is
    ``rmse`` as a part of the window's mean KPI.
    """
    return {name: scores_of(sums) for name, sums in score_sums(panel, split, predicted_GT).items()}


def score_sums(panel: Panel, split: Split, predicted_GT: Floats) -> dict[str, WindowSums]:
    """What the scores of every window are made of, of a panel or of some of its regions."""
    naive = naive_predictors(panel, split)
    return {
        name: _window_sums(
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


def _window_sums(actual_GT: Floats, predicted_GT: Floats, naive: dict[str, Floats]) -> WindowSums:
    known_GT = np.isfinite(actual_GT)
    count = int(known_GT.sum())
    actual, error = actual_GT[known_GT], (predicted_GT - actual_GT)[known_GT]
    mean = float(actual.mean()) if count else 0.0
    rules: dict[str, RuleSums] = {}
    for rule, values_GT in naive.items():
        wrong = (values_GT - actual_GT)[known_GT]
        rules[rule] = RuleSums(float((wrong**2).sum()), float(np.abs(wrong).sum()))
    within = actual_GT - _masked_mean(actual_GT, known_GT)[:, None]
    return WindowSums(
        n=count,
        mean=mean,
        deviation=float(((actual - mean) ** 2).sum()),
        within=float((within[known_GT] ** 2).sum()),
        size=float(np.abs(actual).sum()),
        errors=float(error.sum()),
        squares=float((error**2).sum()),
        absolute=float(np.abs(error).sum()),
        rules=rules,
    )


def scores_of(sums: WindowSums) -> Scores:
    """The scores of a window; see :func:`score_splits`."""
    n = sums.n
    if n == 0:
        return {"n": 0}
    rules = {
        rule: {"r2": _r2(own.squares, sums.deviation), "mae": own.absolute / n}
        for rule, own in sums.rules.items()
    }
    rmse = float(np.sqrt(sums.squares / n))
    best = min(own.squares for own in sums.rules.values())
    return {
        "r2": _r2(sums.squares, sums.deviation),
        "r2_within": _r2(sums.squares, sums.within),
        "rmse": rmse,
        "nrmse": rmse / sums.mean if sums.mean > 0 else None,
        "mae": sums.absolute / n,
        "wape": sums.absolute / sums.size if sums.size > 0 else None,
        "bias": sums.errors / n,
        "n": n,
        "naive": rules,
        "skill": 1.0 - sums.squares / best if best > 0 else None,
    }


def _r2(squares: float, deviation: float) -> float | None:
    return 1.0 - squares / deviation if deviation > 0 else None


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
