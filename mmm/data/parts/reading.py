"""Reading a panel part by part: regions and dates first, then some regions at a time, never all of them.

Shapes: G regions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmm.config import MarketSpec
from mmm.data.assemble import split_of
from mmm.data.calendar import Calendar
from mmm.data.parts.outline import Outline, PartOutline, outline_of, put_together
from mmm.data.read import read_index, read_panel
from mmm.data.schema import Finding
from mmm.data.source import open_source
from mmm.data.split import Split
from mmm.errors import PanelError, Problem

PART_CELLS = 2**19
"""Cells of channels that are read at once: 4 MiB an array."""
LARGE_CELLS = 2**22
"""Cells of channels from which a panel is read in parts unless asked otherwise: above it a process that holds
all of it, with the tables of its model, needs several GB."""


@dataclass(frozen=True, eq=False)
class PanelIndex:
    """What regions and dates tell.

    Attributes:
        place: Where the panel lies.
        regions: Names, sorted.
        rows_G: Rows of each.
        calendar: Periods.
        split: Windows.
    """

    place: str
    regions: tuple[str, ...]
    rows_G: np.ndarray[tuple[int], np.dtype[np.int64]]
    calendar: Calendar
    split: Split

    def parts(self, channels: int) -> Iterator[tuple[str, ...]]:
        """Consecutive regions to be read at once."""
        size = max(2, PART_CELLS // max(len(self.calendar.dates_T) * channels, 1))
        for first in range(0, len(self.regions), size):
            yield self.regions[first : first + size]


@dataclass(frozen=True, eq=False)
class PartRead:
    """What reading some regions told.

    Attributes:
        regions: Which.
        outline: None if something is wrong.
        problems: What is wrong with cells.
        findings: What is remarkable about cells.
    """

    regions: tuple[str, ...]
    outline: PartOutline | None
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]


def whole_only(spec: MarketSpec) -> list[str]:
    """What of a spec needs a process that sees all regions; empty if nothing does."""
    columns = spec.columns
    needs = {
        "a panel in Parquet": open_source(spec.data.path, spec.brand, spec.market).kind != "parquet",
        "a column of regions (columns.region)": columns.region is None,
        "no experiments": bool(spec.experiments),
        "no beliefs about channels (model.priors.channels)": bool(spec.model.priors.channels),
        "no treatments (columns.treatments)": bool(columns.treatments),
        "no channels of reach": any(one.reach is not None for one in columns.media.values()),
    }
    return [name for name, missing in needs.items() if missing]


def index_panel(spec: MarketSpec) -> PanelIndex:
    """Regions, calendar and windows of a panel, from its columns of regions and dates alone.

    Raises:
        PanelError: Dates or regions that cannot be read, rows twice, windows that do not fit.
    """
    table, calendar, problems = read_index(spec)
    split = None
    if calendar is not None:
        split, more = split_of(spec, calendar)
        problems = [*problems, *more]
    if problems or calendar is None or split is None:
        raise PanelError(table.source, problems)
    rows_G = np.bincount(table.region_N, minlength=len(table.regions)).astype(np.int64)
    return PanelIndex(table.source, table.regions, rows_G, calendar, split)


def read_part(spec: MarketSpec, index: PanelIndex, regions: Sequence[str]) -> PartRead:
    """Read some regions and look at them."""
    names = tuple(regions)
    given = spec.model_copy(update={"data": spec.data.model_copy(update={"closed": "keep"})})
    try:
        read = read_panel(given, regions=names, calendar=index.calendar)
    except PanelError as error:
        return PartRead(names, None, error.problems, ())
    outline = outline_of(read.panel, index.split, leave_out=spec.data.closed == "leave_out")
    return PartRead(names, outline, (), read.findings)


def whole_of(spec: MarketSpec, index: PanelIndex, parts: Sequence[PartRead]) -> Outline:
    """What all parts tell together.

    Raises:
        PanelError: Everything that is wrong.
    """
    problems = _merged_problems(parts)
    outlines = [part.outline for part in parts if part.outline is not None]
    if not problems and not any(outline.panel.regions for outline in outlines):
        message = (
            "every region began after the training window. Shorten splits.holdout or wait for more periods."
        )
        problems = [Problem("no_kpi_in_training", "kpi", message)]
    if problems:
        raise PanelError(index.place, problems)
    found = put_together(outlines, index.split, leave_out=spec.data.closed == "leave_out")
    if found.problems:
        raise PanelError(index.place, list(found.problems))
    return replace(found, findings=(*_merged_findings(parts), *found.findings))


def _merged_problems(parts: Sequence[PartRead]) -> list[Problem]:
    """One problem for each code and place: the first part's, and in how many others it occurs."""
    found: dict[tuple[str, str], list[Problem]] = {}
    for part in parts:
        for problem in part.problems:
            found.setdefault((problem.code, problem.where), []).append(problem)
    return [replace(own[0], message=own[0].message + _more(len(own))) for own in found.values()]


def _merged_findings(parts: Sequence[PartRead]) -> list[Finding]:
    """The same of findings."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for part in parts:
        for finding in part.findings:
            found.setdefault((finding.code, finding.where), []).append(finding)
    return [replace(own[0], what=own[0].what + _more(len(own))) for own in found.values()]


def _more(count: int) -> str:
    if count == 1:
        return ""
    return f" Likewise in {count - 1} more part{'s' if count > 2 else ''} of the panel."
