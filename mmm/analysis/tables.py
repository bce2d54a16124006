"""Tables that explain a model: carry-over, effectiveness, regions, returns, training, data quality.

Shapes: M members, G regions, T periods, C channels, L lags.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmm.analysis.attribution import predictive_sd
from mmm.analysis.intervals import interval, interval_from_zero
from mmm.data.panel import Bools, Floats
from mmm.errors import Problem, RequestError
from mmm.fitted import Fitted

OUTLIER = 4.0
"""Predictive standard deviations from which a cell is listed as an outlier."""
MOST_OUTLIERS = 200
MOST_MONTHS = 40
"""Months of training up to which a return is kept for every stretch of them; longer ones go by quarters."""
LEAST_PERIODS = 3
"""Periods from which a quarter has a return of its own; of quarterly data every one has."""


def adstock_table(fitted: Fitted) -> pd.DataFrame:
    """``adstock.parquet``: carry-over weights by lag; they add up to 1 per channel."""
    mean, lower, upper = interval_from_zero(fitted.predictor.kernel_MCL)
    channels, lags = mean.shape
    return pd.DataFrame(
        {
            "channel": np.repeat(np.array(fitted.panel.channels), lags),
            "lag": np.tile(np.arange(lags), channels),
            "weight": mean.ravel(),
            "lower": lower.ravel(),
            "upper": np.minimum(upper, 1.0).ravel(),
        }
    )


def effectiveness_table(fitted: Fitted) -> pd.DataFrame:
    """``effectiveness.parquet``: multiplier of each channel's effect over time, mean over regions."""
    mean, lower, upper = interval(fitted.predictor.effectiveness_MCGT.mean(2))
    channels, periods = mean.shape
    return pd.DataFrame(
        {
            "date": np.tile(fitted.panel.dates.astype("datetime64[s]"), channels),
            "channel": np.repeat(np.array(fitted.panel.channels), periods),
            "value": mean.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
        }
    )


def regions_table(fitted: Fitted) -> pd.DataFrame:
    """``regions.parquet``: effect of every channel in every region over the training window."""
    panel, parts = fitted.panel, fitted.predictor.parts
    cells_GT = fitted.training_GT.astype(np.float64)
    effect_MGC = np.einsum("mgtc,gt->mgc", parts.channels_MGTC, cells_GT)
    mean, lower, upper = interval_from_zero(effect_MGC)
    weight_GC = fitted.predictor.weight_MCG.mean(0).T / fitted.scaling.kpi_G[:, None]
    regions, channels = mean.shape
    kpi_G = np.nansum(np.where(cells_GT > 0, panel.kpi_GT, np.nan), 1)
    base_G = (parts.baseline_MGT.mean(0) * cells_GT).sum(1)
    population_G = np.full(regions, np.nan) if panel.population_G is None else panel.population_G
    return pd.DataFrame(
        {
            "region": np.repeat(np.array(panel.regions), channels),
            "channel": np.tile(np.array(panel.channels), regions),
            "effect": mean.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "scale": (weight_GC / np.maximum(weight_GC.mean(0), 1e-300)).ravel(),
            "kpi": np.repeat(kpi_G, channels),
            "baseline": np.repeat(base_G, channels),
            "population": np.repeat(population_G, channels),
        }
    )


def training_table(fitted: Fitted) -> pd.DataFrame:
    """``training.parquet``: by stage and epoch the loss, and RMSE and R² in training and validation.

    They are of the model on its way, on the cells of that stage; figures that were not looked at are empty.
    """
    table = pd.DataFrame(dict(fitted.trace))
    return table.astype(dict.fromkeys(table.columns.difference(["stage", "epoch"]), "float64"))


def correlations_table(fitted: Fitted) -> pd.DataFrame:
    """``correlations.parquet``: correlation of channels and controls within regions, training window."""
    panel, train = fitted.panel, fitted.split.train
    series_GTN = np.concatenate([panel.media_GTC, panel.controls_GTK], 2)[:, train]
    present_GT = panel.present_GT[:, train]
    mean_GN = (series_GTN * present_GT[..., None]).sum(1) / np.maximum(present_GT.sum(1), 1)[:, None]
    scale_GN = np.maximum(np.abs(mean_GN), 1e-12)
    deviation_NN = ((series_GTN - mean_GN[:, None]) / scale_GN[:, None])[present_GT]
    covariance = deviation_NN.T @ deviation_NN
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    value = np.clip(covariance / sd[:, None] / sd[None, :], -1, 1)
    names = np.array([*panel.channels, *panel.controls])
    return pd.DataFrame(
        {"a": np.repeat(names, len(names)), "b": np.tile(names, len(names)), "value": value.ravel()}
    )


def data_quality(fitted: Fitted) -> dict[str, Any]:
    """``data_quality.json``: what is there, what is missing and which cells stand out."""
    panel = fitted.panel
    predicted_GT = fitted.predictor.parts.prediction_MGT.mean(0)
    z_GT = np.nan_to_num((panel.kpi_GT - predicted_GT) / predictive_sd(fitted))
    rows, periods = np.nonzero(np.abs(z_GT) > OUTLIER)
    worst = np.argsort(-np.abs(z_GT[rows, periods]), kind="stable")[:MOST_OUTLIERS]
    dates = panel.dates.astype(str)
    active_TC = panel.media_GTC.sum(0) > 0
    return {
        "regions": len(panel.regions),
        "periods": len(dates),
        "frequency": panel.frequency,
        "first": str(dates[0]),
        "last": str(dates[-1]),
        "present": int(panel.present_GT.sum()),
        "missing_cells": int((~panel.present_GT).sum()),
        "missing_kpi": int((panel.present_GT & ~panel.observed_GT).sum()),
        "outliers": [
            {
                "region": panel.regions[rows[n]],
                "date": str(dates[periods[n]]),
                "kpi": float(panel.kpi_GT[rows[n], periods[n]]),
                "predicted": float(predicted_GT[rows[n], periods[n]]),
                "z": round(float(z_GT[rows[n], periods[n]]), 2),
            }
            for n in worst
        ],
        "channels": [
            {
                "name": name,
                "zero_share": round(float((panel.media_GTC[..., c][panel.present_GT] == 0).mean()), 4),
                "first_active": str(dates[np.argmax(active_TC[:, c])]) if active_TC[:, c].any() else None,
                "last_active": str(dates[len(dates) - 1 - np.argmax(active_TC[::-1, c])])
                if active_TC[:, c].any()
                else None,
            }
            for c, name in enumerate(panel.channels)
        ],
    }


def returns_table(fitted: Fitted) -> pd.DataFrame:
    """``returns.parquet``: what each channel, and all together, brought by window, with intervals.

    Windows are the training window, named ``training``, and its quarters, such as ``2024 Q1``; quarters with
    fewer than ``LEAST_PERIODS`` periods are left out. An empty channel is all media together, those that
    nobody buys left out. ``effect`` counts KPI units of the direct effect, ``value`` their money; ``roi`` is
    value over the spend of the window, empty without spend; ``media`` are the units that ran. What a window
    brings includes what earlier spend carries into it.
    """
    return _returns(fitted, _windows(fitted))


def windows_table(fitted: Fitted) -> pd.DataFrame:
    """``windows.parquet``: the return of each channel, and of all together, in any stretch of training.

    A row for every channel and every pair of a first and a last month, or quarters where there are more than
    ``MOST_MONTHS`` months or periods are longer. ``first`` and ``last`` are their starts; ``channel``,
    ``spend`` and ``roi`` as in :func:`returns_table`, each window with an interval of its own.
    """
    train_T = fitted.split.mask("train")
    days = pd.DatetimeIndex(fitted.panel.dates)
    units_T = days.to_period("M")
    if units_T[train_T].nunique() > MOST_MONTHS or fitted.panel.frequency == "quarterly":
        units_T = days.to_period("Q")
    units = units_T[train_T].unique()
    inside_UT = np.array([train_T & (units_T == unit) for unit in units], dtype=np.float64)
    spend_UC, _, value_MUC = (inside_UT @ values for values in _by_period(fitted))
    first_W, last_W = np.triu_indices(len(units))
    spend_WC, value_MWC = (
        _with_total(_between(values, first_W, last_W), fitted.panel.bought_C)
        for values in (spend_UC, value_MUC)
    )
    roi_MWC = value_MWC / np.where(spend_WC > 0, spend_WC, np.nan)
    mean, lower, upper = interval_from_zero(roi_MWC.reshape(len(roi_MWC), -1))
    names = np.array([*fitted.panel.channels, ""], dtype=object)
    starts_U = units.start_time.to_numpy().astype("datetime64[s]")
    table = pd.DataFrame(
        {
            "first": np.repeat(starts_U[first_W], len(names)),
            "last": np.repeat(starts_U[last_W], len(names)),
            "channel": np.tile(names, len(first_W)),
            "spend": spend_WC.ravel(),
            "roi": mean,
            "roi_lower": lower,
            "roi_upper": upper,
        }
    ).astype({"channel": "str"})
    return table[table["spend"] > 0].reset_index(drop=True)


def _between(values: Floats, first_W: npt.NDArray[np.intp], last_W: npt.NDArray[np.intp]) -> Floats:
    """Sums from the first to the last unit of every window; the axis of units is the last but one."""
    sums = np.cumsum(values, axis=-2)
    before = np.concatenate([np.zeros_like(sums[..., :1, :]), sums], axis=-2)
    found: Floats = sums[..., last_W, :] - before[..., first_W, :]
    return found


def returns_between(fitted: Fitted, start: str, end: str) -> pd.DataFrame:
    """What each channel, and all together, brought in the periods that begin from one date to another.

    Args:
        fitted: The model.
        start: First day, ISO, such as ``2024-03-01``.
        end: Last day.

    Returns:
        Rows as those of :func:`returns_table`; the window is named by its days.

    Raises:
        RequestError: A day is no date, or no period of the data begins between them.
    """
    dates = fitted.panel.dates
    try:
        first, last = (np.datetime64(day, "D") for day in (start, end))
    except ValueError as error:
        problem = Problem("bad_date", "window", f"{error}; write days as 2024-03-01")
        raise RequestError("window", [problem]) from error
    inside_T = (dates >= first) & (dates <= last)
    if not inside_T.any():
        text = f"no period begins from {start} to {end}; the data run from {dates[0]} to {dates[-1]}"
        raise RequestError("window", [Problem("empty_window", "window", text)])
    return _returns(fitted, {f"{start} to {end}": inside_T})


def _by_period(fitted: Fitted) -> tuple[Floats, Floats, Floats]:
    """Spend of shape TC, effect and its value of shape MTC, all regions together."""
    panel = fitted.panel
    cells_GT = panel.present_GT.astype(np.float64)
    effect_MTC, value_MTC = (
        np.einsum("mgtc,gt->mtc", fitted.predictor.parts.channels_MGTC, weight_GT)
        for weight_GT in (cells_GT, cells_GT * panel.kpi_value_GT)
    )
    return np.einsum("gtc,gt->tc", panel.spend_GTC, cells_GT), effect_MTC, value_MTC


def _returns(fitted: Fitted, windows: dict[str, Bools]) -> pd.DataFrame:
    panel = fitted.panel
    cells_GT = panel.present_GT.astype(np.float64)
    spend_TC, effect_MTC, value_MTC = _by_period(fitted)
    frames = []
    for name, window_T in windows.items():
        sums = (v[..., window_T, :].sum(-2) for v in (spend_TC, effect_MTC, value_MTC))
        spend_C, effect_MC, value_MC = (_with_total(v, panel.bought_C) for v in sums)
        frame = pd.DataFrame({"window": name, "channel": [*panel.channels, ""], "spend": spend_C})
        frame["media"] = [*np.einsum("gtc,gt->tc", panel.media_GTC, cells_GT)[window_T].sum(0), np.nan]
        frame["start"] = panel.dates[window_T][0].astype("datetime64[s]")
        roi_MC = value_MC / np.where(spend_C > 0, spend_C, np.nan)
        for column, values_MC in {"effect": effect_MC, "value": value_MC, "roi": roi_MC}.items():
            frame[column], frame[f"{column}_lower"], frame[f"{column}_upper"] = interval_from_zero(values_MC)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True).astype({"window": "str", "channel": "str"})


def _with_total(value_C: Floats, bought_C: Bools) -> Floats:
    """Values of channels with the total of those that are bought at the end."""
    of_media_C = value_C if bought_C.all() else value_C[..., bought_C]
    return np.append(value_C, of_media_C.sum(-1, keepdims=True), axis=-1)


def _windows(fitted: Fitted) -> dict[str, Bools]:
    """The training window and its quarters, as masks over periods."""
    train_T = fitted.split.mask("train")
    quarter_T = pd.PeriodIndex(pd.DatetimeIndex(fitted.panel.dates), freq="Q")
    quarters = {f"{q.year} Q{q.quarter}": train_T & (quarter_T == q) for q in quarter_T[train_T].unique()}
    least = min(LEAST_PERIODS, round(fitted.panel.periods_per_year / 4))
    known = {name: window_T for name, window_T in quarters.items() if window_T.sum() >= least}
    return {"training": train_T} | known
