"""Which channels move which: network, heat map, direct and indirect effects."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.layers import Edge, Point, layered
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

NODE = 46
"""Diameter of a node in pixels."""
Bezier = tuple[Point, Point, Point, Point]
LIKELY = 0.5
"""Share of resamples from which an edge is drawn where the graph does not say which it has."""
WEAK = 0.02
"""Weight below which an edge counts as none, against the strongest."""


def dag(tables: Tables) -> go.Figure:
    """The channel graph as a network, causes left of what they move."""
    edges, hidden = _edges(tables)
    names = [*tables.channels]
    drawing = layered(names, [edge for edge, _ in edges])
    places = drawing.places
    palette = theme.channel_colours(names)
    strongest = max((edge.weight for edge, _ in edges), default=1.0)
    shapes, arrows = [], []
    hovers: list[tuple[float, float, str]] = []
    for edge, chance in edges:
        width, alpha = (
            1.2 + 5.5 * edge.weight / strongest,
            0.3 + 0.65 * (chance if words.known(chance) else 0.5),
        )
        road = drawing.roads[edge.cause, edge.effect]
        path, middle = _road(road)
        colour = theme.fade(palette[edge.cause], alpha)
        shapes.append(
            {"type": "path", "path": path, "layer": "below", "line": {"color": colour, "width": width}}
        )
        arrows.append(_arrow(road[-2], road[-1], colour, width))
        sure = f", in {words.percent(chance)} of resamples" if words.known(chance) else ""
        link = f"{theme.short(edge.cause)} \u2192 {theme.short(edge.effect)}"
        hovers.append((*middle, f"{link}: weight {words.number(edge.weight)}{sure}"))
    x, y = [places[n][0] for n in names], [places[n][1] for n in names]
    linked = {end for edge, _ in edges for end in (edge.cause, edge.effect)}
    traces: list[theme.Trace] = [
        {"type": "scatter", "mode": "markers", "x": [h[0] for h in hovers], "y": [h[1] for h in hovers],
         "text": [h[2] for h in hovers], "hovertemplate": "%{text}<extra></extra>", "showlegend": False,
         "marker": {"size": 22, "color": "rgba(0,0,0,0)"}},
        {"type": "scatter", "mode": "markers+text", "x": x, "y": y,
         "text": [theme.short(n, 14) for n in names],
         "textposition": "bottom center", "textfont": {"size": 12.5, "color": theme.INK}, "showlegend": False,
         "marker": {"size": NODE, "color": [palette[n] for n in names],
                    "line": {"color": "#ffffff", "width": 3},
                    "opacity": [1.0 if n in linked else 0.35 for n in names]},
         "cliponaxis": False, "hovertemplate": "%{text}<extra></extra>"},
    ]  # fmt: skip
    every = [point for road in drawing.roads.values() for point in road] + list(places.values())
    low, high = min(point[1] for point in every), max(point[1] for point in every)
    layout = {
        "xaxis": theme.axis(grid=False, visible=False, range=[min(x) - 0.35, max(x) + 0.35]),
        "yaxis": theme.axis(grid=False, visible=False, range=[low - 0.8, high + 0.5]),
        "shapes": shapes, "annotations": arrows, "hovermode": "closest",
        "margin": {"l": 20, "r": 20, "b": 20},
    }  # fmt: skip
    return theme.finish(
        traces, layout, title=_dag_title(edges, hidden), height=int(max(300, 110 + 52 * (high - low))),
        reading="An arrow from A to B: what A ran explains part of what B ran, later or at once. Thicker "
                "is stronger, fainter is less certain; pale channels have no arrow.",
        notes=["One member only: the uncertainty of an edge is not known."
               if not any(words.known(chance) for _, chance in edges) and edges else "",
               f"{words.count(hidden, 'weak or unlikely edge')} not drawn." if hidden else ""],
        table=_edge_table(edges),
    )  # fmt: skip


def _edges(tables: Tables) -> tuple[list[tuple[Edge, float]], int]:
    """Edges worth drawing with their probability, strongest first, and how many others carry some weight."""
    frame = tables.frame("graph")
    weight = frame["weight"].to_numpy(float)
    chance = frame["probability"].to_numpy(float)
    any_weight = (
        np.isfinite(weight)
        & (np.abs(weight) > 1e-9)
        & (frame["cause"].astype(str) != frame["effect"].astype(str)).to_numpy()
    )
    strongest = np.abs(weight[any_weight]).max() if any_weight.any() else 0.0
    kept = any_weight & (np.abs(weight) >= WEAK * strongest) & ~(chance < LIKELY)
    if "edge" in frame:
        kept = any_weight & frame["edge"].to_numpy(bool)
    rows = frame[kept].assign(size=np.abs(weight[kept])).sort_values("size", ascending=False)
    edges = [
        (Edge(str(row.cause), str(row.effect), float(abs(row.weight))), float(row.probability))
        for row in rows.itertuples()
    ]
    return edges, int(any_weight.sum() - kept.sum())


def _road(points: list[Point]) -> tuple[str, Point]:
    """A smooth path through points, as SVG, and the point half way along it."""
    pieces = [_piece(start, end) for start, end in pairwise(points)]
    path = f"M {points[0][0]:.4f},{points[0][1]:.4f}"
    for _, first, second, end in pieces:
        path += f" C {first[0]:.4f},{first[1]:.4f} {second[0]:.4f},{second[1]:.4f} {end[0]:.4f},{end[1]:.4f}"
    start, first, second, end = pieces[len(pieces) // 2]
    if len(pieces) % 2 == 0:
        return path, start
    across, up = ((start[i] + 3 * first[i] + 3 * second[i] + end[i]) / 8 for i in (0, 1))
    return path, (across, up)


def _piece(start: Point, end: Point) -> Bezier:
    """A cubic that leaves and arrives level; one that bows out between nodes of the same layer."""
    (x0, y0), (x1, y1) = start, end
    if abs(x1 - x0) < 1e-9:
        return start, (x0 + 0.3, y0), (x1 + 0.3, y1), end
    middle = (x0 + x1) / 2
    return start, (middle, y0), (middle, y1), end


def _arrow(tail: Point, head: Point, colour: str, width: float) -> theme.Layout:
    """The head of an edge at the rim of its node; roads arrive level, so it lies level too."""
    side = -1 if head[0] - tail[0] > 1e-9 else 1
    return {
        "x": head[0], "y": head[1], "xref": "x", "yref": "y", "ax": side * (NODE / 2 + 8), "ay": 0,
        "showarrow": True,
        "arrowhead": 2, "arrowsize": max(0.5, 1.5 - 0.14 * width), "arrowwidth": width, "arrowcolor": colour,
        "standoff": NODE / 2 + 1, "text": "",
    }  # fmt: skip


def _dag_title(edges: list[tuple[Edge, float]], hidden: int) -> str:
    if not edges:
        return _no_edges(hidden)
    edge, chance = edges[0]
    title = f"{words.subject(edge.cause)} moves {words.label(edge.effect)} most strongly"
    if words.known(chance):
        title += f" (in {words.percent(chance)} of resamples)"
    rest = len(edges) - 1
    return (
        f"{title}; {words.count(rest, 'other link')} between channels"
        if rest
        else f"{title}, the only link found"
    )


def _no_edges(hidden: int) -> str:
    if not hidden:
        return "No channel is found to move another"
    links = "1 link is" if hidden == 1 else f"{hidden} links are"
    return f"No channel clearly moves another: {links} weak or unlikely"


def _edge_table(edges: list[tuple[Edge, float]]) -> theme.Layout:
    return {
        "columns": ["Cause", "Effect", "Weight", "Share of resamples"],
        "rows": [
            [edge.cause, edge.effect, words.number(edge.weight), words.percent(chance)]
            for edge, chance in edges
        ],
    }


def dag_matrix(tables: Tables) -> go.Figure:
    """Weights of the channel graph as a heat map, causes down, effects across."""
    frame = tables.frame("graph")
    names = list(tables.channels)
    frame = frame.assign(cause=frame["cause"].astype(str), effect=frame["effect"].astype(str))
    value, chance = (
        frame.pivot(index="cause", columns="effect", values=column).reindex(index=names, columns=names)
        for column in ("weight", "probability")
    )
    grid = value.to_numpy(float).copy()
    np.fill_diagonal(grid, np.nan)
    top = float(np.nanmax(np.abs(grid))) if np.isfinite(grid).any() else 0.0
    shown = np.where(np.abs(grid) >= max(WEAK * top, 1e-9), grid, np.nan)
    edges, hidden = _edges(tables)
    found = {(edge.cause, edge.effect) for edge, _ in edges}
    text = [[_weight(float(cell), (cause, effect) in found) for effect, cell in zip(names, row, strict=True)]
            for cause, row in zip(names, shown, strict=True)]  # fmt: skip
    sure = [["" if not words.known(p) else f", in {words.percent(p)} of resamples" for p in row]
            for row in chance.to_numpy(float)]  # fmt: skip
    short = [theme.short(name, 16) for name in names]
    traces = [{
        "type": "heatmap", "x": short, "y": short, "z": theme.fmt(grid), "text": text, "customdata": sure,
        "texttemplate": "%{text}" if len(names) <= 16 else "",
        "textfont": {"size": 12 if len(names) < 10 else 9.5}, "colorscale": theme.SEQUENTIAL,
        "zmin": 0, "zmax": max(top, 1e-9), "xgap": 2,
        "ygap": 2, "hovertemplate": "%{y} \u2192 %{x}: %{z:.3f}%{customdata}<extra></extra>",
        "hoverongaps": False,
        "colorbar": {"thickness": 12, "outlinewidth": 0, "len": 0.8,
                     "tickfont": {"size": 11, "color": theme.SOFT}},
    }]  # fmt: skip
    layout = {
        "xaxis": theme.axis(grid=False, side="top", showline=False, tickangle=-40, type="category",
                            tickfont={"size": 12, "color": theme.INK}),
        "yaxis": theme.axis(grid=False, autorange="reversed", showline=False,
                            tickfont={"size": 12, "color": theme.INK},
                            type="category"),
        "margin": {"t": 60, "b": 24},
    }  # fmt: skip
    possible = words.count(len(names) * (len(names) - 1), "possible link")
    faint = f"; {hidden} more {'is' if hidden == 1 else 'are'} weak or unlikely"
    return theme.finish(
        traces, layout, height=150 + 32 * len(names),
        title=f"{len(edges)} of {possible} between channels {'is' if len(edges) == 1 else 'are'} found"
              + (faint if hidden else "") if edges else _no_edges(hidden),
        reading="Row: the channel that moves; column: the channel that is moved. Darker is stronger; "
                "numbers are weights on the scaled series. Bold: links that are found; others are weak or "
                "unlikely and carry no effect.",
    )  # fmt: skip


def _weight(cell: float, found: bool) -> str:
    """A cell's number, bold where the link counts."""
    if not np.isfinite(cell):
        return ""
    return f"<b>{words.number(cell)}</b>" if found else words.number(cell)


def effects(tables: Tables) -> go.Figure:
    """Direct, indirect and total effect of every channel, with the total's interval."""
    rows = tables.frame("effects").dropna(subset="total").sort_values("total", ascending=False)
    if rows.empty:
        raise MissingTableError("effects.parquet has no channel with a known effect")
    names = rows["channel"].astype(str).tolist()
    palette = theme.channel_colours(tables.channels)
    low = rows["total_lower"] if "total_lower" in rows else rows["total"] * np.nan
    high = rows["total_upper"] if "total_upper" in rows else rows["total"] * np.nan
    edge = np.fmax(high.to_numpy(float), rows["total"].to_numpy(float))
    divisor, suffix = words.scale_of(float(np.nanmax(edge)))
    colours = [palette[name] for name in names]
    hover = "%{y}, {what}: %{x:,.3~f}" + suffix + "<extra></extra>"
    kpi = tables.about.kpi
    traces: list[theme.Trace] = [
        {"type": "bar", "orientation": "h", "y": names, "x": theme.fmt(rows["direct"] / divisor),
         "name": "direct",
         "marker": {"color": colours}, "showlegend": False,
         "hovertemplate": hover.replace("{what}", "direct")},
        {"type": "bar", "orientation": "h", "y": names, "x": theme.fmt(rows["indirect"] / divisor),
         "name": "indirect",
         "marker": {"color": [theme.fade(c, 0.35) for c in colours],
                    "pattern": {"shape": "/", "fgcolor": colours, "size": 6, "solidity": 0.3}},
         "showlegend": False, "hovertemplate": hover.replace("{what}", "indirect")},
        {"type": "scatter", "mode": "markers", "y": names, "x": theme.fmt(rows["total"] / divisor),
         "name": "total",
         "marker": {"symbol": "line-ns", "size": 13, "line": {"width": 2, "color": theme.INK}},
         "showlegend": True,
         "error_x": theme.error_bars(rows["total"] / divisor, low / divisor, high / divisor),
         "hovertemplate": hover.replace("{what}", "total")},
    ]  # fmt: skip
    for label, fill in (("direct", {"color": theme.SOFT}), ("indirect, through other channels", {
        "color": theme.fade(theme.SOFT, 0.35),
        "pattern": {"shape": "/", "fgcolor": theme.SOFT, "size": 6}})):  # fmt: skip
        traces.append(
            {"type": "bar", "orientation": "h", "y": [names[0]], "x": [None], "name": label, "marker": fill}
        )
    layout = {
        "xaxis": theme.axis(f"{words.capital(kpi)} in the training window", suffix=suffix,
                            range=[min(0.0, float(rows["direct"].min()) / divisor),
                                   1.06 * float(np.nanmax(edge)) / divisor]),
        "yaxis": theme.category_axis(names), "barmode": "relative",
    }  # fmt: skip
    return theme.finish(
        traces, layout, title=_effects_title(rows, kpi), height=60 + 36 * len(names) + 66, legend=True,
        reading="Hatched: what a channel does by moving other channels. It is part of their direct effect "
                "too, so totals of channels must not be added up.",
        notes=[interval_note(rows, "total_lower", "total_upper")], table=_effects_table(rows),
    )  # fmt: skip


def _effects_title(rows: pd.DataFrame, kpi: str) -> str:
    rows = rows[rows["total"] > 0]
    if rows.empty:
        raise MissingTableError("no channel has an effect")
    part = rows["indirect"] / rows["total"]
    if part.max() < 0.005:
        return "Every channel works directly; none works through another to speak of"
    most = rows.iloc[int(np.argmax(rows["indirect"].to_numpy(float)))]
    title = f"{words.subject(str(most['channel']))} brings {words.number(float(most['indirect']))} {kpi} "
    title += (
        f"through other channels, {words.percent(float(most['indirect'] / most['total']))} of all it does"
    )
    low, high = words.real(most.get("indirect_lower", np.nan)), words.real(most.get("indirect_upper", np.nan))
    if words.known(low, high):
        title += f" ({words.span(low, high)})"
    others = int((part > 0.05).sum()) - int(most["indirect"] / most["total"] > 0.05)
    return f"{title}; {words.count(others, 'other channel')} more than 5{words.NBSP}%" if others else title


def _effects_table(rows: pd.DataFrame) -> theme.Layout:
    def cell(row: Any, column: str) -> str:
        low, high = row.get(f"{column}_lower", np.nan), row.get(f"{column}_upper", np.nan)
        return f"{words.number(float(row[column]), 3)} ({words.span(float(low), float(high), 3)})"

    return {
        "columns": ["Channel", "Direct", "Indirect", "Total"],
        "rows": [[str(row["channel"]), *(cell(row, c) for c in ("direct", "indirect", "total"))]
                 for _, row in rows.iterrows()],
    }  # fmt: skip
