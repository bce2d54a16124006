"""For the analyst: residuals and training curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.about import About
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import observed, windows

LAGS = 12
SETTLED = 0.01
"""Part of the whole fall of the training loss below which the validation loss no longer moves."""
DOTS = 4000
_LINES = (("training", theme.SOFT), ("validation", theme.HIGHLIGHT))
"""Name and colour of the two lines of every chart of a training."""
_TRACES = (("Loss", "loss", "validation"), ("R²", "r2", "validation_r2"), ("RMSE", "rmse", "validation_rmse"))
"""Charts of a training: heading, column of the cells trained on, column of the validation tail."""
_STAGES = {"validation": "choosing the number of epochs", "train": "training on the whole window"}


def residuals(tables: Tables) -> go.Figure:
    """Errors relative to the KPI: over time, their distribution, against size, and their memory."""
    cells, about = _errors(tables), tables.about
    over = "Over time" if tables.is_national else "Over time, all regions"
    grid = axes.panels(
        [over, "How large errors are", "Against the prediction", "Memory"],
        columns=2,
        row_height=180,
        gap=(0.13, 84),
    )
    reach = 1.3 * float(np.quantile(cells["error"].abs(), 0.998))
    beyond = int((cells["error"].abs() > reach).sum())
    _style(grid, about, cells["predicted"], reach)
    memory = _autocorrelation(cells)
    spans = windows(cells)
    grid.layout["shapes"] = axes.split_shading(spans)["shapes"]
    return theme.finish(
        [*_over_time(cells), _histogram(cells), _against_size(cells), _memory(memory)],
        grid.layout | {"bargap": 0.08, "margin": {"b": 64}},
        title=_residual_title(float(cells["error"].mean()), memory, len(cells), about.period),
        height=grid.height + 94,
        reading="Errors in per cent of the mean KPI of their region. Good errors lie around zero at every "
        "time and size, and forget: bars in the last chart near zero.",
        notes=[
            tables.refitted,
            "Shaded: holdout and test." if spans else "",
            f"{words.count(beyond, 'larger error')} beyond the third chart." if beyond else "",
            "4 000 dots of all are drawn in the third chart." if len(cells) > DOTS else "",
        ],
    )


def _errors(tables: Tables) -> pd.DataFrame:
    """Observed cells by region and date with their error relative to the region's mean KPI."""
    cells = observed(tables)
    cells = cells.assign(region=cells["region"].astype(str)).sort_values(["region", "date"])
    level = cells["actual"].groupby(cells["region"]).transform("mean").abs()
    cells = cells.assign(error=(cells["actual"] - cells["predicted"]) / level.where(level > 0))
    cells = cells[cells["error"].notna()]
    if cells.empty:
        raise MissingTableError("every KPI is zero, so relative errors do not exist")
    return cells


def _style(grid: axes.Panels, about: About, predicted: pd.Series, reach: float) -> None:
    """Units and titles of the four charts."""
    time, size, prediction, memory = grid.each
    zero: theme.Layout = {"zeroline": True, "zerolinecolor": theme.FAINT}
    time.across(type="date")
    time.up(ticksuffix=axes.PERCENT, **zero)
    size.across(ticksuffix=axes.PERCENT, title=_small("error"))
    size.up(ticksuffix=axes.PERCENT, title=_small("share of cells"))
    kept = {key: grid.layout["xaxis3"][key] for key in ("domain", "anchor", "automargin")}
    prediction.across(**axes.log("", predicted) | kept)
    prediction.across(title=_small(f"predicted {about.kpi}"), showgrid=False)
    prediction.up(ticksuffix=axes.PERCENT, **zero, range=[-100 * reach, 100 * reach])
    memory.across(title=_small(f"{about.period}s apart"), dtick=1 if LAGS <= 12 else 2)
    memory.up(range=[-1, 1], **zero, title=_small("correlation"))


def _small(text: str) -> theme.Layout:
    return {"text": text, "font": {"size": 11.5, "color": theme.SOFT}, "standoff": 6}


def _over_time(cells: pd.DataFrame) -> list[theme.Trace]:
    """Mean error and its 10-90 % range over regions."""
    by = cells.groupby("date")["error"]
    low, high = by.quantile(0.1), by.quantile(0.9)
    frame, _ = marks.thin(pd.DataFrame({"value": by.mean(), "lower": low, "upper": high}).reset_index())
    frame[["value", "lower", "upper"]] *= 100
    hover = "%{x|%d %b %Y}: mean error %{y:.1f} %"
    lines = marks.ribbon(frame, theme.ACCENT, width=1.8, hover=hover)
    return lines if cells["region"].nunique() > 2 else lines[-1:]


def _histogram(cells: pd.DataFrame) -> theme.Trace:
    error = cells["error"].to_numpy(float)
    edge = max(float(np.quantile(np.abs(error), 0.995)), 1e-6)
    counts, edges = np.histogram(np.clip(error, -edge, edge), bins=31, range=(-edge, edge))
    middle, share = theme.fmt(50 * (edges[1:] + edges[:-1])), theme.fmt(100 * counts / len(error))
    hover = "error %{x:.1f} %: %{y:.1f} % of cells"
    return marks.columns(middle, share, theme.ACCENT, hover=hover, xaxis="x2", yaxis="y2")


def _against_size(cells: pd.DataFrame) -> theme.Trace:
    shown = cells[cells["predicted"] > 0]
    shown = shown.sample(DOTS, random_state=0) if len(shown) > DOTS else shown
    x, y = theme.fmt(shown["predicted"]), theme.fmt(100 * shown["error"])
    style: theme.Layout = {
        "opacity": 0.3,
        "hover": "%{x:.3s}: error %{y:.1f} %",
        "xaxis": "x3",
        "yaxis": "y3",
    }
    return marks.dots(x, y, theme.ACCENT, 4, **style)


def _autocorrelation(cells: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Correlation of errors with those 1, 2, … periods before in the same region, pooled over regions."""
    grid = cells.pivot(index="region", columns="date", values="error").to_numpy(float)
    grid = grid - np.nanmean(grid, axis=1, keepdims=True)
    variance = float(np.nanmean(grid**2))
    lags = range(1, min(LAGS, grid.shape[1] - 2) + 1)
    if not variance > 0:
        return np.zeros(len(lags))
    products = [grid[:, lag:] * grid[:, :-lag] for lag in lags]
    return np.array([np.nanmean(p) / variance if np.isfinite(p).any() else 0.0 for p in products])


def _memory(memory: Any) -> theme.Trace:
    lags, hover = np.arange(1, len(memory) + 1), "%{x} apart: %{y:.2f}"
    return marks.columns(lags, theme.fmt(memory), theme.ACCENT, hover=hover, xaxis="x4", yaxis="y4")


def _residual_title(bias: float, memory: Any, cells: int, period: str) -> str:
    size = words.percent(abs(bias))
    if abs(bias) < 0.005:
        title = f"Errors balance out ({size} on average)"
    else:
        title = f"Predictions are {size} too {'low' if bias > 0 else 'high'} on average"
    if not len(memory):
        return title
    first = float(memory[0])
    link = f"from {period} to {period} (correlation {first:.2f})".replace("-", "\u2212")
    joint, subject = (", but", "") if abs(bias) < 0.005 else (";", " errors")
    if first > max(0.2, 1.96 / np.sqrt(max(cells, 1))):
        return f"{title}{joint}{subject} carry over {link}"
    return f"{title}{joint.replace(', but', ' and')}{subject} hardly carry over {link}"


def training(tables: Tables) -> go.Figure:
    """Loss, R² and RMSE per epoch of every stage, in training and on the validation tail."""
    frame = tables.frame("training").dropna(subset=["loss", "validation"], how="all")
    if frame.empty:
        raise MissingTableError("training.parquet has no epoch with a known loss")
    stages = [str(stage) for stage in frame["stage"].unique()]
    shown = [names for names in _TRACES if frame.reindex(columns=names[1:]).notna().any(axis=None)]
    places = [
        (names, stage)
        for names in shown
        for stage in stages
        if frame[frame["stage"] == stage].reindex(columns=names[1:]).notna().any(axis=None)
    ]
    whole = len(places) == len(shown) * len(stages)
    grid = axes.panels(
        [f"{names[0]}: {_stage(stage)}" for names, stage in places],
        columns=len(stages) if whole else 1,
        row_height=230 if len(shown) == 1 else 150,
        gap=(0.09, 70),
        x=axes.linear("epoch", grid=False),
        y=[_trace_axis(frame, names) for names, _ in places],
    )
    traces: list[theme.Trace] = []
    for (names, stage), panel in zip(places, grid.each, strict=True):
        unit = _trace_unit(frame, names)
        rows = frame[frame["stage"] == stage].sort_values("epoch")
        rows = rows.iloc[:: max(1, len(rows) // 400)]
        for column, (name, colour) in zip(names[1:], _LINES, strict=True):
            if column in rows and rows[column].notna().any():
                own: theme.Layout = {"name": name, "legendgroup": name, **panel.at}
                own["showlegend"] = not any(t["legendgroup"] == name for t in traces)
                values, hover = theme.fmt(unit(rows[column])), "epoch %{x}: %{y:.4~g}" + unit.suffix
                traces.append(marks.line(rows["epoch"], values, colour, 1.9, hover=hover, **own))
    return theme.finish(
        traces,
        grid.layout | {"margin": {"b": 90}},
        title=_training_title(frame, stages),
        height=grid.height + 120,
        legend=True,
        reading="Per epoch, of the fit of the data as they are; the holdout takes no part."
        + (
            " Validation is the tail of the training window, held back to choose the epoch."
            if frame["validation"].notna().any()
            else ""
        )
        + (f" RMSE in {tables.about.kpi}." if len(shown) > 1 else ""),
    )


def _stage(name: str) -> str:
    """What a stage does, within a heading."""
    return _STAGES.get(name, name.replace("_", " "))


def _trace_unit(frame: pd.DataFrame, names: tuple[str, ...]) -> Unit:
    """That of errors in KPI units; others have none."""
    return Unit.of(frame.reindex(columns=names[1:])) if names[0] == "RMSE" else Unit()


def _trace_axis(frame: pd.DataFrame, names: tuple[str, ...]) -> theme.Layout:
    """R² up to 1 from where it has found its way; others logarithmic where they span more than a decade."""
    unit = _trace_unit(frame, names)
    suffix, values = unit.suffix, unit(frame.reindex(columns=names[1:]))
    if names[0] == "R²":
        return axes.linear(nticks=5, range=[max(0.0, float(np.nanquantile(values, 0.1)) - 0.1), 1.02])
    low, high = np.nanmin(values), np.nanmax(values)
    return axes.log("", values) if low > 0 and high > 10 * low else axes.linear(nticks=5, suffix=suffix)


def _training_title(frame: pd.DataFrame, stages: list[str]) -> str:
    judged_rows = frame[frame["validation"].notna()]
    if judged_rows.empty:
        last = frame[frame["stage"] == stages[-1]].sort_values("epoch")
        first, end = (words.number(float(last["loss"].iloc[at])) for at in (0, -1))
        epochs = words.count(int(last["epoch"].max()), "epoch")
        return f"The training loss went from {first} to {end} over {epochs}"
    stage = str(judged_rows["stage"].iloc[-1])
    rows = judged_rows[judged_rows["stage"] == stage].sort_values("epoch")
    values, epoch = rows["validation"].to_numpy(float), rows["epoch"].to_numpy(int)
    best, last_epoch = int(epoch[np.argmin(values)]), int(epoch[-1])
    fall = rows["loss"].max() - rows["loss"].min()
    late = values[epoch >= 0.75 * last_epoch]
    if fall > 0 and np.ptp(late) < SETTLED * fall:
        return f"The validation loss has settled when training ends, after {words.count(last_epoch, 'epoch')}"
    if best >= 0.95 * last_epoch:
        return f"The validation loss still falls when training ends, after {words.count(last_epoch, 'epoch')}"
    return f"The validation loss is lowest at epoch {words.whole(best)} of {words.whole(last_epoch)}"
