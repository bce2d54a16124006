"""The page of a stability loop: one number, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.analysis.stability import NOISE, Stability
from mmm.report import axes, marks, sections, shell, theme
from mmm.report.marks import Unit
from mmm.report.sections import Entry
from mmm.report.shell import Tile


@dataclass(frozen=True)
class Loop:
    """What the page is of.

    Attributes:
        name: Brand and market for people.
        kpi: What media move.
        table: ``stability.parquet``.
        found: The numbers.
    """

    name: str
    kpi: str
    table: pd.DataFrame
    found: Stability


def effects(loop: Loop) -> go.Figure:
    """Effect of every channel with its interval, week by week."""
    table = loop.table
    colours = theme.channel_colours(table["channel"].unique())
    traces = []
    unit = Unit.of(table[["direct", "upper"]])
    for channel, own in table.groupby("channel", sort=False):
        colour = colours[str(channel)]
        traces += marks.band(own["until"], unit(own["lower"]), unit(own["upper"]), colour)
        name = theme.short(str(channel), 40)
        traces.append(marks.line(own["until"], unit(own["direct"]), colour, name=name, hover=unit.hover()))
    weeks = table["until"].nunique()
    steady = table.groupby("channel")["overlap"].mean().sort_values()
    return theme.finish(
        traces,
        {
            "xaxis": axes.time(table["until"]),
            "yaxis": axes.linear(f"{words.subject(loop.kpi)} that the channel brings", suffix=unit.suffix),
        },
        title=f"{words.subject(str(steady.index[0]))} holds still least: its intervals have "
        f"{words.percent(float(steady.iloc[0]))} in common from week to week",
        reading=f"The model of each of {weeks} weeks, fitted on the data until then: effect over its "
        "training window and 90 % interval. Lines should be flat against the width of their bands.",
        height=360,
        legend=True,
        table=marks.table(
            marks.records(table),
            {
                "Data until": lambda row: words.day(row["until"]),
                "Channel": lambda row: str(row["channel"]),
                "Effect": marks.estimate("direct"),
                "Share of the KPI": lambda row: words.percent(row["share"]),
                "In common with the week before": lambda row: (
                    words.percent(row["overlap"]) if words.known(row["overlap"]) else "\u2013"
                ),
            },
        ),
    )


SECTIONS: dict[str, tuple[Entry[Loop], ...]] = {
    "Does the story hold still?": (Entry("effects", "Effects week by week", effects),)
}
"""Section heading and its view."""


def stability_page(loop: Loop) -> str:
    """The page as one self-contained HTML document."""
    drawn, missing = sections.drawn(SECTIONS, loop)
    found = loop.found
    tiles = [
        Tile(words.percent(found.overlap), "of consecutive 90 % intervals in common"),
        Tile(words.percent(found.share_shift), "of media's effect went elsewhere in a week, at most"),
        Tile(words.percent(found.noise_shift), f"went elsewhere with {words.percent(NOISE)} noise on media"),
        Tile(words.percent(found.shuffled), "credited to shuffled copies of all channels"),
    ]
    title = f"How steady is the model? {loop.name}"
    before = shell.cover(title, [found.verdict]) + shell.tiles(tiles)
    return shell.document(title, drawn, before, shell.left_out(missing, "view left out"))
