"""The views of a portfolio: skill, findings, return, share of media, and what moved since the last refit."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.portfolio import cells
from mmm.report.portfolio.grid import Colours, Layer, heat_map
from mmm.report.portfolio.outcome import ALL
from mmm.report.portfolio.records import MarketRecord, known
from mmm.report.remarks import PLAIN
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
    verb = "beat" if len(better) != 1 else "beats"
    title = f"{len(better)} of {words.count(len(scored), 'model')} {verb} the best guess without a model"
    if len(scored) > 1:
        title += f"; {worst.name} is weakest ({words.percent(worst.skill)})"
    layer = Layer(
        "Skill",
        lambda r: max(-1.0, r.skill) if known(r.skill) else r.skill,
        lambda r: words.percent(r.skill),
        _skill_words,
    )
    ticks = {-1.0: "\u2212100 %", -0.5: "\u221250 %", 0.0: "0 %", 0.5: "50 %", 1.0: "100 %"}
    return heat_map(
        records,
        [layer],
        Colours(theme.DIVERGING, -1, 1, ticks),
        title=title,
        reading="Squared error saved against the best naive forecast, in weeks that model had not seen. "
        "Blue: the model is better; brown: a guess anyone could make is.",
        notes=["Below \u2212100 % the colour stays the same."] if worst.skill < -1 else [],
        table=cells.table(
            records,
            {
                "Skill": lambda r: cells.percent(r.skill),
                "Mean error": lambda r: cells.percent(r.wape),
                "Skill before": lambda r: cells.percent(r.skill - r.skill_change),
            },
        ),
    )


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
    graves = Layer(
        "Findings",
        lambda record: math.nan if record.failed else float(record.grave),
        lambda record: str(record.grave),
        _finding_words,
    )
    ticks = {float(at): str(at) for at in range(0, int(top) + 1, max(1, round(top / 4)))}
    columns = {"To act on": lambda r: str(r.grave), "All": lambda r: str(len(r.remarks))}
    return heat_map(
        records,
        [graves],
        Colours(theme.SEQUENTIAL, 0, top, ticks),
        title=title,
        reading="Warnings and errors of the checks. Darker: more to look at before this model is used.",
        table=cells.table(records, columns),
    )


def _finding_words(record: MarketRecord) -> str:
    if not record.remarks:
        return "no findings"
    kinds = Counter(remark.code.replace("_", " ") for remark in record.remarks if remark.grave)
    text = f"{words.count(record.grave, 'finding')} to act on, {len(record.remarks)} in all"
    lines = [f"{number} \u00d7 {theme.short(code, 40)}" for code, number in kinds.most_common(6)]
    return "<br>".join([text, *lines])


def _in_general(code: str) -> str:
    """The first statement of a finding in plain words, of no channel in particular; its code without any."""
    said = PLAIN.get(code, words.subject(code)).replace("{of}", "some channels")
    return words.capital(re.split(r"[:.,] ?", said, maxsplit=1)[0])


def finding_kinds(records: Records) -> go.Figure:
    """In how many models each kind of finding to act on occurs."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(sorted({remark.code for remark in record.remarks if remark.grave}))
    if not counts:
        raise MissingTableError("no model has a finding to act on")
    fitted = sum(not record.failed for record in records)
    shown = counts.most_common(KINDS)
    names = [_in_general(code) for code, _ in shown]
    amounts = [number for _, number in shown]
    outside: theme.Layout = {
        "text": [str(n) for n in amounts],
        "textposition": "outside",
        "cliponaxis": False,
    }
    bars = marks.bars(names, amounts, theme.ACCENT, hover="%{y}: %{x} models", **outside)
    most, step = 1.08 * amounts[0], 1 if amounts[0] < 6 else None
    layout = {
        "xaxis": axes.linear("Models with this finding", range=[0, most], nticks=6, dtick=step),
        "yaxis": axes.names(names),
        "margin": {"b": 48},
    }
    first = f"The finding most models share: {names[0][:1].lower()}{names[0][1:]}"
    return theme.finish(
        [bars],
        layout,
        height=90 + 34 * len(names),
        title=f"{first} ({amounts[0]} of {fitted})",
        reading="What many models share is best mended once, in the data or in the portfolio's settings.",
        notes=[f"The {KINDS} most frequent of {len(counts)} kinds." if len(counts) > KINDS else ""],
    )


def media_share(records: Records) -> go.Figure:
    """Share of the KPI that media bring, and each channel by choice."""
    told = [record for record in records if known(record.media_share)]
    if not told:
        raise MissingTableError("no model of this refit tells its shares")
    channels = cells.channels(records, "shares")
    layers = [_share_layer("All media"), *(_share_layer(name, name) for name in channels)]
    high, low = (pick(told, key=lambda record: record.media_share) for pick in (max, min))
    if len(told) == 1:
        title = f"Media bring {words.percent(high.media_share)} of the KPI of {high.name}"
    else:
        title = f"Media bring {words.percent(low.media_share)} of the KPI in {low.name} and "
        title += f"{words.percent(high.media_share)} in {high.name}"
    top = max(0.1, math.ceil(10 * high.media_share) / 10)
    columns = {words.subject(c): partial(cells.cell, kind="shares", channel=c) for c in channels}
    return heat_map(
        records,
        layers,
        _up_to(top, 4),
        title=title,
        picker="Channel",
        reading="Direct effect as a share of the KPI in the training window, by the models' account. Choose "
        "a channel to see it alone.",
        notes=[cells.ESTIMATES],
        table=cells.table(records, {"All media": partial(cells.cell, kind="shares"), **columns}),
    )


def _up_to(top: float, steps: int) -> Colours:
    """Colours of shares between nothing and ``top``."""
    ticks = {top * at / steps: words.percent(top * at / steps) for at in range(steps + 1)}
    return Colours(theme.SEQUENTIAL, 0, top, ticks)


def _share_layer(label: str, channel: str = ALL) -> Layer:
    def value(record: MarketRecord) -> float:
        return record.between("shares", channel).mean

    return Layer(
        label,
        value,
        lambda record: words.percent(value(record)),
        lambda record: f"{words.label(label)}: {cells.cell(record, 'shares', channel)} of the KPI",
    )


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
    layer = Layer("Change", lambda r: r.share_shift, lambda r: words.percent(r.share_shift), _change_words)
    return heat_map(
        records,
        [layer],
        _up_to(max(2 * MOVED, most.share_shift), 2),
        title=title,
        reading="Since the last refit. A large move without a reason in the market is a reason to doubt one "
        "of the two models.",
        table=cells.table(
            records,
            {
                "Share change": lambda r: cells.percent(r.share_shift),
                "Skill change": lambda r: cells.percent(r.skill_change),
                "Changed": lambda r: r.change or "nothing",
            },
        ),
    )


def _change_words(record: MarketRecord) -> str:
    changed = f"<br>changed: {record.change}" if record.change else ""
    return f"{words.percent(record.share_shift)} of media's effect went to other channels{changed}"
