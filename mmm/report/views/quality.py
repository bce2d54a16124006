"""Whether the data are sound: gaps, outliers, channel activity, correlations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables

MAP_REGIONS = 40
STATES = {"no row": "#f3c9b8", "KPI missing": theme.HIGHLIGHT, "KPI known": "#dfe9f1"}
"""What a cell may be, and its colour."""
THIRDS = ((0, 0.33), (0.33, 0.67), (0.67, 1))
FACTS = {
    "regions": "Regions",
    "periods": "Periods",
    "frequency": "Frequency",
    "first": "First period",
    "last": "Last period",
    "present": "Rows present",
    "missing_cells": "Rows missing",
    "missing_kpi": "Rows without a KPI",
}
"""What the quality file counts."""


def coverage(tables: Tables) -> go.Figure:
    """Which region-periods have a KPI, which do not, and which stand out."""
    cells = tables.frame("predictions")
    cells = cells.assign(region=cells["region"].astype(str), known=cells["actual"].notna())
    known = cells.pivot(index="region", columns="date", values="known")
    state = np.where(known.isna(), 0.0, np.where(known == True, 2.0, 1.0))  # noqa: E712
    gaps = pd.Series((state < 2).sum(1), index=known.index)
    outliers = _outliers(tables)
    size, marked = cells.groupby("region")["actual"].sum(), {str(item["region"]) for item in outliers}
    order = sorted(known.index, key=lambda name: (-int(gaps[name]), name not in marked, -float(size[name])))
    chosen = order[:MAP_REGIONS]
    grid = state[known.index.get_indexer(pd.Index(chosen))].astype(np.float32)
    cut = f"{MAP_REGIONS} of {len(order)} regions are drawn, those with gaps and outliers first, then the "
    steps = [[edge, colour] for place, colour in enumerate(STATES.values()) for edge in THIRDS[place]]
    heat = marks.heat(known.columns, chosen, grid, steps, 0, 2, hover="%{y}, %{x|%d %b %Y}", showscale=False)
    keys = [marks.key(label, colour, 12, "square") for label, colour in reversed(STATES.items())]
    return theme.finish(
        [heat | {"xgap": 0, "ygap": 1}, *keys, _rings(outliers, chosen)],
        {"xaxis": axes.time(), "yaxis": axes.names(chosen, verbatim=True)},
        title=_coverage_title(state, gaps, outliers),
        table=_facts(tables),
        height=110 + max(160, 17 * len(chosen)),
        legend=True,
        reading=f"One row a region, one cell a {tables.about.period}. Cells without a KPI take no part in "
        "the fit; rings stand out from the model.",
        notes=[f"{cut}largest." if len(order) > MAP_REGIONS else ""],
    )


def _rings(outliers: list[dict[str, Any]], chosen: list[str]) -> theme.Trace:
    """Cells that stand out, with what was predicted there."""
    seen = [item for item in outliers if str(item["region"]) in chosen]
    amounts = [[words.number(float(item[name])) for name in ("kpi", "predicted")] for item in seen]
    return marks.dots(
        [item["date"] for item in seen],
        [item["region"] for item in seen],
        theme.INK,
        symbol="circle-open",
        rim=(2, theme.INK),
        hover="%{y}, %{x|%d %b %Y}: %{text}",
        name="outlier",
        text=[f"{kpi} where {predicted} was predicted" for kpi, predicted in amounts],
    )


def _facts(tables: Tables) -> theme.Layout | None:
    """What the quality file counts, as text."""
    if not isinstance(tables.data_quality, dict):
        return None
    facts = {label: tables.data_quality.get(name) for name, label in FACTS.items()}
    rows = [
        [label, str(value) if isinstance(value, str) else words.number(value, 4)]
        for label, value in facts.items()
        if isinstance(value, (int, float, str))
    ]
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
    """When each channel ran, and how often it did not in between."""
    listed = tables.record("data_quality").get("channels") or []
    rows = [row for row in listed if row.get("first_active") and row.get("last_active")]
    if not rows:
        raise MissingTableError("data_quality.json lists no channel that ran")
    rows = sorted(rows, key=lambda row: float(row.get("zero_share") or 0.0))
    dark = {str(row["name"]): float(row.get("zero_share") or 0.0) for row in rows}
    palette = theme.channel_colours({*tables.channels, *dark})
    hover = "%{y}: %{x|%d %b %Y}"
    traces = [
        marks.line(
            [row["first_active"], row["last_active"]],
            [name, name],
            theme.fade(palette[name], 0.3 + 0.7 * (1 - dark[name])),
            13,
            hover=hover,
        )
        for name, row in zip(dark, rows, strict=True)
    ]
    texts = {name: words.percent(share) for name, share in dark.items()}
    layout = {
        "xaxis": axes.time(domain=[0, 0.86], showgrid=True, showline=False),
        "yaxis": axes.names(list(dark)),
        "annotations": axes.column(1, "not running", texts),
    }
    return theme.finish(
        traces,
        layout,
        title=_activity_title(dark),
        height=70 + 30 * len(dark) + 40,
        reading="A bar runs from the first to the last period in which a channel ran; the paler, the "
        "more often it did not run. Channels that never pause leave little to learn from.",
    )


def _activity_title(dark: dict[str, float]) -> str:
    name, last = list(dark.items())[-1]
    often = sum(share > 0.3 for share in dark.values())
    if last <= 0:
        return "Every channel ran all the time"
    title = f"{words.subject(name)} did not run in {words.percent(last)} of all cells"
    if often > 1:
        return f"{title}, {words.count(often, 'channel')} in more than 30{words.NBSP}%"
    return f"{title}, most of all channels"


def correlations(tables: Tables) -> go.Figure:
    """Correlation of every pair of channels and controls."""
    frame = tables.frame("correlations")
    frame = frame.assign(a=frame["a"].astype(str), b=frame["b"].astype(str))
    both = pd.concat([frame, frame.rename(columns={"a": "b", "b": "a"})]).drop_duplicates(["a", "b"])
    names = list(dict.fromkeys([*frame["a"], *frame["b"]]))
    square = both.pivot(index="a", columns="b", values="value").reindex(index=names, columns=names)
    grid = square.to_numpy(float).copy()
    grid[np.triu_indices(len(names))] = np.nan
    if not np.isfinite(grid).any():
        raise MissingTableError("correlations.parquet has no pair with a known correlation")
    return theme.finish(
        [_pairs(grid, names)],
        {
            "xaxis": axes.matrix(names[:-1], tickangle=-40),
            "yaxis": axes.matrix(names[1:], autorange="reversed"),
        },
        title=_pairs_title(grid, names),
        height=120 + 30 * len(names),
        reading="Channels that always move together cannot be told apart by any model: look for dark cells.",
    )


def _pairs(grid: np.ndarray, names: list[str]) -> theme.Trace:
    """The lower triangle of the correlations as a heat map."""
    text = [["" if not np.isfinite(v) else _correlation(v) for v in row] for row in grid]
    return marks.heat(
        names[:-1],
        names[1:],
        theme.fmt(grid[1:, :-1]),
        theme.DIVERGING,
        -1,
        1,
        hover="%{y} and %{x}: %{z:.2f}",
        text=text[1:],
        texttemplate="%{text}" if len(names) <= 16 else "",
        textfont={"size": 11},
        hoverongaps=False,
        colorbar=marks.colour_bar(),
    )


def _correlation(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "\u2212")


def _pairs_title(grid: np.ndarray, names: list[str]) -> str:
    i, j = np.unravel_index(np.nanargmax(np.abs(grid)), grid.shape)
    value = float(grid[i, j])
    hard = int((np.abs(grid) > 0.8).sum())
    verb = "rise and fall together" if value > 0 else "move against each other"
    title = f"{words.subject(names[i])} and {words.label(names[j])} {verb} most "
    title += f"(correlation {_correlation(value)})"
    return title + (
        f"; {words.count(hard, 'pair')} above 0.8, hard to tell apart" if hard else "; none above 0.8"
    )
