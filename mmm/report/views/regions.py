"""Regions: what media bring in each, and where a channel works better than on average."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

SHOWN = 30
ROW, LEAST = 22, 130
"""Pixels of a region's row, and of all rows at least: a scale of colours has to fit beside them."""
LETTER = 5.2
"""Pixels that a letter of a slanted name takes below the rows."""


def region_ranking(tables: Tables) -> go.Figure:
    """Share of the KPI that media bring per region, beside the strength of every channel there."""
    frame = tables.frame("regions")
    frame = frame[frame["channel"].notna()]
    frame = frame.assign(region=frame["region"].astype(str), channel=frame["channel"].astype(str))
    sums = frame.groupby("region").agg(
        effect=("effect", "sum"), lower=("lower", _sum), upper=("upper", _sum), kpi=("kpi", "first")
    )
    sums = sums[sums["kpi"] > 0]
    if len(sums) < 2:
        raise MissingTableError("the model is national: there are no regions to compare")
    share = sums[["effect", "lower", "upper"]].div(sums["kpi"], axis=0).sort_values("effect", ascending=False)
    shown = share[share.index.isin(sums.sort_values("kpi", ascending=False).index[:SHOWN])]
    names = shown.index.tolist()
    scale = frame.pivot_table(index="region", columns="channel", values="scale", aggfunc="first")
    goal = tables.about.goal
    widest = "The whiskers add up the channels' intervals: the widest case. They end at 100 % at the latest."
    return theme.finish(
        [_media(100 * shown, sums, tables.about.kpi), _strength(scale.reindex(names))],
        _layout(names, [str(name) for name in scale.columns], goal),
        title=_title(shown, goal),
        height=74 + max(ROW * len(names), LEAST) + _slanted([str(name) for name in scale.columns]),
        reading="Left: the part of each region's KPI that media bring, with its interval. Right: blue "
        "where a channel works better than on average over regions, brown where worse.",
        notes=[interval_note(frame) or widest, marks.cut_note(names, sums, "regions")],
        table=_table(frame, sums, share),
    )


def _slanted(channels: list[str]) -> int:
    """Pixels of the channels' names below the rows, and of the axis' title below them."""
    return 24 + round(LETTER * max((len(words.subject(name)) for name in channels), default=0))


def _layout(names: list[str], channels: list[str], goal: str) -> theme.Layout:
    """Shares on the left, strengths on the right, regions down."""
    left: theme.Layout = {"suffix": axes.PERCENT, "domain": [0, 0.4], "rangemode": "tozero", "nticks": 5}
    right: theme.Layout = {
        "domain": [0.45, 1],
        "anchor": "y2",
        "tickangle": -55,
    }
    return {
        "xaxis": axes.linear(f"Media's share of {goal}", **left),
        "yaxis": axes.names(names, verbatim=True),
        "xaxis2": axes.matrix(channels, **right)
        | {"title": axes.linear("Strength of the channel there")["title"]},
        "yaxis2": axes.names(names, anchor="x2", showticklabels=False, matches="y"),
    }


def _media(points: pd.DataFrame, sums: pd.DataFrame, kpi: str) -> theme.Trace:
    """Share of media in every region; whiskers end at 100 %: sums of widest cases mean nothing beyond."""
    names, effect = points.index.tolist(), points["effect"]
    upper = points["upper"].clip(upper=np.fmax(100.0, effect))
    return marks.dots(
        effect,
        names,
        theme.ACCENT,
        9,
        hover="%{y}: %{x:.1f} % of %{customdata} " + kpi,
        cliponaxis=False,
        customdata=[words.number(words.real(sums.at[n, "kpi"]), 3) for n in names],
        error_x=marks.whiskers(effect, points["lower"], upper, theme.fade(theme.ACCENT, 0.5)),
    )


def _strength(scale: pd.DataFrame) -> theme.Trace:
    """Strength of every channel in every region against its mean, in doublings."""
    scale = scale.where(scale > 0)
    doublings = np.log2(scale.to_numpy(float))
    known = np.abs(doublings[np.isfinite(doublings)])
    reach = max(0.1, float(known.max())) if known.size else 0.1
    edge = next((tick for tick in (8, 4, 2, 1.4, 1.2, 1.1) if np.log2(tick) <= reach), 1.05)
    ticks = [1 / edge, 1, edge]
    named: theme.Layout = {
        "tickvals": [float(np.log2(t)) for t in ticks],
        "ticktext": [f"{t:.2g}\u00d7" for t in ticks],
    }
    return marks.heat(
        [str(name) for name in scale.columns],
        scale.index.tolist(),
        theme.fmt(doublings),
        theme.DIVERGING,
        -reach,
        reach,
        gap=1.5,
        hover="%{y}, %{x}: %{customdata:.2f} times the shared effect",
        zmid=0,
        xaxis="x2",
        yaxis="y2",
        customdata=theme.fmt(scale),
        colorbar=marks.colour_bar(10, y=0.5, **named) | {"len": 0.6},
    )


def _sum(values: pd.Series) -> float:
    return float(values.sum(min_count=1))


def _title(shown: pd.DataFrame, kpi: str) -> str:
    best, worst = shown.iloc[0], shown.iloc[-1]
    title = (
        f"Media bring {words.percent(float(best['effect']))} of {kpi} in {shown.index[0]} and "
        f"{words.percent(float(worst['effect']))} in {shown.index[-1]}"
    )
    if words.known(best["lower"], worst["upper"]) and worst["upper"] > best["lower"]:
        title += "; their intervals overlap, so the difference is not certain"
    return title


def _table(frame: pd.DataFrame, sums: pd.DataFrame, share: pd.DataFrame) -> theme.Layout:
    """Every region: KPI, baseline and population where known, media."""
    first = frame.drop_duplicates("region").set_index("region")
    extra = [name for name in ("population", "baseline") if name in first and first[name].notna().any()]
    known = first[extra].assign(KPI=sums["kpi"], Media=sums["effect"])
    rows = sums.sort_values("kpi", ascending=False).index
    numbers = {n: [words.number(words.real(known.at[n, column]), 3) for column in known] for n in rows}
    return {
        "columns": ["Region", *(words.capital(name) for name in extra), "KPI", "Media", "Share of media"],
        "rows": [[n, *numbers[n], words.percent(words.real(share.at[n, "effect"]))] for n in rows],
    }
