"""What happens over time: carry-over, effectiveness, season and trend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.labels import MEDIA_KINDS, TREATMENT
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note, national_components, summed_note

PANELS = 20
AT_ONCE = 0.05
"""Mean lag in periods below which a channel works when it runs."""
FOUR: theme.Layout = {"columns": 4, "row_height": 104}
"""The grid of small charts."""
LEVEL = "Baseline and trend"
PARTS = {
    LEVEL: ("baseline", theme.INK),
    "Season": ("seasonality", theme.ACCENT),
    "Controls together": ("control", theme.HIGHLIGHT),
    "Treatments together": (TREATMENT, theme.INK),
}
"""What comes without media: label to kind and colour."""
FLAT = 0.02
"""Deviation from the average below which a channel's effectiveness counts as constant."""


def carryover(tables: Tables) -> go.Figure:
    """Share of a channel's effect that falls on each period after the media ran."""
    frame, period = tables.frame("adstock").sort_values(["channel", "lag"]), tables.about.period
    mean = mean_lags(frame)
    order = [str(name) for name in mean.sort_values(ascending=False).index]
    chosen = order[:PANELS]
    palette = theme.channel_colours(tables.channels)
    top = min(108.0, 112 * float(np.nanmax(frame[["weight", "upper"]].to_numpy(float))))
    grid = axes.panels(
        [_heading(name, _lag(float(mean[name]), period)) for name in chosen],
        **FOUR,
        colours=[palette[name] for name in chosen],
        gap=(0.03, 50),
        verbatim=True,
        x=axes.linear(grid=False, nticks=6, tickfont=axes.SMALL),
        y=axes.linear(suffix=axes.PERCENT, nticks=4, range=[0, top], tickfont=axes.SMALL),
    )
    traces: list[theme.Trace] = []
    for name, panel in zip(chosen, grid.each, strict=True):
        rows, hover = frame[frame["channel"] == name], f"{period} %{{x}}: %{{y:.0f}} % of the effect"
        weight = 100 * rows["weight"]
        bars = marks.columns(rows["lag"], theme.fmt(weight), palette[name], corner=2, hover=hover)
        error = marks.whiskers(weight, 100 * rows["lower"], 100 * rows["upper"], theme.SOFT)
        traces.append(bars | panel.at | {"error_y": error | {"width": 2}})
    _first_ticks_only(grid)
    return theme.finish(
        traces,
        grid.layout | {"bargap": 0.15},
        title=_carryover_title(mean, order, period),
        height=grid.height + 84,
        reading=f"Bar 0 is the {period} in which media ran, bar 1 the next; the bars of a channel add "
        "up to 100 %. In the heading their mean. Whiskers are intervals.",
        notes=[interval_note(frame), _cut(order, chosen)],
    )


def _heading(name: str, lag: str) -> str:
    """A channel's name and mean lag in two lines; the lag first where the name would be cut."""
    both, line = f"{words.subject(name)}: {lag}", axes.HEADING[FOUR["columns"]]
    lines = words.wrap(both, line)
    fits = len(lines) <= 2 and max(map(len, lines)) <= line
    return both if fits else f"{words.capital(lag)}: {words.label(name)}"


def mean_lags(frame: pd.DataFrame) -> pd.Series:
    """Mean lag of every channel in periods."""
    channel = frame["channel"].astype(str)
    return (frame["lag"] * frame["weight"]).groupby(channel).sum() / frame["weight"].groupby(channel).sum()


def _carryover_title(mean: pd.Series, order: list[str], period: str) -> str:
    longest, shortest = order[0], order[-1]
    far = "works longest, on average" if len(order) > 1 else "works on average"
    title = f"{words.subject(longest)} {far} {_lag(float(mean[longest]), period)}"
    title += " after it ran" if mean[longest] >= AT_ONCE else ""
    if len(order) > 1:
        soon = _lag(float(mean[shortest]), period)
        title += f"; {words.label(shortest)} soonest, {'after ' if mean[shortest] >= AT_ONCE else ''}{soon}"
    return title


def _first_ticks_only(grid: axes.Panels) -> None:
    """Levels stand left of every row of charts once: they are the same in all."""
    for place, panel in enumerate(grid.each):
        if place % FOUR["columns"]:
            panel.up(showticklabels=False)


def _lag(mean: float, period: str) -> str:
    """A mean lag in words."""
    if mean < AT_ONCE:
        return "at once"
    return f"{words.number(mean)}{words.NBSP}{period}{'' if words.number(mean) == '1' else 's'}"


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
    grid = axes.panels(
        chosen,
        **FOUR,
        colours=[palette[name] for name in chosen],
        gap=(0.03, 62),
        x=axes.small_time(5) | {"tickfont": axes.SMALL},
        y=_around_one(frame[["value", "lower", "upper"]].to_numpy(float)),
    )
    traces: list[theme.Trace] = []
    grid.layout["shapes"], size = [], 1
    hover = "%{x|%d %b %Y}: %{y:.2f} times the average"
    for name, panel in zip(chosen, grid.each, strict=True):
        own = frame.loc[name_of == name, ["date", "value", "lower", "upper"]].reset_index(drop=True)
        rows, size = marks.thin(own)
        traces += marks.ribbon(rows, palette[name], width=1.9, hover=hover, **panel.at)
        across: theme.Layout = {"xref": f"{panel.x} domain", "yref": panel.y, "layer": "below"}
        grid.layout["shapes"].append(axes.rule(y=1, colour=theme.FAINT, width=1, **across))
    _first_ticks_only(grid)
    return theme.finish(
        traces,
        grid.layout,
        title=_effectiveness_title(frame, name_of, swing, order[0]),
        reading="The dotted line is a channel's average effect; above it the same media bring more. A band "
        "that holds the dotted line: no change that can be told from none.",
        height=grid.height + 84,
        notes=[interval_note(frame), _cut(order, chosen), marks.thin_note(size, tables.about.period)],
    )


def _around_one(values: np.ndarray) -> theme.Layout:
    """An axis of multiples with 1 in the middle."""
    reach = max(1.15 * float(np.nanmax(np.abs(values - 1))), 0.1)
    step = max(step for step in (0.05, 0.1, 0.2, 0.5, 1, 2, 5) if step == 0.05 or step <= 0.95 * reach)
    ticks = [round(tick, 2) for tick in (1 - step, 1, 1 + step)]
    shown: theme.Layout = {"tickvals": ticks, "ticktext": [f"{tick:g}\u00d7" for tick in ticks]}
    return axes.linear(**shown, range=[1 - reach, 1 + reach], tickfont=axes.SMALL)


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
    components, about = national_components(tables), tables.about
    series = _without_media(components)
    units = {label: Unit.of(rows[["value", "upper"]]) for label, rows in series.items()}
    zero: theme.Layout = {"zerolinecolor": theme.FAINT, "zerolinewidth": 1}
    grid = axes.panels(
        list(series),
        columns=1,
        row_height=130,
        colours=[PARTS[label][1] for label in series],
        gap=(0.05, 64),
        x=axes.small_time(6) | {"tickangle": 0},
        y=[axes.linear(suffix=u.suffix, nticks=5, zeroline=n != LEVEL, **zero) for n, u in units.items()],
    )
    traces: list[theme.Trace] = []
    for (label, whole), panel in zip(series.items(), grid.each, strict=True):
        rows, size = marks.thin(whole)
        hover = "%{x|%d %b %Y}: " + units[label].hover()
        traces += marks.ribbon(rows, PARTS[label][1], units[label], width=2, hover=hover, **panel.at)
    other = components[~components["kind"].isin(MEDIA_KINDS)]
    return theme.finish(
        traces,
        grid.layout,
        title=_season_title(series, about.kpi),
        height=grid.height + 84,
        reading=f"{words.capital(about.kpi)} per {about.period} without media, each part with its own "
        "scale. Season and controls move around zero.",
        notes=[interval_note(other) or summed_note(components, tables), marks.thin_note(size, about.period)],
    )


def _without_media(components: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sums by date of the kinds of what comes without media, those that are there."""
    found = {label: components[components["kind"] == kind] for label, (kind, _) in PARTS.items()}
    sums = ["value", "lower", "upper"]
    series = {
        label: rows.groupby("date")[sums].sum(min_count=1).sort_index().reset_index()
        for label, rows in found.items()
        if len(rows)
    }
    if not series:
        raise MissingTableError("contributions.parquet has neither baseline nor season")
    return series


def _season_title(series: dict[str, pd.DataFrame], kpi: str) -> str:
    parts = []
    baseline = series.get(LEVEL)
    level = float(baseline["value"].mean()) if baseline is not None else float("nan")
    if "Season" in series and level > 0:
        rows = series["Season"]
        value = rows["value"].to_numpy(float)
        high, low = rows.iloc[int(np.argmax(value))], rows.iloc[int(np.argmin(value))]
        up, down = words.percent(float(high["value"]) / level), words.percent(-float(low["value"]) / level)
        told = f"Season adds up to {up} of the baseline ({words.day(high['date'])}) and takes away up to "
        told += f"{down} ({words.day(low['date'])})"
        parts.append(told if low["value"] < 0 < high["value"] else f"Season hardly moves {kpi}")
    if baseline is not None and len(baseline) >= 8:
        quarter = len(baseline) // 4
        change = float(baseline["value"].iloc[-quarter:].mean() / baseline["value"].iloc[:quarter].mean() - 1)
        move = (
            f"{'grew' if change > 0 else 'fell'} {words.percent(abs(change))} from first to last quarter of "
        )
        parts.append(f"the baseline {'stayed level' if abs(change) < 0.005 else move + 'the data'}")
    return words.capital("; ".join(parts)) if parts else f"{words.capital(kpi)} without media over time"
