"""The views of a portfolio: skill, findings, return, share of media, and what moved since the last refit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.portfolio.grid import Colours, Layer, heat_map
from mmm.report.portfolio.records import MarketRecord, known, median
from mmm.report.tables import MissingTableError

Records = Sequence[MarketRecord]
MOVED = 0.1
"""Part of media's effect that went elsewhere from which a change is worth a look."""
KINDS = 8
"""Kinds of findings in the bar chart."""


def skill(records: Records) -> go.Figure:
    """Squared error saved against the best forecast without a model."""
    scored = [record for record in records if known(record.skill)]
    if not scored:
        raise MissingTableError("no model of this refit was scored on weeks that it had not seen")
    better = [record for record in scored if record.skill > 0]
    worst = min(scored, key=lambda record: record.skill)
    title = f"{len(better)} of {words.count(len(scored), 'model')} "
    title += "beat" if len(better) != 1 else "beats"
    title += " the best guess without a model"
    if len(scored) > 1:
        title += f"; {worst.name} is weakest ({words.percent(worst.skill)})"
    layer = Layer(
        "Skill", lambda record: max(-1.0, record.skill) if known(record.skill) else record.skill,
        lambda record: words.percent(record.skill), _skill_words,
    )  # fmt: skip
    ticks = {-1.0: "\u2212100 %", -0.5: "\u221250 %", 0.0: "0 %", 0.5: "50 %", 1.0: "100 %"}
    return heat_map(
        records, [layer], Colours(theme.DIVERGING, -1, 1, ticks), title=title,
        reading="Squared error saved against the best naive forecast, in weeks that model had not seen. "
                "Blue: the model is better; brown: a guess anyone could make is.",
        notes=["Below \u2212100 % the colour stays the same."] if worst.skill < -1 else [],
        table=_table(records, {"Skill": lambda r: _percent(r.skill), "Mean error": lambda r: _percent(r.wape),
                               "Skill before": lambda r: _percent(r.skill - r.skill_change)}),
    )  # fmt: skip


def _skill_words(record: MarketRecord) -> str:
    better = "less" if record.skill >= 0 else "more"
    text = f"{words.percent(abs(record.skill))} {better} squared error than the best guess"
    if known(record.wape):
        text += f"<br>off by {words.percent(record.wape)} of the KPI"
    if known(record.skill_change):
        text += f"<br>skill was {words.percent(record.skill - record.skill_change)} at the last refit"
    return text


def findings(records: Records) -> go.Figure:
    """Number of findings to act on."""
    fitted = [record for record in records if not record.failed]
    total = sum(record.grave for record in fitted)
    touched = sum(record.grave > 0 for record in fitted)
    if total:
        most = max(fitted, key=lambda record: record.grave)
        title = f"{touched} of {words.count(len(fitted), 'model')} {'has' if touched == 1 else 'have'} "
        title += f"findings to act on, {total} in all"
        title += f"; most in {most.name} ({most.grave})" if touched > 1 else ""
    else:
        title = "No model has a finding to act on"
    top = float(max((record.grave for record in fitted), default=0)) or 1.0
    layer = Layer(
        "Findings", lambda record: math.nan if record.failed else float(record.grave),
        lambda record: str(record.grave), _finding_words,
    )  # fmt: skip
    step = max(1, round(top / 4))
    ticks = {float(at): str(at) for at in range(0, int(top) + 1, step)}
    return heat_map(
        records, [layer], Colours(theme.SEQUENTIAL, 0, top, ticks), title=title,
        reading="Warnings and errors of the checks. Darker: more to look at before this model is used.",
        table=_table(records, {"To act on": lambda r: str(r.grave), "All": lambda r: str(len(r.remarks))}),
    )  # fmt: skip


def _finding_words(record: MarketRecord) -> str:
    if not record.remarks:
        return "no findings"
    kinds = Counter(remark.code.replace("_", " ") for remark in record.remarks if remark.grave)
    text = f"{words.count(record.grave, 'finding')} to act on, {len(record.remarks)} in all"
    lines = [f"{number} \u00d7 {theme.short(code, 40)}" for code, number in kinds.most_common(6)]
    return "<br>".join([text, *lines])


def finding_kinds(records: Records) -> go.Figure:
    """In how many models each kind of finding to act on occurs."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update({remark.code for remark in record.remarks if remark.grave})
    if not counts:
        raise MissingTableError("no model has a finding to act on")
    fitted = sum(not record.failed for record in records)
    shown = counts.most_common(KINDS)
    names = [words.subject(code) for code, _ in shown]
    traces = [{
        "type": "bar", "orientation": "h", "y": names, "x": [number for _, number in shown],
        "marker": {"color": theme.ACCENT, "cornerradius": 3}, "showlegend": False,
        "text": [str(number) for _, number in shown], "textposition": "outside", "cliponaxis": False,
        "hovertemplate": "%{y}: %{x} models<extra></extra>",
    }]  # fmt: skip
    layout = {
        "xaxis": theme.axis("Models with this finding", range=[0, 1.08 * shown[0][1]], nticks=6,
                            dtick=1 if shown[0][1] < 6 else None),
        "yaxis": theme.category_axis(names, width=34),
        "margin": {"b": 48},
    }  # fmt: skip
    return theme.finish(
        traces, layout, height=90 + 34 * len(names),
        title=f"The finding most models share is \u201c{words.label(shown[0][0])}\u201d: {shown[0][1]} of "
              f"{fitted}",
        reading="What many models share is best mended once, in the data or in the portfolio's settings.",
        notes=[f"The {KINDS} most frequent of {len(counts)} kinds." if len(counts) > KINDS else ""],
    )  # fmt: skip


def roi(records: Records) -> go.Figure:
    """Return of all media, and of each channel by choice."""
    paid = [record for record in records if known(record.media_roi)]
    if not paid:
        raise MissingTableError("no model of this refit has a channel with spend")
    channels = _channels(records, "roi")
    layers = [_roi_layer("All media", lambda record: record.media_roi)]
    layers += [_roi_layer(name, partial(_of_channel, kind="roi", channel=name)) for name in channels]
    best, worst = (pick(paid, key=lambda record: record.media_roi) for pick in (max, min))
    earning = sum(record.media_roi > 1 for record in paid)
    title = f"Media return more than they cost in {earning} of {words.count(len(paid), 'brand-market')}"
    if len(paid) > 1:
        title += f": from {words.number(worst.media_roi)} in {worst.name} to "
        title += f"{words.number(best.media_roi)} in {best.name}"
    ticks = {math.log2(value): f"{value:g}" for value in (0.25, 0.5, 1, 2, 4)}
    return heat_map(
        records, layers, Colours(theme.DIVERGING, -2, 2, ticks), title=title, picker="Channel",
        reading="Value of what media brought per unit of currency spent, by the models' account. White is "
                "break-even, blue returns more than it costs. Choose a channel to see it alone.",
        notes=["Estimates without their intervals: those are in each report."],
        table=_table(records, {"All media": lambda r: _plain(r.media_roi),
                               **{words.subject(c): partial(_cell, kind="roi", channel=c)
                                  for c in channels}}),
    )  # fmt: skip


def _roi_layer(label: str, value: Callable[[MarketRecord], float]) -> Layer:
    def colour(record: MarketRecord) -> float:
        found = value(record)
        return min(2.0, max(-2.0, math.log2(max(found, 1e-6)))) if known(found) else found

    return Layer(
        label, colour, lambda record: words.number(value(record)),
        lambda record: f"{words.label(label)}: {words.number(value(record))} back for each 1 spent",
    )  # fmt: skip


def roi_by_channel(records: Records) -> go.Figure:
    """Every channel's return in every brand-market, as dots on one line a channel."""
    channels = _channels(records, "roi")
    found = {name: [record for record in records if name in record.roi] for name in channels}
    found = {name: own for name, own in found.items() if own}
    if not found:
        raise MissingTableError("no model of this refit has a channel with spend")
    middle = {name: median(record.roi[name] for record in own) for name, own in found.items()}
    order = sorted(found, key=lambda name: -middle[name])
    palette = theme.channel_colours(_channels(records, "shares"))
    values = [record.roi[name] for name in order for record in found[name]]
    floor = max(min((v for v in values if v > 0), default=0.1), 0.02)
    traces: list[theme.Trace] = []
    for name in order:
        own = found[name]
        traces.append({
            "type": "scatter", "mode": "markers", "y": [name] * len(own), "showlegend": False,
            "x": theme.fmt([max(record.roi[name], floor) for record in own]),
            "marker": {"size": 11 if len(own) < 40 else 8, "color": theme.fade(palette[name], 0.6),
                       "line": {"width": 1, "color": "#ffffff"}},
            "customdata": [[record.link, _dot_words(record, name)] for record in own],
            "hovertemplate": "%{customdata[1]}<extra></extra>",
        })  # fmt: skip
    traces.append({
        "type": "scatter", "mode": "markers", "y": order, "x": [max(middle[name], floor) for name in order],
        "name": "median", "showlegend": True, "hoverinfo": "skip",
        "marker": {"symbol": "line-ns", "size": 20, "line": {"width": 3, "color": theme.INK}},
    })  # fmt: skip
    layout = {
        "xaxis": theme.log_axis("Return per unit of currency spent (log scale)", [*values, 1.0, floor]),
        "yaxis": theme.category_axis(order),
        "shapes": [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper",
                    "line": {"color": theme.HIGHLIGHT, "width": 1.2, "dash": "dot"}}],
        "annotations": [theme.note("break-even", x=0, y=1, yref="paper", yanchor="bottom", yshift=2,
                                   font={"size": 11, "color": theme.HIGHLIGHT})],
    }  # fmt: skip
    title = (
        f"{words.subject(order[0])} returns most in the median brand-market: {words.number(middle[order[0]])}"
    )
    if len(order) > 1:
        title += f"; {words.label(order[-1])} least: {words.number(middle[order[-1]])}"
    return theme.finish(
        traces, layout, title=title, height=94 + 36 * len(order) + 60, legend=True, links=True,
        reading="One dot a brand-market. Dots of a channel that lie far apart: what holds in one market "
                "need not hold in the next, or the models are not sure.",
        notes=["Estimates without their intervals: those are in each report.",
               f"Returns under {words.number(floor)} are drawn there." if min(values) < floor else ""],
    )  # fmt: skip


def _dot_words(record: MarketRecord, channel: str) -> str:
    name = theme.short(record.name, 60, verbatim=True)
    more = "<br>click: its report" if record.link else ""
    return f"<b>{name}</b><br>{theme.short(channel)}: {words.number(record.roi[channel])}{more}"


def media_share(records: Records) -> go.Figure:
    """Share of the KPI that media bring, and each channel by choice."""
    told = [record for record in records if known(record.media_share)]
    if not told:
        raise MissingTableError("no model of this refit tells its shares")
    channels = _channels(records, "shares")
    layers = [_share_layer("All media", lambda record: record.media_share)]
    layers += [_share_layer(name, partial(_of_channel, kind="shares", channel=name)) for name in channels]
    high, low = (pick(told, key=lambda record: record.media_share) for pick in (max, min))
    if len(told) == 1:
        title = f"Media bring {words.percent(high.media_share)} of the KPI of {high.name}"
    else:
        title = f"Media bring {words.percent(low.media_share)} of the KPI in {low.name} and "
        title += f"{words.percent(high.media_share)} in {high.name}"
    top = max(0.1, math.ceil(10 * high.media_share) / 10)
    ticks = {top * part: words.percent(top * part) for part in (0, 0.25, 0.5, 0.75, 1)}
    return heat_map(
        records, layers, Colours(theme.SEQUENTIAL, 0, top, ticks), title=title, picker="Channel",
        reading="Direct effect as a share of the KPI in the training window, by the models' account. Choose "
                "a channel to see it alone.",
        notes=["Estimates without their intervals: those are in each report."],
        table=_table(records, {"All media": lambda r: _percent(r.media_share),
                               **{words.subject(c): partial(_cell, kind="shares", channel=c)
                                  for c in channels}}),
    )  # fmt: skip


def _share_layer(label: str, value: Callable[[MarketRecord], float]) -> Layer:
    return Layer(
        label, value, lambda record: words.percent(value(record)),
        lambda record: f"{words.label(label)}: {words.percent(value(record))} of the KPI",
    )  # fmt: skip


def share_change(records: Records) -> go.Figure:
    """Part of media's effect that went to other channels since the last refit."""
    again = [record for record in records if known(record.share_shift)]
    if not again:
        raise MissingTableError("no brand-market was fitted before, so nothing can have changed")
    moved = sum(record.share_shift > MOVED for record in again)
    most = max(again, key=lambda record: record.share_shift)
    limit = words.percent(MOVED)
    if moved:
        title = (
            f"In {moved} of {words.count(len(again), 'brand-market')} more than {limit} of media's effect "
        )
        title += f"went to other channels; most in {most.name} ({words.percent(most.share_shift)})"
    else:
        title = f"No brand-market gives more than {limit} of media's effect to other channels than before"
    top = max(2 * MOVED, most.share_shift)
    ticks = {top * part: words.percent(top * part) for part in (0, 0.5, 1)}
    layer = Layer(
        "Change", lambda record: record.share_shift, lambda record: words.percent(record.share_shift),
        lambda record: f"{words.percent(record.share_shift)} of media's effect went to other channels"
                       + (f"<br>changed: {record.change}" if record.change else ""),
    )  # fmt: skip
    return heat_map(
        records, [layer], Colours(theme.SEQUENTIAL, 0, top, ticks), title=title,
        reading="Since the last refit. A large move without a reason in the market is a reason to doubt one "
                "of the two models.",
        table=_table(records, {"Share change": lambda r: _percent(r.share_shift),
                               "Skill change": lambda r: _percent(r.skill_change),
                               "Changed": lambda r: r.change or "nothing"}),
    )  # fmt: skip


def _channels(records: Records, kind: str) -> list[str]:
    return sorted({name for record in records for name in getattr(record, kind)})


def _of_channel(record: MarketRecord, kind: str, channel: str) -> float:
    return float(getattr(record, kind).get(channel, math.nan))


def _cell(record: MarketRecord, kind: str, channel: str) -> str:
    found = _of_channel(record, kind, channel)
    return _plain(found) if kind == "roi" else _percent(found)


def _percent(value: float) -> str:
    return words.percent(value) if known(value) else "\u2013"


def _plain(value: float) -> str:
    return words.number(value) if known(value) else "\u2013"


def _table(records: Records, columns: dict[str, Callable[[MarketRecord], str]]) -> theme.Layout:
    def row(record: MarketRecord) -> list[str]:
        told = ["failed" if record.failed else say(record) for say in columns.values()]
        return [record.brand, record.market, *told]

    return {"columns": ["Brand", "Market", *columns], "rows": [row(record) for record in records]}
