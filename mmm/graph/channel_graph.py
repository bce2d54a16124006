"""The channel graph: which channels move which, and what a change of one does to the others' media.

The equation of a channel is linear without intercept, ``media_j[t] = Σ_i Σ_k b_kij carried_ki[t] + rest``,
in the units of the media themselves: a region's size cancels, and a change passes through it whatever
the level it starts from.

Shapes: M members, G regions, T periods, C channels, K carry-over shapes, L lags. Matrices over channels
are [cause, effect].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmm.config import GraphSpec
from mmm.data.panel import Bools, Floats
from mmm.errors import Problem
from mmm.graph.notears import reachable, topological_order


@dataclass(frozen=True, eq=False)
class ChannelGraph:
    """Influence of channels' media on one another.

    Attributes:
        channels: Names, in the order of every axis below.
        edges_CC: Edges found or required; acyclic.
        score_CC: Evidence for each pair as a standardised weight discounted by evidence for the reverse,
            graded below the threshold too; its support is acyclic. Ranks pairs.
        probability_CC: Share of bootstrap members with the edge.
        coefficient_KCC: Media of the effect per unit of the cause's carried media, by carry-over shape;
            zero without an edge.
        coefficient_MKCC: The same of every bootstrap member, each along its own edges.
        retention_K: Share of the carried media kept from one period to the next, by shape.
        delay_K: Periods before a shape begins.
    """

    channels: tuple[str, ...]
    edges_CC: Bools
    score_CC: Floats
    probability_CC: Floats
    coefficient_KCC: Floats
    coefficient_MKCC: Floats
    retention_K: tuple[float, ...]
    delay_K: tuple[int, ...]

    @property
    def weights_CC(self) -> Floats:
        """Scores of the edges, zero elsewhere."""
        return np.where(self.edges_CC, self.score_CC, 0.0)

    @property
    def passed_on_CC(self) -> Floats:
        """Media of the effect, over all periods to come, per unit of media of the cause; edges only."""
        return np.asarray(self.coefficient_KCC.sum(axis=0), dtype=np.float64)

    @property
    def order(self) -> tuple[str, ...]:
        """Channels from upstream to downstream."""
        return tuple(self.channels[node] for node in topological_order(self.edges_CC))

    @property
    def members(self) -> int:
        """Number of bootstrap members."""
        return len(self.coefficient_MKCC)

    def member(self, index: int) -> ChannelGraph:
        """The graph of one bootstrap member: its edges and coefficients."""
        coefficient_KCC = self.coefficient_MKCC[index]
        edges_CC = np.asarray(coefficient_KCC.any(axis=0))
        return replace(self, edges_CC=edges_CC, coefficient_KCC=coefficient_KCC)

    def without_edges(self) -> ChannelGraph:
        """The same channels, none moving another."""
        return replace(
            self,
            edges_CC=np.zeros_like(self.edges_CC),
            score_CC=np.zeros_like(self.score_CC),
            probability_CC=np.zeros_like(self.probability_CC),
            coefficient_KCC=np.zeros_like(self.coefficient_KCC),
            coefficient_MKCC=np.zeros_like(self.coefficient_MKCC),
        )

    def reversed(self) -> ChannelGraph:
        """Every edge turned round, coefficients kept: the swap under which effects must change."""
        return replace(
            self,
            edges_CC=self.edges_CC.T.copy(),
            score_CC=self.score_CC.T.copy(),
            probability_CC=self.probability_CC.T.copy(),
            coefficient_KCC=self.coefficient_KCC.transpose(0, 2, 1).copy(),
            coefficient_MKCC=self.coefficient_MKCC.transpose(0, 1, 3, 2).copy(),
        )


def empty_graph(channels: Sequence[str]) -> ChannelGraph:
    """A graph without edges or members."""
    size = len(channels)
    nothing = np.zeros((size, size))
    return ChannelGraph(
        channels=tuple(channels),
        edges_CC=np.zeros((size, size), dtype=bool),
        score_CC=nothing,
        probability_CC=nothing,
        coefficient_KCC=np.zeros((1, size, size)),
        coefficient_MKCC=np.zeros((0, 1, size, size)),
        retention_K=(0.0,),
        delay_K=(0,),
    )


NOTHING_KEPT = 1e-18
"""Share of media below which it is lost in rounding."""


def carried(media: Floats, retention: float, delay: int, start: Floats | float = 0.0) -> Floats:
    """Normalised geometric carry-over along axis 1, after a delay.

    Impulse 8, retention 0.5, delay 1 gives 0, 4, 2, 1. The kernel sums to 1.

    Args:
        media: Any array with periods on axis 1.
        retention: Share kept from one period to the next.
        delay: Periods before the effect begins.
        start: Media before the first period, constant; broadcast to one period of ``media``.
    """
    before = np.broadcast_to(np.asarray(start, dtype=np.float64), media[:, :1].shape)
    # As scipy.signal.lfilter would: to load it took a third of the time that it takes to load a fitted model.
    filtered = (1.0 - retention) * media
    filtered[:, :1] += retention * before
    # What was kept of one period, then of two, of four, and so on, until next to nothing is.
    reach, kept = 1, retention
    while reach < media.shape[1] and kept > NOTHING_KEPT:
        filtered[:, reach:] += kept * filtered[:, :-reach]
        reach, kept = 2 * reach, kept * kept
    if not delay:
        return filtered
    early = np.repeat(before, min(delay, media.shape[1]), axis=1)
    return np.concatenate([early, filtered[:, : media.shape[1] - delay]], axis=1)


def downstream_delta(delta_GTC: Floats, graph: ChannelGraph) -> Floats:
    """Change of all media that follows from imposed changes of some.

    Linear in the change: media before the first period are unchanged, and induced changes are added to
    those imposed. The result is what the channels' equations imply; where the imposed change removes more
    than a channel had, the caller decides whether to clip.

    Args:
        delta_GTC: Imposed change, in units of the graph's media (or per region size: it cancels).
        graph: The channel graph.

    Returns:
        Imposed plus induced change [G, T, C].
    """
    total_GTC = np.array(delta_GTC, dtype=np.float64)
    for effect in topological_order(graph.edges_CC):
        for cause in np.flatnonzero(graph.edges_CC[:, effect]):
            for shape, coefficient in enumerate(graph.coefficient_KCC[:, cause, effect]):
                if coefficient:
                    total_GTC[:, :, effect] += coefficient * carried(
                        total_GTC[:, :, cause], graph.retention_K[shape], graph.delay_K[shape]
                    )
    return total_GTC


def own_account(media_GTC: Floats, graph: ChannelGraph) -> Floats:
    """Media of every channel less what other channels made it run, shape GTC; below 0 where it ran less.

    Args:
        media_GTC: Media, in units of the graph's media (or per region size: it cancels).
        graph: The channel graph.
    """
    own_GTC = np.array(media_GTC, dtype=np.float64)
    for shape, cause, effect in np.argwhere(graph.coefficient_KCC):
        acting_GT = carried(media_GTC[:, :, cause], graph.retention_K[shape], graph.delay_K[shape])
        own_GTC[:, :, effect] -= graph.coefficient_KCC[shape, cause, effect] * acting_GT
    return own_GTC


def check_graph(spec: GraphSpec, channels: Sequence[str]) -> list[Problem]:
    """Everything wrong with a graph's settings for the channels of a market."""
    problems = [*_unknown_channels(spec, channels), *_order_problems(spec, channels)]
    both = sorted(set(spec.required) & set(spec.forbidden))
    problems += [
        Problem(
            "edge_required_and_forbidden",
            "model.graph",
            f"edge {_arrow(edge)} is both required and forbidden. Remove it from one of the two lists.",
        )
        for edge in both
    ]
    if problems:
        return problems
    required_CC = edge_mask(spec.required, channels)
    cyclic = np.flatnonzero(reachable(required_CC).diagonal())
    if len(cyclic):
        names = ", ".join(repr(channels[int(node)]) for node in cyclic)
        message = f"required edges form a cycle among {names}; the graph is acyclic. Remove one of them."
        problems.append(Problem("required_edges_cycle", "model.graph.required", message))
    if spec.mode == "triangular":
        rank = {name: at for at, name in enumerate(spec.order or channels)}
        problems += [
            Problem(
                "edge_against_order",
                "model.graph.required",
                f"required edge {_arrow(edge)} runs against the order "
                f"{list(spec.order or channels)}. Reorder the channels or remove the edge.",
            )
            for edge in spec.required
            if rank[edge[0]] > rank[edge[1]]
        ]
    return problems


def edge_mask(edges: Iterable[tuple[str, str]], channels: Sequence[str]) -> Bools:
    """Named edges as a mask [cause, effect]."""
    mask_CC = np.zeros((len(channels), len(channels)), dtype=bool)
    index = {name: at for at, name in enumerate(channels)}
    for cause, effect in edges:
        mask_CC[index[cause], index[effect]] = True
    return mask_CC


def _arrow(edge: tuple[str, str]) -> str:
    return f"{edge[0]!r} -> {edge[1]!r}"


def _unknown_channels(spec: GraphSpec, channels: Sequence[str]) -> list[Problem]:
    problems = []
    for field, edges in (("required", spec.required), ("forbidden", spec.forbidden)):
        for at, edge in enumerate(edges):
            where = f"model.graph.{field}[{at}]"
            for name in dict.fromkeys(edge):
                if name not in channels:
                    message = f"channel {name!r} is not among {list(channels)}. Name a channel of the market."
                    problems.append(Problem("unknown_channel", where, message))
            if edge[0] == edge[1]:
                message = f"edge {_arrow(edge)} leads from a channel to itself. Remove it."
                problems.append(Problem("self_edge", where, message))
    return problems


def _order_problems(spec: GraphSpec, channels: Sequence[str]) -> list[Problem]:
    if spec.mode != "triangular" or spec.order is None:
        return []
    counts = Counter(spec.order)
    faults = {
        "names unknown": [name for name in counts if name not in channels],
        "lacks": [name for name in channels if name not in counts],
        "repeats": [name for name, count in counts.items() if count > 1],
    }
    return [
        Problem(
            "bad_order",
            "model.graph.order",
            f"the order {fault} {names}; it must name each of {list(channels)} once.",
        )
        for fault, names in faults.items()
        if names
    ]
