"""Before the training of a panel in parts: every check, and nobody reads more than some regions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Literal

from jobs.train.assemble import PanelFacts
from mmm.config import MarketSpec
from mmm.data.parts.reading import (
    LARGE_CELLS,
    PanelIndex,
    PartRead,
    index_panel,
    read_part,
    whole_of,
    whole_only,
)
from mmm.data.source import count_rows
from mmm.errors import Problem, SpecError
from mmm.graph.channel_graph import check_graph
from mmm.market import market_findings
from mmm.train.shards import Survey

Parts = Literal["auto", "yes", "no"]
Task = Callable[[MarketSpec, PanelIndex, int, int], list[PartRead]]
RunAll = Callable[[Task, Sequence[tuple[MarketSpec, PanelIndex, int, int]]], list[list[PartRead]]]
"""Runs a task for each of several arguments, wherever there is room."""


def asked_in_parts(spec: MarketSpec, parts: Parts) -> bool:
    """Whether a panel is read, checked and written in parts.

    Args:
        spec: The market.
        parts: ``auto`` does so with large panels that can be.

    Raises:
        SpecError: It is asked for and cannot be.
        PanelError: The panel cannot be opened.
    """
    if parts == "no":
        return False
    needs = whole_only(spec)
    if parts == "yes" and needs:
        message = (
            f"a panel in parts needs {', '.join(needs)}. Change the spec or data, or leave --parts out: the "
            "panel is then read whole."
        )
        raise SpecError("--parts", [Problem("not_in_parts", "--parts", message)])
    if parts == "yes":
        return True
    return not needs and count_rows(spec.data.path, spec.brand, spec.market) * len(spec.columns.media) >= (
        LARGE_CELLS
    )


def inspect_parts(spec: MarketSpec, tasks: int, run: RunAll) -> PanelFacts:
    """Every check on a panel, part by part.

    Args:
        spec: The market.
        tasks: Tasks that the parts are shared among.
        run: Runs them.

    Raises:
        SpecError: Settings that contradict one another.
        PanelError: Everything that is wrong with the data.
    """
    if problems := check_graph(spec.model.graph, tuple(spec.columns.media)):
        raise SpecError(f"{spec.brand} / {spec.market}", problems)
    index = index_panel(spec)
    count = sum(1 for _ in index.parts(len(spec.columns.media)))
    share = -(-count // tasks)
    given = [(spec, index, first, min(first + share, count)) for first in range(0, count, share)]
    found = whole_of(spec, index, [part for answer in run(read_parts, given) for part in answer])
    return PanelFacts(
        survey=Survey(found.fingerprint, (), found.regions),
        split=index.split,
        regions=found.regions,
        observed_G=found.observed_G,
        periods=len(index.calendar.dates_T),
        channels=len(spec.columns.media),
        until=str(index.calendar.dates_T[-1]),
        findings=(
            *found.findings,
            *market_findings(spec, found.products_CC, index.split, len(found.regions)),
        ),
        calendar=index.calendar,
    )


def read_parts(spec: MarketSpec, index: PanelIndex, first: int, last: int) -> list[PartRead]:
    """Read some of the parts, one after the other."""
    own = islice(index.parts(len(spec.columns.media)), first, last)
    return [read_part(spec, index, regions) for regions in own]
