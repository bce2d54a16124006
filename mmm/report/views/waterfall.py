"""From the baseline over every component to the KPI, as a waterfall and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.labels import MEDIA_KINDS, TREATMENT
from mmm.report.marks import Unit
from mmm.report.tables import Tables
from mmm.report.totals import Shares, interval_note, shares

CONTROLS = 3
"""Controls drawn one by one in the waterfall."""


def waterfall(tables: Tables) -> go.Figure:
    """From baseline over season, controls and channels to the KPI, over the training window."""
    parts = shares(tables)
    rows = _steps(parts.frame, tables)
    names = [*(words.subject(name) for name in rows["component"]), words.capital(tables.about.goal)]
    unit, about = Unit.of(parts.total), tables.about
    many = len(names) > 8
    top = 1.1 * max(parts.total, float(np.nanmax(rows[["top", "high"]].to_numpy(float))))
    ends = [min(0.0, float(rows["start"].min())), top]
    layout = {
        "xaxis": axes.linear(grid=False, type="category", tickangle=-38 if many else 0, tickfont=axes.DARK)
        | {"tickvals": names, "ticktext": [theme.short(name, 27, verbatim=True) for name in names]},
        "yaxis": axes.linear(
            f"{words.capital(about.kpi)} in the training window", suffix=unit.suffix, range=list(unit(ends))
        ),
        "annotations": _step_labels(rows, names, parts.total, unit),
        "bargap": 0.22,
        "shapes": [
            axes.rule(y=level, x0=at, x1=at + 1, colour=theme.FAINT, width=1, xref="x", layer="below")
            for at, level in enumerate(unit(rows["end"]))
        ],
    }
    without = float(rows.loc[~rows["kind"].isin(MEDIA_KINDS), "value"].sum())
    return theme.finish(
        _step_traces(rows, names, parts.total, unit),
        layout,
        height=480,
        title=f"Of {words.number(parts.total, 3)} {about.kpi} in the training window, "
        f"{words.number(without, 3)} come without media and {words.number(parts.total - without, 3)} "
        "through them",
        reading="Each bar starts where the one before it ends; the last is their sum. Whiskers are "
        "intervals of the single step.",
        notes=[interval_note(rows)],
        table=share_table(parts, tables),
    )


def _steps(frame: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Components with colour, and with start, end, top of the bar and ends of the whisker on the axis."""
    rows = _joined_controls(frame)
    kind = {"baseline": theme.BASELINE, "seasonality": theme.SEASON, "control": theme.CONTROL}
    kind[TREATMENT] = theme.CONTROL
    channel = theme.channel_colours(tables.channels)
    pairs = zip(rows["component"], rows["kind"], strict=True)
    colours = [
        channel.get(n, theme.FAINT) if k in MEDIA_KINDS else kind.get(k, theme.FAINT) for n, k in pairs
    ]
    start = rows["value"].cumsum() - rows["value"]
    return rows.assign(
        colour=colours,
        start=start,
        end=start + rows["value"],
        top=start + rows["value"].clip(lower=0),
        low=start + rows["lower"],
        high=(start + rows["upper"]).where(rows["lower"].notna()),
    )


def _step_traces(rows: pd.DataFrame, names: list[str], total: float, unit: Unit) -> list[theme.Trace]:
    """Bars that hang where the one before ended, and the whiskers of those with an interval."""
    values = [*rows["value"], total]
    colours, said = [*rows["colour"], theme.INK], [words.number(value, 3) for value in values]
    hover = "%{x}: %{customdata}"
    bars = marks.columns(names, unit(values), colours, corner=2, hover=hover, customdata=said)
    known = np.flatnonzero((rows["lower"].notna() & rows["upper"].notna()).to_numpy())
    own = rows.iloc[known]
    whiskers = marks.whiskers(unit(own["end"]), unit(own["low"]), unit(own["high"]))
    ends = marks.dots([names[at] for at in known], unit(own["end"]), theme.INK, 1, error_y=whiskers)
    return [bars | {"base": unit([*rows["start"], 0.0])}, ends]


def _step_labels(rows: pd.DataFrame, names: list[str], total: float, unit: Unit) -> list[theme.Layout]:
    """Share of every step above its bar and whisker."""
    tops = [*np.fmax(rows["top"], rows["high"].clip(lower=0)), total]
    style: theme.Layout = {"size": 11 if len(names) < 13 else 10, "colour": theme.INK, "yshift": 11}
    labels = zip(names, tops, [*rows["value"], total], strict=True)
    return [
        axes.note(words.percent(round(value / total, 3)), x=name, y=float(unit(top)), **style)
        for name, top, value in labels
    ]


def _joined_controls(frame: pd.DataFrame) -> pd.DataFrame:
    """Components with controls as one step where they are many: each alone is a sliver nobody can read."""
    controls = frame[frame["kind"] == "control"]
    if len(controls) <= CONTROLS:
        return frame.copy()
    joined = controls[["value", "lower", "upper", "share"]].sum(min_count=1)
    row = pd.DataFrame([{"component": f"{len(controls)} controls", "kind": "control", **joined}])
    first = frame["kind"].isin(["baseline", "seasonality"])
    before, after = frame[first], frame[~first & (frame["kind"] != "control")]
    return pd.concat([before, row, after], ignore_index=True)


def share_table(parts: Shares, tables: Tables) -> theme.Layout:
    """All components as text."""

    def interval(row: Any) -> str:
        low, high = words.real(row["share_lower"]), words.real(row["share_upper"])
        return f"{words.percent(low)} to {words.percent(high)}" if words.known(low, high) else "no interval"

    table = marks.table(
        marks.records(parts.frame),
        {
            "Component": lambda row: words.subject(str(row["component"])),
            "Kind": lambda row: str(row["kind"]),
            words.capital(tables.about.kpi): lambda row: words.number(words.real(row["value"]), 3),
            "Share": lambda row: words.percent(words.real(row["share"])),
            "Interval": interval,
        },
    )
    whole = words.percent(float(parts.frame["share"].sum()))
    table["rows"].append(["sum", "", words.number(parts.total, 3), whole, ""])
    return table
