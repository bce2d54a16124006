"""Returns by quarter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PANELS = 16
ALL = "all media"


def by_quarter(tables: Tables) -> go.Figure:
    """Return of every channel and of all media in every quarter, with intervals."""
    rows, about = _rows(tables), tables.about
    sums = rows.groupby("channel")["spend"].sum().sort_values(ascending=False)
    order = [ALL, *(str(name) for name in sums.index if name != ALL)]
    chosen = order[:PANELS]
    palette = theme.channel_colours(tables.channels) | {ALL: theme.INK}
    traces, layout, height = _charts(rows, chosen, palette, about.priced)
    line = " The dotted line is break-even." if about.priced else ""
    return theme.finish(
        traces,
        layout,
        title=_title(rows[rows["channel"] == ALL], "" if about.priced else f" {about.return_unit}"),
        height=height + 124,
        reading=f"{words.capital(about.return_unit)} in each quarter of the training window, each chart "
        f"with its own scale; lines are intervals. What earlier spend carries in counts, too.{line}",
        notes=[interval_note(rows, "roi_lower", "roi_upper"), marks.cut_note(chosen, order)],
        table=marks.table(
            marks.records(rows),
            {
                "Channel": lambda row: str(row["channel"]),
                "Quarter": lambda row: str(row["window"]),
                "Spend": lambda row: words.number(float(row["spend"]), 3),
                "Return": marks.estimate("roi"),
            },
        ),
    )


def _rows(tables: Tables) -> pd.DataFrame:
    """Quarters with a return, in the unit in which returns are told."""
    rows = tables.frame("returns")
    rows = rows[(rows["window"] != "training") & rows["roi"].notna()].sort_values("start")
    if rows["window"].nunique() < 2:
        raise MissingTableError("the training window has fewer than two quarters with spend")
    rows = rows.assign(channel=rows["channel"].astype(str).replace("", ALL))
    for column in [c for c in rows if str(c).startswith("roi")]:
        rows[column] = rows[column] * tables.about.per
    return rows


def _charts(
    rows: pd.DataFrame, chosen: list[str], palette: dict[str, str], priced: bool
) -> tuple[list[theme.Trace], theme.Layout, int]:
    """One small chart a channel: dots with whiskers, and break-even where returns are money."""
    quarters = list(dict.fromkeys(rows["window"]))
    ticks = {"size": 9.5, "color": theme.SOFT}
    grid = axes.panels(
        chosen,
        columns=4,
        row_height=110,
        colours=[palette[name] for name in chosen],
        gap=(0.05, 92),
        x=axes.linear(grid=False, type="category", tickangle=-90, tickfont=ticks),
        y=axes.linear(nticks=4, rangemode="tozero", tickfont=axes.SMALL),
    )
    traces, grid.layout["shapes"] = [], []
    for name, panel in zip(chosen, grid.each, strict=True):
        own = rows[rows["channel"] == name]
        whiskers = marks.whiskers(own["roi"], *marks.bounds(own, "roi"), theme.SOFT)
        style: theme.Layout = {"hover": "%{x}: %{y:.3~g}", "error_y": whiskers | {"width": 2}, **panel.at}
        traces.append(marks.dots(own["window"], theme.fmt(own["roi"]), palette[name], 7, **style))
        panel.across(categoryorder="array", categoryarray=quarters, range=[-0.5, len(quarters) - 0.5])
        if priced:
            rule = axes.rule(y=1, width=1, xref=f"{panel.x} domain", yref=panel.y)
            grid.layout["shapes"].append(rule)
    return traces, grid.layout | {"margin": {"b": 84}}, grid.height


def _title(rows: pd.DataFrame, unit: str) -> str:
    if rows.empty:
        return "Returns by quarter"
    best, worst = (rows.iloc[int(pick(rows["roi"].to_numpy(float)))] for pick in (np.argmax, np.argmin))
    most = f"{words.number(float(best['roi']))}{unit}"
    title = f"All media returned {most} in {best['window']}, their best quarter, and "
    title += f"{words.number(float(worst['roi']))} in {worst['window']}"
    low, high = words.real(best.get("roi_lower")), words.real(worst.get("roi_upper"))
    return title + ("; the two may be alike" if words.known(low, high) and high > low else "")
