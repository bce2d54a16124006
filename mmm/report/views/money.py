"""Money against effect: shares, ROI against effectiveness, cost of a KPI unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.about import About
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

WIDE = 20
"""Dearest over cheapest channel from which costs stand on a logarithmic axis."""
ROOM = 0.1
"""Of a chart's height that bubbles need below the lowest and above the highest, as parts of the rest."""
WIDTH, HIGH = 780, 400
"""Pixels of a chart of bubbles on the narrowest screen that shows it whole; a phone scrolls it."""
LETTER, LINE, GAP = 6.2, 15, 4
"""Pixels of a letter, of a line of a bubble's name, and between the two."""
KEYS = 75
"""Letters of names, their marks included, in a line below the chart."""
LIKE = 0.02
"""Difference of two shares that is none to speak of."""


def spend_and_effect(tables: Tables) -> go.Figure:
    """Share of spend beside share of what media bring, for every channel with spend."""
    rows = _paid(tables)
    spend, effect = rows["spend"] / rows["spend"].sum(), rows["direct"] / rows["direct"].sum()
    names = rows["channel"].tolist()
    palette = theme.channel_colours(tables.channels)
    bounds = (100 * bound / rows["direct"].sum() for bound in marks.bounds(rows, "direct"))
    hover = "%{y}: %{x:.1f} % of "
    paid = marks.bars(names, 100 * spend, theme.BASELINE, hover=f"{hover}spend", name="share of spend")
    brought = marks.bars(
        names,
        100 * effect,
        [palette[name] for name in names],
        hover=f"{hover}effect",
        error_x=marks.whiskers(100 * effect, *bounds),
    )
    key = marks.bars([names[0]], [None], theme.SOFT, name="share of what media bring")
    layout = {
        "xaxis": axes.linear("Share", suffix=axes.PERCENT, rangemode="tozero"),
        "yaxis": axes.names(names),
        "bargap": 0.25,
    }
    return theme.finish(
        [paid | {"showlegend": True}, brought, key | {"showlegend": True}],
        layout,
        title=_gap_title(names, spend.to_numpy(float), effect.to_numpy(float)),
        height=70 + 40 * len(names) + 66,
        legend=True,
        reading="Grey: part of the money. Colour: part of what all media bring. A channel with more colour "
        "than grey brings more than its part; whiskers are intervals of its own effect.",
        notes=[interval_note(rows, "direct_lower", "direct_upper")],
    )


def _paid(tables: Tables) -> pd.DataFrame:
    """Effects of channels with spend and a known effect, largest spend first."""
    rows = tables.frame("effects")
    rows = rows.assign(channel=rows["channel"].astype(str))
    rows = rows[(rows["spend"] > 0) & rows["direct"].notna()].sort_values("spend", ascending=False)
    if rows.empty:
        raise MissingTableError("no channel has spend")
    if not rows["direct"].sum() > 0:
        raise MissingTableError("no channel has an effect")
    return rows


def _gap_title(names: list[str], spend: np.ndarray, effect: np.ndarray) -> str:
    """The channel whose two shares lie furthest apart."""
    at = int(np.argmax(np.abs(effect - spend)))
    if abs(effect[at] - spend[at]) < LIKE:
        return "Every channel brings about the part of the effect that it has of the money"
    name, part = words.subject(names[at]), words.percent(float(spend[at]))
    return f"{name} has {part} of the spend and {words.percent(float(effect[at]))} of what media bring"


def bubbles(tables: Tables) -> go.Figure:
    """ROI against KPI per unit of media, with spend as the size of the bubble."""
    rows = tables.frame("returns")
    rows = rows[(rows["window"] == "training") & (rows["channel"] != "") & (rows["spend"] > 0)]
    if "media" not in rows or not ((rows["effect"] > 0) & (rows["media"] > 0)).any():
        raise MissingTableError("no channel with spend has an effect")
    rows = rows[(rows["effect"] > 0) & (rows["media"] > 0)].sort_values("spend", ascending=False)
    about, names = tables.about, rows["channel"].astype(str).tolist()
    palette = theme.channel_colours(tables.channels)
    good, back = rows["effect"] / rows["media"], about.per * rows["roi"]
    size = 14 + 46 * np.sqrt(rows["spend"] / rows["spend"].max())
    layout = _bubble_axes(about, good, back)
    texts, sides = _room_for(
        names, _pixels(layout["xaxis"], good, WIDTH), _pixels(layout["yaxis"], back, HIGH), size
    )
    style: theme.Layout = {"mode": "markers+text", "textposition": sides, "textfont": {"size": 11.5}}
    style |= {"text": texts, "cliponaxis": False}
    spent = [words.money(float(spend), about.currency) for spend in rows["spend"]]
    style |= {"customdata": [f"{theme.short(name)}: {s}" for name, s in zip(names, spent, strict=True)]}
    colours = [theme.fade(palette[name], 0.6) for name in names]
    hover = "%{customdata}<br>return %{y:.3~g}, %{x:.3~g} a unit of media"
    points = marks.dots(good, back, colours, size, rim=(1, "#ffffff"), hover=hover, **style)
    below = [name for name, text in zip(names, texts, strict=True) if not text]
    best = rows.iloc[int(np.argmax(back.to_numpy(float)))]
    share = words.percent(float(best["spend"] / rows["spend"].sum()))
    return theme.finish(
        [points, *(marks.key(theme.short(name, 2 * theme.LINE), palette[name]) for name in below)],
        layout,
        title=f"{words.subject(str(best['channel']))} returns most, on {share} of the spend",
        height=HIGH + 60 + _room_below(below),
        legend=bool(below),
        reading="Up: more comes back for the money. Right: a unit of media (an impression, or a unit of "
        "spend where no exposure is given) does more. Large bubbles: much spend. Units differ by channel.",
        notes=["Names without room beside their bubbles stand below, with their colours." if below else ""],
    )


def _room_below(names: list[str]) -> int:
    """Pixels that keys below the chart take; as many stand in a line as its letters hold of the longest."""
    if not names:
        return 0
    return 24 + 19 * -(-len(names) // max(1, KEYS // (5 + max(map(len, names)))))


def _bubble_axes(about: About, good: pd.Series, back: pd.Series) -> theme.Layout:
    """Logarithmic axes with room for bubbles, and for names right of them."""
    across = axes.log(f"{words.capital(about.kpi)} per unit of media (log scale)", good)
    up = axes.log(f"{words.capital(about.return_unit)} (log scale)", back)
    wide, high = across["range"], up["range"]
    room = ROOM * (high[1] - high[0])
    across["range"] = [wide[0] - 0.1, wide[1] + 0.45 * (wide[1] - wide[0])]
    up["range"] = [high[0] - room, high[1] + room]
    return {"xaxis": across, "yaxis": up}


def _pixels(axis: theme.Layout, values: pd.Series, length: int) -> np.ndarray:
    """Where values stand on a logarithmic axis so many pixels long."""
    low, high = axis["range"]
    return np.asarray((np.log10(values.to_numpy(float)) - low) / (high - low) * length)


def _room_for(names: list[str], x: np.ndarray, y: np.ndarray, size: pd.Series) -> tuple[list[str], list[str]]:
    """Labels of the bubbles and the side each stands at, the largest first; none where no side is free."""
    radius = size.to_numpy(float) / 2
    taken = [(x[k] - radius[k], x[k] + radius[k], y[k] - radius[k], y[k] + radius[k]) for k in range(len(x))]
    texts, sides = [""] * len(names), ["middle right"] * len(names)
    for at, name in enumerate(names):
        label, reach = theme.wrapped(name), radius[at] + GAP
        lines = label.split("<br>")
        wide, high = LETTER * max(map(len, lines)), LINE * len(lines)
        left, low = x[at] - wide / 2, y[at] - high / 2
        corners = {
            "middle right": (x[at] + reach, low),
            "middle left": (x[at] - reach - wide, low),
            "top center": (left, y[at] + reach),
            "bottom center": (left, y[at] - reach - high),
        }
        for side, (first, bottom) in corners.items():
            box = (first, first + wide, bottom, bottom + high)
            inside = first >= 0 and box[1] <= WIDTH and bottom >= 0 and box[3] <= HIGH
            if inside and not any(_meet(box, other) for k, other in enumerate(taken) if k != at):
                texts[at], sides[at] = label, side
                taken.append(box)
                break
    return texts, sides


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Two boxes of left, right, bottom and top share room."""
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


@dataclass(frozen=True)
class _Costs:
    """Spend per KPI unit of every channel, cheapest first.

    Attributes:
        names: Channels.
        cost: Spend over effect.
        cheap: At the upper bound of the effect.
        dear: At the lower; NaN where that is none.
    """

    names: list[str]
    cost: np.ndarray
    cheap: np.ndarray
    dear: np.ndarray

    @property
    def limit(self) -> float:
        """Where the chart cuts what has no limit, or one far away."""
        return 4 * float(self.cost.max())

    @property
    def said(self) -> list[str]:
        """The intervals in words."""
        ends = zip(self.cheap, self.dear, strict=True)
        return [f"{words.number(a)} to {words.number(b) if np.isfinite(b) else 'no limit'}" for a, b in ends]


def unit_cost(tables: Tables) -> go.Figure:
    """Spend per KPI unit that would not have come without it, with the interval."""
    rows, about = _paid(tables), tables.about
    rows = rows[rows["direct"] > 0].assign(cost=rows["spend"] / rows["direct"]).sort_values("cost")
    low, high = marks.bounds(rows, "direct")
    spend, cost = (rows[name].to_numpy(float) for name in ("spend", "cost"))
    dear = np.where(low > 0, spend / np.where(low > 0, low, 1.0), np.nan)
    costs = _Costs(rows["channel"].tolist(), cost, spend / high, dear)
    point, axis = _cost_marks(costs, f"{about.currency} per incremental unit of {about.goal}")
    colours = [theme.channel_colours(tables.channels)[name] for name in costs.names]
    point["marker"] |= {"color": colours}
    first, last = (words.money(float(cost[at]), about.currency) for at in (0, -1))
    title = f"An incremental unit of {about.goal} costs {first} in {words.label(costs.names[0])}"
    title += f", {last} in {words.label(costs.names[-1])}" if len(cost) > 1 else ""
    cut = int((~np.isfinite(dear) & np.isfinite(low)).sum() + (dear > costs.limit).sum())
    texts = [words.number(float(value), 3) for value in cost]
    lines = [list(row) for row in zip(costs.names, texts, costs.said, strict=True)]
    return theme.finish(
        [point],
        {"xaxis": axis, "yaxis": axes.names(costs.names)},
        title=title,
        height=80 + 36 * len(cost),
        reading=f"What one more unit of {about.goal} costs, with its interval; left is cheaper.",
        notes=[
            interval_note(rows, "direct_lower", "direct_upper"),
            f"{words.count(cut, 'line')} cut: those channels may bring next to nothing." if cut else "",
        ],
        table={"columns": ["Channel", "Cost of one more", "Interval"], "rows": lines},
    )


def _cost_marks(costs: _Costs, label: str) -> tuple[theme.Trace, theme.Layout]:
    """Dots with whiskers and their axis, logarithmic where costs differ by far."""
    far = np.where(np.isfinite(costs.dear), costs.dear, costs.limit)
    shown = np.where(np.isfinite(costs.cheap), np.fmin(far, costs.limit), np.nan)
    wide = float(costs.cost.max()) > WIDE * float(costs.cost.min())
    unit = Unit() if wide else Unit.of(costs.cost)
    axis = axes.linear(label, suffix=unit.suffix, rangemode="tozero")
    if wide:
        axis = axes.log(f"{label} (log scale)", [*costs.cheap[costs.cheap > 0], *costs.cost, *shown])
    whiskers = marks.whiskers(unit(costs.cost), unit(costs.cheap), unit(shown), theme.SOFT)
    style: theme.Layout = {"hover": f"%{{y}}: {unit.hover('x')} (%{{customdata}})", "error_x": whiskers}
    return marks.dots(unit(costs.cost), costs.names, None, 12, **style, customdata=costs.said), axis
