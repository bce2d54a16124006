"""Places of a directed graph's nodes: causes left, effects right, few crossings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    """An arrow from ``cause`` to ``effect``."""

    cause: str
    effect: str
    weight: float


def layered(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, tuple[float, float]]:
    """Coordinates of every node, by topological layer.

    A node stands one layer right of the furthest of its causes; nodes without any edge stand in a row of their
    own at the bottom. Edges that would close a cycle do not count for the layers, the weakest first. Within a
    layer nodes stand in the order of the mean height of their causes.

    Returns:
        Name to (layer, height); heights of a layer are centred on 0, one unit apart.
    """
    kept = _acyclic(edges)
    linked = [name for name in names if any(name in (edge.cause, edge.effect) for edge in edges)]
    depth = dict.fromkeys(linked, 0)
    for _ in linked:
        for edge in kept:
            depth[edge.effect] = max(depth[edge.effect], depth[edge.cause] + 1)
    places: dict[str, tuple[float, float]] = {}
    for layer in range(max(depth.values(), default=-1) + 1):
        members = [name for name in linked if depth[name] == layer]
        members.sort(key=lambda name: -_pull(name, kept, places))
        middle = (len(members) - 1) / 2
        skew = 0.25 if layer % 2 and len(members) % 2 else 0.0
        places |= {name: (float(layer), middle - place + skew) for place, name in enumerate(members)}
    return _scaled(places) | _alone([name for name in names if name not in depth], _scaled(places))


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


def _pull(name: str, edges: Sequence[Edge], places: dict[str, tuple[float, float]]) -> float:
    """Mean height of a node's causes that have a place."""
    heights = [places[edge.cause][1] for edge in edges if edge.effect == name and edge.cause in places]
    return sum(heights) / len(heights) if heights else 0.0


def _scaled(places: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Layers spread to the same width whatever their number, heights one and a half units apart."""
    widest = max((place[0] for place in places.values()), default=0.0)
    return {name: (4 * x / widest if widest else 0.0, 1.5 * y) for name, (x, y) in places.items()}


def _alone(names: Sequence[str], places: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Nodes without edges: in rows of seven below the others."""
    lowest = min((place[1] for place in places.values()), default=1.5)
    found = {}
    for place, name in enumerate(names):
        row, column = divmod(place, 7)
        width = min(7, len(names) - 7 * row)
        step = 4 / max(6, width - 1)
        found[name] = (2 + (column - (width - 1) / 2) * step, lowest - 1.7 - 1.5 * row)
    return found
