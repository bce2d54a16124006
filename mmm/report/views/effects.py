"""What each channel does itself and through others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note


def effects(tables: Tables) -> go.Figure:
    """Direct, indirect and total effect of every channel, with the total's interval."""
    rows = tables.frame("effects").dropna(subset="total").sort_values("total", ascending=False)
    if rows.empty:
        raise MissingTableError("effects.parquet has no channel with a known effect")
    names, kpi = rows["channel"].astype(str).tolist(), tables.about.kpi
    edge = np.fmax(marks.column(rows, "total_upper"), rows["total"].to_numpy(float))
    unit = Unit(*words.scale_of(float(np.nanmax(edge))))
    ends = [min(0.0, float(rows["direct"].min())), 1.06 * float(np.nanmax(edge))]
    title = f"{words.capital(kpi)} in the training window"
    layout = {
        "xaxis": axes.linear(title, suffix=unit.suffix, range=list(unit(ends))),
        "yaxis": axes.names(names),
        "barmode": "relative",
    }
    shown = [name for name in ("Direct", "Indirect", "Total", "Started") if name.lower() in rows]
    columns = {name: marks.estimate(name.lower(), 3) for name in shown}
    reading = (
        "Hatched: what a channel does by moving other channels. It is part of their direct effect too, so "
        "totals of channels must not be added up."
    )
    if "Started" in shown:
        reading += (
            " What each channel started itself (in the table), in its own effect and in those of the "
            "channels it moves, adds up."
        )
    return theme.finish(
        _bars(rows, names, unit, theme.channel_colours(tables.channels)),
        layout,
        title=_title(rows, kpi),
        height=60 + 36 * len(names) + 66,
        legend=True,
        reading=reading,
        notes=[interval_note(rows, "total_lower", "total_upper")],
        table=marks.table(marks.records(rows), {"Channel": lambda row: str(row["channel"]), **columns}),
    )


def _bars(rows: pd.DataFrame, names: list[str], unit: Unit, palette: dict[str, str]) -> list[theme.Trace]:
    """Direct and hatched indirect effect in one bar, the total as a tick with its interval, and keys."""
    colours = [palette[name] for name in names]
    direct, indirect, total = (unit(rows[name]) for name in ("direct", "indirect", "total"))
    low, high = (unit(bound) for bound in marks.bounds(rows, "total"))
    value = unit.hover("x")
    traces = [
        _bar(names, theme.fmt(direct), {"color": colours}, "direct", f"%{{y}}, direct: {value}"),
        _bar(names, theme.fmt(indirect), _hatched(colours), "indirect", f"%{{y}}, indirect: {value}"),
        marks.dots(
            theme.fmt(total),
            names,
            theme.INK,
            13,
            "line-ns",
            rim=(2, theme.INK),
            hover=f"%{{y}}, total: {value}",
            name="total",
            error_x=marks.whiskers(total, low, high),
        ),
    ]
    fills = {"direct": {"color": theme.SOFT}, "indirect, through other channels": _hatched(theme.SOFT)}
    return traces + [
        _bar([names[0]], [None], fill, name) | {"showlegend": True} for name, fill in fills.items()
    ]


def _bar(names: list[str], values: object, marker: theme.Layout, name: str, hover: str = "") -> theme.Trace:
    return marks.bars(names, values, None, hover=hover or None, name=name) | {"marker": marker}


def _hatched(colour: str | list[str]) -> theme.Layout:
    """A fill for what comes through other channels."""
    pale = theme.fade(colour, 0.35) if isinstance(colour, str) else [theme.fade(c, 0.35) for c in colour]
    return {"color": pale, "pattern": {"shape": "/", "fgcolor": colour, "size": 6, "solidity": 0.3}}


def _title(rows: pd.DataFrame, kpi: str) -> str:
    rows = rows[rows["total"] > 0]
    if rows.empty:
        raise MissingTableError("no channel has an effect")
    part = rows["indirect"] / rows["total"]
    if part.max() < 0.005:
        return "Every channel works directly; none works through another to speak of"
    most = rows.iloc[int(np.argmax(rows["indirect"].to_numpy(float)))]
    own = float(most["indirect"] / most["total"])
    title = f"{words.subject(str(most['channel']))} brings {words.number(float(most['indirect']))} {kpi} "
    title += f"through other channels, {words.percent(own)} of all it does"
    low, high = words.real(most.get("indirect_lower", np.nan)), words.real(most.get("indirect_upper", np.nan))
    if words.known(low, high):
        title += f" ({words.span(low, high)})"
    others = int((part > 0.05).sum()) - int(own > 0.05)
    return f"{title}; {words.count(others, 'other channel')} more than 5{words.NBSP}%" if others else title
