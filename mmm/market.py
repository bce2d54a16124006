"""One market's spec and panel together, as far as both can be checked before a fit."""

from __future__ import annotations

from mmm.config import MarketSpec
from mmm.data.read import PanelRead, read_panel
from mmm.errors import PanelError, SpecError
from mmm.graph.channel_graph import check_graph


def read_market(spec: MarketSpec) -> PanelRead:
    """The panel of a spec, once everything that can be known before a fit is found to be in order.

    Raises:
        SpecError: Settings that contradict one another.
        PanelError: The same with problems of the panel beside them, all of them.
    """
    problems = check_graph(spec.model.graph, tuple(spec.columns.channels))
    try:
        read = read_panel(spec)
    except PanelError as error:
        raise PanelError(error.source, [*problems, *error.problems]) from error
    if problems:
        raise SpecError(f"{spec.brand} / {spec.market}", problems)
    return read
