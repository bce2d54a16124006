"""What brings the KPI: stacked over time, waterfall, shares, single channels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import Shares, interval_note, national_components, national_fit, shares, summed_note

STACKED = 9
"""Channels drawn one by one in the stack; the rest are joined."""
PANELS = 18
CONTROLS = 3
"""Controls drawn one by one in the waterfall."""


def stacked(tables: Tables) -> go.Figure:
    """Contributions over time, summed over regions, stacked from baseline to channels."""
    components = national_components(tables)
    wide = components.pivot(index="date", columns="component", values="value").sort_index().fillna(0.0)
    kinds = components.drop_duplicates("component").set_index("component")["kind"]
    order = [
        str(name) for name in wide[kinds.index[kinds == "channel"]].sum().sort_values(ascending=False).index
    ]
    rest = [name for name in wide.columns if kinds[name] != "channel"]
    layers = pd.DataFrame({"without media": wide[rest].sum(axis=1)})
    kept = order if len(order) <= STACKED + 1 else order[:STACKED]
    layers = layers.join(wide[kept])
    others = f"{len(order) - len(kept)} other channels"
    if len(kept) < len(order):
        layers[others] = wide[[name for name in order if name not in kept]].sum(axis=1)
    frame, size = theme.thin(layers.reset_index())
    colours = theme.channel_colours(tables.channels) | {"without media": theme.BASELINE, others: theme.FAINT}
    top = float(layers.sum(axis=1).max())
    divisor, suffix = words.scale_of(top)
    about = tables.about
    traces: list[theme.Trace] = [
        {"type": "scatter", "mode": "lines", "x": frame["date"], "y": theme.fmt(frame[name] / divisor),
         "name": theme.short(str(name)), "stackgroup": "all", "line": {"width": 0.5, "color": "#ffffff"},
         "fillcolor": theme.fade(colours[str(name)], 0.55 if name == "without media" else 0.88),
         "hovertemplate": "%{y:,.3~f}" + suffix}
        for name in layers.columns
    ]  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=False, type="date", range=[frame["date"].iloc[0], frame["date"].iloc[-1]]),
        "yaxis": theme.axis(f"{words.capital(about.kpi)} per {about.period}", suffix=suffix),
        "hovermode": "x unified",
    }
    traces += _actual_line(tables, divisor, suffix)
    return theme.finish(
        traces, layout, legend=True, height=480,
        title=f"By the model's account media bring {words.percent(shares(tables).media)} of {about.goal} in "
              "the training window; the rest would have come without them",
        reading="The layers add up to the prediction. Grey is what comes without media: baseline, season and "
                "controls. Intervals are in the views of shares and single channels.",
        notes=[theme.thin_note(size, about.period)],
    )  # fmt: skip


def _actual_line(tables: Tables, divisor: float, suffix: str) -> list[theme.Trace]:
    """The observed KPI over the stack, where every region was observed."""
    if tables.predictions is None or not tables.predictions["actual"].notna().any():
        return []
    missing = tables.predictions["actual"].isna()
    whole = national_fit(tables)
    whole = whole[~whole["date"].isin(tables.predictions.loc[missing, "date"])]
    frame, _ = theme.thin(whole[["date", "actual"]].reset_index(drop=True))
    return [{
        "type": "scatter", "mode": "lines", "x": frame["date"], "y": theme.fmt(frame["actual"] / divisor),
        "name": "actual", "line": {"color": theme.INK, "width": 1.3, "dash": "dot"},
        "hovertemplate": "%{y:,.3~f}" + suffix,
    }]  # fmt: skip


def waterfall(tables: Tables) -> go.Figure:
    """From baseline over season, controls and channels to the KPI, over the training window."""
    parts = shares(tables)
    rows = _joined_controls(parts.frame)
    kind = {"baseline": theme.BASELINE, "seasonality": theme.SEASON, "control": theme.CONTROL}
    channel = theme.channel_colours(tables.channels)
    rows["colour"] = [channel.get(n, theme.FAINT) if k == "channel" else kind.get(k, theme.FAINT)
                      for n, k in zip(rows["component"], rows["kind"], strict=True)]  # fmt: skip
    start = rows["value"].cumsum() - rows["value"]
    names = [*(words.subject(name) for name in rows["component"]), words.capital(tables.about.goal)]
    divisor, suffix = words.scale_of(parts.total)
    values = [*rows["value"], parts.total]
    tops = [*(start + rows["value"].clip(lower=0)), parts.total]
    traces: list[theme.Trace] = [
        {"type": "bar", "x": names, "y": np.array(values) / divisor,
         "base": np.array([*start, 0.0]) / divisor,
         "marker": {"color": [*rows["colour"], theme.INK], "cornerradius": 2}, "showlegend": False,
         "customdata": [words.number(v, 3) for v in values],
         "hovertemplate": "%{x}: %{customdata}<extra></extra>"},
    ]  # fmt: skip
    known = rows["lower"].notna() & rows["upper"].notna()
    ends = (start + rows["value"])[known] / divisor
    traces.append({
        "type": "scatter", "mode": "markers", "x": [names[i] for i in np.flatnonzero(known)], "y": ends,
        "marker": {"size": 1, "color": theme.INK}, "hoverinfo": "skip", "showlegend": False,
        "error_y": theme.error_bars(ends, (start + rows["lower"])[known] / divisor,
                                    (start + rows["upper"])[known] / divisor),
    })  # fmt: skip
    spread = max([*tops, *((start + rows["upper"])[known])])
    labels = [
        *(start + rows["value"].clip(lower=0)).where(~known, (start + rows["upper"]).clip(lower=0)),
        parts.total,
    ]
    layout = {
        "xaxis": theme.axis(grid=False, type="category", tickangle=-38 if len(names) > 8 else 0,
                            tickfont={"size": 12, "color": theme.INK}),
        "yaxis": theme.axis(f"{words.capital(tables.about.kpi)} in the training window", suffix=suffix,
                            range=[min(0.0, float(start.min())) / divisor, 1.1 * spread / divisor]),
        "annotations": [
            theme.note(words.percent(round(value / parts.total, 3)), x=name,
                       y=max(label, tops[place]) / divisor, yshift=11,
                       font={"size": 11 if len(names) < 13 else 10, "color": theme.INK})
            for place, (name, label, value) in enumerate(zip(names, labels, values, strict=True))
        ],
        "bargap": 0.22,
        "shapes": [
            {"type": "line", "x0": place, "x1": place + 1, "y0": level, "y1": level, "layer": "below",
             "line": {"color": theme.FAINT, "width": 1, "dash": "dot"}}
            for place, level in enumerate((start + rows["value"]) / divisor)
        ],
    }  # fmt: skip
    without = float(rows.loc[rows["kind"] != "channel", "value"].sum())
    about = tables.about
    return theme.finish(
        traces, layout, height=480,
        title=f"Of {words.number(parts.total, 3)} {about.kpi} in the training window, "
              f"{words.number(without, 3)} come without media and {words.number(parts.total - without, 3)} "
              "through them",
        reading="Each bar starts where the one before it ends; the last is their sum. Whiskers are "
                "intervals of the single step.",
        notes=[interval_note(rows)], table=_share_table(parts, tables),
    )  # fmt: skip


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
    parts = shares(tables)
    rows = parts.channels
    if rows.empty:
        raise MissingTableError("contributions.parquet has no channel")
    names = rows["component"].tolist()
    colours = theme.channel_colours(tables.channels)
    points = 100 * rows["share"]
    right = np.fmax(rows["share_upper"].to_numpy(float), rows["share"].to_numpy(float)) * 100
    traces = [{
        "type": "bar", "orientation": "h", "y": names, "x": points, "showlegend": False,
        "marker": {"color": [colours[name] for name in names], "cornerradius": 3},
        "error_x": theme.error_bars(points, 100 * rows["share_lower"], 100 * rows["share_upper"]),
        "customdata": [words.number(value, 3) for value in rows["value"]],
        "hovertemplate": "%{y}: %{x:.1f} %, %{customdata} " + tables.about.kpi + "<extra></extra>",
    }]  # fmt: skip
    layout = {
        "xaxis": theme.axis(f"Share of {tables.about.goal} in the training window", suffix=f"{words.NBSP}%",
                            rangemode="tozero",
                            range=[min(0.0, float(points.min())), 1.14 * float(right.max())]),
        "yaxis": theme.category_axis(names),
        "annotations": [
            theme.note(words.percent(share), x=edge, y=name, xanchor="left", xshift=7,
                       font={"color": theme.INK})
            for name, share, edge in zip(names, rows["share"], right, strict=True)
        ],
    }  # fmt: skip
    return theme.finish(
        traces, layout, title=_share_title(parts, tables), height=70 + 34 * len(names) + 44,
        reading="Bars are the direct effect of a channel; the whisker shows where it may also lie. "
                "Overlapping whiskers: the order of two channels is not certain.",
        notes=[interval_note(rows)], table=_share_table(parts, tables),
    )  # fmt: skip


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
    if rivals:
        which = (
            words.listing([words.label(name) for name in rivals])
            if len(rivals) < 3
            else f"{len(rivals)} other channels"
        )
        return f"{title}; {which} may bring as much"
    return f"{title}, more than any other channel" if len(rows) > 1 else title


def _share_table(parts: Shares, tables: Tables) -> theme.Layout:
    """All components as text."""
    rows = []
    for _, row in parts.frame.iterrows():
        low, high = words.real(row["share_lower"]), words.real(row["share_upper"])
        interval = (
            f"{words.percent(low)} to {words.percent(high)}" if words.known(low, high) else "no interval"
        )
        name, value = words.subject(str(row["component"])), words.number(words.real(row["value"]), 3)
        rows.append([name, str(row["kind"]), value, words.percent(words.real(row["share"])), interval])
    rows.append(
        ["sum", "", words.number(parts.total, 3), words.percent(float(parts.frame["share"].sum())), ""]
    )
    return {
        "columns": ["Component", "Kind", words.capital(tables.about.kpi), "Share", "Interval"],
        "rows": rows,
    }


def channel_lines(tables: Tables) -> go.Figure:
    """Contribution of each channel over time with its interval."""
    components = national_components(tables)
    components = components[components["kind"] == "channel"]
    if components.empty:
        raise MissingTableError("contributions.parquet has no channel")
    order = [str(name) for name in
             components.groupby("component")["value"].sum().sort_values(ascending=False).index]  # fmt: skip
    chosen = order[:PANELS]
    colours = theme.channel_colours(tables.channels)
    frames = {}
    for name in chosen:
        own = components.loc[components["component"] == name, ["date", "value", "lower", "upper"]]
        frames[name], size = theme.thin(own.sort_values("date").reset_index(drop=True))
    axes = []
    for name in chosen:
        divisor, suffix = words.scale_of(_top(frames[name]))
        axes.append(theme.axis(suffix=suffix, rangemode="tozero", nticks=4))
    grid = theme.panels(
        chosen, columns=3, row_height=120, y=axes, colours=[colours[name] for name in chosen],
        gap=(0.085, 62),
        x=theme.axis(grid=False, type="date", nticks=4, tickformat="%b\n%Y", tickfont={"size": 10.5}),
    )  # fmt: skip
    traces: list[theme.Trace] = []
    for name, (x, y) in zip(chosen, grid.axes, strict=True):
        frame = frames[name]
        divisor, suffix = words.scale_of(_top(frame))
        place = {"xaxis": x, "yaxis": y}
        traces += theme.band(
            frame["date"], frame["lower"] / divisor, frame["upper"] / divisor, colours[name], **place
        )
        traces.append(place | {
            "type": "scatter", "mode": "lines", "x": frame["date"], "y": theme.fmt(frame["value"] / divisor),
            "line": {"color": colours[name], "width": 1.8}, "showlegend": False, "name": theme.short(name),
            "hovertemplate": "%{x|%d %b %Y}<br>%{y:,.3~f}" + suffix + "<extra></extra>",
        })  # fmt: skip
    about = tables.about
    first = components[components["component"] == chosen[0]]
    peak = first.iloc[int(np.argmax(first["value"].to_numpy(float)))]
    return theme.finish(
        traces, grid.layout, height=grid.height + 84,
        title=f"{words.subject(chosen[0])} brought most in the {about.period} of {words.day(peak['date'])}: "
              f"{words.number(float(peak['value']))} {about.kpi}",
        reading=f"One small chart a channel, each with its own scale ({about.kpi} per {about.period}, "
                "summed over regions); the band is the interval.",
        notes=[interval_note(components) or summed_note(components, tables),
               theme.thin_note(size, about.period),
               f"The {PANELS} largest of {len(order)} channels." if len(order) > PANELS else ""],
    )  # fmt: skip


def _top(frame: pd.DataFrame) -> float:
    return float(np.nanmax(frame[["value", "upper"]].to_numpy(float)))
