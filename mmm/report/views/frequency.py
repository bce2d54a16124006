"""How often people are reached, and how often it would pay to reach them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables

MOST = 6
"""Channels that are drawn."""


def frequency(tables: Tables) -> go.Figure:
    """KPI of each channel with reach by how often people are reached, its contacts as they were."""
    best = tables.frame("best_frequency").assign(channel=lambda rows: rows["channel"].astype(str))
    frame = tables.frame("frequency")
    frame = frame[frame["curve"] == "frequency"].assign(channel=lambda rows: rows["channel"].astype(str))
    if frame.empty or best.empty:
        raise MissingTableError("frequency.parquet has no channel with reach and frequency")
    rows = marks.records(best.sort_values("gain", ascending=False))
    shown = rows[:MOST]
    palette, unit = theme.channel_colours(tables.channels), Unit.of(frame["response"])
    names = [str(row["channel"]) for row in shown]
    grid = axes.panels(
        names,
        columns=min(len(names), 3),
        row_height=210,
        x=axes.linear("Contacts per person reached", grid=False, rangemode="tozero"),
        y=axes.linear(f"{words.capital(tables.about.kpi)} brought", suffix=unit.suffix, rangemode="tozero"),
        colours=[palette[name] for name in names],
        gap=(0.07, 74),
    )
    traces: list[theme.Trace] = []
    for row, panel in zip(shown, grid.each, strict=True):
        own = frame[frame["channel"] == row["channel"]].sort_values("frequency")
        traces += _curve(own, row, panel, palette[str(row["channel"])], unit)
    keys = [("today", "circle"), ("best", "diamond")]
    traces += [marks.key(name, theme.SOFT, 10, symbol) for name, symbol in keys]
    return theme.finish(
        traces,
        grid.layout | {"margin": {"b": 84}},
        title=_title(shown),
        height=grid.height + 130,
        legend=True,
        reading="The same contacts, and the same spend, on fewer people more often (right) or on more people "
        "less often (left). Dotted: the data have no such frequency. Shaded: within 2 % of the best.",
        notes=[marks.cut_note(shown, rows)],
        table=marks.table(
            rows,
            {
                "Channel": lambda row: words.subject(str(row["channel"])),
                "Today": lambda row: words.number(row["today"]),
                "Best (90 % interval)": marks.estimate("best"),
                "As good": lambda row: words.span(row["band_lower"], row["band_upper"]),
                "Chance that more often is better": lambda row: _chance(row["chance_higher"]),
                f"{words.capital(tables.about.kpi)} gained": marks.estimate("gain"),
                "Advice": lambda row: _ADVICE[str(row["advice"])],
            },
        ),
    )


_ADVICE = {
    "none": "none: today's is as good",
    "higher": "fewer people, more often",
    "lower": "more people, less often",
}


def _chance(value: float) -> str:
    return words.chance(value) if np.isfinite(value) else "unknown"


def _title(rows: list[dict[str, object]]) -> str:
    """The advice of the channel with the largest gain."""
    told = [row for row in rows if row["advice"] != "none"]
    if not told:
        named = [words.label(str(row["channel"])) for row in rows]
        return words.capital(f"{words.listing(named)}: people are reached about as often as is best")
    row = told[0]
    best, now = (words.number(words.real(row[name])) for name in ("best", "today"))
    span = words.span(words.real(row["best_lower"]), words.real(row["best_upper"]))
    way = "more" if row["advice"] == "higher" else "less"
    name = words.subject(str(row["channel"]))
    return f"{name} would bring more if it reached people {way} often: {best} times ({span}), not {now}"


def _curve(
    own: pd.DataFrame, row: dict[str, object], panel: axes.Panel, colour: str, unit: Unit
) -> list[theme.Trace]:
    """Interval, curve, the frequencies as good as the best, and marks of today and of the best."""
    x, y = own["frequency"].to_numpy(float), unit(own["response"])
    shade = axes.area(row["band_lower"], row["band_upper"], panel.x, panel.y, theme.fade(colour, 0.10))
    panel.layout.setdefault("shapes", []).append(shade)
    inside = np.where(own["supported"].to_numpy(bool), y, np.nan)
    hover = f"%{{x:.2f}} contacts: {unit.hover()}"
    places = [words.real(row["today"]), words.real(row["best"])]
    heights = np.interp(places, x, y)
    traces = [
        *marks.band(x, unit(own["lower"]), unit(own["upper"]), colour, **panel.at),
        marks.line(x, theme.fmt(y), colour, 1.6, hover=hover, dash="dot", **panel.at),
        marks.line(x, theme.fmt(inside), colour, 2.4, hover=hover, **panel.at),
    ]
    for place, height, symbol, name in zip(
        places, heights, ("circle", "diamond"), ("today", "best"), strict=True
    ):
        said = f"{name}: %{{x:.2f}} contacts"
        traces.append(marks.dots([place], [height], colour, 11, symbol, hover=said, **panel.at))
    return traces
