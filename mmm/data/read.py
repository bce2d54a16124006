"""From files or frames to a panel: read, parse, check everything, lay out.

Shapes: N rows, G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from mmm.config import MarketSpec
from mmm.config.files import unknown_name
from mmm.data.assemble import PanelRead, assemble
from mmm.data.calendar import Calendar, infer_calendar
from mmm.data.cells import row_problems
from mmm.data.panel import NATIONAL
from mmm.data.regions import without_regions
from mmm.data.schema import Finding, LongTable, Role, event_label, named, number_roles
from mmm.data.source import Source, open_source, read_columns
from mmm.errors import PanelError, Problem
from mmm.tabular.dates import parse_dates
from mmm.tabular.events import event_column, event_names
from mmm.tabular.files import READ_AS
from mmm.tabular.numbers import is_plain_kind, parse_numbers, parse_regions

__all__ = ["PanelRead", "panel_from_frame", "read_panel"]


def read_panel(
    spec: MarketSpec, *, regions: Sequence[str] | None = None, calendar: Calendar | None = None
) -> PanelRead:
    """Read a market's panel from where its spec says.

    Only the columns named in the spec are read. With ``regions`` only their rows are (Parquet row groups
    of other regions are skipped), laid out on the calendar of the whole panel; checks of whole columns
    are left to the read of the whole panel.

    Args:
        spec: The market, with ``data.path`` resolved.
        regions: Regions of a shard; by default all.
        calendar: Periods of the whole panel, where they are known; else a shard looks at all dates for them.

    Raises:
        PanelError: Everything that is wrong with the data, at once, with region, date and column.
    """
    source = _opened(spec)
    roles, missing = _known_roles(spec, source.columns, source.place)
    if regions is not None and calendar is None:
        calendar = _whole_calendar(spec, source)
    names = [*_index_columns(spec), *(role.column for role in roles)]
    where = None
    if regions is not None and spec.columns.region is not None:
        where = (spec.columns.region, list(regions))
    arrow = read_columns(source, names, text=_index_columns(spec), where=where)
    columns = {name: arrow[name] for name in names}
    whole = columns
    if regions is not None and (texts := [name for name in spec.columns.events if name in columns]):
        every = read_columns(source, texts)
        whole = {name: every[name] for name in texts}
    columns, roles = _with_events(columns, roles, whole)
    table, problems = _parse(columns, spec, roles, source.place, regions)
    if regions is not None and (unknown := sorted(set(regions) - set(table.regions))):
        message = (
            f"no rows of {named([repr(name) for name in unknown])}; {unknown_name(unknown[0], table.regions)}"
        )
        problems.append(Problem("unknown_region", "region", message))
    read = assemble(table, spec, roles, [*missing, *problems], calendar)
    return replace(read, findings=(*_reading(arrow), *read.findings)) if regions is None else read


def _with_events(
    columns: dict[str, pa.ChunkedArray], roles: Sequence[Role], whole: Mapping[str, pa.ChunkedArray]
) -> tuple[dict[str, pa.ChunkedArray], tuple[Role, ...]]:
    """Columns of events that hold names as one column of 0 and 1 for each name, with its role.

    Args:
        columns: Cells of the rows that are read.
        roles: Roles of the columns of numbers.
        whole: Cells of all rows, which the names are taken from.
    """
    found, kept = dict(columns), []
    for role in roles:
        names = event_names(whole[role.column]) if role.kind == "event" else ()
        for name in names:
            label = event_label(role.column, name)
            found[label] = event_column(columns[role.column], name)
            kept.append(Role("event", label, f"event {label!r}"))
        if not names:
            kept.append(role)
    return found, tuple(kept)


def _opened(spec: MarketSpec) -> Source:
    return open_source(
        spec.data.path, spec.brand, spec.market, encoding=spec.data.encoding, decimal=spec.data.decimal
    )


def _reading(table: pa.Table) -> list[Finding]:
    """How the files were read where they did not say it themselves."""
    lines = (table.schema.metadata or {}).get(READ_AS, b"").decode().splitlines()
    told = [line.split("\t", 1) for line in lines]
    findings = []
    if encodings := [what for kind, what in told if kind == "encoding"]:
        findings.append(
            Finding(
                "info",
                "encoding_assumed",
                "data.path",
                f"The file is not UTF-8; it was read as {encodings[0]}, which all of its characters fit.",
                "Names of columns and regions would be others in another encoding.",
                "Name the encoding in data.encoding, or save the file as CSV UTF-8.",
            )
        )
    if notes := [what for kind, what in told if kind == "thousands"]:
        findings.append(
            Finding(
                "info",
                "thousands_read",
                "data.path",
                f"Marks for thousands were taken out, as the rest of the file allows no other reading: "
                f"{named(notes, sep='; ')}.",
                "Read the other way amounts would be other by a factor of 1000.",
                "Set data.decimal to say which mark is which.",
            )
        )
    return findings


def panel_from_frame(frame: pd.DataFrame, spec: MarketSpec) -> PanelRead:
    """A panel from a data frame; the same columns, checks and errors as :func:`read_panel`.

    Args:
        frame: One row per region and period; columns that the spec does not name are ignored.
        spec: Roles of the columns; ``data.path`` is only used in messages.
    """
    names = [str(name) for name in frame.columns]
    roles, missing = _known_roles(spec, names, spec.data.path)
    wanted = [*_index_columns(spec), *(role.column for role in roles)]
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        message = f"the frame has two columns named {', '.join(map(repr, twice))}. Rename one."
        raise PanelError(spec.data.path, [Problem("duplicate_column", twice[0], message)])
    columns = {name: _arrow_column(frame[name]) for name in wanted}
    columns, roles = _with_events(columns, roles, columns)
    table, problems = _parse(columns, spec, roles, spec.data.path)
    return assemble(table, spec, roles, [*missing, *problems], None)


def _index_columns(spec: MarketSpec) -> list[str]:
    return [column for column in (spec.columns.region, spec.columns.date) if column is not None]


def read_index(spec: MarketSpec) -> tuple[LongTable, Calendar | None, list[Problem]]:
    """Regions and dates of every row, the calendar they make, and everything wrong with them.

    Raises:
        PanelError: They cannot be read.
    """
    source = _opened(spec)
    _, missing = _known_roles(spec, source.columns, source.place)
    table, calendar, problems = _indexed(spec, source)
    return table, calendar, [*missing, *problems, *row_problems(table, spec.columns.region is not None)]


def _whole_calendar(spec: MarketSpec, source: Source) -> Calendar:
    """The calendar that the dates of all regions make."""
    _, calendar, problems = _indexed(spec, source)
    if calendar is None or problems:
        raise PanelError(source.place, problems)
    return calendar


def _indexed(spec: MarketSpec, source: Source) -> tuple[LongTable, Calendar | None, list[Problem]]:
    names = _index_columns(spec)
    arrow = read_columns(source, names, text=names)
    table, problems = _parse({name: arrow[name] for name in names}, spec, (), source.place)
    calendar, more = infer_calendar(table)
    return table, calendar, [*problems, *more]


def _known_roles(
    spec: MarketSpec, columns: Sequence[str], source: str
) -> tuple[tuple[Role, ...], list[Problem]]:
    """Roles whose columns exist, and a problem for each that does not.

    Raises:
        PanelError: The date or the region is missing: nothing else can be located without them.
    """
    roles = number_roles(spec)
    known = set(columns)
    wanted = [(column, "region or date") for column in _index_columns(spec)]
    wanted += [(role.column, role.label) for role in roles]
    problems = [
        Problem("missing_column", column, f"no such column ({label}); {unknown_name(column, columns)}")
        for column, label in wanted
        if column not in known
    ]
    if not known.issuperset(_index_columns(spec)):
        raise PanelError(source, problems)
    return tuple(role for role in roles if role.column in known), problems


def _arrow_column(series: pd.Series) -> pa.ChunkedArray:
    """A pandas column as Arrow; a column of mixed objects becomes text, so that bad cells are located.

    Dates with a time zone keep the date on the wall there; periods become their first day.
    """
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_localize(None)
    elif isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    try:
        return pa.chunked_array(pa.array(series, from_pandas=True))
    except pa.ArrowException:
        return pa.chunked_array(
            [pa.array([None if pd.isna(cell) else str(cell) for cell in series], pa.string())]
        )


def _parse(
    columns: Mapping[str, pa.ChunkedArray],
    spec: MarketSpec,
    roles: Sequence[Role],
    source: str,
    only: Sequence[str] | None = None,
) -> tuple[LongTable, list[Problem]]:
    """Cells as numbers, dates and regions, and a problem for each column with unreadable cells."""
    rows = len(columns[spec.columns.date])
    if rows == 0:
        raise PanelError(source, [Problem("no_rows", "", "it has no rows. Write the panel again.")])
    regions: tuple[str, ...] = (NATIONAL,)
    region_N = np.zeros(rows, dtype=np.int64)
    if spec.columns.region is not None:
        kind = columns[spec.columns.region].type
        if not is_plain_kind(kind):
            message = f"the column holds values of type {kind}; a region is text or a whole number."
            raise PanelError(source, [Problem("bad_region", spec.columns.region, message)])
        regions, region_N = parse_regions(columns[spec.columns.region])
    dates = parse_dates(columns[spec.columns.date], spec.data.date_format)
    date_N = dates.values_N.astype("datetime64[D]")
    numbers = {role.column: parse_numbers(columns[role.column], spec.data.decimal) for role in roles}
    values = {name: parsed.values_N.astype(np.float64, copy=False) for name, parsed in numbers.items()}
    table = LongTable(source, regions, region_N, date_N, values)
    kept, stays_N, problems = without_regions(table, spec.regions.exclude if only is None else ())
    bad_N = dates.bad_N & stays_N
    if bad_N.any():
        swapped = _swap_hint(columns, spec)
        message = (
            f"{int(bad_N.sum())} of {rows} dates cannot be read, e.g. {dates.samples[0]!r} "
            f"({table.cells(bad_N)}): {swapped or dates.hint}."
        )
        problems.append(Problem("bad_date", spec.columns.date, message))
    for role in roles:
        parsed = numbers[role.column]
        bad_N = parsed.bad_N & stays_N
        if bad_N.any():
            message = (
                f"{role.label} is not a number in {int(bad_N.sum())} of {rows} rows, e.g. "
                f"{parsed.samples[0]!r} ({table.cells(bad_N)}): {parsed.hint}."
            )
            problems.append(Problem("bad_number", role.column, message))
    return kept, problems


def _swap_hint(columns: Mapping[str, pa.ChunkedArray], spec: MarketSpec) -> str:
    region = spec.columns.region
    if region is None or parse_dates(columns[region], spec.data.date_format).bad_N.any():
        return ""
    return f"column {region!r}, named as the region, holds dates; swap columns.region and columns.date"
