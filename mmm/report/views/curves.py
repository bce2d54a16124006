"""Response curves: each channel alone, and all on one pair of axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.about import About
from mmm.report.axes import Panel
from mmm.report.marks import Unit
from mmm.report.moves import Moves, moves_of
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PANELS = 18
UNSATURATED = 0.19
"""What a fifth more of a channel adds to its effect from where its curve counts as straight."""


def curves(tables: Tables) -> go.Figure:
    """Response of the KPI to each channel's spend, with where it stands today and how far data reach."""
    own, order = curves_of(tables)
    chosen, about = order[:PANELS], tables.about
    palette = theme.channel_colours(tables.channels)
    units = {name: Unit.of(own[name][["response", "upper"]]) for name in chosen}
    grid = axes.panels(
        chosen,
        columns=3,
        row_height=150,
        colours=[palette[name] for name in chosen],
        gap=(0.085, 72),
        y=[axes.linear(suffix=unit.suffix, rangemode="tozero", nticks=5) for unit in units.values()],
        x=axes.linear(grid=False, nticks=5, rangemode="tozero", tickfont=axes.SMALL),
    )
    traces: list[theme.Trace] = []
    grid.layout["shapes"] = []
    plan = moves_of(tables.plan)
    for name, panel in zip(chosen, grid.each, strict=True):
        traces += _curve(own[name], units[name], palette[name], panel)
        traces += _planned(own[name], units[name], palette[name], panel, plan, name)
        marginal = axes.note(_marginal(tables, name), size=11, colour=theme.INK, x=0.97, y=0.05)
        place = {"xref": f"{panel.x} domain", "yref": f"{panel.y} domain"}
        grid.layout["annotations"].append(marginal | place | {"xanchor": "right", "yanchor": "bottom"})
    money = all(bool((own[name]["spend"] > 0).any()) for name in chosen)
    unit = f"spend in the training window, {about.currency}" if money else "spend or multiple of today's"
    diamond = ", the diamond the plan" if plan else ""
    return theme.finish(
        traces,
        grid.layout,
        height=grid.height + 84,
        title=_curves_title({name: own[name] for name in chosen}, about.goal),
        reading=f"Across: {unit}; up: {about.kpi} it brings. The dot is today{diamond}, the band the "
        "interval. A flatter curve means the next unit brings less. Grey: levels the data never saw.",
        notes=[interval_note(tables.frame("curves")), marks.cut_note(chosen, order)],
    )


def curves_of(tables: Tables) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Every channel's curve by multiplier, and the channels by what they bring today, largest first."""
    frame = tables.frame("curves")
    now = frame[np.isclose(frame["multiplier"], 1.0)]
    order = [str(name) for name in now.sort_values("response", ascending=False)["channel"]]
    if not order:
        raise MissingTableError("curves.parquet has no row at the current spend (multiplier 1)")
    return {name: frame[frame["channel"] == name].sort_values("multiplier") for name in order}, order


def _curve(rows: pd.DataFrame, unit: Unit, colour: str, panel: Panel) -> list[theme.Trace]:
    """Band, curve, and the dot of today; grey where the data never were."""
    money = bool((rows["spend"] > 0).any())
    spend = Unit.of(float(rows["spend"].max())) if money else Unit(1.0, "\u00d7")
    at = spend(rows["spend"] if money else rows["multiplier"])
    alias = {f"0{spend.suffix}": "0"}
    panel.across(ticksuffix=spend.suffix, range=[0, at.max()], labelalias=alias)
    panel.layout["shapes"] += _unsupported(rows, at, panel)
    response = unit(rows["response"])
    today = int(np.argmin(np.abs(rows["multiplier"].to_numpy(float) - 1)))
    hover = f"{spend.hover('x')} brings {unit.hover()}"
    band = marks.band(theme.fmt(at), unit(rows["lower"]), unit(rows["upper"]), colour, **panel.at)
    curve = marks.line(theme.fmt(at), theme.fmt(response), colour, 2.2, hover=hover, **panel.at)
    point: theme.Layout = {"rim": (2, "#ffffff"), "hover": f"today: {hover}"}
    return [*band, curve, marks.dots([at[today]], [response[today]], colour, 10, **point, **panel.at)]


def _planned(
    rows: pd.DataFrame, unit: Unit, colour: str, panel: Panel, plan: Moves | None, name: str
) -> list[theme.Trace]:
    """Where the plan puts the channel on its curve, at the same multiple of today's spend."""
    change, now = (plan.changes.get(name, 0.0), plan.current.get(name, 0.0)) if plan else (0.0, 0.0)
    times = 1 + change / now if now > 0 else 1.0
    x, spend = rows["multiplier"].to_numpy(float), rows["spend"].to_numpy(float)
    if change == 0.0 or not x.min() <= times <= x.max():
        return []
    money = bool((spend > 0).any())
    scale = Unit.of(float(spend.max())) if money else Unit(1.0, "\u00d7")
    at = float(scale(np.interp(times, x, spend) if money else times))
    brings = float(unit(np.interp(times, x, rows["response"].to_numpy(float))))
    hover = f"plan: {scale.hover('x')} brings {unit.hover()}"
    rim = (2, colour)
    return [marks.dots([at], [brings], "#ffffff", 11, "diamond", rim=rim, hover=hover, **panel.at)]


def all_curves(tables: Tables) -> go.Figure:
    """Curves of all channels with spend on one pair of axes, the dot being today."""
    own, order = curves_of(tables)
    chosen = [name for name in order if (own[name]["spend"] > 0).any()][:PANELS]
    if not chosen:
        raise MissingTableError("no channel has spend, so curves have no common axis")
    rows = pd.concat([own[name] for name in chosen])
    across, up, about = Unit.of(rows["spend"]), Unit.of(rows["response"]), tables.about
    palette = theme.channel_colours(tables.channels)
    traces = []
    for name in chosen:
        spend, response = across(own[name]["spend"]), up(own[name]["response"])
        hover = f"{theme.short(name)}: {across.hover('x')} brings {up.hover()}"
        label = {"name": theme.short(name, 40), "legendgroup": name}
        x, y = theme.fmt(spend), theme.fmt(response)
        traces.append(marks.line(x, y, palette[name], 2.2, hover=hover, **label))
        now = int(np.argmin(np.abs(own[name]["multiplier"].to_numpy(float) - 1)))
        traces.append(marks.dots([spend[now]], [response[now]], palette[name], 9, hover=f"today: {hover}"))
    return theme.finish(
        traces,
        {
            "xaxis": axes.linear(f"Spend in the training window, {about.currency}", suffix=across.suffix)
            | {"rangemode": "tozero"},
            "yaxis": axes.linear(
                f"{words.capital(about.kpi)} it brings", suffix=up.suffix, rangemode="tozero"
            ),
        },
        title=_equal_title({name: own[name] for name in chosen}, about),
        height=430 + 22 * -(-len(chosen) // 4),
        legend=True,
        reading="All curves on the same scale: steeper is a better use of the next money. The dot is today; "
        "where a curve is flat, more money changes little.",
    )


def _equal_title(own: dict[str, pd.DataFrame], about: About) -> str:
    """Where the same money would bring most, at the largest amount that every curve reaches."""
    level = min(float(rows["spend"].max()) for rows in own.values())
    at = {name: float(np.interp(level, rows["spend"], rows["response"])) for name, rows in own.items()}
    best = max(at, key=lambda name: at[name])
    said = f"{words.money(level, about.currency)} in one channel would bring most in {words.label(best)}"
    return f"{said}: {words.number(at[best])} {about.kpi}"


def _unsupported(rows: pd.DataFrame, at: np.ndarray, panel: Panel) -> list[theme.Layout]:
    """Grey over the spend levels that the data do not support."""
    supported = rows["supported"].to_numpy(bool)
    if not supported.any():
        return []
    first, last = at[supported].min(), at[supported].max()
    below = [(0.0, first)] if first > at.min() else []
    above = [(last, at.max())] if last < at.max() else []
    return [axes.area(low, high, panel.x, panel.y, "rgba(93,104,117,0.10)") for low, high in below + above]


def _marginal(tables: Tables, name: str) -> str:
    """Marginal ROI at today's spend; empty where it is not known."""
    if tables.effects is None:
        return ""
    own = tables.effects.loc[tables.effects["channel"] == name, "marginal_roi"]
    value = tables.about.per * float(own.iloc[0]) if len(own) else float("nan")
    what = (
        "marginal ROI"
        if tables.about.priced
        else f"next {words.money(tables.about.per, tables.about.currency)}:"
    )
    return f"{what} {words.number(value)}" if words.known(value) else ""


def _curves_title(own: dict[str, pd.DataFrame], kpi: str) -> str:
    """How much more of a channel brings more from it: least where it is nearly full."""
    gains = {}
    for name, rows in own.items():
        today = float(rows.loc[np.isclose(rows["multiplier"], 1), "response"].iloc[0])
        more = float(np.interp(1.2, rows["multiplier"], rows["response"]))
        if today > 0:
            gains[name] = more / today - 1
    if not gains:
        return f"No channel brings anything of {kpi} at today's spend"
    least, most = (pick(gains, key=lambda name: gains[name]) for pick in (min, max))
    if gains[least] >= UNSATURATED:
        return "A fifth more of any channel would bring about a fifth more from it: none is near its limit"
    title = f"A fifth more of {words.label(least)} would bring {words.percent(gains[least])} more from it"
    if len(gains) > 1:
        title += f", of {words.label(most)} {words.percent(gains[most])}: "
        title += f"{words.label(least)} is closest to its limit, by the model's account"
    unseen = [name for name in dict.fromkeys((least, most)) if not _saw(own[name], 1.2)]
    if unseen:
        title += f"; the data never saw that much of {words.listing([words.label(name) for name in unseen])}"
    return title


def _saw(rows: pd.DataFrame, multiplier: float) -> bool:
    """The data support a multiple of today's spend."""
    seen = rows.loc[rows["supported"].astype(bool), "multiplier"]
    return bool(len(seen) and seen.max() >= multiplier)
