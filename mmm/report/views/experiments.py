"""Lift tests: what was measured beside what the model says of the same cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import Tables

NINETY = 1.645
"""Standard errors on either side that hold 90 % of a normal measurement."""
ASIDE = 0.14
"""Distance of either mark from the middle of its row."""
APART = 2.0
"""Standard errors from which test and model contradict each other, as in the findings."""


def experiments(tables: Tables) -> go.Figure:
    """Measured and modelled lift of every test, with intervals."""
    rows = tables.frame("experiments")
    names = [_name(row) for _, row in rows.iterrows()]
    title = f"Lift over the test, {tables.about.kpi}"
    layout = {
        "xaxis": axes.linear(title, zeroline=True, zerolinecolor=theme.FAINT),
        "yaxis": axes.rows(names),
    }
    return theme.finish(
        _lifts(rows, names, theme.channel_colours(tables.channels)),
        layout,
        title=_title(rows),
        height=110 + 62 * len(names),
        legend=True,
        reading="Diamonds: what the test measured, with its 90 % interval. Dots: what the model says of "
        "exactly these regions and dates, the test being part of what it has learned from.",
        table=_table(rows, names),
    )


def _lifts(rows: pd.DataFrame, names: list[str], palette: dict[str, str]) -> list[theme.Trace]:
    """Measured and modelled lift beside each other in every row."""
    place = np.arange(len(rows), dtype=np.float64)
    reach, lift = NINETY * rows["standard_error"], rows["lift"]
    shared: theme.Layout = {"text": names, "cliponaxis": False}
    measured = marks.dots(
        theme.fmt(lift),
        place - ASIDE,
        theme.INK,
        hover="%{text}<br>measured %{x:.3s}",
        **shared,
        name="Measured",
        error_x=marks.whiskers(lift, lift - reach, lift + reach),
    )
    measured["marker"] |= {"symbol": "diamond-open", "line": {"width": 2}}
    modelled = marks.dots(
        theme.fmt(rows["modelled"]),
        place + ASIDE,
        [palette.get(str(channel), theme.ACCENT) for channel in rows["channel"]],
        hover="%{text}<br>modelled %{x:.3s}",
        **shared,
        name="The model, same cells",
        error_x=marks.whiskers(rows["modelled"], rows["lower"], rows["upper"], theme.SOFT),
    )
    return [measured, modelled]


def _name(row: pd.Series) -> str:
    regions = str(row["regions"]).split(", ")
    where = regions[0] if len(regions) == 1 else words.count(len(regions), "region")
    who = theme.short(words.subject(str(row["channel"])), 20)
    when = f"{words.day(row['start'])} to {words.day(row['end'])}"
    return f"{who}, {theme.short(where, 20, verbatim=True)}<br>{when}"


def _title(rows: pd.DataFrame) -> str:
    apart = rows[rows["tension"].abs() > APART]
    tests = words.count(len(rows), "experiment")
    if apart.empty:
        return f"The model agrees with {tests}" if len(rows) == 1 else f"The model agrees with all {tests}"
    channels = words.listing(sorted({words.label(str(name)) for name in apart["channel"]}))
    if len(rows) == 1:
        return f"The data contradict the experiment on {channels}"
    return f"The data contradict {len(apart)} of {tests}: on {channels}"


def _table(rows: pd.DataFrame, names: list[str]) -> theme.Layout:
    tests = [row | {"name": name} for name, row in zip(names, marks.records(rows), strict=True)]
    return marks.table(
        tests,
        {
            "Test": lambda row: str(row["name"]).replace("<br>", ", "),
            "Change of spend": lambda row: words.number(float(row["spend_change"])),
            "Measured": lambda row: words.number(float(row["lift"]), 3),
            "Standard error": lambda row: words.number(float(row["standard_error"])),
            "Modelled": lambda row: words.number(float(row["modelled"]), 3),
            "Interval": lambda row: words.span(float(row["lower"]), float(row["upper"])),
            "Apart": lambda row: f"{abs(float(row['tension'])):.1f} standard errors",
        },
    )
