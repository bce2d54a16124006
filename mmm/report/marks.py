"""The marks of a chart: dots, lines, bars, bands, whiskers, heat maps, keys of a legend, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm import words
from mmm.report import theme
from mmm.report.theme import Layout, Trace, fmt

MAX_POINTS = 260
"""Points of a series after which neighbouring periods are averaged."""


@dataclass(frozen=True)
class Unit:
    """The unit in which an axis reads well, e.g. thousands: ``divisor`` 1000, ``suffix`` `` k``."""

    divisor: float = 1.0
    suffix: str = ""

    @classmethod
    def of(cls, *values: Any) -> Unit:
        """That of the largest of ``values``, each a number or an array; NaN does not count."""
        known = [np.abs(np.asarray(value, dtype=float)).ravel() for value in values]
        flat = np.concatenate(known)
        return cls(*words.scale_of(float(np.nanmax(flat)) if np.isfinite(flat).any() else 1.0))

    def __call__(self, values: Any) -> Any:
        """``values`` in this unit."""
        return np.asarray(values, dtype=float) / self.divisor

    def hover(self, axis: str = "y") -> str:
        """A point's value for the pointer."""
        return f"%{{{axis}:,.3~f}}{self.suffix}"


def _pointer(hover: str | None, more: Layout) -> Layout:
    """What the pointer says: nothing without ``hover``."""
    if "hovertemplate" in more:
        return more
    said = {"hoverinfo": "skip"} if hover is None else {"hovertemplate": f"{hover}<extra></extra>"}
    return said | more


def dots(
    x: Any,
    y: Any,
    colour: Any,
    size: Any = 11,
    symbol: str = "",
    *,
    rim: tuple[float, Any] | None = None,
    opacity: Any = None,
    hover: str | None = None,
    **more: Any,
) -> Trace:
    """Marks at points; ``rim`` is the width and colour of their outline. In the legend only with a name."""
    marker = {"size": size, "color": colour}
    marker |= {"symbol": symbol} if symbol else {}
    marker |= {"line": {"width": rim[0], "color": rim[1]}} if rim else {}
    marker |= {"opacity": opacity} if opacity is not None else {}
    base = {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": marker}
    return base | {"showlegend": "name" in more} | _pointer(hover, more)


def key(name: str, colour: Any = theme.SOFT, size: float = 12, symbol: str = "", rim: float = 0) -> Trace:
    """An entry of the legend without a point."""
    return dots([None], [None], colour, size, symbol, rim=(rim, colour) if rim else None, name=name)


def line(
    x: Any, y: Any, colour: str, width: float = 2.0, *, hover: str | None = None, dash: str = "", **more: Any
) -> Trace:
    """A line through points; in the legend only with a name."""
    look = {"color": colour, "width": width} | ({"dash": dash} if dash else {})
    base = {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": look}
    return base | {"showlegend": "name" in more} | _pointer(hover, more)


def link(name: Any, first: float, last: float, colour: str, width: float) -> Trace:
    """A thick line in a row from one amount to another."""
    return line([first, last], [name, name], colour, width)


def bars(
    names: Any, values: Any, colour: Any, *, corner: int = 3, hover: str | None = None, **more: Any
) -> Trace:
    """Level bars, one a name."""
    marker = {"color": colour, "cornerradius": corner}
    base = {"type": "bar", "orientation": "h", "y": names, "x": values, "marker": marker}
    return base | {"showlegend": False} | _pointer(hover, more)


def columns(
    x: Any, values: Any, colour: Any, *, corner: int = 0, hover: str | None = None, **more: Any
) -> Trace:
    """Upright bars."""
    marker: Layout = {"color": colour} | ({"cornerradius": corner} if corner else {})
    base = {"type": "bar", "x": x, "y": values, "marker": marker, "showlegend": False}
    return base | _pointer(hover, more)


def heat(
    x: Any, y: Any, z: Any, scale: Any, low: float, high: float, *, hover: str, gap: float = 2, **more: Any
) -> Trace:
    """A heat map with ``low`` and ``high`` at the ends of its colours."""
    base = {"type": "heatmap", "x": x, "y": y, "z": z, "colorscale": scale, "zmin": low, "zmax": high}
    return base | {"xgap": gap, "ygap": gap} | _pointer(hover, more)


def colour_bar(thickness: int = 12, **more: Any) -> Layout:
    """The key of a heat map's colours."""
    return {"thickness": thickness, "outlinewidth": 0, "len": 0.8} | more


def band(x: Any, lower: Any, upper: Any, colour: str, **more: Any) -> list[Trace]:
    """An interval around a line; nothing when it is unknown throughout."""
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    if not np.isfinite(low).any() or not np.isfinite(high).any():
        return []
    edge: Layout = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    edge |= {"showlegend": False, "x": x}
    fill = {"fill": "tonexty", "fillcolor": theme.fade(colour, 0.18)}
    return [edge | {"y": fmt(low)} | more, edge | {"y": fmt(high)} | fill | more]


def ribbon(
    frame: pd.DataFrame, colour: str, unit: Unit | None = None, *, width: float, hover: str, **place: Any
) -> list[Trace]:
    """A line over time with its interval, from columns date, value, lower, upper."""
    unit, x = unit or Unit(), frame["date"]
    middle = line(x, fmt(unit(frame["value"])), colour, width, hover=hover, **place)
    return [*band(x, unit(frame["lower"]), unit(frame["upper"]), colour, **place), middle]


def whiskers(values: Any, lower: Any, upper: Any, colour: str = theme.INK) -> Layout:
    """Lines from ``lower`` to ``upper``; hidden where the interval is unknown."""
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


def table(rows: Iterable[Any], columns: Mapping[str, Callable[[Any], str]]) -> Layout:
    """Numbers as text: heading of every column to what it says of a row."""
    return {"columns": list(columns), "rows": [[say(row) for say in columns.values()] for row in rows]}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows as mappings, its channel as text."""
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    return [row | ({"channel": str(row["channel"])} if "channel" in row else {}) for row in rows]


def estimate(column: str, digits: int = 2) -> Callable[[Any], str]:
    """A cell with a number and its interval: ``1.2 (0.8 to 1.6)``."""

    def say(row: Any) -> str:
        low, high = (words.real(row.get(f"{column}_{side}", np.nan)) for side in ("lower", "upper"))
        return f"{words.number(words.real(row[column]), 3)} ({words.span(low, high, digits)})"

    return say


def column(rows: pd.DataFrame, name: str) -> Any:
    """A frame's column as floats; NaN throughout where it is not there."""
    return rows[name].to_numpy(float) if name in rows else np.full(len(rows), np.nan)


def bounds(rows: pd.DataFrame, name: str) -> tuple[Any, Any]:
    """Lower and upper bound of a column."""
    return column(rows, f"{name}_lower"), column(rows, f"{name}_upper")


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


def cut_note(shown: Sequence[Any], every: Sized, noun: str = "channels") -> str:
    """That only the largest are drawn; empty where all are."""
    return f"The {len(shown)} largest of {len(every)} {noun}." if len(every) > len(shown) else ""
