"""How near each channel is to its limit: half-saturation against today's spend."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables

_TICKS = {
    0: (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 30, 50),
    8: (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100),
    60: (0.01, 0.1, 0.3, 1, 3, 10, 30, 100),
}
"""Ticks by how many times the largest multiple is the smallest."""


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
