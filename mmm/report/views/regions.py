"""Regions: what media bring in each, and where a channel works better than on average."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

SHOWN = 30


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
    biggest = sums.sort_values("kpi", ascending=False).index[:SHOWN]
    shown = share[share.index.isin(biggest)]
    names = shown.index.tolist()
    scale = frame.pivot_table(index="region", columns="channel", values="scale", aggfunc="first").reindex(
        names
    )
    scale = scale.where(scale > 0)
    doublings = np.log2(scale.to_numpy(float))
    known = np.abs(doublings[np.isfinite(doublings)])
    reach = max(0.1, float(known.max())) if known.size else 0.1
    edge = next((tick for tick in (8, 4, 2, 1.4, 1.2, 1.1) if np.log2(tick) <= reach), 1.05)
    ticks = [1 / edge, 1, edge]
    points = 100 * shown
    traces = [
        {"type": "scatter", "mode": "markers", "y": names, "x": points["effect"], "showlegend": False,
         "marker": {"size": 9, "color": theme.ACCENT}, "cliponaxis": False,
         "error_x": theme.error_bars(points["effect"], points["lower"], _capped(points),
                                     theme.fade(theme.ACCENT, 0.5)),
         "customdata": [words.number(words.real(sums.at[n, "kpi"]), 3) for n in names],
         "hovertemplate": "%{y}: %{x:.1f} % of %{customdata} " + tables.about.kpi + "<extra></extra>"},
        {"type": "heatmap", "xaxis": "x2", "yaxis": "y2", "x": [theme.short(c, 14) for c in scale.columns],
         "y": names,
         "z": theme.fmt(doublings), "colorscale": theme.DIVERGING, "zmid": 0, "zmin": -reach, "zmax": reach,
         "customdata": theme.fmt(scale), "xgap": 1.5, "ygap": 1.5,
         "hovertemplate": "%{y}, %{x}: %{customdata:.2f} times the shared effect<extra></extra>",
         "colorbar": {"thickness": 10, "outlinewidth": 0, "len": 0.6, "y": 0.5,
                      "tickvals": [float(np.log2(tick)) for tick in ticks],
                      "ticktext": [f"{tick:.2g}\u00d7" for tick in ticks]}},
    ]  # fmt: skip
    layout = {
        "xaxis": theme.axis(f"Media's share of {tables.about.goal}", suffix=f"{words.NBSP}%", domain=[0, 0.4],
                            rangemode="tozero", nticks=5),
        "yaxis": theme.category_axis(names, verbatim=True),
        "xaxis2": theme.axis("Strength of the channel there", grid=False, domain=[0.45, 1], anchor="y2",
                             tickangle=-55,
                             showline=False, type="category"),
        "yaxis2": theme.category_axis(names, anchor="x2", showticklabels=False, matches="y"),
    }  # fmt: skip
    return theme.finish(
        traces, layout, title=_title(shown, tables.about.goal), height=150 + 22 * len(names),
        reading="Left: the part of each region's KPI that media bring, with its interval. Right: blue "
                "where a channel works better than on average over regions, brown where worse.",
        notes=[interval_note(frame) or "The whiskers add up the channels' intervals: the widest case. They "
               "end at 100 % at the latest.",
               f"The {SHOWN} largest of {len(sums)} regions." if len(sums) > SHOWN else ""],
        table=_table(frame, sums, share),
    )  # fmt: skip


def _capped(points: pd.DataFrame) -> pd.Series:
    """Upper ends of the whiskers in per cent: sums of widest cases mean nothing beyond the whole KPI."""
    return points["upper"].clip(upper=np.fmax(100.0, points["effect"]))


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
    return {
        "columns": ["Region", *(words.capital(name) for name in extra), "KPI", "Media", "Share of media"],
        "rows": [
            [name, *(words.number(words.real(first.at[name, column]), 3) for column in extra),
             words.number(words.real(sums.at[name, "kpi"]), 3),
             words.number(words.real(sums.at[name, "effect"]), 3),
             words.percent(words.real(share.at[name, "effect"]))]
            for name in sums.sort_values("kpi", ascending=False).index
        ],
    }  # fmt: skip
