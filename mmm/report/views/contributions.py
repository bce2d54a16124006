"""What brings the KPI: stacked over time, waterfall, shares, single channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import axes, marks, theme, words
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import Shares, interval_note, national_components, national_fit, shares, summed_note

STACKED = 9
"""Channels drawn one by one in the stack; the rest are joined."""
PANELS = 18
CONTROLS = 3
"""Controls drawn one by one in the waterfall."""


def stacked(tables: Tables) -> go.Figure:
    """Contributions over time, summed over regions, stacked from baseline to channels."""
    layers, fills = _layers(tables)
    frame, size = marks.thin(layers.reset_index())
    unit, about = Unit.of(layers.sum(axis=1)), tables.about
    look: theme.Layout = {"stackgroup": "all", "hovertemplate": unit.hover()}
    traces = [
        marks.line(
            frame["date"], theme.fmt(unit(frame[name])), "#ffffff", 0.5, name=theme.short(name), **look
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
        "controls. Intervals are in the views of shares and single channels.",
        notes=[marks.thin_note(size, about.period)],
    )


def _layers(tables: Tables) -> tuple[pd.DataFrame, dict[str, str]]:
    """Layers of the stack by date, from the bottom, and their colours."""
    components = national_components(tables)
    wide = components.pivot(index="date", columns="component", values="value").sort_index().fillna(0.0)
    kinds = components.drop_duplicates("component").set_index("component")["kind"]
    sums = wide[kinds.index[kinds == "channel"]].sum().sort_values(ascending=False)
    order = [str(name) for name in sums.index]
    kept = order if len(order) <= STACKED + 1 else order[:STACKED]
    rest = [name for name in wide.columns if kinds[name] != "channel"]
    layers = pd.DataFrame({"without media": wide[rest].sum(axis=1)}).join(wide[kept])
    palette = theme.channel_colours(tables.channels)
    fills = {"without media": theme.fade(theme.BASELINE, 0.55)}
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


def waterfall(tables: Tables) -> go.Figure:
    """From baseline over season, controls and channels to the KPI, over the training window."""
    parts = shares(tables)
    rows = _steps(parts.frame, tables)
    names = [*(words.subject(name) for name in rows["component"]), words.capital(tables.about.goal)]
    unit, about = Unit.of(parts.total), tables.about
    many = len(names) > 8
    top = 1.1 * max(parts.total, float(np.nanmax(rows[["top", "high"]].to_numpy(float))))
    ends = [min(0.0, float(rows["start"].min())), top]
    layout = {
        "xaxis": axes.linear(grid=False, type="category", tickangle=-38 if many else 0, tickfont=axes.DARK)
        | {"tickvals": names, "ticktext": [theme.short(name, 22, verbatim=True) for name in names]},
        "yaxis": axes.linear(
            f"{words.capital(about.kpi)} in the training window", suffix=unit.suffix, range=list(unit(ends))
        ),
        "annotations": _step_labels(rows, names, parts.total, unit),
        "bargap": 0.22,
        "shapes": [
            axes.rule(y=level, x0=at, x1=at + 1, colour=theme.FAINT, width=1, xref="x", layer="below")
            for at, level in enumerate(unit(rows["end"]))
        ],
    }
    without = float(rows.loc[rows["kind"] != "channel", "value"].sum())
    return theme.finish(
        _step_traces(rows, names, parts.total, unit),
        layout,
        height=480,
        title=f"Of {words.number(parts.total, 3)} {about.kpi} in the training window, "
        f"{words.number(without, 3)} come without media and {words.number(parts.total - without, 3)} "
        "through them",
        reading="Each bar starts where the one before it ends; the last is their sum. Whiskers are "
        "intervals of the single step.",
        notes=[interval_note(rows)],
        table=_share_table(parts, tables),
    )


def _steps(frame: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Components with colour, and with start, end, top of the bar and ends of the whisker on the axis."""
    rows = _joined_controls(frame)
    kind = {"baseline": theme.BASELINE, "seasonality": theme.SEASON, "control": theme.CONTROL}
    channel = theme.channel_colours(tables.channels)
    pairs = zip(rows["component"], rows["kind"], strict=True)
    colours = [channel.get(n, theme.FAINT) if k == "channel" else kind.get(k, theme.FAINT) for n, k in pairs]
    start = rows["value"].cumsum() - rows["value"]
    return rows.assign(
        colour=colours,
        start=start,
        end=start + rows["value"],
        top=start + rows["value"].clip(lower=0),
        low=start + rows["lower"],
        high=(start + rows["upper"]).where(rows["lower"].notna()),
    )


def _step_traces(rows: pd.DataFrame, names: list[str], total: float, unit: Unit) -> list[theme.Trace]:
    """Bars that hang where the one before ended, and the whiskers of those with an interval."""
    values = [*rows["value"], total]
    colours, said = [*rows["colour"], theme.INK], [words.number(value, 3) for value in values]
    hover = "%{x}: %{customdata}"
    bars = marks.columns(names, unit(values), colours, corner=2, hover=hover, customdata=said)
    known = np.flatnonzero((rows["lower"].notna() & rows["upper"].notna()).to_numpy())
    own = rows.iloc[known]
    whiskers = marks.whiskers(unit(own["end"]), unit(own["low"]), unit(own["high"]))
    ends = marks.dots([names[at] for at in known], unit(own["end"]), theme.INK, 1, error_y=whiskers)
    return [bars | {"base": unit([*rows["start"], 0.0])}, ends]


def _step_labels(rows: pd.DataFrame, names: list[str], total: float, unit: Unit) -> list[theme.Layout]:
    """Share of every step above its bar and whisker."""
    tops = [*np.fmax(rows["top"], rows["high"].clip(lower=0)), total]
    style: theme.Layout = {"size": 11 if len(names) < 13 else 10, "colour": theme.INK, "yshift": 11}
    labels = zip(names, tops, [*rows["value"], total], strict=True)
    return [
        axes.note(words.percent(round(value / total, 3)), x=name, y=float(unit(top)), **style)
        for name, top, value in labels
    ]


def _joined_controls(frame: pd.DataFrame) -> pd.DataFrame:
    """Components with controls as one step where they are many: each alone is a sliver nobody can read."""
    controls = frame[frame["kind"] == "control"]
    if len(controls) <= CONTROLS:
        return frame.copy()
    joined = controls[["value", "lower", "upper", "share"]].sum(min_count=1)
    row = pd.DataFrame([{"component": f"{len(controls)} controls", "kind": "control", **joined}])
    before, after = frame[frame["kind"].isin(["baseline", "seasonality"])], frame[frame["kind"] == "channel"]
    return pd.concat([before, row, after], ignore_index=True)


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
        table=_share_table(parts, tables),
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


def _share_table(parts: Shares, tables: Tables) -> theme.Layout:
    """All components as text."""

    def interval(row: Any) -> str:
        low, high = words.real(row["share_lower"]), words.real(row["share_upper"])
        return f"{words.percent(low)} to {words.percent(high)}" if words.known(low, high) else "no interval"

    table = marks.table(
        marks.records(parts.frame),
        {
            "Component": lambda row: words.subject(str(row["component"])),
            "Kind": lambda row: str(row["kind"]),
            words.capital(tables.about.kpi): lambda row: words.number(words.real(row["value"]), 3),
            "Share": lambda row: words.percent(words.real(row["share"])),
            "Interval": interval,
        },
    )
    whole = words.percent(float(parts.frame["share"].sum()))
    table["rows"].append(["sum", "", words.number(parts.total, 3), whole, ""])
    return table


def channel_lines(tables: Tables) -> go.Figure:
    """Contribution of each channel over time with its interval."""
    components, about = national_components(tables), tables.about
    components = components[components["kind"] == "channel"]
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
