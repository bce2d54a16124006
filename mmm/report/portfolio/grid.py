"""Heat maps of brands by markets: one cell a brand-market, one click its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.portfolio.records import MarketRecord, known, names_of
from mmm.report.tables import MissingTableError

ROWS, COLUMNS = 120, 30
"""Brands and markets in a heat map; the table has all of them."""
TIGHT = 40
"""Rows from which they are too slim for numbers."""
CELL, PHONE = 6, 45
"""Letters of a number in a cell, and letters of names and cells side by side for which a phone has room."""
EMPTY = ([[0, theme.GRID], [1, "#f6dfd8"]], 0.0, 1.0)
"""Colours of brand-markets without a value: grey, and red where they failed."""


@dataclass(frozen=True)
class Layer:
    """One quantity of every brand-market.

    Attributes:
        label: Entry of the selector; one layer alone has none.
        value: What decides the colour; NaN where unknown.
        text: What stands in the cell.
        say: What the pointer says, after the brand-market's name.
    """

    label: str
    value: Callable[[MarketRecord], float]
    text: Callable[[MarketRecord], str]
    say: Callable[[MarketRecord], str]


@dataclass(frozen=True)
class Colours:
    """How values become colours.

    Attributes:
        scale: Plotly's colour scale.
        low: Value of its first colour.
        high: Value of its last colour.
        ticks: Value to label on the colour bar.
    """

    scale: list[list[Any]]
    low: float
    high: float
    ticks: Mapping[float, str]


def heat_map(
    records: Sequence[MarketRecord],
    layers: Sequence[Layer],
    colours: Colours,
    *,
    title: str,
    reading: str,
    picker: str = "",
    notes: Sequence[str] = (),
    table: theme.Layout | None = None,
) -> go.Figure:
    """Brands down, markets across; the other way round where there are far more markets than brands.

    Args:
        records: Brand-markets.
        layers: Quantities; the first is drawn, the others can be chosen.
        colours: Colours of all layers.
        title: Statement in words.
        reading: How to read it.
        picker: What is chosen from, where there are several layers.
        notes: Caveats.
        table: The numbers as text.

    Raises:
        MissingTableError: Nothing is known of any brand-market.
    """
    if not any(known(layer.value(record)) for layer in layers for record in records):
        raise MissingTableError("no model of this refit tells it")
    rows, columns = _axes(records)
    cells = {(_row(record, rows), _column(record, rows)): record for record in records}
    shown = [[cells.get((row, column)) for column in columns.names] for row in rows.names]
    slim = len(rows.names) > TIGHT or len(columns.names) > 14
    level = not slim and _angle([theme.short(name, 12) for name in columns.names]) == 0
    x, y = _labels(columns.names, 14 if level else 12, 1 + level), _labels(rows.names, 20, 1 if slim else 2)
    inner = max(130, len(rows.names) * (17 if slim else 36))
    bar = _bar(colours, inner)
    ends = (colours.scale, colours.low, colours.high)
    look: theme.Layout = {"hover": "%{customdata[1]}", "hoverongaps": False, "texttemplate": "%{text}"}
    filled = marks.heat(x, y, None, *ends, **look, colorbar=bar) | _filled(shown, layers[0], slim)
    without = marks.heat(x, y, None, *EMPTY, **look, showscale=False) | _without(shown, layers[0], slim)
    layout = _frame(x, y, slim)
    if len(layers) > 1:
        layout["updatemenus"] = [_menu(shown, layers, slim, picker)]
    return theme.finish(
        [trace | {"ygap": 1 if slim else 2} for trace in (filled, without)],
        layout,
        title=title,
        reading=reading,
        height=layout["margin"]["t"] + 24 + inner,
        notes=[*notes, *(axis.cut for axis in (rows, columns) if axis.cut)],
        table=table,
        links=True,
    )


def _bar(colours: Colours, height: int) -> theme.Layout:
    """The key of the colours, as high as the map where that is low."""
    size = {"lenmode": "pixels", "len": min(height + 12, 260), "tickfont": {"size": 11, "color": theme.SOFT}}
    return marks.colour_bar(tickvals=list(colours.ticks), ticktext=list(colours.ticks.values())) | size


def _frame(across: Sequence[str], down: Sequence[str], slim: bool) -> theme.Layout:
    """Axes and margins; slim rows have small names.

    Where names and numbers have no room on a phone, ticks are stated: the page then makes the map wider.
    """
    size = {"size": 10.5 if slim else 12, "color": theme.INK}
    angle, lines = _angle(across), max(label.count("<br>") for label in across) + 1
    letters = _longest(down) + (max(_longest(across), CELL) + 1) * len(across)
    named: theme.Layout = {"tickvals": list(across), "ticktext": list(across)} if letters > PHONE else {}
    return {
        "xaxis": axes.matrix(side="top", tickangle=angle, **named),
        "yaxis": axes.matrix(autorange="reversed", tickfont=size),
        "margin": {"t": 20 + 14 * lines if angle == 0 else 74, "b": 16},
    }


def _longest(labels: Sequence[str]) -> int:
    """Letters of the longest line of labels."""
    return max(len(line) for label in labels for line in label.split("<br>"))


@dataclass(frozen=True)
class _Axis:
    what: str
    names: list[str]
    cut: str


def _axes(records: Sequence[MarketRecord]) -> tuple[_Axis, _Axis]:
    """Rows and columns: brands and markets, or the other way round."""
    brands, markets = names_of(records, "brand"), names_of(records, "market")
    turned = len(markets) > max(len(brands), COLUMNS // 2)
    order = ("market", "brand") if turned else ("brand", "market")
    down, across = (markets, brands) if turned else (brands, markets)
    return _axis(records, order[0], down, ROWS), _axis(records, order[1], across, COLUMNS)


def _axis(records: Sequence[MarketRecord], what: str, names: list[str], limit: int) -> _Axis:
    """Names in the order of the portfolio; where there are too many, those most in need of a look."""
    if len(names) <= limit:
        return _Axis(what, names, "")
    need: dict[str, float] = {}
    for record in records:
        own = 2.0 if record.failed else -record.skill if known(record.skill) else 0.0
        name = str(getattr(record, what))
        need[name] = max(need.get(name, -9.0), own)
    kept = set(sorted(names, key=lambda name: -need[name])[:limit])
    said = f"{limit} of {len(names)} {what}s are drawn: those that failed or predict worst. "
    said += "The table has all."
    return _Axis(what, [name for name in names if name in kept], said)


def _row(record: MarketRecord, rows: _Axis) -> str:
    return record.brand if rows.what == "brand" else record.market


def _column(record: MarketRecord, rows: _Axis) -> str:
    return record.market if rows.what == "brand" else record.brand


def _labels(names: Sequence[str], width: int, lines: int) -> list[str]:
    """Names as labels of so many lines, each its own: Plotly takes equal labels for one row."""
    labels: list[str] = []
    for name in names:
        label, again = theme.wrapped(name, width, lines, verbatim=True), 2
        while label in labels:
            label, again = f"{theme.wrapped(name, width - 3, lines, verbatim=True)} {again}", again + 1
        labels.append(label)
    return labels


def _angle(labels: Sequence[str]) -> int:
    return -40 if sum(len(label) + 2 for label in labels) > 90 else 0


Cells = Sequence[Sequence[MarketRecord | None]]


def _filled(shown: Cells, layer: Layer, slim: bool) -> dict[str, Any]:
    """Colour, text and pointer of cells with a value."""

    def value(record: MarketRecord | None) -> float | None:
        found = layer.value(record) if record else float("nan")
        return round(found, 4) if known(found) else None

    def text(record: MarketRecord | None) -> str:
        return layer.text(record) if record and not slim and known(layer.value(record)) else ""

    def pointer(record: MarketRecord | None) -> list[str] | None:
        return _pointer(record, layer) if record and known(layer.value(record)) else None

    return {
        "z": [[value(record) for record in row] for row in shown],
        "text": [[text(record) for record in row] for row in shown],
        "customdata": [[pointer(record) for record in row] for row in shown],
    }


def _without(shown: Cells, layer: Layer, slim: bool) -> dict[str, Any]:
    """Cells of brand-markets without a value: failed ones in red, those without the number in grey."""

    def mark(record: MarketRecord | None) -> float | None:
        if record is None or known(layer.value(record)):
            return None
        return 1.0 if record.failed else 0.0

    def pointer(record: MarketRecord | None) -> list[str] | None:
        return None if record is None or known(layer.value(record)) else _pointer(record, layer)

    marks = [[mark(record) for record in row] for row in shown]
    words_of = {1.0: "failed", 0.0: "\u2013", None: ""}
    return {
        "z": marks,
        "text": [["" if slim else words_of[cell] for cell in row] for row in marks],
        "textfont": {"color": theme.HIGHLIGHT},
        "customdata": [[pointer(record) for record in row] for row in shown],
    }


def _pointer(record: MarketRecord, layer: Layer) -> list[str]:
    """Address to open and what the pointer says."""
    name = theme.short(record.name, 60, verbatim=True)
    said = layer.say(record) if known(layer.value(record)) else "not known"
    if record.failed:
        said = "failed: " + theme.short(" ".join(record.reason.split()), 90, verbatim=True)
    more = "<br>click: its report" if record.link else ""
    return [record.link, f"<b>{name}</b><br>{said}{more}"]


def _menu(shown: Cells, layers: Sequence[Layer], slim: bool, picker: str) -> theme.Layout:
    """A selector of layers."""
    buttons = []
    for layer in layers:
        filled, without = _filled(shown, layer, slim), _without(shown, layer, slim)
        parts = {key: [filled[key], without[key]] for key in ("z", "text", "customdata")}
        label = theme.short(layer.label)
        buttons.append({"label": label, "method": "update", "args": [parts, {}, [0, 1]]})
    return {"buttons": buttons, "name": picker or words.capital("show"), "x": 1, "y": 1}
