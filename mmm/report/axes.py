"""Axes, grids of small charts, and what is drawn over them: rules, areas and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm import words
from mmm.report import theme
from mmm.report.theme import Layout

_NEXT = {"k": "M", "M": "B", "B": "T"}
"""Letter after each of those that scale an axis."""
HEADING = {1: 38, 2: 38, 3: 25, 4: 19}
"""Letters of a line of a heading by the number of charts beside each other."""
SECOND_LINE = 17
"""Pixels that headings of two lines need more."""
PERCENT = f"{words.NBSP}%"
"""Suffix of an axis in per cent."""
SMALL = {"size": 10.5, "color": theme.SOFT}
"""Ticks of a small chart."""
DARK = {"size": 12, "color": theme.INK}
"""Ticks that are names."""
_SPLITS = {"holdout": "rgba(230,159,0,0.10)", "test": "rgba(204,121,167,0.13)"}


def linear(title: str = "", *, suffix: str = "", grid: bool = True, **more: Any) -> Layout:
    """An axis of amounts with its unit in the title."""
    base: Layout = {
        "title": {"text": title, "font": {"size": 12, "color": theme.SOFT}, "standoff": 10},
        "showgrid": grid,
        "gridcolor": theme.GRID,
        "zeroline": False,
        "showline": not grid,
        "linecolor": "#c9d0d8",
        "tickfont": {"size": 12, "color": theme.SOFT},
        "ticksuffix": suffix,
        "separatethousands": True,
        "ticks": "",
        "ticklabelstandoff": 6,
        "automargin": True,
    }
    if suffix.strip(words.NBSP) in _NEXT:
        base["labelalias"] = {f"0{suffix}": "0", f"1,000{suffix}": f"1{words.NBSP}{_NEXT[suffix[-1]]}"}
    return base | more


_DATES = [
    {"dtickrange": [None, "M1"], "value": "%-d %b<br>%Y"},
    {"dtickrange": ["M1", "M12"], "value": "%b %Y"},
    {"dtickrange": ["M12", None], "value": "%Y"},
]
"""Dates of an axis as everywhere else, by the distance of its ticks."""


def time(dates: Any = None, **more: Any) -> Layout:
    """An axis of dates; with half a period of room at either end where they are given."""
    if dates is not None:
        stamps = pd.DatetimeIndex(dates)
        half = (stamps[-1] - stamps[0]) / max(2 * (len(stamps) - 1), 2)
        more = {"range": [stamps[0] - half, stamps[-1] + half]} | more
    if "tickformat" not in more:
        more = {"tickformatstops": _DATES} | more
    return linear(grid=False, type="date", **more)


def small_time(ticks: int) -> Layout:
    """An axis of dates of a small chart."""
    return time(nticks=ticks, tickformat="%b\n%Y", tickfont={"size": 10.5})


def log(title: str, values: Any, **more: Any) -> Layout:
    """A logarithmic axis; ticks at 1, 2 and 5 of each power of ten, fewer where wide, more where narrow."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 10.0)
    decades = np.log10(high / low)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**power for power in powers for step in _steps(decades)]
    room = 0.03 * max(decades, 0.3)
    ends = [np.log10(low) - room, np.log10(high) + room]
    texts = [words.number(tick) for tick in ticks]
    base: Layout = {"type": "log", "range": ends, "tickmode": "array", "tickvals": ticks, "ticktext": texts}
    return linear(title, **(base | more))


def _steps(decades: float) -> Sequence[float]:
    """Ticks within a power of ten, by how many of those there are."""
    if decades < 0.3:
        return (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9)
    if decades < 0.8:
        return (1, 1.5, 2, 3, 4, 5, 7)
    return (1, 2, 5) if decades < 2.5 else (1, 3) if decades < 4 else (1,)


def names(shown: Sequence[str], *, width: int = 24, verbatim: bool = False, **more: Any) -> Layout:
    """A vertical list of names, the first on top; long ones have two lines, proper names are shortened."""
    texts = [theme.short(name, width, verbatim=True) if verbatim else theme.wrapped(name) for name in shown]
    listed: Layout = {"tickmode": "array", "tickvals": list(shown), "ticktext": texts, "showline": False}
    order = {"type": "category", "categoryorder": "array", "categoryarray": list(shown)}
    fixed = {"range": [len(shown) - 0.5, -0.5], "tickfont": row_font(texts)}
    return linear(grid=False, **(listed | order | fixed | more))


def row_font(texts: Iterable[str]) -> Layout:
    """Letters of names beside their rows, smaller where some have two lines."""
    return {"size": 11 if any("<br>" in text for text in texts) else 12.5, "color": theme.INK}


def rows(texts: Sequence[str], **more: Any) -> Layout:
    """A vertical list of numbered rows, the first on top: for marks beside each other in a row."""
    listed: Layout = {"tickmode": "array", "tickvals": list(range(len(texts))), "ticktext": list(texts)}
    fixed = {"showline": False, "range": [len(texts) - 0.4, -0.6]}
    return linear(grid=False, **(listed | fixed | more))


def matrix(shown: Sequence[str] = (), *, width: int = theme.LINE, **more: Any) -> Layout:
    """An axis of a heat map's names; those ``shown`` stay apart whatever is cut, level ones in two lines."""
    base: Layout = {"showline": False, "type": "category", "tickfont": DARK}
    if shown:
        slanted = "tickangle" in more
        texts = [theme.short(name, 27) if slanted else theme.wrapped(name, width) for name in shown]
        base |= {"tickmode": "array", "tickvals": list(shown), "ticktext": texts}
        base |= {"tickfont": DARK | {"size": 10.5}} if any("<br>" in text for text in texts) else {}
    return linear(grid=False, **(base | more))


def note(text: str, *, size: float = 12, colour: str = theme.SOFT, **more: Any) -> Layout:
    """An annotation without an arrow."""
    return {"text": text, "showarrow": False, "font": {"size": size, "color": colour}} | more


def beside(texts: Mapping[str, str], edges: Iterable[float], shift: int = 12) -> list[Layout]:
    """A text right of every row's mark: name of the row to text, and where the mark ends."""
    pairs = zip(texts.items(), edges, strict=True)
    return [
        note(text, size=13, colour=theme.INK, x=edge, y=name, xanchor="left", xshift=shift)
        for (name, text), edge in pairs
    ]


def column(x: float, heading: str, texts: Mapping[str, str]) -> list[Layout]:
    """A column of texts at ``x`` of the width, one a row: name of the row to text."""
    place: Layout = {"x": x, "xref": "paper", "xanchor": "right"}
    head = note(f"<b>{heading}</b>", **place, y=1, yref="paper", yanchor="bottom", yshift=2)
    style: Layout = {"size": 12.5, "colour": theme.INK, "yref": "y"}
    return [head, *(note(text, **style, **place, y=name) for name, text in texts.items())]


def rule(
    *, x: Any = None, y: Any = None, colour: str = theme.HIGHLIGHT, width: float = 1.2, **more: Any
) -> Layout:
    """A dotted line through the whole chart, upright at ``x`` or level at ``y``."""
    line = {"type": "line", "line": {"color": colour, "width": width, "dash": "dot"}}
    if y is None:
        return line | {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"} | more
    return line | {"y0": y, "y1": y, "x0": 0, "x1": 1, "xref": "paper"} | more


def break_even(x: float = 1) -> Layout:
    """The line at which money comes back, with its name; ``x`` is where the name stands."""
    label = note("break-even", size=11, colour=theme.HIGHLIGHT, x=x, y=1, yref="paper", yanchor="bottom")
    return {"shapes": [rule(x=1)], "annotations": [label | {"yshift": 2}]}


def area(first: Any, last: Any, x: str, y: str, colour: str) -> Layout:
    """A shaded part of a chart from its bottom to its top."""
    place = {"x0": first, "x1": last, "y0": 0, "y1": 1, "xref": x, "yref": f"{y} domain"}
    return place | {"type": "rect", "layer": "below", "fillcolor": colour, "line": {"width": 0}}


def split_shading(dates: Mapping[str, tuple[Any, Any]]) -> Layout:
    """Shaded holdout and test windows with their names; ``dates`` gives first and last date of each.

    Names end where their window does and stand one below the other: on narrow screens a window is narrower
    than its name.
    """
    ends: Layout = {"xref": "x", "yref": "y domain", "y": 1, "xanchor": "right", "yanchor": "top"}
    return {
        "shapes": [
            area(first, last, "x", "y", _SPLITS.get(name, "rgba(0,0,0,0.05)"))
            for name, (first, last) in dates.items()
        ],
        "annotations": [
            note(name, size=11, x=last, yshift=-13 * place, **ends)
            for place, (name, (_, last)) in enumerate(dates.items())
        ],
    }


@dataclass(frozen=True)
class Panel:
    """One chart of a grid.

    Attributes:
        x: Plotly's name of its horizontal axis, e.g. ``x2``.
        y: Of its vertical one.
        layout: The grid's, shared by all panels.
    """

    x: str
    y: str
    layout: Layout

    @property
    def at(self) -> Layout:
        """What a trace needs to stand in this panel."""
        return {"xaxis": self.x, "yaxis": self.y}

    def across(self, **more: Any) -> None:
        """Change the horizontal axis."""
        self.layout[self.x.replace("x", "xaxis")] |= more

    def up(self, **more: Any) -> None:
        """Change the vertical axis."""
        self.layout[self.y.replace("y", "yaxis")] |= more


@dataclass(frozen=True)
class Panels:
    """A grid of small charts: their axes and headings as a layout, and the height in pixels."""

    layout: Layout
    each: list[Panel]
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
        x: Axis shared in style by all, from :func:`linear`.
        y: The same; a sequence gives one per panel.
        colours: Of each heading's mark; none without.
        gap: Between columns as a fraction of the width, between rows in pixels.
        verbatim: Headings are proper names, not columns.
    """
    columns = max(1, min(columns, len(titles)))
    lines = -(-len(titles) // columns)
    texts = [theme.wrapped(title, HEADING[min(columns, 4)], verbatim=verbatim) for title in titles]
    more = SECOND_LINE if any("<br>" in text for text in texts) else 0
    between = gap[1] + more
    inner = lines * row_height + (lines - 1) * between
    width = (1 - gap[0] * (columns - 1)) / columns
    layout: Layout = {"annotations": [], "heading_room": more}
    each: list[Panel] = []
    for place, text in enumerate(texts):
        line, column = divmod(place, columns)
        left, top = column * (width + gap[0]), 1 - line * (row_height + between) / inner
        tail = "" if place == 0 else str(place + 1)
        own = Panel(f"x{tail}", f"y{tail}", layout)
        style = y[place] if isinstance(y, Sequence) else y
        layout[f"xaxis{tail}"] = (x or linear(grid=False)) | {"anchor": own.y, "automargin": False}
        layout[f"yaxis{tail}"] = (style or linear()) | {"anchor": own.x, "automargin": column == 0}
        own.across(domain=[left, left + width])
        own.up(domain=[max(0.0, top - row_height / inner), top])
        layout["annotations"].append(_heading(text, left, top, colours[place] if colours else None))
        each.append(own)
    return Panels(layout, each, inner)


def _heading(text: str, left: float, top: float, colour: str | None) -> Layout:
    """Name of a chart, with a mark of its colour: pale colours are marks, never letters."""
    mark = f"<span style='color:{colour}'>\u25a0</span> " if colour else ""
    place: Layout = {
        "x": left,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
    }
    text = text.replace("<br>", "</b><br><b>")
    return note(f"{mark}<b>{text}</b>", size=12.5, colour=theme.INK, align="left", **place, yshift=5)
