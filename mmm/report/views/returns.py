"""What money buys: ROI, response curves, saturation, and the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PANELS = 18
UNSATURATED = 0.19
"""What a fifth more of a channel adds to its effect from where its curve counts as straight."""


def roi(tables: Tables) -> go.Figure:
    """ROI and marginal ROI of every channel with spend, with intervals."""
    rows = tables.frame("effects")
    rows = rows[rows["roi"].notna() & (rows["spend"] > 0)].sort_values("roi", ascending=False)
    if rows.empty:
        raise MissingTableError("no channel has spend, so there is no return on it")
    names = rows["channel"].astype(str).tolist()
    colours = [theme.channel_colours(tables.channels)[name] for name in names]
    currency = tables.about.currency
    traces = []
    for column, label, symbol, shift in (("roi", "ROI: all spend", "circle", -0.16),
                                         ("marginal_roi", f"marginal ROI: the next {currency}",
                                          "diamond-open", 0.16)):  # fmt: skip
        low, high = _column(rows, f"{column}_lower"), _column(rows, f"{column}_upper")
        traces.append({
            "type": "scatter", "mode": "markers", "x": rows[column], "y": np.arange(len(names)) + shift,
            "name": label, "marker": {"symbol": symbol, "size": 11, "color": colours,
                                      "line": {"width": 2, "color": colours}},
            "error_x": theme.error_bars(rows[column], low, high, theme.SOFT),
            "showlegend": False, "customdata": [words.span(a, b) for a, b in zip(low, high, strict=True)],
            "text": names,
            "hovertemplate": "%{text}<br>" + label + " %{x:.2f} (%{customdata})<extra></extra>",
        })  # fmt: skip
        traces.append({"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": label,
                       "marker": {"symbol": symbol, "size": 11, "color": theme.SOFT},
                       "showlegend": True})  # fmt: skip
    layout = {
        "xaxis": theme.axis(f"{currency} of KPI value per {currency} of spend", rangemode="tozero"),
        "yaxis": theme.axis(grid=False, tickmode="array", tickvals=list(range(len(names))), showline=False,
                            ticktext=[theme.short(name) for name in names], range=[len(names) - 0.4, -0.6],
                            tickfont={"size": 12.5, "color": theme.INK}),
        "shapes": [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper",
                    "line": {"color": theme.HIGHLIGHT, "width": 1.2, "dash": "dot"}}],
        "annotations": [theme.note("break-even", x=1, y=1, yref="paper", yanchor="bottom", yshift=2,
                                   font={"size": 11, "color": theme.HIGHLIGHT})],
    }  # fmt: skip
    return theme.finish(
        traces, layout, title=_roi_title(rows, currency), height=94 + 42 * len(names) + 66, legend=True,
        reading="Filled: what all spend returned. Open: what the next unit would return; move money "
                "towards the right-most open marks whose lines do not overlap. Lines are intervals.",
        notes=[interval_note(rows, "roi_lower", "roi_upper")], table=_roi_table(rows),
    )  # fmt: skip


def _column(rows: pd.DataFrame, name: str) -> Any:
    return rows[name].to_numpy(float) if name in rows else np.full(len(rows), np.nan)


def _roi_title(rows: pd.DataFrame, currency: str) -> str:
    best = rows.iloc[0]
    low, high = _column(rows, "roi_lower"), _column(rows, "roi_upper")
    name, value = words.label(str(best["channel"])), words.number(float(best["roi"]))
    unit = f"{currency} per {currency}"
    if len(rows) == 1:
        told = words.span(low[0], high[0]) if words.known(low[0], high[0]) else "uncertainty not known"
        return f"{words.capital(name)} returns {value} {unit} ({told})"
    if not words.known(low[0], high[0]):
        start = f"{words.capital(name)} returns most: {value} {unit} (uncertainty not known)"
        return start + _next(rows, currency)
    rivals = int((high[1:] > low[0]).sum())
    if not rivals:
        start = f"{words.capital(name)} returns most: {value} {unit} ({words.span(low[0], high[0])})"
        return start + _next(rows, currency)
    doubt = f"{name} leads with {value} {unit} ({words.span(low[0], high[0])}), but "
    doubt += f"{words.count(rivals, 'other channel')} may return as much"
    sure = [words.label(str(c)) for c, floor in zip(rows["channel"], low, strict=True) if floor > 1]
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
    which = (
        "there too" if top["channel"] == rows["channel"].iloc[0] else f"in {words.label(str(top['channel']))}"
    )
    return f"; the next {currency} returns most {which} ({words.number(float(top['marginal_roi']))})"


def _roi_table(rows: pd.DataFrame) -> theme.Layout:
    def cell(row: Any, column: str) -> str:
        low, high = row.get(f"{column}_lower", np.nan), row.get(f"{column}_upper", np.nan)
        return f"{words.number(float(row[column]), 3)} ({words.span(float(low), float(high))})"

    return {
        "columns": ["Channel", "Spend", "ROI", "Marginal ROI"],
        "rows": [[str(row["channel"]), words.number(float(row["spend"]), 3), cell(row, "roi"),
                  cell(row, "marginal_roi")]
                 for _, row in rows.iterrows()],
    }  # fmt: skip


def curves(tables: Tables) -> go.Figure:
    """Response of the KPI to each channel's spend, with where it stands today and how far data reach."""
    frame = tables.frame("curves")
    now = frame[np.isclose(frame["multiplier"], 1.0)]
    order = [str(name) for name in now.sort_values("response", ascending=False)["channel"]]
    chosen = order[:PANELS]
    if not chosen:
        raise MissingTableError("curves.parquet has no row at the current spend (multiplier 1)")
    palette = theme.channel_colours(tables.channels)
    about = tables.about
    own = {name: frame[frame["channel"] == name].sort_values("multiplier") for name in chosen}
    spends = {name: bool((rows["spend"] > 0).any()) for name, rows in own.items()}
    y_scale = {name: words.scale_of(float(np.nanmax(rows[["response", "upper"]].to_numpy(float))))
               for name, rows in own.items()}  # fmt: skip
    grid = theme.panels(
        chosen, columns=3, row_height=150, colours=[palette[name] for name in chosen], gap=(0.085, 72),
        y=[theme.axis(suffix=y_scale[name][1], rangemode="tozero", nticks=5) for name in chosen],
        x=theme.axis(grid=False, nticks=5, rangemode="tozero", tickfont={"size": 10.5, "color": theme.SOFT}),
    )  # fmt: skip
    traces: list[theme.Trace] = []
    shapes: list[theme.Layout] = []
    for name, (x, y) in zip(chosen, grid.axes, strict=True):
        rows = own[name]
        top = float(rows["spend"].max()) if spends[name] else 1.0
        x_scale = words.scale_of(top) if spends[name] else (1.0, "\u00d7")
        at = (rows["spend"] if spends[name] else rows["multiplier"]).to_numpy(float) / x_scale[0]
        grid.layout[x.replace("x", "xaxis")] |= {
            "ticksuffix": x_scale[1],
            "range": [0, at.max()],
            "labelalias": {f"0{x_scale[1]}": "0"},
        }
        traces += _curve_traces(rows, at, y_scale[name], x_scale[1], palette[name], {"xaxis": x, "yaxis": y})
        shapes += _unsupported(rows, at, x, y)
        grid.layout["annotations"].append(
            theme.note(_marginal(tables, name), x=0.97, y=0.05, xref=f"{x} domain", yref=f"{y} domain",
                       xanchor="right",
                       yanchor="bottom", font={"size": 11, "color": theme.INK})
        )  # fmt: skip
    grid.layout["shapes"] = shapes
    unit = (
        f"spend in the training window, {about.currency}"
        if all(spends.values())
        else "spend or multiple of today's"
    )
    return theme.finish(
        traces, grid.layout, height=grid.height + 84, title=_curves_title(own, about.goal),
        reading=f"Across: {unit}; up: {about.kpi} it brings. The dot is today, the band the interval. A "
                "flatter curve means the next unit brings less. Grey: levels the data never saw.",
        notes=[interval_note(frame), f"The {PANELS} largest of {len(order)} channels." if len(order) > PANELS
               else ""],
    )  # fmt: skip


def _curve_traces(
    rows: pd.DataFrame, at: Any, scale: tuple[float, str], suffix: str, colour: str, place: theme.Layout
) -> list[theme.Trace]:
    """Band, curve, and the dot of today."""
    response = rows["response"].to_numpy(float) / scale[0]
    today = int(np.argmin(np.abs(rows["multiplier"].to_numpy(float) - 1)))
    hover = "%{x:,.3~f}" + suffix + " brings %{y:,.3~f}" + scale[1] + "<extra></extra>"
    line = {"type": "scatter", "mode": "lines", "x": theme.fmt(at), "y": theme.fmt(response),
            "showlegend": False,
            "line": {"color": colour, "width": 2.2}, "hovertemplate": hover}  # fmt: skip
    dot = {"type": "scatter", "mode": "markers", "x": [at[today]], "y": [response[today]],
           "showlegend": False,
           "marker": {"color": colour, "size": 10, "line": {"color": "#ffffff", "width": 2}},
           "hovertemplate": "today: " + hover}  # fmt: skip
    band = theme.band(theme.fmt(at), rows["lower"] / scale[0], rows["upper"] / scale[0], colour)
    return [trace | place for trace in (*band, line, dot)]


def _unsupported(rows: pd.DataFrame, at: Any, x: str, y: str) -> list[theme.Layout]:
    """Grey over the spend levels that the data do not support."""
    supported = rows["supported"].to_numpy(bool)
    if not supported.any():
        return []
    first, last = at[supported].min(), at[supported].max()
    areas = [(0.0, first)] if first > at.min() else []
    areas += [(last, at.max())] if last < at.max() else []
    return [
        {"type": "rect", "x0": low, "x1": high, "y0": 0, "y1": 1, "xref": x, "yref": f"{y} domain",
         "layer": "below",
         "fillcolor": "rgba(93,104,117,0.10)", "line": {"width": 0}}
        for low, high in areas
    ]  # fmt: skip


def _marginal(tables: Tables, name: str) -> str:
    """Marginal ROI at today's spend; empty where it is not known."""
    if tables.effects is None:
        return ""
    own = tables.effects.loc[tables.effects["channel"] == name, "marginal_roi"]
    value = float(own.iloc[0]) if len(own) else float("nan")
    return f"marginal ROI {words.number(value)}" if words.known(value) else ""


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


def saturation(tables: Tables) -> go.Figure:
    """Half-saturation and saturation point of each channel against today's spend, with Hill's parameters."""
    frame = tables.frame("hill")
    frame = frame.set_index(frame["channel"].astype(str))
    now = _current_spend(tables)
    ratio = pd.DataFrame({
        "half": frame["half_saturation"] / now.reindex(frame.index),
        "point": frame["saturation_point"] / now.reindex(frame.index),
    })  # fmt: skip
    ratio = ratio[np.isfinite(ratio["half"]) & (ratio["half"] > 0)].sort_values("half")
    if ratio.empty:
        raise MissingTableError("today's spend is not known, so saturation cannot be compared with it")
    names = ratio.index.tolist()
    palette = theme.channel_colours(tables.channels)
    colours = [palette[name] for name in names]
    traces: list[theme.Trace] = [
        {"type": "scatter", "mode": "lines", "x": [ratio.at[n, "half"], ratio.at[n, "point"]], "y": [n, n],
         "line": {"color": theme.fade(palette[n], 0.45), "width": 5}, "hoverinfo": "skip",
         "showlegend": False}
        for n in names
    ]  # fmt: skip
    for column, label, symbol in (
        ("half", "half-saturation", "circle"),
        ("point", "saturation point", "line-ns"),
    ):
        marker = {"symbol": symbol, "size": 13, "color": colours,
                  "line": {"width": 3 if column == "point" else 0,
                                                                          "color": colours}}  # fmt: skip
        traces.append({"type": "scatter", "mode": "markers", "x": ratio[column], "y": names, "marker": marker,
                       "showlegend": False,
                       "hovertemplate": "%{y}: " + label + " at %{x:.2f} times "
                                                           "today<extra></extra>"})  # fmt: skip
        grey = {"symbol": symbol, "size": 12, "color": theme.SOFT, "line": {"width": 3, "color": theme.SOFT}}
        traces.append({"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": label,
                       "showlegend": True, "marker": grey})  # fmt: skip
    columns = {0.80: ("half at", [words.number(words.real(frame.at[n, "half_saturation"])) for n in names]),
               0.90: ("slope", [words.number(words.real(frame.at[n, "slope"])) for n in names]),
               1.00: ("fit R²", [f"{words.real(frame.at[n, 'r2']):.2f}" for n in names])}  # fmt: skip
    annotations = [theme.note("today", x=0, y=1, xref="x", yref="paper", yanchor="bottom", yshift=2,
                              font={"size": 11, "color": theme.HIGHLIGHT})]  # fmt: skip
    for x, (label, cells) in columns.items():
        annotations.append(theme.note(f"<b>{label}</b>", x=x, y=1, xref="paper", yref="paper",
                                      xanchor="right",
                                      yanchor="bottom", yshift=2))  # fmt: skip
        annotations += [theme.note(cell, x=x, y=name, xref="paper", yref="y", xanchor="right",
                                   font={"size": 12.5, "color": theme.INK}) for name,
                        cell in zip(names, cells, strict=True)]  # fmt: skip
    ticks = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 30, 50]
    ends = ratio.to_numpy(float)
    ends = ends[np.isfinite(ends) & (ends > 0)]
    if ends.max() > 8 * ends.min():
        ticks = [0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    if ends.max() > 60 * ends.min():
        ticks = [0.01, 0.1, 0.3, 1, 3, 10, 30, 100]
    layout = {
        "xaxis": theme.axis("Multiple of today's spend (log scale)", type="log", domain=[0, 0.68],
                            tickmode="array",
                            tickvals=ticks, ticktext=[f"{tick:g}\u00d7" for tick in ticks]),
        "yaxis": theme.category_axis(names),
        "shapes": [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper",
                    "line": {"color": theme.HIGHLIGHT, "width": 1.4, "dash": "dot"}}],
        "annotations": annotations,
    }  # fmt: skip
    past = [name for name in names if ratio.at[name, "half"] < 1]
    title = f"{len(past)} of {words.count(len(names), 'channel')} run past half of their maximum"
    if not past:
        title = f"{'No channel' if len(names) > 1 else words.subject(names[0])} runs past half of its maximum"
        title = title if len(names) > 1 else title.replace("runs", "does not run")
    elif len(past) == 1:
        title = f"{words.subject(past[0])} runs past half of its maximum"
        title += ", the only one" if len(names) > 1 else ""
    title += (
        f"; {words.label(names[-1])} has most room left" if len(past) < len(names) and len(names) > 1 else ""
    )
    return theme.finish(
        traces, layout, title=title, height=80 + 34 * len(names) + 66, legend=True,
        reading="The dot is the spend at which a channel brings half of all it can, the tick where it is "
                "nearly full. Dots left of today: past half already.",
        notes=["Hill equation fitted to the model's curves; far beyond today it is shape rather than data."],
        table=_hill_table(frame, names),
    )  # fmt: skip


def _current_spend(tables: Tables) -> pd.Series:
    """Spend in the training window per channel, out of curves or effects; 1 where there is no spend."""
    if tables.curves is not None:
        rows = tables.curves[np.isclose(tables.curves["multiplier"], 1.0)]
        spend = rows.set_index(rows["channel"].astype(str))["spend"].astype(float)
        return spend.where(spend > 0, 1.0)
    rows = tables.frame("effects")
    return rows.set_index(rows["channel"].astype(str))["spend"].astype(float)


def _hill_table(frame: pd.DataFrame, names: list[str]) -> theme.Layout:
    fields = ("top", "half_saturation", "slope", "saturation_point", "r2")
    return {
        "columns": ["Channel", "Maximum", "Half-saturation", "Slope", "Saturation point", "R² of the fit"],
        "rows": [
            [name, *(words.number(words.real(frame.at[name, field]), 3) for field in fields)]
            for name in names
        ],
    }
