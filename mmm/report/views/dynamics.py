"""What happens over time: carry-over, effectiveness, season and trend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note, national_components, summed_note

PANELS = 20
AT_ONCE = 0.05
"""Mean lag in periods below which a channel works when it runs."""
FLAT = 0.02
"""Deviation from the average below which a channel's effectiveness counts as constant."""


def carryover(tables: Tables) -> go.Figure:
    """Share of a channel's effect that falls on each period after the media ran."""
    frame = tables.frame("adstock").sort_values(["channel", "lag"])
    about = tables.about
    mean = (frame["lag"] * frame["weight"]).groupby(frame["channel"].astype(str)).sum()
    mean /= frame["weight"].groupby(frame["channel"].astype(str)).sum()
    order = [str(name) for name in mean.sort_values(ascending=False).index]
    chosen = order[:PANELS]
    palette = theme.channel_colours(tables.channels)
    spread = frame[["weight", "upper"]].to_numpy(float)
    grid = theme.panels(
        [f"{words.subject(name)[:14]}: {_lag(float(mean[name]), about.period)}" for name in chosen],
        columns=4, row_height=104, colours=[palette[name] for name in chosen], gap=(0.03, 50), verbatim=True,
        x=theme.axis(grid=False, nticks=6, tickfont={"size": 10.5, "color": theme.SOFT}),
        y=theme.axis(suffix=f"{words.NBSP}%", nticks=4, range=[0, min(108.0, 112 * float(np.nanmax(spread)))],
                     tickfont={"size": 10.5, "color": theme.SOFT}),
    )  # fmt: skip
    traces: list[theme.Trace] = []
    for place, (name, (x, y)) in enumerate(zip(chosen, grid.axes, strict=True)):
        rows = frame[frame["channel"] == name]
        weight = 100 * rows["weight"]
        traces.append({
            "type": "bar", "x": rows["lag"], "y": theme.fmt(weight), "xaxis": x, "yaxis": y,
            "showlegend": False,
            "marker": {"color": palette[name], "cornerradius": 2},
            "error_y": theme.error_bars(weight, 100 * rows["lower"], 100 * rows["upper"],
                                        theme.SOFT) | {"width": 2},
            "hovertemplate": f"{about.period} %{{x}}: %{{y:.0f}} % of the effect<extra></extra>",
        })  # fmt: skip
        if place % 4:
            grid.layout[y.replace("y", "yaxis")] |= {"showticklabels": False}
    longest, shortest = order[0], order[-1]
    far = "works longest, on average" if len(order) > 1 else "works on average"
    title = f"{words.subject(longest)} {far} {_lag(float(mean[longest]), about.period)}"
    title += " after it ran" if mean[longest] >= AT_ONCE else ""
    if len(order) > 1:
        soon = _lag(float(mean[shortest]), about.period)
        title += f"; {words.label(shortest)} soonest, {'after ' if mean[shortest] >= AT_ONCE else ''}{soon}"
    return theme.finish(
        traces, grid.layout | {"bargap": 0.15}, title=title, height=grid.height + 84,
        reading=f"Bar 0 is the {about.period} in which media ran, bar 1 the next; the bars of a channel add "
                "up to 100 %. In the heading their mean. Whiskers are intervals.",
        notes=[interval_note(frame), _cut(order, chosen)],
    )  # fmt: skip


def _lag(mean: float, period: str) -> str:
    """A mean lag in words."""
    if mean < AT_ONCE:
        return "at once"
    return f"{words.number(mean)} {period}{'' if words.number(mean) == '1' else 's'}"


def _cut(order: Sequence[str], chosen: Sequence[str]) -> str:
    return f"{len(chosen)} of {len(order)} channels are drawn." if len(order) > len(chosen) else ""


def effectiveness(tables: Tables) -> go.Figure:
    """Multiplier of each channel's effect over time, 1 being its average."""
    frame = tables.frame("effectiveness").sort_values(["channel", "date"])
    name_of = frame["channel"].astype(str)
    swing = frame["value"].groupby(name_of).agg(["min", "max"])
    width = (swing["max"] - swing["min"]).sort_values(ascending=False)
    order = [str(name) for name in width.index]
    chosen = order[:PANELS]
    palette = theme.channel_colours(tables.channels)
    bounds = frame[["value", "lower", "upper"]].to_numpy(float)
    reach = max(1.15 * float(np.nanmax(np.abs(bounds - 1))), 0.1)
    step = max(step for step in (0.05, 0.1, 0.2, 0.5, 1, 2, 5) if step == 0.05 or step <= 0.95 * reach)
    ticks = [round(tick, 2) for tick in (1 - step, 1, 1 + step)]
    grid = theme.panels(
        chosen, columns=4, row_height=104, colours=[palette[name] for name in chosen], gap=(0.03, 62),
        x=theme.axis(grid=False, type="date", nticks=5, tickformat="%b\n%Y",
                     tickfont={"size": 10.5, "color": theme.SOFT}),
        y=theme.axis(tickvals=ticks, ticktext=[f"{tick:g}\u00d7" for tick in ticks],
                     range=[1 - reach, 1 + reach],
                     tickfont={"size": 10.5, "color": theme.SOFT},
                     zeroline=False),
    )  # fmt: skip
    traces: list[theme.Trace] = []
    shapes = []
    size = 1
    for place, (name, (x, y)) in enumerate(zip(chosen, grid.axes, strict=True)):
        rows = frame.loc[name_of == name, ["date", "value", "lower", "upper"]].reset_index(drop=True)
        rows, size = theme.thin(rows)
        own = {"xaxis": x, "yaxis": y}
        traces += theme.band(rows["date"], rows["lower"], rows["upper"], palette[name], **own)
        traces.append(own | {
            "type": "scatter", "mode": "lines", "x": rows["date"], "y": theme.fmt(rows["value"]),
            "showlegend": False,
            "line": {"color": palette[name], "width": 1.9},
            "hovertemplate": "%{x|%d %b %Y}: %{y:.2f} times the average<extra></extra>",
        })  # fmt: skip
        shapes.append({"type": "line", "xref": f"{x} domain", "x0": 0, "x1": 1, "yref": y, "y0": 1, "y1": 1,
                       "line": {"color": theme.FAINT, "width": 1, "dash": "dot"},
                       "layer": "below"})  # fmt: skip
        if place % 4:
            grid.layout[y.replace("y", "yaxis")] |= {"showticklabels": False}
    return theme.finish(
        traces, grid.layout | {"shapes": shapes}, title=_effectiveness_title(frame, name_of, swing, order[0]),
        reading="The dotted line is a channel's average effect; above it the same media bring more. A band "
                "that holds the dotted line: no change that can be told from none.",
        height=grid.height + 84,
        notes=[interval_note(frame), _cut(order, chosen), theme.thin_note(size, tables.about.period)],
    )  # fmt: skip


def _effectiveness_title(frame: pd.DataFrame, name_of: pd.Series, swing: pd.DataFrame, first: str) -> str:
    low, high = words.real(swing.at[first, "min"]), words.real(swing.at[first, "max"])
    if max(high - 1, 1 - low) < FLAT:
        return f"No channel's effectiveness moves more than {words.percent(FLAT)} from its average"
    reach = f"{words.number(low)} to {words.number(high)}"
    title = f"{words.subject(first)} varies most over time: {reach} times its average effect"
    rows = frame[name_of == first]
    known = rows["lower"].notna() & rows["upper"].notna()
    clear = known & ((rows["lower"] > 1) | (rows["upper"] < 1))
    if known.any() and not clear.any():
        title += ", but no change is certain"
    return title


def season_and_trend(tables: Tables) -> go.Figure:
    """Baseline, season and controls over time, summed over regions."""
    components = national_components(tables)
    groups = {"Baseline and trend": ("baseline", theme.INK), "Season": ("seasonality", theme.ACCENT),
              "Controls together": ("control", theme.HIGHLIGHT)}  # fmt: skip
    found = {
        label: (components[components["kind"] == kind], colour) for label, (kind, colour) in groups.items()
    }
    found = {label: item for label, item in found.items() if len(item[0])}
    if not found:
        raise MissingTableError("contributions.parquet has neither baseline nor season")
    about = tables.about
    series = {
        label: rows.groupby("date")[["value", "lower", "upper"]].sum(min_count=1).sort_index().reset_index()
        for label, (rows, _) in found.items()
    }
    scales = {label: words.scale_of(float(np.nanmax(np.abs(rows[["value", "upper"]].to_numpy(float)))))
              for label, rows in series.items()}  # fmt: skip
    grid = theme.panels(
        list(series), columns=1, row_height=130, colours=[found[label][1] for label in series],
        gap=(0.05, 54),
        x=theme.axis(grid=False, type="date"),
        y=[theme.axis(suffix=scales[label][1], nticks=5, zeroline=label != "Baseline and trend",
                      zerolinecolor=theme.FAINT, zerolinewidth=1) for label in series],
    )  # fmt: skip
    traces: list[theme.Trace] = []
    for label, (x, y) in zip(series, grid.axes, strict=True):
        rows, size = theme.thin(series[label])
        divisor, suffix = scales[label]
        own = {"xaxis": x, "yaxis": y}
        traces += theme.band(
            rows["date"], rows["lower"] / divisor, rows["upper"] / divisor, found[label][1], **own
        )
        traces.append(own | {
            "type": "scatter", "mode": "lines", "x": rows["date"], "y": theme.fmt(rows["value"] / divisor),
            "line": {"color": found[label][1], "width": 2}, "showlegend": False,
            "hovertemplate": "%{x|%d %b %Y}: %{y:,.3~f}" + suffix + "<extra></extra>",
        })  # fmt: skip
    return theme.finish(
        traces, grid.layout, title=_season_title(series, about.kpi), height=grid.height + 84,
        reading=f"{words.capital(about.kpi)} per {about.period} without media, each part with its own "
                "scale. Season and controls move around zero.",
        notes=[interval_note(components[components["kind"] != "channel"]) or summed_note(components, tables),
               theme.thin_note(size, about.period)],
    )  # fmt: skip


def _season_title(series: dict[str, pd.DataFrame], kpi: str) -> str:
    parts = []
    baseline = series.get("Baseline and trend")
    level = float(baseline["value"].mean()) if baseline is not None else float("nan")
    if "Season" in series and level > 0:
        rows = series["Season"]
        value = rows["value"].to_numpy(float)
        high, low = rows.iloc[int(np.argmax(value))], rows.iloc[int(np.argmin(value))]
        parts.append(
            f"Season adds up to {words.percent(float(high['value']) / level)} of the baseline "
            f"({words.day(high['date'])}) and takes away up to "
            f"{words.percent(-float(low['value']) / level)} ({words.day(low['date'])})"
            if low["value"] < 0 < high["value"] else f"Season hardly moves {kpi}"
        )  # fmt: skip
    if baseline is not None and len(baseline) >= 8:
        quarter = len(baseline) // 4
        change = float(baseline["value"].iloc[-quarter:].mean() / baseline["value"].iloc[:quarter].mean() - 1)
        verb = "grew" if change > 0 else "fell"
        still = abs(change) < 0.005
        parts.append("the baseline stayed level" if still else
                     f"the baseline {verb} {words.percent(abs(change))} from first to last quarter of the "
                     "data")  # fmt: skip
    return words.capital("; ".join(parts)) if parts else f"{words.capital(kpi)} without media over time"
