"""What media return in every brand-market, altogether and by channel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.portfolio import cells
from mmm.report.portfolio.grid import Colours, Layer, heat_map
from mmm.report.portfolio.outcome import ALL
from mmm.report.portfolio.records import MarketRecord, known, median
from mmm.report.tables import MissingTableError

Records = Sequence[MarketRecord]
DOTS = 200
"""Dots of a channel; more lie on top of one another."""
UNPRICED = "no model of this refit has a channel with spend and says what a KPI unit is worth (kpi_value)"


def roi(records: Records) -> go.Figure:
    """Return of all media, and of each channel by choice."""
    paid = [record for record in records if known(record.media_roi)]
    if not paid:
        raise MissingTableError(UNPRICED)
    channels = cells.channels(records, "roi")
    layers = [_roi_layer("All media"), *(_roi_layer(name, name) for name in channels)]
    best, worst = (pick(paid, key=lambda record: record.media_roi) for pick in (max, min))
    earning = sum(record.media_roi > 1 for record in paid)
    title = f"Media return more than they cost in {earning} of {words.count(len(paid), 'brand-market')}"
    if len(paid) > 1:
        title += f": from {words.number(worst.media_roi)} in {worst.name} to "
        title += f"{words.number(best.media_roi)} in {best.name}"
    columns = {words.subject(c): partial(cells.cell, kind="roi", channel=c) for c in channels}
    return heat_map(
        records,
        layers,
        Colours(theme.DIVERGING, -2, 2, {math.log2(value): f"{value:g}" for value in (0.25, 0.5, 1, 2, 4)}),
        title=title,
        picker="Channel",
        reading="Value of what media brought per unit of currency spent, by the models' account. White is "
        "break-even, blue returns more than it costs. Choose a channel to see it alone.",
        notes=[cells.ESTIMATES],
        table=cells.table(records, {"All media": partial(cells.cell, kind="roi"), **columns}),
    )


def _roi_layer(label: str, channel: str = ALL) -> Layer:
    def value(record: MarketRecord) -> float:
        return record.between("roi", channel).mean

    def colour(record: MarketRecord) -> float:
        found = value(record)
        return min(2.0, max(-2.0, math.log2(max(found, 1e-6)))) if known(found) else found

    def told(record: MarketRecord) -> str:
        spent = f"back for each {record.outcome.unit_of_money} spent"
        return f"{words.label(label)}: {cells.cell(record, 'roi', channel)} {spent}"

    return Layer(label, colour, lambda record: words.number(value(record)), told)


def roi_by_channel(records: Records) -> go.Figure:
    """Every channel's return in every brand-market, as dots on one line a channel."""
    every = {name: [r for r in records if name in r.roi] for name in cells.channels(records, "roi")}
    found = {name: own for name, own in every.items() if own}
    if not found:
        raise MissingTableError(UNPRICED)
    middle = {name: median(record.roi[name] for record in own) for name, own in found.items()}
    order = sorted(found, key=lambda name: -middle[name])
    values = [record.roi[name] for name in order for record in found[name]]
    floor = max(min((v for v in values if v > 0), default=0.1), 0.02)
    layout = {
        "xaxis": axes.log("Return per unit of currency spent (log scale)", [*values, 1.0, floor]),
        "yaxis": axes.names(order),
    }
    palette = theme.channel_colours(cells.channels(records, "shares"))
    medians = [max(middle[name], floor) for name in order]
    rim = (3, theme.INK)
    return theme.finish(
        [
            *(_returns(_spread(found[name], name), name, palette[name], floor) for name in order),
            marks.dots(medians, order, None, 20, "line-ns", rim=rim, name="median"),
        ],
        layout | axes.break_even(0),
        title=_title(order, middle),
        height=94 + 36 * len(order) + 60,
        legend=True,
        links=True,
        reading="One dot a brand-market. Dots of a channel that lie far apart: what holds in one market "
        "need not hold in the next, or the models are not sure.",
        notes=[
            cells.ESTIMATES,
            f"Returns under {words.number(floor)} are drawn there." if min(values) < floor else "",
            f"{DOTS} brand-markets a channel are drawn, from the lowest return to the highest; the table of "
            "returns has all."
            if max(map(len, found.values())) > DOTS
            else "",
        ],
    )


def _title(order: Sequence[str], middle: Mapping[str, float]) -> str:
    title = f"{words.subject(order[0])} returns most in the median brand-market: "
    title += words.number(middle[order[0]])
    last = f"; {words.label(order[-1])} least: {words.number(middle[order[-1]])}"
    return title + (last if len(order) > 1 else "")


def _spread(own: Sequence[MarketRecord], channel: str) -> Sequence[MarketRecord]:
    """As many brand-markets as are drawn, evenly from the lowest return to the highest."""
    if len(own) <= DOTS:
        return own
    ranked = sorted(own, key=lambda record: record.roi[channel])
    return [ranked[round(at * (len(ranked) - 1) / (DOTS - 1))] for at in range(DOTS)]


def _returns(own: Records, channel: str, colour: str, floor: float) -> theme.Trace:
    """One channel's return in every brand-market that has it."""
    return marks.dots(
        theme.fmt([max(record.roi[channel], floor) for record in own]),
        [channel] * len(own),
        theme.fade(colour, 0.6),
        11 if len(own) < 40 else 8,
        rim=(1, "#ffffff"),
        hover="%{customdata[1]}",
        customdata=[[record.link, _dot_words(record, channel)] for record in own],
    )


def _dot_words(record: MarketRecord, channel: str) -> str:
    name = theme.short(record.name, 60, verbatim=True)
    more = "<br>click: its report" if record.link else ""
    return f"<b>{name}</b><br>{theme.short(channel)}: {cells.cell(record, 'roi', channel)}{more}"
