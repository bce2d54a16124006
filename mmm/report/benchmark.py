"""The page of a benchmark: its figures as charts and tables, from plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.output import write_text
from mmm.report import axes, marks, sections, shell, theme
from mmm.report.paging import escape
from mmm.report.sections import Entry
from mmm.report.shell import Tile
from mmm.report.tables import MissingTableError

OURS = "ray-mmm"
PEER = "deepcausalmmm"
ROW_HEIGHT = 34


@dataclass(frozen=True)
class Section:
    """A table of text under a heading."""

    title: str
    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_page(path: Path, tables: Sequence[Section], about: str, legend: str, rows: pd.DataFrame) -> None:
    """Write the page as one HTML file that loads nothing.

    Args:
        path: Where to; replaced if there.
        tables: Tables in order.
        about: Machine, commit, versions and time, for the cover.
        legend: What marks in the tables mean; empty without marks.
        rows: Columns suite, case, method, metric, value, status: the figures behind the charts.
    """
    write_text(path, render_benchmark(tables, about, legend, rows), force=True)


def render_benchmark(tables: Sequence[Section], about: str, legend: str, rows: pd.DataFrame) -> str:
    """The page as text; see :func:`write_page`."""
    drawn, _ = sections.drawn(SECTIONS, rows)
    cards = "".join(_card(place, section) for place, section in enumerate(tables))
    marks = f"<p class='reading'>{escape(legend)}</p>" if legend else ""
    links = {f"table-{place}": section.title for place, section in enumerate(tables)}
    return shell.document(
        "Benchmark",
        drawn,
        shell.cover("Benchmark", [about]) + shell.tiles(_tiles(rows)),
        cards + marks + "<footer><p>Every row: benchmark.parquet beside this page.</p></footer>",
        links=links,
    )


def _card(place: int, section: Section) -> str:
    table = shell.table({"columns": section.header, "rows": section.rows}, "Table")
    text = f"<p class='reading'>{escape(section.text)}</p>" if section.text else ""
    opened = table.replace("<details>", "<details open>", 1)
    return f"<div class='card' id='table-{place}'><h3>{escape(section.title)}</h3>{text}{opened}</div>"


def _tiles(rows: pd.DataFrame) -> list[Tile]:
    """What is asked first: error, lift, speed, forecast."""
    asked = (
        ("truth", "attribution error", "attribution error on known worlds, of all that media bring", True),
        ("truth", "lift earned", "of the best plan's true lift earned", True),
        ("speed", "times faster than deepcausalmmm", "times faster than deepcausalmmm per fit", False),
    )
    tiles = []
    for suite, metric, text, share in asked:
        found = rows[(rows["suite"] == suite) & (rows["metric"] == metric) & (rows["method"] == OURS)][
            "value"
        ]
        if len(found):
            middle = float(found.median())
            tiles.append(Tile(words.percent(middle) if share else words.number(middle), text))
    return tiles


def _figures(rows: pd.DataFrame, suite: str, metric: str, case: str | None = None) -> pd.DataFrame:
    """Rows of one metric that have a value.

    Raises:
        MissingTableError: There is none.
    """
    found = rows[(rows["suite"] == suite) & (rows["metric"] == metric) & rows["value"].notna()]
    found = found if case is None else found[found["case"] == case]
    if found.empty:
        raise MissingTableError(f"this run has no {metric}")
    return found


def _dots(found: pd.DataFrame, axis: theme.Layout, *, title: str, reading: str) -> go.Figure:
    """One dot for each case, a bar at the median, a line for each method, the best on top."""
    middle = found.groupby("method")["value"].median()
    ascending = axis.pop("low_is_good", True)
    names = list(middle.sort_values(ascending=ascending).index)
    colours = [theme.ACCENT if name.startswith(OURS) else theme.SOFT for name in found["method"]]
    text = [
        c if status == "measured" else f"{c}, {status}"
        for c, status in zip(found["case"], found["status"], strict=True)
    ]
    dots = marks.dots(
        theme.fmt(found["value"]),
        list(found["method"]),
        [theme.fade(colour, 0.55) for colour in colours],
        9,
        hover="%{y}<br>%{text}: %{x:.3g}",
        text=text,
    )
    own = [theme.ACCENT if name.startswith(OURS) else theme.INK for name in names]
    hover = "%{y}<br>median: %{x:.3g}"
    bars = marks.dots(theme.fmt(middle[names]), names, own, 20, "line-ns-open", hover=hover)
    bars["marker"] |= {"line": {"width": 3}}
    layout = {"xaxis": axis, "yaxis": axes.names(names, verbatim=True), "margin": {"l": 150}}
    table = marks.table(names, {"": str, "median": lambda name: words.number(middle[name], 3)})
    height = 90 + ROW_HEIGHT * len(names)
    return theme.finish([dots, bars], layout, title=title, reading=reading, height=height, table=table)


def _best_first(found: pd.DataFrame, low: bool) -> tuple[str, float]:
    middle = found.groupby("method")["value"].median().sort_values(ascending=low)
    return str(middle.index[0]), float(middle.iloc[0])


def attribution(rows: pd.DataFrame) -> go.Figure:
    """Attribution error by method and world."""
    found = _figures(rows, "truth", "attribution error")
    middle = found.groupby("method")["value"].median()
    shown = [name for name in (OURS, PEER) if name in middle.index] or list(middle.index[:1])
    said = [f"{name} {words.percent(float(middle[name]))}" for name in shown]
    return _dots(
        found,
        axes.log("Attribution error", found["value"]),
        title=f"Of what media bring {words.listing(said)} goes to the wrong channels",
        reading="A dot is a world, a bar the median; left is better. Controls were handed the true total.",
    )


def lift(rows: pd.DataFrame) -> go.Figure:
    """Share of the best lift by method and world."""
    found = _figures(rows, "truth", "lift earned")
    name, value = _best_first(found, low=False)
    return _dots(
        found,
        axes.linear("Share of the best plan's true lift", tickformat=".0%") | {"low_is_good": False},
        title=f"Plans by {name} earn {words.percent(value)} of what the best plan would",
        reading="The same money split anew, each channel within 50 % of before; below 0 a plan does harm.",
    )


def forecast(rows: pd.DataFrame) -> go.Figure:
    """Holdout R² on the real panel."""
    found = _figures(rows, "real", "R²", "last 13 weeks")
    shown = found[found["value"] > 0]
    name, value = _best_first(found, low=False)
    return _dots(
        shown,
        axes.linear("Pooled R² on 13 weeks held out") | {"low_is_good": False},
        title=f"{name} forecasts the real panel best: R² {value:.4f}",
        reading="Most of it lies between regions, so rules of thumb stand beside. Below 0 is left out.",
    )


def seconds(rows: pd.DataFrame) -> go.Figure:
    """Seconds of one fit."""
    found = _figures(rows, "speed", "seconds per fit")
    name, value = _best_first(found, low=True)
    return _dots(
        found,
        axes.log("Seconds per fit, one thread", found["value"]),
        title=f"One fit takes {name} {words.number(value, 3)} seconds",
        reading="The same panel, one fit alone on the machine. Logarithmic axis.",
    )


def growth(rows: pd.DataFrame) -> go.Figure:
    """Seconds against size, one line an axis."""
    found = _figures(rows, "speed", "seconds at this size")
    parts = found["case"].str.partition(" ")
    found = found.assign(size=parts[0].astype(float), axis=parts[2])
    hover: theme.Layout = {"hover": "%{text}: %{y:.3g} s", "mode": "lines+markers"}
    traces = [
        marks.line(
            theme.fmt(line["size"] / line["size"].min()),
            theme.fmt(line["value"]),
            theme.PALETTE[place],
            2,
            name=str(axis),
            text=list(line["case"]),
            **hover,
        )
        for place, (axis, line) in enumerate(found.groupby("axis", sort=False))
    ]
    times = found["size"] / found.groupby("axis")["size"].transform("min")
    layout = {
        "xaxis": axes.log("Times the smallest size", times),
        "yaxis": axes.log("Seconds of a fit", found["value"]),
    }
    exponents = _figures(rows, "speed", "growth exponent")
    worst = exponents.sort_values("value").iloc[-1]
    return theme.finish(
        traces,
        layout,
        title=f"Cost grows fastest with {worst['case']}: as size to the power {worst['value']:.2f}",
        reading="Both axes are logarithmic: a straight line of slope 1 is linear growth.",
        height=380,
        legend=True,
    )


SECTIONS: dict[str, tuple[Entry[pd.DataFrame], ...]] = {
    "Is it right?": (Entry("attribution", "Attribution", attribution), Entry("lift", "Plans", lift)),
    "Does it forecast?": (Entry("forecast", "Forecast", forecast),),
    "Is it fast?": (Entry("seconds", "Seconds", seconds), Entry("growth", "Growth", growth)),
}
"""Headings of the page and the charts under them."""
