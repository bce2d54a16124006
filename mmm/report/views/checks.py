"""For the analyst: residuals and training curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import observed, windows

LAGS = 12
SETTLED = 0.01
"""Part of the whole fall of the training loss below which the validation loss no longer moves."""
_STAGES = {"validation": "Choosing the number of epochs", "train": "Training on the whole window"}


def residuals(tables: Tables) -> go.Figure:
    """Errors relative to the KPI: over time, their distribution, against size, and their memory."""
    cells = observed(tables)
    cells = cells.assign(region=cells["region"].astype(str)).sort_values(["region", "date"])
    level = cells["actual"].groupby(cells["region"]).transform("mean").abs()
    cells = cells.assign(error=(cells["actual"] - cells["predicted"]) / level.where(level > 0))
    cells = cells[cells["error"].notna()]
    if cells.empty:
        raise MissingTableError("every KPI is zero, so relative errors do not exist")
    about = tables.about
    grid = theme.panels(
        ["Over time" if tables.is_national else "Over time, all regions", "How large errors are",
         "Against the prediction", "Memory"],
        columns=2, row_height=180, gap=(0.13, 84),
    )  # fmt: skip
    points = f"{words.NBSP}%"
    style: dict[str, theme.Layout] = {
        "xaxis": {"type": "date"}, "yaxis": {"ticksuffix": points, "zeroline": True,
                                             "zerolinecolor": theme.FAINT},
        "xaxis2": {"ticksuffix": points, "title": _small("error")},
        "yaxis2": {"ticksuffix": points, "title": _small("share of cells")},
        "xaxis3": theme.log_axis("", cells["predicted"]) | {
            "title": _small(f"predicted {about.kpi}"), "showgrid": False,
            **{key: grid.layout["xaxis3"][key] for key in ("domain", "anchor", "automargin")}},
        "yaxis3": {"ticksuffix": points, "zeroline": True, "zerolinecolor": theme.FAINT},
        "xaxis4": {"title": _small(f"{about.period}s apart"), "dtick": 1 if LAGS <= 12 else 2},
        "yaxis4": {"range": [-1, 1], "zeroline": True, "zerolinecolor": theme.FAINT,
                   "title": _small("correlation")},
    }  # fmt: skip
    reach = 1.3 * float(np.quantile(cells["error"].abs(), 0.998))
    beyond = int((cells["error"].abs() > reach).sum())
    style["yaxis3"]["range"] = [-100 * reach, 100 * reach]
    for name, more in style.items():
        grid.layout[name] |= more
    memory = _autocorrelation(cells)
    traces = [*_over_time(cells), _histogram(cells), _against_size(cells), _memory(memory)]
    limit = 1.96 / np.sqrt(max(len(cells), 1))
    spans = windows(cells)
    shading = theme.split_shading(spans)
    grid.layout["shapes"] = shading["shapes"]
    bias = float(cells["error"].mean())
    return theme.finish(
        traces, grid.layout | {"bargap": 0.08, "margin": {"b": 64}},
        title=_residual_title(bias, memory, limit, about.period),
        height=grid.height + 94,
        reading="Errors in per cent of the mean KPI of their region. Good errors lie around zero at every "
                "time and size, and forget: bars in the last chart near zero.",
        notes=[tables.refitted, "Shaded: holdout and test." if spans else "",
               f"{words.count(beyond, 'larger error')} beyond the third chart." if beyond else "",
               "4 000 dots of all are drawn in the third chart." if len(cells) > 4000 else ""],
    )  # fmt: skip


def _small(text: str) -> theme.Layout:
    return {"text": text, "font": {"size": 11.5, "color": theme.SOFT}, "standoff": 6}


def _over_time(cells: pd.DataFrame) -> list[theme.Trace]:
    """Mean error and its 10-90 % range over regions."""
    by = cells.groupby("date")["error"]
    frame = pd.DataFrame({"mean": by.mean(), "low": by.quantile(0.1), "high": by.quantile(0.9)}).reset_index()
    frame, _ = theme.thin(frame)
    line = {"type": "scatter", "mode": "lines", "x": frame["date"], "y": theme.fmt(100 * frame["mean"]),
            "line": {"color": theme.ACCENT, "width": 1.8}, "showlegend": False,
            "hovertemplate": "%{x|%d %b %Y}: mean error %{y:.1f} %<extra></extra>"}  # fmt: skip
    many = cells["region"].nunique() > 2
    return [
        *(theme.band(frame["date"], 100 * frame["low"], 100 * frame["high"], theme.ACCENT) if many else []),
        line,
    ]


def _histogram(cells: pd.DataFrame) -> theme.Trace:
    error = cells["error"].to_numpy(float)
    edge = max(float(np.quantile(np.abs(error), 0.995)), 1e-6)
    counts, edges = np.histogram(np.clip(error, -edge, edge), bins=31, range=(-edge, edge))
    return {
        "type": "bar", "x": theme.fmt(50 * (edges[1:] + edges[:-1])),
        "y": theme.fmt(100 * counts / len(error)),
        "xaxis": "x2", "yaxis": "y2", "marker": {"color": theme.ACCENT}, "showlegend": False,
        "hovertemplate": "error %{x:.1f} %: %{y:.1f} % of cells<extra></extra>",
    }  # fmt: skip


def _against_size(cells: pd.DataFrame) -> theme.Trace:
    shown = cells[cells["predicted"] > 0]
    shown = shown.sample(4000, random_state=0) if len(shown) > 4000 else shown
    return {
        "type": "scatter", "mode": "markers", "x": theme.fmt(shown["predicted"]),
        "y": theme.fmt(100 * shown["error"]),
        "xaxis": "x3", "yaxis": "y3", "showlegend": False,
        "hovertemplate": "%{x:.3s}: error %{y:.1f} %<extra></extra>",
        "marker": {"size": 4, "color": theme.ACCENT, "opacity": 0.3},
    }  # fmt: skip


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
    return {
        "type": "bar", "x": np.arange(1, len(memory) + 1), "y": theme.fmt(memory), "xaxis": "x4",
        "yaxis": "y4",
        "marker": {"color": theme.ACCENT}, "showlegend": False,
        "hovertemplate": "%{x} apart: %{y:.2f}<extra></extra>",
    }  # fmt: skip


def _residual_title(bias: float, memory: Any, limit: float, period: str) -> str:
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
    if first > max(0.2, limit):
        return f"{title}{joint}{subject} carry over {link}"
    return f"{title}{joint.replace(', but', ' and')}{subject} hardly carry over {link}"


def training(tables: Tables) -> go.Figure:
    """Loss per epoch of every stage, in training and on the validation tail."""
    frame = tables.frame("training").dropna(subset=["loss", "validation"], how="all")
    if frame.empty:
        raise MissingTableError("training.parquet has no epoch with a known loss")
    stages = [str(stage) for stage in frame["stage"].unique()]
    grid = theme.panels(
        [_STAGES.get(stage, f"Stage: {stage.replace('_', ' ')}") for stage in stages],
        columns=min(2, len(stages)), row_height=230,
        gap=(0.09, 70), x=theme.axis("epoch", grid=False), y=_loss_axis(frame),
    )  # fmt: skip
    traces: list[theme.Trace] = []
    for stage, (x, y) in zip(stages, grid.axes, strict=True):
        rows = frame[frame["stage"] == stage].sort_values("epoch")
        rows = rows.iloc[:: max(1, len(rows) // 400)]
        for column, colour in (("loss", theme.BASELINE), ("validation", theme.HIGHLIGHT)):
            if rows[column].notna().any():
                traces.append({
                    "type": "scatter", "mode": "lines", "x": rows["epoch"], "y": theme.fmt(rows[column]),
                    "xaxis": x,
                    "yaxis": y, "name": {"loss": "training loss", "validation": "validation loss"}[column],
                    "legendgroup": column, "line": {"color": colour if column == "validation" else theme.SOFT,
                                                    "width": 1.9},
                    "showlegend": not any(t["legendgroup"] == column for t in traces),
                    "hovertemplate": "epoch %{x}: %{y:.4g}<extra></extra>",
                })  # fmt: skip
    return theme.finish(
        traces, grid.layout | {"margin": {"b": 90}}, title=_training_title(frame, stages),
        height=grid.height + 120, legend=True,
        reading="Loss per epoch. Validation is the tail of the training window, held back to choose the "
                "epoch; the holdout takes no part.",
    )  # fmt: skip


def _loss_axis(frame: pd.DataFrame) -> theme.Layout:
    """Logarithmic where the loss spans more than a decade."""
    values = frame[["loss", "validation"]].to_numpy(float)
    low, high = np.nanmin(values), np.nanmax(values)
    return theme.log_axis("", values) if low > 0 and high > 10 * low else theme.axis(nticks=5)


def _training_title(frame: pd.DataFrame, stages: list[str]) -> str:
    judged_rows = frame[frame["validation"].notna()]
    if judged_rows.empty:
        last = frame[frame["stage"] == stages[-1]].sort_values("epoch")
        first, end = (words.number(float(last["loss"].iloc[at])) for at in (0, -1))
        epochs = words.count(int(last["epoch"].max()), "epoch")
        return f"The training loss went from {first} to {end} over {epochs}"
    stage = str(judged_rows["stage"].iloc[-1])
    rows = judged_rows[judged_rows["stage"] == stage].sort_values("epoch")
    best, last_epoch = (
        int(rows["epoch"].iloc[int(np.argmin(rows["validation"].to_numpy(float)))]),
        int(rows["epoch"].iloc[-1]),
    )
    values = rows["validation"].to_numpy(float)
    fall = rows["loss"].max() - rows["loss"].min()
    late = values[rows["epoch"].to_numpy(float) >= 0.75 * last_epoch]
    if fall > 0 and np.ptp(late) < SETTLED * fall:
        return f"The validation loss has settled when training ends, after {words.count(last_epoch, 'epoch')}"
    if best >= 0.95 * last_epoch:
        return f"The validation loss still falls when training ends, after {words.count(last_epoch, 'epoch')}"
    return f"The validation loss is lowest at epoch {best:,} of {last_epoch:,}".replace(",", words.NBSP)
