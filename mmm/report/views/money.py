"""Money against effect: shares, ROI against effectiveness, cost of a KPI unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

WIDE = 20
"""Dearest over cheapest channel from which costs stand on a logarithmic axis."""
ROOM = 0.1
"""Of a chart's height that bubbles need below the lowest and above the highest, as parts of the rest."""
NEAR = 0.11
"""Part of a chart's height within which names of two bubbles would lie on each other."""
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
    style: theme.Layout = {"mode": "markers+text", "textposition": "middle right", "textfont": {"size": 11.5}}
    style |= {"text": _room_for(names, good, back), "cliponaxis": False}
    spent = [words.money(float(spend), about.currency) for spend in rows["spend"]]
    style |= {"customdata": [f"{theme.short(name)}: {s}" for name, s in zip(names, spent, strict=True)]}
    colours = [theme.fade(palette[name], 0.6) for name in names]
    hover = "%{customdata}<br>return %{y:.3~g}, %{x:.3~g} a unit of media"
    points = marks.dots(good, back, colours, size, rim=(1, "#ffffff"), hover=hover, **style)
    best = rows.iloc[int(np.argmax(back.to_numpy(float)))]
    layout = {
        "xaxis": axes.log(f"{words.capital(about.kpi)} per unit of media (log scale)", good),
        "yaxis": axes.log(f"{words.capital(about.return_unit)} (log scale)", back),
    }
    wide, high = (layout[axis]["range"] for axis in ("xaxis", "yaxis"))
    layout["xaxis"]["range"] = [wide[0] - 0.1, wide[1] + 0.45 * (wide[1] - wide[0])]
    room = ROOM * (high[1] - high[0])
    layout["yaxis"]["range"] = [high[0] - room, high[1] + room]
    share = words.percent(float(best["spend"] / rows["spend"].sum()))
    return theme.finish(
        [points],
        layout,
        title=f"{words.subject(str(best['channel']))} returns most, on {share} of the spend",
        height=460,
        reading="Up: more comes back for the money. Right: a unit of media (an impression, or a unit of "
        "spend where no exposure is given) does more. Large bubbles: much spend. Units differ by channel.",
    )


def _room_for(names: list[str], x: pd.Series, y: pd.Series) -> list[str]:
    """Labels of the bubbles, the largest first; none where it would lie on another's."""
    across, up = (np.log(v.to_numpy(float)) for v in (x, y))
    wide, high = max(float(np.ptp(across)), 1e-9), max(float(np.ptp(up)), 1e-9)
    kept: list[int] = []
    for at in range(len(names)):
        free = (abs(across[at] - across[k]) > 0.2 * wide or abs(up[at] - up[k]) > NEAR * high for k in kept)
        if all(free):
            kept.append(at)
    return [theme.wrapped(name) if at in kept else "" for at, name in enumerate(names)]


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
