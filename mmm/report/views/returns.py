"""What money buys: ROI and response curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import axes, marks, theme, words
from mmm.report.about import About
from mmm.report.axes import Panel
from mmm.report.marks import Unit
from mmm.report.moves import Moves, moves_of
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PANELS = 18
UNSATURATED = 0.19
"""What a fifth more of a channel adds to its effect from where its curve counts as straight."""


def roi(tables: Tables) -> go.Figure:
    """ROI and marginal ROI of every channel with spend, with intervals."""
    rows = tables.frame("effects")
    rows = rows[rows["roi"].notna() & (rows["spend"] > 0)].sort_values("roi", ascending=False).copy()
    if rows.empty:
        raise MissingTableError("no channel has spend, so there is no return on it")
    names = rows["channel"].astype(str).tolist()
    palette, about = theme.channel_colours(tables.channels), tables.about
    colours = [palette[name] for name in names]
    what = "ROI" if about.priced else "return"
    for column in [c for c in rows if str(c).startswith(("roi", "marginal_roi"))]:
        rows[column] = rows[column] * about.per
    traces = _roi_dots(rows, "roi", f"{what}: all spend", "circle", -0.16, colours)
    next_unit = f"marginal {what}: the next {about.currency}"
    traces += _roi_dots(rows, "marginal_roi", next_unit, "diamond-open", 0.16, colours)
    ticks = {"size": 12.5, "color": theme.INK}
    layout = {
        "xaxis": axes.linear(_roi_axis(about), rangemode="tozero"),
        "yaxis": axes.rows([theme.short(name) for name in names], tickfont=ticks),
    }
    return theme.finish(
        traces,
        layout | (axes.break_even() if about.priced else {}),
        title=_roi_title(rows, about),
        height=94 + 42 * len(names) + 66,
        legend=True,
        reading="Filled: what all spend returned. Open: what the next unit would return; move money "
        "towards the right-most open marks whose lines do not overlap. Lines are intervals.",
        notes=[interval_note(rows, "roi_lower", "roi_upper")],
        table=marks.table(
            marks.records(rows),
            {
                "Channel": lambda row: str(row["channel"]),
                "Spend": lambda row: words.number(float(row["spend"]), 3),
                words.capital(what): marks.estimate("roi"),
                f"Marginal {what}": marks.estimate("marginal_roi"),
            },
        ),
    )


def _roi_dots(
    rows: pd.DataFrame, column: str, label: str, symbol: str, shift: float, colours: list[str]
) -> list[theme.Trace]:
    """One kind of return, a little above or below the middle of its row, and its key."""
    low, high = marks.bounds(rows, column)
    dots = marks.dots(
        rows[column],
        np.arange(len(rows)) + shift,
        colours,
        symbol=symbol,
        rim=(2, colours),
        hover="%{text}<br>" + label + " %{x:.2f} (%{customdata})",
        text=rows["channel"].astype(str).tolist(),
        customdata=[words.span(a, b) for a, b in zip(low, high, strict=True)],
        error_x=marks.whiskers(rows[column], low, high, theme.SOFT),
    )
    return [dots, marks.key(label, theme.SOFT, 11, symbol)]


def _roi_axis(about: About) -> str:
    currency = about.currency
    whole = f"{currency} of KPI value per {currency} of spend"
    return whole if about.priced else words.capital(about.return_unit)


def _roi_title(rows: pd.DataFrame, about: About) -> str:
    best = rows.iloc[0]
    low, high = marks.bounds(rows, "roi")
    name, value = words.label(str(best["channel"])), words.number(float(best["roi"]))
    unit, currency = f"{value} {about.return_unit}", about.currency
    known = words.known(low[0], high[0])
    told = words.span(low[0], high[0]) if known else "uncertainty not known"
    if len(rows) == 1:
        return f"{words.capital(name)} returns {unit} ({told})"
    rivals = int((high[1:] > low[0]).sum())
    if not known or not rivals:
        return f"{words.capital(name)} returns most: {unit} ({told})" + _next(rows, currency)
    doubt = (
        f"{name} leads with {unit} ({told}), but {words.count(rivals, 'other channel')} may return as much"
    )
    sure = [words.label(str(c)) for c, floor in zip(rows["channel"], low, strict=True) if floor > 1]
    if not about.priced:
        return words.capital(doubt)
    if sure:
        verb = "is" if len(sure) == 1 else "are"
        return f"{words.capital(words.listing(sure))} {verb} all but sure to pay; {doubt}"
    return f"No channel is sure to pay: {doubt}"


def _next(rows: pd.DataFrame, currency: str) -> str:
    """Where the next unit of money returns most."""
    marginal = rows["marginal_roi"].astype(float)
    if not marginal.notna().any():
        return ""
    top = rows.iloc[int(np.nanargmax(marginal.to_numpy(float)))]
    same = top["channel"] == rows["channel"].iloc[0]
    which = "there too" if same else f"in {words.label(str(top['channel']))}"
    return f"; the next {currency} returns most {which} ({words.number(float(top['marginal_roi']))})"


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
        label = {"name": theme.short(name, 34), "legendgroup": name}
        x, y = theme.fmt(spend), theme.fmt(response)
        traces.append(marks.line(x, y, palette[name], 2.2, hover=hover, **label))
        now = int(np.argmin(np.abs(own[name]["multiplier"].to_numpy(float) - 1)))
        traces.append(marks.dots([spend[now]], [response[now]], palette[name], 9, hover=f"today: {hover}"))
    level = min(float(own[name]["spend"].max()) for name in chosen)
    at = {name: float(np.interp(level, own[name]["spend"], own[name]["response"])) for name in chosen}
    best = max(at, key=lambda name: at[name])
    said = f"{words.money(level, about.currency)} in one channel would bring most in {words.label(best)}"
    return theme.finish(
        traces,
        {
            "xaxis": axes.linear(f"Spend in the training window, {about.currency}", suffix=across.suffix)
            | {"rangemode": "tozero"},
            "yaxis": axes.linear(
                f"{words.capital(about.kpi)} it brings", suffix=up.suffix, rangemode="tozero"
            ),
        },
        title=f"{said}: {words.number(at[best])} {about.kpi}",
        height=430 + 22 * -(-len(chosen) // 4),
        legend=True,
        reading="All curves on the same scale: steeper is a better use of the next money. The dot is today; "
        "where a curve is flat, more money changes little.",
    )


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
