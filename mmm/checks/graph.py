"""Findings about the channel graph: what hangs on it, and what the outcome does not hear of it.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mmm.analysis.attribution import lost_downstream
from mmm.data.panel import Bools, Floats
from mmm.data.schema import Finding
from mmm.fitted import Fitted
from mmm.graph.channel_graph import ChannelGraph
from mmm.words import percent

ALIKE = 0.95
"""Correlation within regions from which a direct effect cannot be told from a mediated one."""
LEAST_INDIRECT = 0.01
"""Share of what media bring below which the graph changes no decision."""


@dataclass(frozen=True)
class GraphSwap:
    """Effects of a frozen model under its graph and under others, KPI units over the training window.

    Attributes:
        direct_C: Direct effects; no graph changes them.
        indirect_C: Indirect effects under the graph found.
        empty_C: The same without edges.
        reversed_C: The same with every edge turned round.
        changed: Largest change of a direct contribution under another graph, relative to the KPI.
        alike_CC: Correlation, within regions, of a channel's direct contribution with what another brings
            because of it; 0 where it moves none.
    """

    direct_C: Floats
    indirect_C: Floats
    empty_C: Floats
    reversed_C: Floats
    changed: float
    alike_CC: Floats


def swap_graph(fitted: Fitted) -> GraphSwap:
    """Ask a frozen model under its graph, without it, and with every edge turned round."""
    cells_GT = fitted.training_GT
    direct_GTC = fitted.predictor.parts.channels_MGTC[fitted.some].mean(0)
    size = len(fitted.panel.channels)
    alike_CC = np.zeros((size, size))
    indirect_C = np.zeros(size)
    for cause in np.flatnonzero(fitted.graph.edges_CC.any(axis=1)):
        lost_GTC = lost_downstream(fitted, fitted.graph, int(cause), fitted.some).mean(0)
        indirect_C[cause] = lost_GTC[cells_GT].sum()
        for effect in np.flatnonzero(fitted.graph.edges_CC[cause]):
            alike_CC[cause, effect] = _within(direct_GTC[..., cause], lost_GTC[..., effect], cells_GT)
    turned = replace(fitted, graph=fitted.graph.reversed())
    change_MGTC = turned.predictor.parts.channels_MGTC - fitted.predictor.parts.channels_MGTC
    return GraphSwap(
        direct_C=direct_GTC[cells_GT].sum(0),
        indirect_C=indirect_C,
        empty_C=_indirect(fitted, fitted.graph.without_edges(), cells_GT),
        reversed_C=_indirect(turned, turned.graph, cells_GT),
        changed=float(np.abs(change_MGTC).max() / fitted.scaling.mean_kpi),
        alike_CC=alike_CC,
    )


def _indirect(fitted: Fitted, graph: ChannelGraph, cells_GT: Bools) -> Floats:
    total_C = np.zeros(len(graph.channels))
    for cause in np.flatnonzero(graph.edges_CC.any(axis=1)):
        lost_GTC = lost_downstream(fitted, graph, int(cause), fitted.some).mean(0)
        total_C[cause] = lost_GTC[cells_GT].sum()
    return total_C


def _within(first_GT: Floats, second_GT: Floats, cells_GT: Bools) -> float:
    count_G1 = np.maximum(cells_GT.sum(1, keepdims=True), 1)

    def deviation(values_GT: Floats) -> Floats:
        kept_GT = np.where(cells_GT, values_GT, 0.0)
        mean_G1 = kept_GT.sum(1, keepdims=True) / count_G1
        away: Floats = np.where(cells_GT, values_GT - mean_G1, 0.0) / np.maximum(mean_G1, 1e-12)
        return away

    first, second = deviation(first_GT), deviation(second_GT)
    power = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / power) if power > 0 else 0.0


def graph_findings(fitted: Fitted) -> Iterator[Finding]:
    """The graph swap, and edges along which direct and mediated effects cannot be told apart."""
    if not fitted.graph.edges_CC.any():
        return
    swap = swap_graph(fitted)
    media = max(float(swap.direct_C.sum()), 1e-300)
    found, empty, turned = (float(x.sum()) / media for x in (swap.indirect_C, swap.empty_C, swap.reversed_C))
    numbers = (
        f"Indirect effects are {percent(found)} of what media bring under the graph found, {percent(empty)} "
        f"under an empty one and {percent(turned)} with every edge turned round; direct effects change by "
        f"{percent(swap.changed)} of the KPI."
    )
    if swap.changed > 1e-6 or empty != 0.0:
        yield Finding(
            severity="error",
            code="graph_inconsistent",
            where="graph",
            what=numbers,
            why="Effects do not follow the graph that the report shows.",
            what_to_do="Fit the model again with this version of the program.",
        )
    elif found < LEAST_INDIRECT:
        yield Finding(
            severity="warning",
            code="graph_bypassed",
            where="graph",
            what=numbers,
            why="The channels that others move bring next to nothing: the outcome bypasses its graph.",
            what_to_do="Read direct effects; plan with total effects only if an experiment backs the edges.",
        )
    else:
        yield Finding(
            severity="info",
            code="graph_swap",
            where="graph",
            what=numbers,
            why="Effects follow the graph, so that a wrong edge would move total effects by as much.",
            what_to_do="Check the edges with the largest weights before planning with total effects.",
        )
    yield from _mixed(fitted, swap)


def _mixed(fitted: Fitted, swap: GraphSwap) -> Iterator[Finding]:
    names = fitted.panel.channels
    for cause, effect in zip(*np.nonzero(swap.alike_CC > ALIKE), strict=True):
        if min(swap.direct_C[cause], swap.direct_C[effect]) < LEAST_INDIRECT * swap.direct_C.sum():
            continue
        yield Finding(
            severity="warning",
            code="direct_or_mediated",
            where=f"{names[cause]} -> {names[effect]}",
            what=(
                f"What {names[cause]!r} brings directly moves with what {names[effect]!r} brings because of "
                f"it: correlation {swap.alike_CC[cause, effect]:.2f} within regions."
            ),
            why="The data cannot tell the two roads apart; the direct effect may be the mediated one again.",
            what_to_do=f"Read their sum, or switch {names[cause]!r} off in some regions for a while.",
        )
