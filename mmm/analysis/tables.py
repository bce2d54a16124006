"""Tables that explain a model: carry-over, effectiveness, regions, returns, training.

Shapes: M members, G regions, T periods, C channels, L lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmm.analysis.intervals import interval, interval_from_zero
from mmm.data.panel import Bools, Floats, Panel
from mmm.errors import Problem, RequestError
from mmm.fitted import Fitted
from mmm.sums import Sums

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


def effectiveness_table(fitted: Fitted, mean_MCT: Floats | None = None) -> pd.DataFrame:
    """``effectiveness.parquet``: multiplier of each channel's effect over time, mean over regions.

    Args:
        fitted: The model; any of its regions, where the mean is given.
        mean_MCT: That of all regions, where it is known already.
    """
    panel = fitted.panel
    effectiveness_MCT = fitted.predictor.effectiveness_MCGT.mean(2) if mean_MCT is None else mean_MCT
    mean, lower, upper = interval(effectiveness_MCT)
    channels, periods = mean.shape
    return pd.DataFrame(
        {
            "date": np.tile(panel.dates.astype("datetime64[s]"), channels),
            "channel": np.repeat(np.array(panel.channels), periods),
            "value": mean.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
        }
    )


def saturated_GC(fitted: Fitted) -> Floats:
    """KPI of each channel at full saturation over the region's KPI, mean over members, shape GC."""
    weight_GC: Floats = fitted.predictor.weight_MCG.mean(0).T / fitted.scaling.kpi_G[:, None]
    return weight_GC


def regions_table(fitted: Fitted, weight_C: Floats | None = None) -> pd.DataFrame:
    """``regions.parquet``: effect of every channel in every region over the training window.

    Args:
        fitted: The model, or one with some of its regions.
        weight_C: What ``scale`` is relative to: KPI at full saturation over the region's KPI, of the average
            of all regions; None takes that of the model's regions.
    """
    panel, parts = fitted.panel, fitted.predictor.parts
    cells_GT = fitted.training_GT.astype(np.float64)
    effect_MGC = np.einsum("mgtc,gt->mgc", parts.channels_MGTC, cells_GT)
    mean, lower, upper = interval_from_zero(effect_MGC)
    weight_GC = saturated_GC(fitted)
    usual_C = weight_GC.mean(0) if weight_C is None else weight_C
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
            "scale": (weight_GC / np.maximum(usual_C, 1e-300)).ravel(),
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


def series_products(fitted: Fitted) -> Floats:
    """Products of channels and controls, as deviations within regions, over the training window, shape NN.

    They add up over regions.
    """
    panel, train = fitted.panel, fitted.split.train
    series_GTN = np.concatenate([panel.media_GTC, panel.controls_GTK], 2)[:, train]
    present_GT = panel.present_GT[:, train]
    mean_GN = (series_GTN * present_GT[..., None]).sum(1) / np.maximum(present_GT.sum(1), 1)[:, None]
    scale_GN = np.maximum(np.abs(mean_GN), 1e-12)
    deviation_NN = ((series_GTN - mean_GN[:, None]) / scale_GN[:, None])[present_GT]
    products: Floats = deviation_NN.T @ deviation_NN
    return products


def correlations_table(fitted: Fitted, products_NN: Floats | None = None) -> pd.DataFrame:
    """``correlations.parquet``: correlation of channels and controls within regions, training window.

    Args:
        fitted: The model; any of its regions, where products are given.
        products_NN: :func:`series_products` of all regions, where they are known already.
    """
    panel, products_NN = fitted.panel, series_products(fitted) if products_NN is None else products_NN
    sd = np.sqrt(np.maximum(np.diag(products_NN), 1e-300))
    value = np.clip(products_NN / sd[:, None] / sd[None, :], -1, 1)
    names = np.array([*panel.channels, *panel.controls])
    return pd.DataFrame(
        {"a": np.repeat(names, len(names)), "b": np.tile(names, len(names)), "value": value.ravel()}
    )


def returns_table(fitted: Fitted, sums: PeriodSums | None = None) -> pd.DataFrame:
    """``returns.parquet``: what each channel, and all together, brought by window, with intervals.

    Windows are the training window, named ``training``, and its quarters, such as ``2024 Q1``; quarters with
    fewer than ``LEAST_PERIODS`` periods are left out. An empty channel is all media together, those that
    nobody buys left out. ``effect`` counts KPI units of the direct effect, ``value`` their money; ``roi`` is
    value over the spend of the window, empty without spend; ``media`` are the units that ran. What a window
    brings includes what earlier spend carries into it.

    Args:
        fitted: The model; any of its regions, where sums are given.
        sums: :func:`by_period` of all regions, where they are known already.
    """
    return _returns(fitted.panel, by_period(fitted) if sums is None else sums, _windows(fitted))


def windows_table(fitted: Fitted, sums: PeriodSums | None = None) -> pd.DataFrame:
    """``windows.parquet``: the return of each channel, and of all together, in any stretch of training.

    A row for every channel and every pair of a first and a last month, or quarters where there are more than
    ``MOST_MONTHS`` months or periods are longer. ``first`` and ``last`` are their starts; ``channel``,
    ``spend`` and ``roi`` as in :func:`returns_table`, each window with an interval of its own.

    Args:
        fitted: The model; any of its regions, where sums are given.
        sums: :func:`by_period` of all regions, where they are known already.
    """
    sums = by_period(fitted) if sums is None else sums
    train_T = fitted.split.mask("train")
    days = pd.DatetimeIndex(fitted.panel.dates)
    units_T = days.to_period("M")
    if units_T[train_T].nunique() > MOST_MONTHS or fitted.panel.frequency == "quarterly":
        units_T = days.to_period("Q")
    units = units_T[train_T].unique()
    inside_UT = np.array([train_T & (units_T == unit) for unit in units], dtype=np.float64)
    spend_UC, value_MUC = inside_UT @ sums.spend_TC, inside_UT @ sums.value_MTC
    first_W, last_W = np.triu_indices(len(units))
    spend_WC, value_MWC = (
        with_total(_between(values, first_W, last_W), fitted.panel.bought_C)
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
    return _returns(fitted.panel, by_period(fitted), {f"{start} to {end}": inside_T})


@dataclass(frozen=True, eq=False)
class PeriodSums(Sums):
    """What every channel cost, ran and brought in every period.

    Attributes:
        spend_TC: Spend.
        media_TC: Media.
        effect_MTC: Direct effect.
        value_MTC: Its value.
    """

    spend_TC: Floats
    media_TC: Floats
    effect_MTC: Floats
    value_MTC: Floats


def by_period(fitted: Fitted) -> PeriodSums:
    """The sums of a model's regions, which may be some of a panel's."""
    panel = fitted.panel
    cells_GT = panel.present_GT.astype(np.float64)
    effect_MTC, value_MTC = (
        np.einsum("mgtc,gt->mtc", fitted.predictor.parts.channels_MGTC, weight_GT)
        for weight_GT in (cells_GT, cells_GT * panel.kpi_value_GT)
    )
    spend_TC, media_TC = (
        np.einsum("gtc,gt->tc", values_GTC, cells_GT) for values_GTC in (panel.spend_GTC, panel.media_GTC)
    )
    return PeriodSums(spend_TC, media_TC, effect_MTC, value_MTC)


def _returns(panel: Panel, periods: PeriodSums, windows: dict[str, Bools]) -> pd.DataFrame:
    frames = []
    for name, window_T in windows.items():
        every = (periods.spend_TC, periods.effect_MTC, periods.value_MTC)
        sums = (values[..., window_T, :].sum(-2) for values in every)
        spend_C, effect_MC, value_MC = (with_total(v, panel.bought_C) for v in sums)
        frame = pd.DataFrame({"window": name, "channel": [*panel.channels, ""], "spend": spend_C})
        frame["media"] = [*periods.media_TC[window_T].sum(0), np.nan]
        frame["start"] = panel.dates[window_T][0].astype("datetime64[s]")
        roi_MC = value_MC / np.where(spend_C > 0, spend_C, np.nan)
        for column, values_MC in {"effect": effect_MC, "value": value_MC, "roi": roi_MC}.items():
            frame[column], frame[f"{column}_lower"], frame[f"{column}_upper"] = interval_from_zero(values_MC)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True).astype({"window": "str", "channel": "str"})


def with_total(value_C: Floats, bought_C: Bools) -> Floats:
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
