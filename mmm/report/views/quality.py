"""Whether the data are sound: gaps, outliers, channel activity, correlations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables

MAP_REGIONS = 40


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
    grid = state[known.index.get_indexer(pd.Index(chosen))]
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
        "type": "scatter", "mode": "markers", "x": [item["date"] for item in seen],
        "y": [item["region"] for item in seen],
        "name": "outlier", "marker": {"symbol": "circle-open", "size": 11, "color": theme.INK,
                                      "line": {"width": 2}},
        "text": [f"{words.number(float(item['kpi']))} where {words.number(float(item['predicted']))} was "
                 "predicted"
                 for item in seen],
        "hovertemplate": "%{y}, %{x|%d %b %Y}: %{text}<extra></extra>",
    })  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=False, type="date"),
        "yaxis": theme.category_axis(chosen, verbatim=True) | {"automargin": True},
    }
    return theme.finish(
        traces, layout, title=_coverage_title(state, gaps, outliers), table=_facts(tables),
        height=110 + max(160, 17 * len(chosen)),
        legend=True,
        reading=f"One row a region, one cell a {tables.about.period}. Cells without a KPI take no part in "
                "the fit; rings stand out from the model.",
        notes=[f"{MAP_REGIONS} of {len(order)} regions are drawn, those with gaps and outliers first, then "
               "the largest."
               if len(order) > MAP_REGIONS else ""],
    )  # fmt: skip


def _facts(tables: Tables) -> theme.Layout | None:
    """What the quality file counts, as text."""
    if not isinstance(tables.data_quality, dict):
        return None
    labels = {"regions": "Regions", "periods": "Periods", "frequency": "Frequency", "first": "First period",
              "last": "Last period", "present": "Rows present", "missing_cells": "Rows missing",
              "missing_kpi": "Rows without a KPI"}  # fmt: skip
    facts = {label: tables.data_quality.get(name) for name, label in labels.items()}
    rows = [
        [label, words.number(value, 4) if isinstance(value, (int, float)) else str(value)]
        for label, value in facts.items() if isinstance(value, (int, float, str))
    ]  # fmt: skip
    return {"columns": ["Data", "Count"], "rows": rows} if rows else None


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
    title = words.capital(title)
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
        "line": {"color": theme.fade(palette[name], 0.3 + 0.7 * (1 - float(row.get("zero_share") or 0.0))),
                 "width": 13},
        "showlegend": False, "hovertemplate": "%{y}: %{x|%d %b %Y}<extra></extra>",
    } for name, row in zip(names, rows, strict=True)]  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=True, type="date", domain=[0, 0.86]),
        "yaxis": theme.category_axis(names),
        "annotations": [theme.note("<b>dark</b>", x=1, y=1, xref="paper", yref="paper", xanchor="right",
                                   yanchor="bottom"),
                        *(theme.note(words.percent(float(row.get("zero_share") or 0.0)), x=1, y=name,
                                     xref="paper",
                                     xanchor="right", font={"color": theme.INK}) for name,
                          row in zip(names, rows, strict=True))],
    }  # fmt: skip
    dark = [name for name, row in zip(names, rows, strict=True) if float(row.get("zero_share") or 0.0) > 0.3]
    last = float(rows[-1].get("zero_share") or 0.0)
    title = f"{words.subject(names[-1])} was dark in {words.percent(last)} of all cells"
    title += (
        f", {words.count(len(dark), 'channel')} in more than 30{words.NBSP}%"
        if len(dark) > 1
        else ", most of all channels"
    )
    return theme.finish(
        traces, layout, title=title if last > 0 else "Every channel ran all the time",
        height=70 + 30 * len(names) + 40,
        reading="A bar runs from the first to the last period in which a channel ran; the paler, the more "
                "often it was dark. Channels that never pause leave little to learn from.",
    )  # fmt: skip


def correlations(tables: Tables) -> go.Figure:
    """Correlation of every pair of channels and controls."""
    frame = tables.frame("correlations")
    frame = frame.assign(a=frame["a"].astype(str), b=frame["b"].astype(str))
    both = pd.concat([frame, frame.rename(columns={"a": "b", "b": "a"})]).drop_duplicates(["a", "b"])
    names = list(dict.fromkeys([*frame["a"], *frame["b"]]))
    grid = (
        both.pivot(index="a", columns="b", values="value")
        .reindex(index=names, columns=names)
        .to_numpy(float)
        .copy()
    )
    grid[np.triu_indices(len(names))] = np.nan
    if not np.isfinite(grid).any():
        raise MissingTableError("correlations.parquet has no pair with a known correlation")
    short = [theme.short(name, 16) for name in names]
    text = [["" if not np.isfinite(v) else f"{v:.2f}".replace("-", "\u2212") for v in row] for row in grid]
    traces = [{
        "type": "heatmap", "x": short[:-1], "y": short[1:], "z": theme.fmt(grid[1:, :-1]), "text": text[1:],
        "texttemplate": "%{text}" if len(names) <= 16 else "", "colorscale": theme.DIVERGING, "zmin": -1,
        "zmax": 1,
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
    link = f"{value:.2f}".replace("-", "\u2212")
    title = f"{words.subject(names[i])} and {words.label(names[j])} {verb} most (correlation {link})"
    title += f"; {words.count(hard, 'pair')} above 0.8, hard to tell apart" if hard else "; none above 0.8"
    return theme.finish(
        traces, layout, title=title, height=120 + 30 * len(names),
        reading="Channels that always move together cannot be told apart by any model: look for dark cells.",
    )  # fmt: skip
