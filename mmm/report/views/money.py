"""Money against effect: shares, ROI against effectiveness, cost of a KPI unit, returns by quarter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import axes, marks, theme, words
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PANELS = 16
ALL = "all media"
WIDE = 20
"""Dearest over cheapest channel from which costs stand on a logarithmic axis."""
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
    wide = layout["xaxis"]["range"]
    layout["xaxis"]["range"] = [wide[0] - 0.1, wide[1] + 0.45 * (wide[1] - wide[0])]
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
        free = (abs(across[at] - across[k]) > 0.2 * wide or abs(up[at] - up[k]) > 0.05 * high for k in kept)
        if all(free):
            kept.append(at)
    return [theme.short(name, 22) if at in kept else "" for at, name in enumerate(names)]


def unit_cost(tables: Tables) -> go.Figure:
    """Spend per KPI unit that would not have come without it, with the interval."""
    rows = _paid(tables)
    rows = rows[rows["direct"] > 0]
    cost = (rows["spend"] / rows["direct"]).sort_values()
    rows, about = rows.loc[cost.index], tables.about
    names = rows["channel"].tolist()
    low, high = marks.bounds(rows, "direct")
    spend = rows["spend"].to_numpy(float)
    cheap, dear = spend / high, np.where(low > 0, spend / np.where(low > 0, low, 1.0), np.nan)
    limit = 4 * float(cost.max())
    shown = np.where(np.isfinite(low), np.fmin(np.where(np.isfinite(dear), dear, limit), limit), np.nan)
    palette = theme.channel_colours(tables.channels)
    wide = float(cost.max()) > WIDE * float(cost.min())
    unit = Unit() if wide else Unit.of(cost)
    ends = zip(cheap, dear, strict=True)
    said = [f"{words.number(a)} to {words.number(b) if np.isfinite(b) else 'no limit'}" for a, b in ends]
    points = marks.dots(
        unit(cost),
        names,
        [palette[name] for name in names],
        12,
        hover=f"%{{y}}: {unit.hover('x')} (%{{customdata}})",
        customdata=said,
        error_x=marks.whiskers(unit(cost), unit(cheap), unit(shown), theme.SOFT),
    )
    first, last = (words.money(float(cost.iloc[at]), about.currency) for at in (0, -1))
    title = f"An incremental unit of {about.kpi} costs {first} in {words.label(names[0])}"
    title += f", {last} in {words.label(names[-1])}" if len(names) > 1 else ""
    label = f"{about.currency} per incremental unit of {about.kpi}"
    cut = int((~np.isfinite(dear) & np.isfinite(low)).sum() + (dear > limit).sum())
    reading = (
        f"What one more unit of {about.kpi} costs in each channel; left is cheaper. Lines are intervals."
    )
    return theme.finish(
        [points],
        {
            "xaxis": axes.log(f"{label} (log scale)", [*cheap[cheap > 0], *cost, *shown])
            if wide
            else axes.linear(label, suffix=unit.suffix, rangemode="tozero"),
            "yaxis": axes.names(names),
        },
        title=title,
        height=80 + 36 * len(names),
        reading=reading,
        notes=[
            interval_note(rows, "direct_lower", "direct_upper"),
            f"{words.count(cut, 'line')} cut: those channels may bring next to nothing." if cut else "",
        ],
        table={"columns": ["Channel", "Cost of one more", "Interval"], "rows": _costs(names, cost, said)},
    )


def _costs(names: list[str], cost: pd.Series, said: list[str]) -> list[list[str]]:
    rows = zip(names, cost, said, strict=True)
    return [[name, words.number(float(value), 3), interval] for name, value, interval in rows]


def by_quarter(tables: Tables) -> go.Figure:
    """Return of every channel and of all media in every quarter, with intervals."""
    rows = tables.frame("returns")
    rows = rows[(rows["window"] != "training") & rows["roi"].notna()].sort_values("start")
    if rows["window"].nunique() < 2:
        raise MissingTableError("the training window has fewer than two quarters with spend")
    rows = rows.assign(channel=rows["channel"].astype(str).replace("", ALL))
    for column in [c for c in rows if str(c).startswith("roi")]:
        rows[column] = rows[column] * tables.about.per
    sums = rows.groupby("channel")["spend"].sum().sort_values(ascending=False)
    order = [ALL, *(str(name) for name in sums.index if name != ALL)]
    chosen = order[:PANELS]
    palette = theme.channel_colours(tables.channels) | {ALL: theme.INK}
    grid = axes.panels(
        chosen,
        columns=4,
        row_height=110,
        colours=[palette[name] for name in chosen],
        gap=(0.05, 92),
        x=axes.linear(
            grid=False, type="category", tickangle=-90, tickfont={"size": 9.5, "color": theme.SOFT}
        ),
        y=axes.linear(nticks=4, rangemode="tozero", tickfont=axes.SMALL),
    )
    quarters = list(dict.fromkeys(rows["window"]))
    traces, grid.layout["shapes"] = [], []
    for name, panel in zip(chosen, grid.each, strict=True):
        own = rows[rows["channel"] == name]
        whiskers = marks.whiskers(own["roi"], *marks.bounds(own, "roi"), theme.SOFT)
        style: theme.Layout = {"hover": "%{x}: %{y:.3~g}", "error_y": whiskers | {"width": 2}, **panel.at}
        traces.append(marks.dots(own["window"], theme.fmt(own["roi"]), palette[name], 7, **style))
        panel.across(categoryorder="array", categoryarray=quarters, range=[-0.5, len(quarters) - 0.5])
        if tables.about.priced:
            rule = axes.rule(y=1, width=1, xref=f"{panel.x} domain", yref=panel.y)
            grid.layout["shapes"].append(rule)
    line = " The dotted line is break-even." if tables.about.priced else ""
    return theme.finish(
        traces,
        grid.layout | {"margin": {"b": 84}},
        title=_quarter_title(rows[rows["channel"] == ALL]),
        height=grid.height + 124,
        reading=f"{words.capital(tables.about.return_unit)} in each quarter of the training window, each "
        f"chart with its own scale; lines are intervals. What earlier spend carries in counts, too.{line}",
        notes=[interval_note(rows, "roi_lower", "roi_upper"), marks.cut_note(chosen, order)],
        table=marks.table(
            marks.records(rows),
            {
                "Channel": lambda row: str(row["channel"]),
                "Quarter": lambda row: str(row["window"]),
                "Spend": lambda row: words.number(float(row["spend"]), 3),
                "Return": marks.estimate("roi"),
            },
        ),
    )


def _quarter_title(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "Returns by quarter"
    best, worst = (rows.iloc[int(pick(rows["roi"].to_numpy(float)))] for pick in (np.argmax, np.argmin))
    title = (
        f"All media returned {words.number(float(best['roi']))} in {best['window']}, their best quarter, and "
    )
    title += f"{words.number(float(worst['roi']))} in {worst['window']}"
    low, high = words.real(best.get("roi_lower")), words.real(worst.get("roi_upper"))
    return title + ("; the two may be alike" if words.known(low, high) and high > low else "")
