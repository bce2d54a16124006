"""One look for every view: palette, fonts, axes, panels, titles.

Colours follow Okabe & Ito 2008 and Paul Tol's muted scheme, which readers with colour-blindness can tell
apart; a channel has the colour of its place in the sorted channel names, in every view and on every page.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from mmm.report import words

INK = "#1d2733"
SOFT = "#5b6775"
FAINT = "#9aa5b1"
GRID = "#e8ebef"
ACCENT = "#0b5c8f"
HIGHLIGHT = "#c8452d"
BASELINE = "#b4bec9"
SEASON = "#8797a8"
CONTROL = "#c9b79c"
GOOD = "#1b7a5a"

PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#332288", "#999933",
    "#882255", "#44AA99", "#C9A227", "#117733", "#AA4499", "#6699CC", "#7A3B10", "#8A8D91",
)  # fmt: skip
"""Channel colours, in order."""

SEQUENTIAL = [[0.0, "#f7f9fb"], [0.25, "#c6dbea"], [0.5, "#7fb0d3"], [0.75, "#3580b4"], [1.0, "#08456f"]]
DIVERGING = [[0.0, "#a6460f"], [0.25, "#e2a46f"], [0.5, "#f7f7f5"], [0.75, "#7fb0d3"], [1.0, "#08456f"]]

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, Roboto, 'Helvetica Neue', Arial, sans-serif"
SPLIT_FILL = {"holdout": "rgba(230,159,0,0.10)", "test": "rgba(204,121,167,0.13)"}
MAX_POINTS = 260
"""Points of a series after which neighbouring periods are averaged."""

_NEXT = {"k": "M", "M": "B", "B": "T"}
"""Letter after each of those that scale an axis."""

Layout = dict[str, Any]
Trace = dict[str, Any]


def channel_colours(channels: Iterable[str]) -> dict[str, str]:
    """Colour of every channel: by its place among the sorted names, repeating after the palette's end."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(sorted(set(channels)))}


def fade(colour: str, alpha: float) -> str:
    """A hex colour with opacity, as ``rgba()``."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def axis(title: str = "", *, suffix: str = "", grid: bool = True, **more: Any) -> Layout:
    """An axis with its unit in the title."""
    base: Layout = {
        "title": {"text": title, "font": {"size": 12, "color": SOFT}, "standoff": 10},
        "showgrid": grid,
        "gridcolor": GRID,
        "zeroline": False,
        "showline": not grid,
        "linecolor": "#c9d0d8",
        "tickfont": {"size": 12, "color": SOFT},
        "ticksuffix": suffix,
        "separatethousands": True,
        "ticks": "",
        "ticklabelstandoff": 6,
        "automargin": True,
    }
    if suffix.strip(words.NBSP) in _NEXT:
        base["labelalias"] = {f"0{suffix}": "0", f"1,000{suffix}": f"1{words.NBSP}{_NEXT[suffix[-1]]}"}
    return base | more


def time_axis(dates: Any, **more: Any) -> Layout:
    """An axis of dates, with half a period of room at either end."""
    stamps = pd.DatetimeIndex(dates)
    half = (stamps[-1] - stamps[0]) / max(2 * (len(stamps) - 1), 2)
    return axis(grid=False, type="date", range=[stamps[0] - half, stamps[-1] + half], **more)


def log_axis(title: str, values: Any) -> Layout:
    """A logarithmic axis; ticks at 1, 2 and 5 of each power of ten, fewer where wide, more where narrow."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 10.0)
    decades = np.log10(high / low)
    steps: Sequence[float] = (1, 2, 5) if decades < 2.5 else (1, 3) if decades < 4 else (1,)
    if decades < 0.8:
        steps = (
            (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9) if decades < 0.3 else (1, 1.5, 2, 3, 4, 5, 7)
        )
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    room = 0.03 * max(decades, 0.3)
    return axis(
        title,
        type="log",
        range=[np.log10(low) - room, np.log10(high) + room],
        tickmode="array",
        tickvals=ticks,
        ticktext=[words.number(tick) for tick in ticks],
    )


def category_axis(names: Sequence[str], *, width: int = 24, verbatim: bool = False, **more: Any) -> Layout:
    """A vertical list of names, the first on top, long ones shortened as by :func:`short`."""
    return axis(
        grid=False,
        type="category",
        categoryorder="array",
        categoryarray=list(names),
        tickmode="array",
        tickvals=list(names),
        ticktext=[short(name, width, verbatim=verbatim) for name in names],
        range=[len(names) - 0.5, -0.5],
        showline=False,
        **({"tickfont": {"size": 12.5, "color": INK}} | more),
    )


def short(name: str, width: int = 24, *, verbatim: bool = False) -> str:
    """A name as a label that fits an axis, escaped for Plotly's markup.

    Columns' names are made readable; proper names of regions, brands and markets stay ``verbatim``.
    """
    name = name if verbatim else words.subject(name)
    return html.escape(name if len(name) <= width else name[: width - 1] + "\u2026", quote=False)


def note(text: str, **more: Any) -> Layout:
    """An annotation without an arrow."""
    return {"text": text, "showarrow": False, "font": {"size": 12, "color": SOFT}} | more


def fmt(values: Any) -> npt.NDArray[np.float32]:
    """Values as 32-bit floats: seven digits are more than a chart shows, at half the size."""
    return np.asarray(values, dtype=np.float32)


def band(x: Any, lower: Any, upper: Any, colour: str, **more: Any) -> list[Trace]:
    """An interval around a line; nothing when it is unknown throughout."""
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    if not np.isfinite(low).any() or not np.isfinite(high).any():
        return []
    line = {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    fill = {"fill": "tonexty", "fillcolor": fade(colour, 0.18)}
    return [line | {"x": x, "y": fmt(low)} | more, line | {"x": x, "y": fmt(high)} | fill | more]


def error_bars(values: Any, lower: Any, upper: Any, colour: str = INK) -> Layout:
    """Whiskers from ``lower`` to ``upper``; hidden where the interval is unknown."""
    value = np.asarray(values, dtype=float)
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    return {
        "type": "data",
        "symmetric": False,
        "array": fmt(np.nan_to_num(np.maximum(high - value, 0))),
        "arrayminus": fmt(np.nan_to_num(np.maximum(value - low, 0))),
        "color": colour,
        "thickness": 1.4,
        "width": 4,
        "visible": bool(np.isfinite(low).any() and np.isfinite(high).any()),
    }


def thin(frame: pd.DataFrame, by: str = "date", limit: int = MAX_POINTS) -> tuple[pd.DataFrame, int]:
    """A wide frame, one row a period, averaged over blocks so that at most ``limit`` rows remain.

    Returns:
        The frame with the first date of each block, and the periods in a block (1: as it was).
    """
    size = -(-len(frame) // limit)
    if size <= 1:
        return frame, 1
    block = np.arange(len(frame)) // size
    numeric = frame.drop(columns=by).groupby(block).mean()
    numeric.insert(0, by, frame[by].groupby(block).first())
    return numeric, size


def thin_note(size: int, period: str) -> str:
    """What thinning did, for the note under a view."""
    return f"Points are means over {words.count(size, period)}, to keep the file light." if size > 1 else ""


@dataclass(frozen=True)
class Panels:
    """A grid of small charts: axis layouts, and the axis names traces refer to."""

    layout: Layout
    axes: list[tuple[str, str]]
    height: int


def panels(
    titles: Sequence[str],
    *,
    columns: int,
    row_height: int = 150,
    x: Layout | None = None,
    y: Layout | Sequence[Layout] | None = None,
    colours: Sequence[str] | None = None,
    gap: tuple[float, int] = (0.055, 46),
    verbatim: bool = False,
) -> Panels:
    """Lay out one small chart per title.

    Args:
        titles: Headings, one per panel.
        columns: Panels in a row.
        row_height: Height of one panel's plot in pixels.
        x: Axis shared in style by all, from :func:`axis`.
        y: The same; a sequence gives one per panel.
        colours: Colour of each heading.
        gap: Between columns as a fraction of the width, between rows in pixels.
        verbatim: Headings are proper names, not columns.
    """
    columns = max(1, min(columns, len(titles)))
    rows = -(-len(titles) // columns)
    inner = rows * row_height + (rows - 1) * gap[1]
    width = (1 - gap[0] * (columns - 1)) / columns
    layout: Layout = {"annotations": []}
    names: list[tuple[str, str]] = []
    for place, title in enumerate(titles):
        row, column = divmod(place, columns)
        left, top = column * (width + gap[0]), 1 - row * (row_height + gap[1]) / inner
        tail = "" if place == 0 else str(place + 1)
        own_y = y[place] if isinstance(y, Sequence) else y
        domain_y = [max(0.0, top - row_height / inner), top]
        layout[f"xaxis{tail}"] = (x or axis(grid=False)) | {
            "domain": [left, left + width], "anchor": f"y{tail}", "automargin": False,
        }  # fmt: skip
        layout[f"yaxis{tail}"] = (own_y or axis()) | {
            "domain": domain_y, "anchor": f"x{tail}", "automargin": column == 0,
        }  # fmt: skip
        colour = colours[place] if colours else INK
        layout["annotations"].append(
            note(f"<b>{short(title, 30, verbatim=verbatim)}</b>", x=left, y=top, xref="paper", yref="paper",
                 xanchor="left", yanchor="bottom", yshift=5, font={"size": 12.5, "color": colour})
        )  # fmt: skip
        names.append((f"x{tail}", f"y{tail}"))
    return Panels(layout=layout, axes=names, height=inner)


def split_shading(dates: Mapping[str, tuple[Any, Any]], rows: Sequence[str] = ("y",)) -> Layout:
    """Shaded holdout and test windows with their names; ``dates`` gives first and last date of each."""
    shapes, annotations = [], []
    for name, (first, last) in dates.items():
        for row in rows:
            shapes.append({
                "type": "rect", "x0": first, "x1": last, "y0": 0, "y1": 1, "xref": "x",
                "yref": f"{row} domain", "fillcolor": SPLIT_FILL.get(name, "rgba(0,0,0,0.05)"),
                "line": {"width": 0}, "layer": "below",
            })  # fmt: skip
        annotations.append(
            note(name, x=first, y=1, xref="x", yref=f"{rows[0]} domain", xanchor="left", yanchor="top",
                 xshift=3, font={"size": 11, "color": SOFT})
        )  # fmt: skip
    return {"shapes": shapes, "annotations": annotations}


def finish(
    traces: Sequence[Trace],
    layout: Layout,
    *,
    title: str,
    reading: str,
    height: int,
    alt: str = "",
    notes: Sequence[str] = (),
    table: Layout | None = None,
    legend: bool = False,
    links: bool = False,
) -> go.Figure:
    """Join traces and layout into a figure in the house style.

    Args:
        traces: Plotly traces as dictionaries.
        layout: Axes, shapes, annotations.
        title: The statement the view makes, in words computed from the data.
        reading: One line on how to read it.
        height: Height of the chart without its title, in pixels.
        alt: Description for readers who cannot see it; title and reading aid by default.
        notes: Caveats; empty ones are dropped.
        table: ``{"columns": [...], "rows": [[...]]}``, the numbers as text.
        legend: Show the legend, below the plot.
        links: A click on a point opens the address that stands first in its ``customdata``.

    Returns:
        The figure. ``layout.meta`` keeps title, reading aid, alt text, notes, table and the chart's height,
        so that a page can set them in its own type.
    """
    heading, subtitle = words.wrap(title, 70), words.wrap(reading, 105)
    top = 40 + 24 * len(heading) + 17 * len(subtitle)
    meta = {
        "title": title, "reading": reading, "alt": alt or f"{title}. {reading}", "height": height,
        "notes": [text for text in notes if text], "table": table, "links": links,
    }  # fmt: skip
    margin = {"l": 56, "r": 20, "t": 30, "b": 44} | layout.pop("margin", {})
    meta["top"] = margin["t"]
    base = {
        "template": _TEMPLATE,
        "height": height + top - margin["t"],
        "margin": margin | {"t": top},
        "showlegend": legend,
        "meta": meta,
        "title": {
            "text": "<br>".join(html.escape(line, quote=False) for line in heading),
            "subtitle": {"text": "<br>".join(html.escape(line, quote=False) for line in subtitle)},
        },
    }
    return go.Figure(data=list(traces), layout=base | layout)


_TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "colorway": list(PALETTE),
        "title": {
            "x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top",
            "pad": {"t": 16}, "font": {"size": 17, "color": INK, "weight": 600},
            "subtitle": {"font": {"size": 13, "color": SOFT}},
        },
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": "#c9d0d8", "font": {"size": 12.5, "color": INK}},
        "legend": {
            "orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom",
            "font": {"size": 12, "color": INK}, "itemsizing": "constant", "bgcolor": "rgba(0,0,0,0)",
        },
        "bargap": 0.32,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": FAINT, "activecolor": ACCENT},
    }
)  # fmt: skip


def template() -> Layout:
    """The house style as JSON, for a page whose figures share it."""
    style: Layout = _TEMPLATE.to_plotly_json()
    return style
