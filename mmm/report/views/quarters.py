"""Returns by quarter, and in any window that is picked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PANELS = 16
ALL = "all media"
MONTH_DAYS = 31


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


def any_window(tables: Tables) -> go.Figure:
    """Return of every channel in a window between two pickers; the page has all of them, intervals too."""
    about = tables.about
    rows = tables.frame("windows").assign(channel=lambda frame: frame["channel"].astype(str).replace("", ALL))
    rows[["roi", "roi_lower", "roi_upper"]] *= about.per
    units = sorted(rows["first"].unique())
    if len(units) < 2:
        raise MissingTableError("the training window has fewer than two months with spend")
    order = [name for name in (ALL, *tables.channels) if name in set(rows["channel"])]
    whole = rows[(rows["first"] == units[0]) & (rows["last"] == units[-1])].set_index("channel")
    whole = whole.reindex(order)
    palette = theme.channel_colours(tables.channels) | {ALL: theme.INK}
    labels = [theme.wrapped(name) for name in order]
    names = [_unit_name(unit, units) for unit in units]
    trace = marks.dots(
        theme.fmt(whole["roi"]),
        np.arange(len(order)),
        [palette[name] for name in order],
        hover="%{text}: %{x:.3~g}",
        cliponaxis=False,
        text=[words.subject(name) for name in order],
        error_x=marks.whiskers(whole["roi"], *marks.bounds(whole, "roi"), theme.SOFT),
    )
    trace["meta"] = {"units": names, "channels": len(order), "windows": _packed(rows, units, order)}
    layout = {
        "xaxis": axes.linear(words.capital(about.return_unit), rangemode="tozero"),
        "yaxis": axes.rows(labels, tickfont=axes.row_font(labels)),
        "shapes": [axes.rule(x=1, width=1, yref="paper")] if about.priced else [],
    }
    unit = "" if about.priced else f" {about.return_unit}"
    told = words.number(float(whole.loc[ALL, "roi"]), 3) + unit
    return theme.finish(
        [trace],
        layout,
        title=f"All media returned {told} over the whole training window; pick another",
        height=110 + 34 * len(order),
        reading=f"{words.capital(about.return_unit)} of what ran from the first to the last {_kind(names)} "
        "picked; lines are intervals of that window. What earlier spend carries in counts, too.",
        table=marks.table(
            [{"name": name, **row} for name, row in zip(order, marks.records(whole), strict=True)],
            {
                "Channel": lambda row: str(row["name"]),
                "Spend, training window": lambda row: words.number(words.real(row["spend"]), 3),
                "Return": marks.estimate("roi"),
            },
        ),
    )


def _unit_name(unit: object, units: list[object]) -> str:
    """``Mar 2024``, or ``2024 Q1`` where windows go by quarters."""
    stamp = pd.Timestamp(unit)  # type: ignore[arg-type]
    apart = (pd.Timestamp(units[1]) - pd.Timestamp(units[0])).days  # type: ignore[arg-type]
    return f"{stamp.year} Q{stamp.quarter}" if apart > MONTH_DAYS else f"{stamp:%b} {stamp.year}"


def _kind(names: list[str]) -> str:
    return "quarter" if " Q" in names[0] else "month"


def _packed(rows: pd.DataFrame, units: list[object], order: list[str]) -> list[list[float | None]]:
    """For each window, in the order of its first and last unit, spend, return and bounds of every channel."""
    places = {unit: place for place, unit in enumerate(units)}
    first, last = (rows[name].map(places).to_numpy(int) for name in ("first", "last"))
    size = len(units)
    window = first * size - first * (first - 1) // 2 + last - first
    packed: Any = np.full((size * (size + 1) // 2, len(order), 4), np.nan)
    where = window, rows["channel"].map({name: place for place, name in enumerate(order)}).to_numpy(int)
    packed[where] = rows[["spend", "roi", "roi_lower", "roi_upper"]].to_numpy(float)
    flat = packed.reshape(len(packed), -1)
    return [[float(f"{v:.3g}") if np.isfinite(v) else None for v in values] for values in flat.tolist()]


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
