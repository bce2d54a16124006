"""From files or frames to a panel: read, parse, check everything, lay out.

Shapes: N rows, G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from mmm.config import MarketSpec
from mmm.config.files import unknown_name
from mmm.data.calendar import Calendar, infer_calendar
from mmm.data.cells import cell_findings, cell_problems, population_problems, row_problems
from mmm.data.closed import closed_findings, closed_periods, without_closed
from mmm.data.delimited import READ_AS
from mmm.data.experiments import locate_experiments
from mmm.data.history import history_findings
from mmm.data.layout import lay_out
from mmm.data.panel import NATIONAL, Panel
from mmm.data.schema import Finding, LongTable, Role, named, number_roles
from mmm.data.series import series_findings, series_problems
from mmm.data.source import Source, open_source, read_columns
from mmm.data.split import Split, default_lags, split_periods
from mmm.errors import PanelError, Problem, SpecError
from mmm.tabular.dates import parse_dates
from mmm.tabular.numbers import parse_numbers, parse_regions


@dataclass(frozen=True)
class PanelRead:
    """A panel that passed every check.

    Attributes:
        panel: The data.
        split: Its training, holdout and test windows.
        findings: What the user should know of; nothing here stops the work.
    """

    panel: Panel
    split: Split
    findings: tuple[Finding, ...]


def read_panel(spec: MarketSpec, *, regions: Sequence[str] | None = None) -> PanelRead:
    """Read a market's panel from where its spec says.

    Only the columns named in the spec are read. With ``regions`` only their rows are (Parquet row groups
    of other regions are skipped), laid out on the calendar of the whole panel; checks of whole columns
    are left to the read of the whole panel.

    Args:
        spec: The market, with ``data.path`` resolved.
        regions: Regions of a shard; by default all.

    Raises:
        PanelError: Everything that is wrong with the data, at once, with region, date and column.
    """
    source = _opened(spec)
    roles, missing = _known_roles(spec, source.columns, source.place)
    calendar = None if regions is None else _whole_calendar(spec, source)
    names = [*_index_columns(spec), *(role.column for role in roles)]
    where = None
    if regions is not None and spec.columns.region is not None:
        where = (spec.columns.region, list(regions))
    arrow = read_columns(source, names, text=_index_columns(spec), where=where)
    columns = {name: arrow[name] for name in names}
    table, problems = _parse(columns, spec, roles, source.place)
    if regions is not None and (unknown := sorted(set(regions) - set(table.regions))):
        message = (
            f"no rows of {named([repr(name) for name in unknown])}; {unknown_name(unknown[0], table.regions)}"
        )
        problems.append(Problem("unknown_region", "region", message))
    read = _assemble(table, spec, roles, [*missing, *problems], calendar)
    return replace(read, findings=(*_reading(arrow), *read.findings)) if regions is None else read


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
    table, problems = _parse(columns, spec, roles, spec.data.path)
    return _assemble(table, spec, roles, [*missing, *problems], None)


def _index_columns(spec: MarketSpec) -> list[str]:
    return [column for column in (spec.columns.region, spec.columns.date) if column is not None]


def _whole_calendar(spec: MarketSpec, source: Source) -> Calendar:
    """The calendar that the dates of all regions make."""
    names = _index_columns(spec)
    arrow = read_columns(source, names, text=names)
    table, problems = _parse({name: arrow[name] for name in names}, spec, (), source.place)
    calendar, more = infer_calendar(table)
    if calendar is None or problems:
        raise PanelError(source.place, [*problems, *more])
    return calendar


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
    columns: Mapping[str, pa.ChunkedArray], spec: MarketSpec, roles: Sequence[Role], source: str
) -> tuple[LongTable, list[Problem]]:
    """Cells as numbers, dates and regions, and a problem for each column with unreadable cells."""
    rows = len(columns[spec.columns.date])
    if rows == 0:
        raise PanelError(source, [Problem("no_rows", "", "it has no rows. Write the panel again.")])
    regions: tuple[str, ...] = (NATIONAL,)
    region_N = np.zeros(rows, dtype=np.int64)
    if spec.columns.region is not None:
        regions, region_N = parse_regions(columns[spec.columns.region])
    dates = parse_dates(columns[spec.columns.date], spec.data.date_format)
    date_N = dates.values_N.astype("datetime64[D]")
    numbers = {role.column: parse_numbers(columns[role.column], spec.data.decimal) for role in roles}
    values = {name: parsed.values_N.astype(np.float64, copy=False) for name, parsed in numbers.items()}
    table = LongTable(source, regions, region_N, date_N, values)
    problems = []
    if dates.bad_N.any():
        swapped = _swap_hint(columns, spec)
        message = (
            f"{int(dates.bad_N.sum())} of {rows} dates cannot be read, e.g. {dates.samples[0]!r} "
            f"({table.cells(dates.bad_N)}): {swapped or dates.hint}."
        )
        problems.append(Problem("bad_date", spec.columns.date, message))
    for role in roles:
        parsed = numbers[role.column]
        if parsed.bad_N.any():
            message = (
                f"{role.label} is not a number in {int(parsed.bad_N.sum())} of {rows} rows, e.g. "
                f"{parsed.samples[0]!r} ({table.cells(parsed.bad_N)}): {parsed.hint}."
            )
            problems.append(Problem("bad_number", role.column, message))
    return table, problems


def _swap_hint(columns: Mapping[str, pa.ChunkedArray], spec: MarketSpec) -> str:
    region = spec.columns.region
    if region is None or parse_dates(columns[region], spec.data.date_format).bad_N.any():
        return ""
    return f"column {region!r}, named as the region, holds dates; swap columns.region and columns.date"


def _assemble(
    table: LongTable, spec: MarketSpec, roles: Sequence[Role], problems: list[Problem], known: Calendar | None
) -> PanelRead:
    """Every check on a parsed table, then the panel.

    Columns of which a cell could not be read keep only that problem.
    """
    unread = {problem.where for problem in problems}
    checked = [role for role in roles if role.column not in unread]
    problems += cell_problems(table, checked, spec.data.fill)
    problems += row_problems(table, spec.columns.region is not None)
    for role in checked:
        if role.kind == "population":
            problems += population_problems(table, role)
    calendar, more = (known, []) if known is not None else infer_calendar(table)
    dated = spec.columns.date not in unread
    problems += more if dated else []
    if calendar is None:
        raise PanelError(table.source, problems)
    split, split_problems = _split(spec, calendar)
    problems += split_problems if dated else []
    try:
        panel = lay_out(table, spec, calendar)
    except SpecError as error:
        raise PanelError(table.source, [*problems, *error.problems]) from error
    given = panel
    closed_GT = closed_periods(panel)
    if spec.data.closed == "leave_out":
        panel = without_closed(panel, closed_GT)
    if known is None and dated and (table.region_N >= 0).any():
        about = {problem.where for problem in problems}
        found = series_problems(panel, split)
        problems += [item for item in found if not _already_told(item, spec, about)]
    problems += _unfilled_controls(panel, spec)
    if known is None and not problems:
        problems += locate_experiments(spec, panel)[1]
    if problems or split is None:
        raise PanelError(table.source, problems)
    findings = cell_findings(table, roles, spec.data.fill)
    if known is None:
        findings += closed_findings(given, closed_GT, left_out=spec.data.closed == "leave_out")
        findings += series_findings(given, split)
        findings += history_findings(panel)
    return PanelRead(panel, split, tuple(findings))


def _already_told(problem: Problem, spec: MarketSpec, columns: set[str]) -> bool:
    """Whether a problem of a whole series only repeats that a column of it is missing or unreadable."""
    if problem.where == "kpi":
        return spec.columns.kpi in columns
    for name, channel in spec.columns.channels.items():
        if problem.where == f"channel {name!r}":
            return bool({channel.spend, channel.exposure} & columns)
    return False


def _split(spec: MarketSpec, calendar: Calendar) -> tuple[Split | None, list[Problem]]:
    lag = default_lags(spec.model.adstock.max_lag, calendar.frequency)
    try:
        return split_periods(len(calendar.dates_T), spec.splits, max_lag=lag), []
    except SpecError as error:
        return None, list(error.problems)


def _unfilled_controls(panel: Panel, spec: MarketSpec) -> list[Problem]:
    """Controls that the fill policy asked for could not complete."""
    if spec.data.fill.controls == "refuse":
        return []
    problems = []
    for k, control in enumerate(panel.controls):
        empty_G = np.isnan(panel.controls_GTK[:, :, k]).any(axis=1)
        if empty_G.any():
            names = [repr(panel.regions[g]) for g in np.flatnonzero(empty_G)]
            message = (
                f"control {control!r} has no value at all in {named(names)}, so there is nothing to fill "
                "from. Give a value, set data.fill.controls: zero, or remove the control."
            )
            problems.append(Problem("missing_value", control, message))
    return problems
