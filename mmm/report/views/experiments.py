"""Lift tests: what was measured beside what the model says of the same cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
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
    about = tables.about
    names = [_name(row) for _, row in rows.iterrows()]
    palette = theme.channel_colours(tables.channels)
    colours = [palette.get(str(channel), theme.ACCENT) for channel in rows["channel"]]
    place = np.arange(len(rows), dtype=np.float64)
    reach = NINETY * rows["standard_error"]
    measured = {
        "type": "scatter", "mode": "markers", "name": "Measured", "x": theme.fmt(rows["lift"]),
        "y": place - ASIDE, "text": names,
        "marker": {"size": 11, "symbol": "diamond-open", "color": theme.INK, "line": {"width": 2}},
        "error_x": theme.error_bars(rows["lift"], rows["lift"] - reach, rows["lift"] + reach),
        "hovertemplate": "%{text}<br>measured %{x:.3s}<extra></extra>", "cliponaxis": False,
    }  # fmt: skip
    modelled = {
        "type": "scatter", "mode": "markers", "name": "The model, same cells",
        "y": place + ASIDE, "text": names,
        "x": theme.fmt(rows["modelled"]), "marker": {"size": 11, "color": colours}, "cliponaxis": False,
        "error_x": theme.error_bars(rows["modelled"], rows["lower"], rows["upper"], theme.SOFT),
        "hovertemplate": "%{text}<br>modelled %{x:.3s}<extra></extra>",
    }  # fmt: skip
    layout = {
        "xaxis": theme.axis(f"Lift over the test, {about.kpi}", zeroline=True, zerolinecolor=theme.FAINT),
        "yaxis": theme.axis("", grid=False, tickvals=place.tolist(), ticktext=names, automargin=True,
                            range=[len(rows) - 0.4, -0.6], showline=False),
    }  # fmt: skip
    return theme.finish(
        [measured, modelled], layout, title=_title(rows), height=110 + 62 * len(names), legend=True,
        reading="Diamonds: what the test measured, with its 90 % interval. Dots: what the model says of "
                "exactly these regions and dates, the test being part of what it has learned from.",
        table=_table(rows, names),
    )  # fmt: skip


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
    return {
        "columns": ["Test", "Change of spend", "Measured", "Standard error", "Modelled", "Interval", "Apart"],
        "rows": [
            [
                name.replace("<br>", ", "),
                words.number(float(row["spend_change"])),
                words.number(float(row["lift"]), 3),
                words.number(float(row["standard_error"])),
                words.number(float(row["modelled"]), 3),
                words.span(float(row["lower"]), float(row["upper"])),
                f"{abs(float(row['tension'])):.1f} standard errors",
            ]
            for name, (_, row) in zip(names, rows.iterrows(), strict=True)
        ],
    }
