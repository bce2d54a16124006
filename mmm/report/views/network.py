"""Which channels move which: network and heat map."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.layers import Drawing, Edge, Point, layered
from mmm.report.tables import Tables

ROW = 64
"""Pixels from a channel to the one below: its disc, and two lines of its name."""
NODE = 46
"""Diameter of a node in pixels."""
Bezier = tuple[Point, Point, Point, Point]
Weighed = tuple[Edge, float]
"""A link with the share of resamples that have it."""
LIKELY = 0.5
"""Share of resamples from which an edge is drawn where the graph does not say which it has."""
WEAK = 0.02
"""Weight below which an edge counts as none, against the strongest."""


def dag(tables: Tables) -> go.Figure:
    """The channel graph as a network, causes left of what they move."""
    edges, hidden = _edges(tables)
    names = [*tables.channels]
    drawing = layered(names, [edge for edge, _ in edges])
    palette = theme.channel_colours(names)
    links, layout = _links(edges, drawing, palette)
    every = [point for road in drawing.roads.values() for point in road] + list(drawing.places.values())
    low, high = min(point[1] for point in every), max(point[1] for point in every)
    across = [drawing.places[name][0] for name in names]
    blank: theme.Layout = {"grid": False, "visible": False}
    layout |= {
        "xaxis": axes.linear(**blank, range=[min(across) - 0.35, max(across) + 0.35]),
        "yaxis": axes.linear(**blank, range=[low - 0.8, high + 0.5]),
        "hovermode": "closest",
        "margin": {"l": 20, "r": 20, "b": 20},
    }
    unknown = edges and not any(words.known(chance) for _, chance in edges)
    return theme.finish(
        [links, _nodes(names, drawing, edges, palette)],
        layout,
        title=_dag_title(edges, hidden),
        height=int(max(300, 110 + ROW * (high - low))),
        reading="An arrow from A to B: what A ran explains part of what B ran, later or at once. Thicker "
        "is stronger, fainter is less certain; pale channels have no arrow.",
        notes=[
            "One member only: the uncertainty of an edge is not known." if unknown else "",
            f"{words.count(hidden, 'weak or unlikely edge')} not drawn." if hidden else "",
        ],
        table=_edge_table(edges),
    )


def _edge_table(edges: list[Weighed]) -> theme.Layout:
    return marks.table(
        edges,
        {
            "Cause": lambda row: row[0].cause,
            "Effect": lambda row: row[0].effect,
            "Weight": lambda row: words.number(row[0].weight),
            "Share of resamples": lambda row: words.percent(row[1]),
        },
    )


def _links(
    edges: list[Weighed], drawing: Drawing, palette: dict[str, str]
) -> tuple[theme.Trace, theme.Layout]:
    """Where the pointer finds each link, and the links as paths with heads."""
    strongest = max((edge.weight for edge, _ in edges), default=1.0)
    layout: theme.Layout = {"shapes": [], "annotations": []}
    middles, said = [], []
    for edge, chance in edges:
        width = 1.2 + 5.5 * edge.weight / strongest
        colour = theme.fade(palette[edge.cause], 0.3 + 0.65 * (chance if words.known(chance) else 0.5))
        road = drawing.roads[edge.cause, edge.effect]
        path, middle = _road(road)
        look = {"line": {"color": colour, "width": width}, "layer": "below"}
        layout["shapes"].append({"type": "path", "path": path} | look)
        layout["annotations"].append(_arrow(road[-2], road[-1], colour, width))
        sure = f", in {words.percent(chance)} of resamples" if words.known(chance) else ""
        link = f"{theme.short(edge.cause)} \u2192 {theme.short(edge.effect)}"
        middles.append(middle)
        said.append(f"{link}: weight {words.number(edge.weight)}{sure}")
    x, y = [middle[0] for middle in middles], [middle[1] for middle in middles]
    return marks.dots(x, y, "rgba(0,0,0,0)", 22, hover="%{text}", text=said), layout


def _nodes(names: list[str], drawing: Drawing, edges: list[Weighed], palette: dict[str, str]) -> theme.Trace:
    """Channels as discs, pale where no link touches them."""
    linked = {end for edge, _ in edges for end in (edge.cause, edge.effect)}
    text: theme.Layout = {"text": [theme.wrapped(n, 15) for n in names], "textposition": "bottom center"}
    text |= {"mode": "markers+text", "textfont": {"size": 12.5, "color": theme.INK}, "cliponaxis": False}
    return marks.dots(
        [drawing.places[n][0] for n in names],
        [drawing.places[n][1] for n in names],
        [palette[n] for n in names],
        NODE,
        rim=(3, "#ffffff"),
        opacity=[1.0 if n in linked else 0.35 for n in names],
        hover="%{text}",
        **text,
    )


def _edges(tables: Tables) -> tuple[list[Weighed], int]:
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
    place = {"x": head[0], "y": head[1], "xref": "x", "yref": "y", "ax": side * (NODE / 2 + 8), "ay": 0}
    look = {"arrowhead": 2, "arrowsize": max(0.5, 1.5 - 0.14 * width), "arrowwidth": width}
    rim = {"arrowcolor": colour, "standoff": NODE / 2 + 1, "text": "", "showarrow": True}
    return place | look | rim


def _dag_title(edges: list[Weighed], hidden: int) -> str:
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


def dag_matrix(tables: Tables) -> go.Figure:
    """Weights of the channel graph as a heat map, causes down, effects across."""
    frame, names = tables.frame("graph"), list(tables.channels)
    frame = frame.assign(cause=frame["cause"].astype(str), effect=frame["effect"].astype(str))
    value, chance = (
        frame.pivot(index="cause", columns="effect", values=column).reindex(index=names, columns=names)
        for column in ("weight", "probability")
    )
    edges, hidden = _edges(tables)
    possible = words.count(len(names) * (len(names) - 1), "possible link")
    title = f"{len(edges)} of {possible} between channels {'is' if len(edges) == 1 else 'are'} found"
    title += f"; {hidden} more {'is' if hidden == 1 else 'are'} weak or unlikely" if hidden else ""
    return theme.finish(
        [_weights(value, chance, {(edge.cause, edge.effect) for edge, _ in edges})],
        {
            "xaxis": axes.matrix(names, side="top", tickangle=-40),
            "yaxis": axes.matrix(names, autorange="reversed"),
            "margin": {"t": 60, "b": 24},
        },
        height=150 + 32 * len(names),
        title=title if edges else _no_edges(hidden),
        reading="Row: the channel that moves; column: the channel that is moved. Darker is stronger; "
        "numbers are weights on the scaled series. Bold: links that are found; others are weak or "
        "unlikely and carry no effect.",
    )


def _weights(value: pd.DataFrame, chance: pd.DataFrame, found: set[tuple[str, str]]) -> theme.Trace:
    """The heat map: weights as colours and, where they are not next to nothing, as numbers."""
    names = list(value.index)
    grid = value.to_numpy(float).copy()
    np.fill_diagonal(grid, np.nan)
    top = float(np.nanmax(np.abs(grid))) if np.isfinite(grid).any() else 0.0
    shown = np.where(np.abs(grid) >= max(WEAK * top, 1e-9), grid, np.nan)
    rows = zip(names, shown, strict=True)
    text = [[_weight(w, (cause, n) in found) for n, w in zip(names, row, strict=True)] for cause, row in rows]
    sure = [
        ["" if not words.known(p) else f", in {words.percent(p)} of resamples" for p in row]
        for row in chance.to_numpy(float)
    ]
    hover = "%{y} \u2192 %{x}: %{z:.3f}%{customdata}"
    style: theme.Layout = {"texttemplate": "%{text}" if len(names) <= 16 else "", "hoverongaps": False}
    style |= {"textfont": {"size": 12 if len(names) < 10 else 9.5}, "text": text, "customdata": sure}
    bar = marks.colour_bar(tickfont={"size": 11, "color": theme.SOFT})
    ends = (0, max(top, 1e-9))
    return marks.heat(
        names, names, theme.fmt(grid), theme.SEQUENTIAL, *ends, hover=hover, colorbar=bar, **style
    )


def _weight(cell: float, found: bool) -> str:
    """A cell's number, bold where the link counts."""
    if not np.isfinite(cell):
        return ""
    return f"<b>{words.number(cell)}</b>" if found else words.number(cell)
