"""Places of a directed graph's nodes and roads of its edges: causes left, effects right, few crossings.

After Sugiyama, Tagawa & Toda 1981: layers, way-points for edges that span several, ordering by barycentre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

Point = tuple[float, float]

WIDTH = 4.0
"""Distance from the first layer to the last."""
STEP = 1.5
"""Distance between neighbours of a layer."""
SWEEPS = 6


@dataclass(frozen=True)
class Edge:
    """An arrow from ``cause`` to ``effect``."""

    cause: str
    effect: str
    weight: float


@dataclass(frozen=True)
class Drawing:
    """Where everything lies.

    Attributes:
        places: Node to (across, up).
        roads: (cause, effect) to the points its arrow passes, ends included.
    """

    places: dict[str, Point]
    roads: dict[tuple[str, str], list[Point]]


def layered(names: Sequence[str], edges: Sequence[Edge]) -> Drawing:
    """Lay out a graph by topological layers.

    A node stands one layer right of the furthest of its causes. Edges that would close a cycle do not count
    for the layers, the weakest first, but have a road. Nodes without any edge stand in rows of their own at
    the bottom.
    """
    linked = [name for name in names if any(name in (edge.cause, edge.effect) for edge in edges)]
    depth = _depths(linked, _acyclic(edges))
    layers: list[list[object]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in linked:
        layers[depth[name]].append(name)
    roads = {(edge.cause, edge.effect): _waypoints(edge, depth, layers) for edge in edges}
    _order(layers, list(roads.values()))
    spread = WIDTH / max(1, len(layers) - 1)
    where: dict[object, Point] = {}
    for across, layer in enumerate(layers):
        middle = (len(layer) - 1) / 2
        skew = 0.2 if across % 2 else 0.0
        left = across * spread if len(layers) > 1 else WIDTH / 2
        where |= {node: (left, STEP * (middle - place + skew)) for place, node in enumerate(layer)}
    places = {name: where[name] for name in linked}
    alone = _alone([name for name in names if name not in depth], list(where.values()))
    return Drawing(places | alone, {ends: [where[node] for node in road] for ends, road in roads.items()})


def _acyclic(edges: Sequence[Edge]) -> list[Edge]:
    """Edges, strongest first, without those that would close a cycle."""
    kept: list[Edge] = []
    for edge in sorted(edges, key=lambda edge: -edge.weight):
        if edge.cause not in _reach(edge.effect, kept):
            kept.append(edge)
    return kept


def _reach(start: str, edges: Sequence[Edge]) -> set[str]:
    """Nodes that can be reached from ``start``, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        fresh = {edge.effect for edge in edges if edge.cause == node} - found
        found |= fresh
        waiting.extend(fresh)
    return found


def _depths(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Layer of every node: the longest road that leads to it."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for edge in edges:
            depth[edge.effect] = max(depth[edge.effect], depth[edge.cause] + 1)
    return depth


def _waypoints(edge: Edge, depth: dict[str, int], layers: list[list[object]]) -> list[object]:
    """Nodes of an edge's road: its ends, and a way-point of its own in every layer between."""
    first, last = depth[edge.cause], depth[edge.effect]
    step = 1 if last > first else -1
    between: list[object] = []
    for layer in range(first + step, last, step):
        point = (edge.cause, edge.effect, layer)
        layers[layer].append(point)
        between.append(point)
    return [edge.cause, *between, edge.effect]


def _order(layers: list[list[object]], roads: Sequence[Sequence[object]]) -> None:
    """Sort every layer by the mean place of its neighbours in the layer before, forth and back."""
    links: dict[object, list[object]] = {}
    for road in roads:
        for left, right in pairwise(road):
            links.setdefault(left, []).append(right)
            links.setdefault(right, []).append(left)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        pairs = list(pairwise(layers))
        for before, after in pairs if forth else [(b, a) for a, b in reversed(pairs)]:
            place = {node: at / max(1, len(before) - 1) for at, node in enumerate(before)}
            own = {node: at / max(1, len(after) - 1) for at, node in enumerate(after)}
            after.sort(key=partial(_mean, links=links, place=place, own=own))


def _mean(
    node: object,
    links: dict[object, list[object]],
    place: dict[object, float],
    own: dict[object, float],
) -> float:
    """Mean place of a node's neighbours in the other layer; its own where it has none."""
    near = [place[other] for other in links.get(node, []) if other in place]
    return sum(near) / len(near) if near else own[node]


def _alone(names: Sequence[str], taken: Sequence[Point]) -> dict[str, Point]:
    """Nodes without edges: in rows of seven below the others."""
    lowest = min((point[1] for point in taken), default=STEP)
    found = {}
    for place, name in enumerate(names):
        row, column = divmod(place, 7)
        width = min(7, len(names) - 7 * row)
        step = WIDTH / max(6, width - 1)
        found[name] = (WIDTH / 2 + (column - (width - 1) / 2) * step, lowest - 1.7 - STEP * row)
    return found
