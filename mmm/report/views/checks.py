"""For the analyst: residuals, training curves, data quality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import judged, observed, window_words, windows

LAGS = 12
MAP_REGIONS = 40


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
        ["Over time, all regions", "How large errors are", "Against the prediction", "Memory"], columns=2,
        row_height=180, gap=(0.09, 84),
    )  # fmt: skip
    points = f"{words.NBSP}%"
    style = {
        "xaxis": {"type": "date"}, "yaxis": {"ticksuffix": points, "zeroline": True, "zerolinecolor": theme.FAINT},
        "xaxis2": {"ticksuffix": points, "title": _small("error")},
        "yaxis2": {"ticksuffix": points, "title": _small("share of cells")},
        "xaxis3": theme.log_axis("", cells["predicted"]) | {
            "title": _small(f"predicted {about.kpi}"), "showgrid": False,
            **{key: grid.layout["xaxis3"][key] for key in ("domain", "anchor", "automargin")}},
        "yaxis3": {"ticksuffix": points, "zeroline": True, "zerolinecolor": theme.FAINT},
        "xaxis4": {"title": _small(f"{about.period}s apart"), "dtick": 1 if LAGS <= 12 else 2},
        "yaxis4": {"range": [-1, 1], "zeroline": True, "zerolinecolor": theme.FAINT, "title": _small("correlation")},
    }  # fmt: skip
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
        traces, grid.layout | {"bargap": 0.08, "margin": {"b": 64}}, title=_residual_title(bias, memory, limit, about.period),
        height=grid.height + 94,
        reading="Errors as a percentage of each region's mean KPI. Good errors lie around zero at every time and size, "
                "and forget: bars in the last chart near zero.",
        notes=["Shaded: holdout and test." if spans else "",
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
    return [*(theme.band(frame["date"], 100 * frame["low"], 100 * frame["high"], theme.ACCENT) if many else []), line]


def _histogram(cells: pd.DataFrame) -> theme.Trace:
    error = cells["error"].to_numpy(float)
    edge = max(float(np.quantile(np.abs(error), 0.995)), 1e-6)
    counts, edges = np.histogram(np.clip(error, -edge, edge), bins=31, range=(-edge, edge))
    return {
        "type": "bar", "x": theme.fmt(50 * (edges[1:] + edges[:-1])), "y": theme.fmt(100 * counts / len(error)),
        "xaxis": "x2", "yaxis": "y2", "marker": {"color": theme.ACCENT}, "showlegend": False,
        "hovertemplate": "error %{x:.1f} %: %{y:.1f} % of cells<extra></extra>",
    }  # fmt: skip


def _against_size(cells: pd.DataFrame) -> theme.Trace:
    shown = cells[cells["predicted"] > 0]
    shown = shown.sample(4000, random_state=0) if len(shown) > 4000 else shown
    return {
        "type": "scatter", "mode": "markers", "x": theme.fmt(shown["predicted"]), "y": theme.fmt(100 * shown["error"]),
        "xaxis": "x3", "yaxis": "y3", "showlegend": False, "hovertemplate": "%{x:.3s}: error %{y:.1f} %<extra></extra>",
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
        "type": "bar", "x": np.arange(1, len(memory) + 1), "y": theme.fmt(memory), "xaxis": "x4", "yaxis": "y4",
        "marker": {"color": theme.ACCENT}, "showlegend": False, "hovertemplate": "%{x} apart: %{y:.2f}<extra></extra>",
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
    joint = "but" if abs(bias) < 0.005 else "and"
    if first > max(0.2, limit):
        return f"{title}, {joint} carry over from {period} to {period} (correlation {first:.2f})"
    return f"{title} and hardly carry over from {period} to {period} (correlation {first:.2f})".replace("-", "\u2212")


def training(tables: Tables) -> go.Figure:
    """Loss per epoch of every stage, in training and on the validation tail."""
    frame = tables.frame("training")
    stages = [str(stage) for stage in frame["stage"].unique()]
    grid = theme.panels(
        [f"Stage: {stage.replace('_', ' ')}" for stage in stages], columns=min(2, len(stages)), row_height=230,
        gap=(0.09, 70), x=theme.axis("epoch", grid=False), y=_loss_axis(frame),
    )  # fmt: skip
    traces: list[theme.Trace] = []
    for place, (stage, (x, y)) in enumerate(zip(stages, grid.axes, strict=True)):
        rows = frame[frame["stage"] == stage].sort_values("epoch")
        rows = rows.iloc[:: max(1, len(rows) // 400)]
        for column, colour in (("loss", theme.BASELINE), ("validation", theme.HIGHLIGHT)):
            if rows[column].notna().any():
                traces.append({
                    "type": "scatter", "mode": "lines", "x": rows["epoch"], "y": theme.fmt(rows[column]), "xaxis": x,
                    "yaxis": y, "name": {"loss": "training loss", "validation": "validation loss"}[column],
                    "legendgroup": column, "line": {"color": colour if column == "validation" else theme.SOFT, "width": 1.9},
                    "showlegend": not any(t["legendgroup"] == column for t in traces),
                    "hovertemplate": "epoch %{x}: %{y:.4g}<extra></extra>",
                })  # fmt: skip
    return theme.finish(
        traces, grid.layout | {"margin": {"b": 90}}, title=_training_title(frame, stages), height=grid.height + 120, legend=True,
        reading="Loss per epoch. Validation is the tail of the training window, held back to choose the epoch; "
                "the holdout takes no part.",
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
        fall = 1 - float(last["loss"].iloc[-1] / last["loss"].iloc[0]) if last["loss"].iloc[0] > 0 else 0.0
        return f"The training loss fell by {words.percent(fall)} over {words.count(int(last['epoch'].max()), 'epoch')}"
    stage = str(judged_rows["stage"].iloc[-1])
    rows = judged_rows[judged_rows["stage"] == stage].sort_values("epoch")
    best, last_epoch = int(rows.loc[rows["validation"].idxmin(), "epoch"]), int(rows["epoch"].iloc[-1])
    if best >= 0.95 * last_epoch:
        return f"The validation loss still falls when training ends, after {words.count(last_epoch, 'epoch')}"
    return f"The validation loss is lowest at epoch {best:,} of {last_epoch:,}".replace(",", words.NBSP)


def coverage(tables: Tables) -> go.Figure:
    """Which region-periods have a KPI, which do not, and which stand out."""
    cells = tables.frame("predictions")
    cells = cells.assign(region=cells["region"].astype(str))
    dates = np.sort(cells["date"].unique())
    known = cells.assign(known=cells["actual"].notna()).pivot(index="region", columns="date", values="known")
    state = np.where(known.isna(), 0.0, np.where(known == True, 2.0, 1.0))  # noqa: E712
    gaps = pd.Series((state < 2).sum(1), index=known.index)
    outliers = _outliers(tables)
    size = cells.groupby("region")["actual"].sum()
    marked = {str(item["region"]) for item in outliers}
    order = sorted(known.index, key=lambda name: (-int(gaps[name]), name not in marked, -float(size[name])))
    chosen = order[:MAP_REGIONS]
    rows = [known.index.get_loc(name) for name in chosen]
    grid = state[rows]
    traces: list[theme.Trace] = [{
        "type": "heatmap", "x": dates, "y": chosen, "z": grid.astype(np.float32), "zmin": 0, "zmax": 2,
        "showscale": False, "colorscale": [[0, "#f3c9b8"], [0.33, "#f3c9b8"], [0.33, theme.HIGHLIGHT],
                                           [0.67, theme.HIGHLIGHT], [0.67, "#dfe9f1"], [1, "#dfe9f1"]],
        "ygap": 1, "hovertemplate": "%{y}, %{x|%d %b %Y}<extra></extra>",
    }]  # fmt: skip
    for label, colour in (("KPI known", "#dfe9f1"), ("KPI missing", theme.HIGHLIGHT), ("no row", "#f3c9b8")):
        traces.append({"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": label,
                       "marker": {"symbol": "square", "size": 12, "color": colour}})  # fmt: skip
    seen = [item for item in outliers if str(item["region"]) in chosen]
    traces.append({
        "type": "scatter", "mode": "markers", "x": [item["date"] for item in seen], "y": [item["region"] for item in seen],
        "name": "outlier", "marker": {"symbol": "circle-open", "size": 11, "color": theme.INK, "line": {"width": 2}},
        "text": [f"{words.number(float(item['kpi']))} where {words.number(float(item['predicted']))} was predicted"
                 for item in seen],
        "hovertemplate": "%{y}, %{x|%d %b %Y}: %{text}<extra></extra>",
    })  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=False, type="date"),
        "yaxis": theme.category_axis(chosen) | {"automargin": True},
    }
    return theme.finish(
        traces, layout, title=_coverage_title(state, gaps, outliers), height=110 + max(160, 17 * len(chosen)), legend=True,
        reading="One row a region, one cell a "
                f"{tables.about.period}. Cells without a KPI take no part in the fit; rings stand out from the model.",
        notes=[f"{MAP_REGIONS} of {len(order)} regions are drawn, those with gaps and outliers first, then the largest."
               if len(order) > MAP_REGIONS else ""],
    )  # fmt: skip


def _outliers(tables: Tables) -> list[dict[str, Any]]:
    if not isinstance(tables.data_quality, dict):
        return []
    needed = {"region", "date", "kpi", "predicted"}
    return [item for item in tables.data_quality.get("outliers") or [] if needed <= set(item)]


def _coverage_title(state: Any, gaps: pd.Series, outliers: list[Any]) -> str:
    missing, cells = int((state < 2).sum()), int(state.size)
    if missing == 0:
        title = f"No gaps: all {words.count(cells, 'cell')} have a KPI"
    else:
        where = words.count(int((gaps > 0).sum()), "region")
        title = f"{words.percent(missing / cells)} of {words.count(cells, 'cell')} lack a KPI, in {where}"
    many = len(outliers)
    return f"{title}; {words.count(many, 'cell')} stand{'s' if many == 1 else ''} out" if many else title


def activity(tables: Tables) -> go.Figure:
    """When each channel ran, and how often it was dark in between."""
    listed = tables.record("data_quality").get("channels") or []
    rows = [row for row in listed if row.get("first_active") and row.get("last_active")]
    if not rows:
        raise MissingTableError("data_quality.json lists no channel that ran")
    rows = sorted(rows, key=lambda row: float(row.get("zero_share") or 0.0))
    palette = theme.channel_colours({*tables.channels, *(str(row["name"]) for row in rows)})
    names = [str(row["name"]) for row in rows]
    traces = [{
        "type": "scatter", "mode": "lines", "x": [row["first_active"], row["last_active"]], "y": [name, name],
        "line": {"color": theme.fade(palette[name], 0.3 + 0.7 * (1 - float(row.get("zero_share") or 0.0))), "width": 13},
        "showlegend": False, "hovertemplate": "%{y}: %{x|%d %b %Y}<extra></extra>",
    } for name, row in zip(names, rows, strict=True)]  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=True, type="date", domain=[0, 0.86]),
        "yaxis": theme.category_axis(names),
        "annotations": [theme.note("<b>dark</b>", x=1, y=1, xref="paper", yref="paper", xanchor="right", yanchor="bottom"),
                        *(theme.note(words.percent(float(row.get("zero_share") or 0.0)), x=1, y=name, xref="paper",
                                     xanchor="right", font={"color": theme.INK}) for name, row in zip(names, rows, strict=True))],
    }  # fmt: skip
    dark = [name for name, row in zip(names, rows, strict=True) if float(row.get("zero_share") or 0.0) > 0.3]
    last = float(rows[-1].get("zero_share") or 0.0)
    title = f"{words.subject(names[-1])} was dark in {words.percent(last)} of all cells"
    title += f", {words.count(len(dark), 'channel')} in more than 30{words.NBSP}%" if len(dark) > 1 else ", most of all channels"
    return theme.finish(
        traces, layout, title=title if last > 0 else "Every channel ran all the time", height=70 + 30 * len(names) + 40,
        reading="A bar runs from the first to the last period in which a channel ran; the paler, the more often it was "
                "dark. Channels that never pause leave little to learn from.",
    )  # fmt: skip


def correlations(tables: Tables) -> go.Figure:
    """Correlation of every pair of channels and controls."""
    frame = tables.frame("correlations")
    frame = frame.assign(a=frame["a"].astype(str), b=frame["b"].astype(str))
    both = pd.concat([frame, frame.rename(columns={"a": "b", "b": "a"})]).drop_duplicates(["a", "b"])
    names = list(dict.fromkeys([*frame["a"], *frame["b"]]))
    grid = both.pivot(index="a", columns="b", values="value").reindex(index=names, columns=names).to_numpy(float).copy()
    grid[np.triu_indices(len(names))] = np.nan
    if not np.isfinite(grid).any():
        raise MissingTableError("correlations.parquet has no pair with a known correlation")
    short = [theme.short(name, 16) for name in names]
    text = [["" if not np.isfinite(v) else f"{v:.2f}".replace("-", "\u2212") for v in row] for row in grid]
    traces = [{
        "type": "heatmap", "x": short[:-1], "y": short[1:], "z": theme.fmt(grid[1:, :-1]), "text": text[1:],
        "texttemplate": "%{text}" if len(names) <= 16 else "", "colorscale": theme.DIVERGING, "zmin": -1, "zmax": 1,
        "xgap": 2, "ygap": 2, "hoverongaps": False, "hovertemplate": "%{y} and %{x}: %{z:.2f}<extra></extra>",
        "textfont": {"size": 11}, "colorbar": {"thickness": 12, "outlinewidth": 0, "len": 0.8},
    }]  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=False, showline=False, tickangle=-40, type="category",
                            tickfont={"size": 12, "color": theme.INK}),
        "yaxis": theme.axis(grid=False, showline=False, autorange="reversed", type="category",
                            tickfont={"size": 12, "color": theme.INK}),
    }  # fmt: skip
    i, j = np.unravel_index(np.nanargmax(np.abs(grid)), grid.shape)
    value = float(grid[i, j])
    hard = int((np.abs(grid) > 0.8).sum())
    verb = "rise and fall together" if value > 0 else "move against each other"
    title = f"{words.subject(names[i])} and {words.label(names[j])} {verb} most (correlation {value:.2f})".replace("-", "\u2212")
    title += f"; {words.count(hard, 'pair')} above 0.8, hard to tell apart" if hard else "; none above 0.8"
    return theme.finish(
        traces, layout, title=title, height=120 + 30 * len(names),
        reading="Channels that always move together cannot be told apart by any model: look for dark cells.",
    )  # fmt: skip


def judged_window(tables: Tables) -> str:
    """The window scores of this report refer to, in words."""
    return window_words(judged(tables)[0])
