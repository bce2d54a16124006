"""One look for every view: palette, fonts, titles.

Colours follow Okabe & Ito 2008 and Paul Tol's muted scheme, which readers with colour-blindness can tell
apart; a channel has the colour of its place in the sorted channel names, in every view and on every page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from mmm import words

INK = "#1d2733"
SOFT = "#5b6775"
FAINT = "#9aa5b1"
GRID = "#e8ebef"
ACCENT = "#0b5c8f"
HIGHLIGHT = "#c8452d"
BASELINE = "#b4bec9"
SEASON = "#8797a8"
CONTROL = "#c9b79c"

PALETTE = tuple(
    f"#{code}"
    for code in re.findall(
        r"\w+",
        "0072B2 E69F00 009E73 D55E00 CC79A7 56B4E9 332288 999933 882255 44AA99 C9A227 117733 AA4499 6699CC "
        "7A3B10 8A8D91",
    )
)
"""Channel colours, in order."""

SEQUENTIAL = [[0.0, "#f7f9fb"], [0.25, "#c6dbea"], [0.5, "#7fb0d3"], [0.75, "#3580b4"], [1.0, "#08456f"]]
DIVERGING = [[0.0, "#a6460f"], [0.25, "#e2a46f"], [0.5, "#f7f7f5"], [0.75, "#7fb0d3"], [1.0, "#08456f"]]

DARK = {
    INK: "#e6ebf1",
    SOFT: "#a9b4c0",
    FAINT: "#76828f",
    GRID: "#2b3542",
    ACCENT: "#5aa9dd",
    HIGHLIGHT: "#f0765c",
    BASELINE: "#5a6673",
    SEASON: "#7f90a3",
    "#ffffff": "#18202a",
    "#c9d0d8": "#4a5664",
    "#f7f9fb": "#1e2833",
    "#c6dbea": "#274a66",
    "#7fb0d3": "#3b7fae",
    "#3580b4": "#6db3e2",
    "#08456f": "#c3e2f7",
    "#f7f7f5": "#222b36",
    "#e2a46f": "#a8672f",
    "#a6460f": "#f0a566",
    "#dfe9f1": "#2a3a48",
    "#f3c9b8": "#6a4436",
    "#f6dfd8": "#5a342b",
    "#0072b2": "#3d86f0",
    "#332288": "#9a8cf0",
    "#882255": "#f0588c",
    "#117733": "#55b878",
    "#7a3b10": "#c98d5e",
}
"""What each colour becomes on a dark page."""

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, Roboto, 'Helvetica Neue', Arial, sans-serif"
LINE = 22
"""Letters of a line of a channel's name beside its row."""
Layout = dict[str, Any]
Trace = dict[str, Any]


def channel_colours(channels: Iterable[str]) -> dict[str, str]:
    """Colour of every channel: by its place among the sorted names, repeating after the palette's end."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(sorted(set(channels)))}


def fade(colour: str, alpha: float) -> str:
    """A hex colour with opacity, as ``rgba()``."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def short(name: str, width: int = 24, *, verbatim: bool = False) -> str:
    """A name as a label that fits an axis, escaped for Plotly's markup.

    Columns' names are made readable; proper names of regions, brands and markets stay ``verbatim``.
    """
    name = name if verbatim else words.subject(name)
    return html.escape(name if len(name) <= width else name[: width - 1] + "\u2026", quote=False)


def wrapped(name: str, width: int = LINE, most: int = 2, *, verbatim: bool = False) -> str:
    """A name as a label of up to ``most`` lines, cut only where it is longer; see :func:`short`."""
    lines = words.wrap(name if verbatim else words.subject(name), width)
    lines = [*lines[: most - 1], " ".join(lines[most - 1 :])] if len(lines) > most else lines
    return "<br>".join(short(line, width, verbatim=True) for line in lines)


def fmt(values: Any) -> npt.NDArray[np.float32]:
    """Values as 32-bit floats: seven digits are more than a chart shows, at half the size."""
    return np.asarray(values, dtype=np.float32)


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
    more = layout.pop("heading_room", 0)
    height += more
    margin = {"l": 56, "r": 20, "t": 30 + more, "b": 44} | layout.pop("margin", {})
    meta = {"title": title, "reading": reading, "alt": alt or f"{title}. {reading}", "height": height}
    meta |= {"notes": [text for text in notes if text], "table": table, "links": links, "top": margin["t"]}
    base = {
        "template": _TEMPLATE,
        "height": height + top - margin["t"],
        "margin": margin | {"t": top},
        "showlegend": legend,
        "meta": meta,
        "title": {"text": _lines(heading), "subtitle": {"text": _lines(subtitle)}},
    }
    return go.Figure(data=list(traces), layout=base | layout)


def _lines(texts: Sequence[str]) -> str:
    return "<br>".join(html.escape(text, quote=False) for text in texts)


_TITLE: Layout = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"}
_TITLE |= {"pad": {"t": 16}, "font": {"size": 17, "color": INK, "weight": 600}}
_TITLE |= {"subtitle": {"font": {"size": 13, "color": SOFT}}}
_LEGEND: Layout = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 0,
    "yref": "container",
    "yanchor": "bottom",
}
_LEGEND |= {"font": {"size": 12, "color": INK}, "itemsizing": "constant", "bgcolor": "rgba(0,0,0,0)"}
_TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "colorway": list(PALETTE),
        "title": _TITLE,
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": "#c9d0d8", "font": {"size": 12.5, "color": INK}},
        "legend": _LEGEND,
        "bargap": 0.32,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": FAINT, "activecolor": ACCENT},
    }
)


def template() -> Layout:
    """The house style as JSON, for a page whose figures share it."""
    style: Layout = _TEMPLATE.to_plotly_json()
    return style
