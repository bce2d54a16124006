"""How near each channel is to its limit: half-saturation against today's spend, contacts against the best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables

_TICKS = {
    0: (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 30, 50),
    8: (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100),
    60: (0.01, 0.1, 0.3, 1, 3, 10, 30, 100),
}
"""Ticks by how many times the largest multiple is the smallest."""
MOST_PANELS = 6
"""Channels whose frequency is drawn."""


def saturation(tables: Tables) -> go.Figure:
    """Half-saturation and saturation point of each channel against today's spend, with Hill's parameters."""
    frame = tables.frame("hill")
    frame = frame.set_index(frame["channel"].astype(str))
    ratio = _multiples(frame, _current_spend(tables))
    names = ratio.index.tolist()
    fields = ("top", "half_saturation", "slope", "saturation_point", "r2")
    heads = ("Maximum", "Half-saturation", "Slope", "Saturation point", "R² of the fit")
    cells = {name: [words.number(words.real(frame.at[name, f]), 3) for f in fields] for name in names}
    note = "Hill equation fitted to the model's curves; far beyond today it is shape rather than data."
    return theme.finish(
        _ranges(ratio, theme.channel_colours(tables.channels)),
        _layout(frame, ratio),
        title=_title(ratio),
        height=80 + 34 * len(names) + 66,
        legend=True,
        reading="The dot is the spend at which a channel brings half of all it can, the tick where it is "
        "nearly full. Dots left of today: past half already.",
        notes=[note],
        table={"columns": ["Channel", *heads], "rows": [[name, *cells[name]] for name in names]},
    )


def _multiples(frame: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    """Half-saturation and saturation point as multiples of today's spend, the fullest channel first."""
    today = now.reindex(frame.index)
    ratio = pd.DataFrame(
        {"half": frame["half_saturation"] / today, "point": frame["saturation_point"] / today}
    )
    usable: pd.DataFrame = ratio[np.isfinite(ratio["half"]) & (ratio["half"] > 0)]
    if usable.empty:
        raise MissingTableError("today's spend is not known, so saturation cannot be compared with it")
    return usable.sort_values("half")


def _ranges(ratio: pd.DataFrame, palette: dict[str, str]) -> list[theme.Trace]:
    """From half to full, a dot and a tick at the ends, with their keys."""
    names = ratio.index.tolist()
    colours = [palette[name] for name in names]
    ends = zip(names, ratio["half"].tolist(), ratio["point"].tolist(), strict=True)
    traces = [marks.link(n, half, point, theme.fade(palette[n], 0.45), 5) for n, half, point in ends]
    kinds = (("half", "half-saturation", "circle", 0), ("point", "saturation point", "line-ns", 3))
    for column, label, symbol, rim in kinds:
        hover = "%{y}: " + label + " at %{x:.2f} times today"
        traces.append(marks.dots(ratio[column], names, colours, 13, symbol, rim=(rim, colours), hover=hover))
        traces.append(marks.key(label, theme.SOFT, 12, symbol, 3))
    return traces


def _layout(frame: pd.DataFrame, ratio: pd.DataFrame) -> theme.Layout:
    """Multiples on a logarithmic axis, Hill's parameters as columns right of it."""
    names = ratio.index.tolist()
    today = axes.note("today", size=11, colour=theme.HIGHLIGHT, x=0, y=1, xref="x", yref="paper")
    annotations = [today | {"yanchor": "bottom", "yshift": 2}]
    columns = {"half_saturation": (0.8, "half at"), "slope": (0.9, "slope"), "r2": (1.0, "fit R²")}
    for field, (x, label) in columns.items():
        values = [words.real(frame.at[name, field]) for name in names]
        texts = [f"{value:.2f}" if field == "r2" else words.number(value) for value in values]
        annotations += axes.column(x, label, dict(zip(names, texts, strict=True)))
    ends = ratio.to_numpy(float)
    ends = ends[np.isfinite(ends) & (ends > 0)]
    ticks = _TICKS[max(span for span in _TICKS if span == 0 or ends.max() > span * ends.min())]
    shown: theme.Layout = {
        "tickmode": "array",
        "tickvals": list(ticks),
        "ticktext": [f"{t:g}\u00d7" for t in ticks],
    }
    title = "Multiple of today's spend (log scale)"
    return {
        "xaxis": axes.linear(title, type="log", domain=[0, 0.68], **shown),
        "yaxis": axes.names(names),
        "shapes": [axes.rule(x=1, width=1.4)],
        "annotations": annotations,
    }


def _title(ratio: pd.DataFrame) -> str:
    names = ratio.index.tolist()
    past = ratio.index[ratio["half"] < 1].tolist()
    half = "past half of its maximum"
    if len(names) == 1:
        return f"{words.subject(names[0])} {'runs' if past else 'does not run'} {half}"
    title = f"{len(past)} of {words.count(len(names), 'channel')} run past half of their maximum"
    if not past:
        title = f"No channel runs {half}"
    elif len(past) == 1:
        title = f"{words.subject(past[0])} runs {half}, the only one"
    return title + (f"; {words.label(names[-1])} has most room left" if len(past) < len(names) else "")


def _current_spend(tables: Tables) -> pd.Series:
    """Spend in the training window per channel, out of curves or effects; 1 where there is no spend."""
    if tables.curves is not None:
        rows = tables.curves[np.isclose(tables.curves["multiplier"], 1.0)]
        spend = rows.set_index(rows["channel"].astype(str))["spend"].astype(float)
        return spend.where(spend > 0, 1.0)
    rows = tables.frame("effects")
    return rows.set_index(rows["channel"].astype(str))["spend"].astype(float)


def frequency(tables: Tables) -> go.Figure:
    """KPI of each channel with reach by how often people are reached, its contacts as they were."""
    best = tables.frame("best_frequency").assign(channel=lambda rows: rows["channel"].astype(str))
    frame = tables.frame("frequency")
    frame = frame[frame["curve"] == "frequency"].assign(channel=lambda rows: rows["channel"].astype(str))
    if frame.empty or best.empty:
        raise MissingTableError("frequency.parquet has no channel with reach and frequency")
    rows = marks.records(best.sort_values("gain", ascending=False))
    shown = rows[:MOST_PANELS]
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
        traces += _frequency_curve(own, row, panel, palette[str(row["channel"])], unit)
    keys = [("today", "circle"), ("best", "diamond")]
    traces += [marks.key(name, theme.SOFT, 10, symbol) for name, symbol in keys]
    return theme.finish(
        traces,
        grid.layout | {"margin": {"b": 84}},
        title=_frequency_title(shown),
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
                "Chance that more often is better": lambda row: _chance_of(row["chance_higher"]),
                f"{words.capital(tables.about.kpi)} gained": marks.estimate("gain"),
                "Advice": lambda row: ADVICE[str(row["advice"])],
            },
        ),
    )


ADVICE = {
    "none": "none: today's is as good",
    "higher": "fewer people, more often",
    "lower": "more people, less often",
}


def _chance_of(value: float) -> str:
    return words.chance(value) if np.isfinite(value) else "unknown"


def _frequency_title(rows: list[dict[str, object]]) -> str:
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


def _frequency_curve(
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
