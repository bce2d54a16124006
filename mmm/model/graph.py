"""The channel graph: the public door to its learner, its effects and its checks."""

from __future__ import annotations

from mmm.model.channel_graph import (
    ChannelGraph,
    check_graph,
    downstream_delta,
    empty_graph,
    impulse_kernel,
)
from mmm.model.dag import learn_dag
from mmm.model.graph_media import (
    GraphDesign,
    GraphStatistics,
    PeriodTotals,
    graph_statistics,
    period_totals,
)
from mmm.model.graph_solve import learn_channel_graph, media_size, solve_graph

__all__ = [
    "ChannelGraph",
    "GraphDesign",
    "GraphStatistics",
    "PeriodTotals",
    "check_graph",
    "downstream_delta",
    "empty_graph",
    "graph_statistics",
    "impulse_kernel",
    "learn_channel_graph",
    "learn_dag",
    "media_size",
    "period_totals",
    "solve_graph",
]
