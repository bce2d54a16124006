"""What brings the KPI: stacked over time, shares, single channels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.labels import MEDIA_KINDS, TREATMENT
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import Shares, interval_note, national_components, national_fit, shares, summed_note
from mmm.report.views.waterfall import share_table

STACKED = 9
"""Channels drawn one by one in the stack; the rest are joined."""
PANELS = 18


def stacked(tables: Tables) -> go.Figure:
    """Contributions over time, summed over regions, stacked from baseline to channels."""
    layers, fills = _layers(tables)
    frame, size = marks.thin(layers.reset_index())
    unit, about = Unit.of(layers.sum(axis=1)), tables.about
    look: theme.Layout = {"stackgroup": "all", "hovertemplate": unit.hover()}
    traces = [
        marks.line(
            frame["date"], theme.fmt(unit(frame[name])), "#ffffff", 0.5, name=theme.short(name, 40), **look
        )
        | {"fillcolor": fill}
        for name, fill in fills.items()
    ]
    layout = {
        "xaxis": axes.time(range=[frame["date"].iloc[0], frame["date"].iloc[-1]]),
        "yaxis": axes.linear(f"{words.capital(about.kpi)} per {about.period}", suffix=unit.suffix),
        "hovermode": "x unified",
    }
    return theme.finish(
        traces + _actual_line(tables, unit),
        layout,
        legend=True,
        height=480,
        title=f"By the model's account media bring {words.percent(shares(tables).media)} of {about.goal} in "
        "the training window; the rest would have come without them",
        reading="The layers add up to the prediction. Grey is what comes without media: baseline, season and "
        "controls; sand is what treatments bring against their references. Intervals are in other views.",
        notes=[marks.thin_note(size, about.period)],
    )


def _layers(tables: Tables) -> tuple[pd.DataFrame, dict[str, str]]:
    """Layers of the stack by date, from the bottom, and their colours."""
    components = national_components(tables)
    wide = components.pivot(index="date", columns="component", values="value").sort_index().fillna(0.0)
    kinds = components.drop_duplicates("component").set_index("component")["kind"]
    sums = wide[kinds.index[kinds.isin(MEDIA_KINDS)]].sum().sort_values(ascending=False)
    order = [str(name) for name in sums.index]
    kept = order if len(order) <= STACKED + 1 else order[:STACKED]
    treated = [name for name in wide.columns if kinds[name] == TREATMENT]
    rest = [name for name in wide.columns if kinds[name] not in (*MEDIA_KINDS, TREATMENT)]
    layers = pd.DataFrame({"without media": wide[rest].sum(axis=1)}).join(wide[[*treated, *kept]])
    palette = theme.channel_colours(tables.channels)
    fills = {"without media": theme.fade(theme.BASELINE, 0.55)}
    fills |= {name: theme.fade(theme.CONTROL, 0.9 - 0.3 * (place % 3)) for place, name in enumerate(treated)}
    fills |= {name: theme.fade(palette[name], 0.88) for name in kept}
    if len(kept) < len(order):
        others = f"{len(order) - len(kept)} other channels"
        layers[others] = wide[order[len(kept) :]].sum(axis=1)
        fills[others] = theme.fade(theme.FAINT, 0.88)
    return layers, fills


def _actual_line(tables: Tables, unit: Unit) -> list[theme.Trace]:
    """The observed KPI over the stack, where every region was observed."""
    if tables.predictions is None or not tables.predictions["actual"].notna().any():
        return []
    missing = tables.predictions["actual"].isna()
    whole = national_fit(tables)
    whole = whole[~whole["date"].isin(tables.predictions.loc[missing, "date"])]
    frame, _ = marks.thin(whole[["date", "actual"]].reset_index(drop=True))
    actual = theme.fmt(unit(frame["actual"]))
    look: theme.Layout = {"name": "actual", "hovertemplate": unit.hover()}
    return [marks.line(frame["date"], actual, theme.INK, 1.3, dash="dot", **look)]


def channel_shares(tables: Tables) -> go.Figure:
    """Share of the KPI per channel with its interval."""
    parts, about = shares(tables), tables.about
    rows = parts.channels
    if rows.empty:
        raise MissingTableError("contributions.parquet has no channel")
    names = rows["component"].tolist()
    palette = theme.channel_colours(tables.channels)
    points = 100 * rows["share"]
    right = np.fmax(rows["share_upper"].to_numpy(float), rows["share"].to_numpy(float)) * 100
    bars = marks.bars(
        names,
        points,
        [palette[name] for name in names],
        hover="%{y}: %{x:.1f} %, %{customdata} " + about.kpi,
        customdata=[words.number(value, 3) for value in rows["value"]],
        error_x=marks.whiskers(points, 100 * rows["share_lower"], 100 * rows["share_upper"]),
    )
    ends = [min(0.0, float(points.min())), 1.14 * float(right.max())]
    title = f"Share of {about.goal} in the training window"
    texts = {name: words.percent(share) for name, share in zip(names, rows["share"], strict=True)}
    layout = {
        "xaxis": axes.linear(title, suffix=axes.PERCENT, rangemode="tozero", range=ends),
        "yaxis": axes.names(names),
        "annotations": axes.beside(texts, right, 7),
    }
    return theme.finish(
        [bars],
        layout,
        title=_share_title(parts, tables),
        height=70 + 34 * len(names) + 44,
        reading="Bars are the direct effect of a channel; the whisker shows where it may also lie. "
        "Overlapping whiskers: the order of two channels is not certain.",
        notes=[interval_note(rows)],
        table=share_table(parts, tables),
    )


def _share_title(parts: Shares, tables: Tables) -> str:
    """``tv brings 12 % of visits, give or take 3 points``, and what is not certain about it."""
    rows = parts.channels
    first = rows.iloc[0]
    share = words.percent(float(first["share"]))
    title = f"{words.subject(str(first['component']))} brings {share} of {tables.about.goal}"
    title += words.give_or_take(float(first["share_lower"]), float(first["share_upper"]))
    if not words.known(first["share_lower"], first["share_upper"]):
        return f"{title}; its uncertainty is not known"
    rivals = rows.iloc[1:].loc[rows["share_upper"] > first["share_lower"], "component"].tolist()
    if not rivals:
        return f"{title}, more than any other channel" if len(rows) > 1 else title
    few = words.listing([words.label(name) for name in rivals])
    return f"{title}; {few if len(rivals) < 3 else f'{len(rivals)} other channels'} may bring as much"


def channel_lines(tables: Tables) -> go.Figure:
    """Contribution of each channel over time with its interval."""
    components, about = national_components(tables), tables.about
    components = components[components["kind"].isin(MEDIA_KINDS)]
    if components.empty:
        raise MissingTableError("contributions.parquet has no channel")
    sums = components.groupby("component")["value"].sum().sort_values(ascending=False)
    order = [str(name) for name in sums.index]
    chosen = order[:PANELS]
    traces, layout, height, size = _small_lines(components, chosen, theme.channel_colours(tables.channels))
    first = components[components["component"] == chosen[0]]
    peak = first.iloc[int(np.argmax(first["value"].to_numpy(float)))]
    return theme.finish(
        traces,
        layout,
        height=height + 84,
        title=f"{words.subject(chosen[0])} brought most in the {about.period} of {words.day(peak['date'])}: "
        f"{words.number(float(peak['value']))} {about.kpi}",
        reading=f"One small chart a channel, each with its own scale ({about.kpi} per {about.period}, "
        "summed over regions); the band is the interval.",
        notes=[
            interval_note(components) or summed_note(components, tables),
            marks.thin_note(size, about.period),
            marks.cut_note(chosen, order),
        ],
    )


def _small_lines(
    components: pd.DataFrame, chosen: list[str], palette: dict[str, str]
) -> tuple[list[theme.Trace], theme.Layout, int, int]:
    """One small chart a channel: traces, layout, height, and periods in a point."""
    own = {name: components.loc[components["component"] == name] for name in chosen}
    parts = {
        name: marks.thin(rows[["date", "value", "lower", "upper"]].sort_values("date").reset_index(drop=True))
        for name, rows in own.items()
    }
    units = {name: Unit.of(frame[["value", "upper"]]) for name, (frame, _) in parts.items()}
    grid = axes.panels(
        chosen,
        columns=3,
        row_height=120,
        y=[axes.linear(suffix=unit.suffix, rangemode="tozero", nticks=4) for unit in units.values()],
        colours=[palette[name] for name in chosen],
        gap=(0.085, 62),
        x=axes.small_time(4),
    )
    traces: list[theme.Trace] = []
    for (name, (frame, _)), panel in zip(parts.items(), grid.each, strict=True):
        hover = "%{x|%d %b %Y}<br>" + units[name].hover()
        traces += marks.ribbon(frame, palette[name], units[name], width=1.8, hover=hover, **panel.at)
    return traces, grid.layout, grid.height, parts[chosen[-1]][1]
