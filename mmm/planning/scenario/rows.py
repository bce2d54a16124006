"""Spend plans as rows: read from a file, laid out by channel, period and region, every gap told at once.

Shapes: N rows, H periods of the horizon.
"""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mmm.config import DataSpec
from mmm.config.problems import nearest
from mmm.data.calendar import Calendar
from mmm.data.panel import Dates, Floats
from mmm.data.schema import named
from mmm.data.source import open_source, read_columns
from mmm.errors import PanelError, Problem, RequestError
from mmm.planning.fields import MAX_AMOUNT, unknown_name
from mmm.planning.scenario.request import ChannelAmounts, SpendRow
from mmm.tabular.dates import parse_dates
from mmm.tabular.numbers import Parsed, parse_numbers, parse_regions
from mmm.tabular.workbook import SUFFIX, first_sheet

COLUMNS = ("date", "channel", "region", "spend")


@dataclass(frozen=True, eq=False)
class SpendRows:
    """Amounts by row.

    Attributes:
        source: What was read, for messages.
        date_N: Starts of periods.
        channel_N: Names of channels.
        region_N: Names of regions, or None for a plan without.
        spend_N: Amounts.
    """

    source: str
    date_N: Dates
    channel_N: npt.NDArray[np.object_]
    region_N: npt.NDArray[np.object_] | None
    spend_N: Floats

    def reach(self, calendar: Calendar, longest: int) -> tuple[int, int]:
        """Periods from the end of the data to the first row, and from there to the last; 0 and 1 without."""
        after = calendar.after(longest)
        if not len(self.date_N):
            return 0, 1
        first, last = (int(np.searchsorted(after, day)) for day in (self.date_N.min(), self.date_N.max()))
        first = min(first, longest - 1)
        return first, min(last + 1, longest) - first


def rows_given(source: str, rows: Sequence[SpendRow]) -> SpendRows:
    """Rows of a request.

    Raises:
        RequestError: Some rows name a region and some do not.
    """
    regional = [row.region is not None for row in rows]
    if any(regional) and not all(regional):
        text = "some rows name a region and some do not; name it in all of them or in none"
        raise RequestError(source, [Problem("mixed_regions", "rows", text)])
    return SpendRows(
        source,
        np.array([row.date for row in rows], dtype="datetime64[D]"),
        np.array([row.channel for row in rows], dtype=object),
        np.array([row.region for row in rows], dtype=object) if any(regional) else None,
        np.array([row.spend for row in rows], dtype=np.float64),
    )


def read_rows(
    path: str,
    reading: DataSpec | None = None,
    date_format: str | None = None,
    channels: Sequence[str] = (),
) -> SpendRows:
    """Rows of a CSV, Parquet or XLSX file: a row for each amount, or a column for each channel.

    Args:
        path: Where it lies.
        reading: How the model's own files are read: encoding, decimal mark, dates.
        date_format: Format of its dates; None takes that of ``reading``, or ISO.
        channels: Names the model knows, by which a column for each channel is told from other columns.

    Raises:
        RequestError: The file cannot be read, a column is missing or unknown, or cells cannot be read.
    """
    known = DataSpec(path=path) if reading is None else reading
    setting = "the plan's date_format" if reading is not None else None
    try:
        with _as_text(path) as (place, is_workbook):
            if is_workbook:
                known = known.model_copy(update={"encoding": "utf-8", "decimal": None})
            opened = open_source(place, encoding=known.encoding, decimal=known.decimal)
            wide = _is_wide(opened.columns, channels)
            problems = [] if wide else list(_column_problems(opened.columns))
            if problems:
                raise RequestError(path, problems)
            table = read_columns(opened, opened.columns, text=("date", "channel", "region"))
    except PanelError as error:
        raise RequestError(path, error.problems) from error
    dates = parse_dates(table["date"], date_format or known.date_format, setting=setting)
    labels, problems = _labels(table, [name for name in ("channel", "region") if name in opened.columns])
    problems = [*_cell_problems("date", dates), *problems]
    amounts = [name for name in opened.columns if name not in ("date", "region")] if wide else ["spend"]
    parsed = {name: parse_numbers(table[name], known.decimal) for name in amounts}
    problems += [problem for name, found in parsed.items() for problem in _amount_problems(name, found)]
    if problems:
        raise RequestError(path, problems)
    date_N = dates.values_N.astype("datetime64[D]")
    if wide:
        labels["channel"] = np.repeat(np.array(amounts, dtype=object), len(date_N))
    times = len(amounts)
    region_N = np.tile(labels["region"], times) if "region" in labels else None
    spend_N = np.concatenate([np.asarray(found.values_N, dtype=np.float64) for found in parsed.values()])
    return SpendRows(path, np.tile(date_N, times), labels["channel"], region_N, spend_N)


def _is_wide(columns: Sequence[str], channels: Sequence[str]) -> bool:
    """A column for each channel: some column is one, and none says which channel a row is of."""
    return "date" in columns and "channel" not in columns and bool(set(columns) & set(channels))


@contextmanager
def _as_text(path: str) -> Iterator[tuple[str, bool]]:
    """A file to read as text; of a workbook, its first sheet."""
    if not path.lower().endswith(SUFFIX):
        yield path, False
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "sheet.csv"
        with place.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(map(_text_cells, first_sheet(path)))
        yield str(place), True


def _text_cells(row: Sequence[object]) -> list[object]:
    """Cells of a workbook as text; days without their midnight."""
    return [value.date().isoformat() if isinstance(value, dt.datetime) else value for value in row]


def _labels(
    table: Mapping[str, Any], columns: Sequence[str]
) -> tuple[dict[str, npt.NDArray[np.object_]], list[Problem]]:
    """Names by row, and which are missing."""
    labels, problems = {}, []
    for column in columns:
        known, index_N = parse_regions(table[column])
        if (index_N < 0).any():
            shown = named([f"row {n + 1}" for n in np.flatnonzero(index_N < 0)])
            problems.append(Problem("empty_cell", column, f"{shown}: the cell is empty."))
        labels[column] = np.array(known, dtype=object)[index_N] if known else np.array([], dtype=object)
    return labels, problems


def _column_problems(columns: Sequence[str]) -> Iterator[Problem]:
    for name in columns:
        if name not in COLUMNS:
            close = nearest(name, COLUMNS, count=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            text = f"unknown column {name!r}.{hint} A plan has {', '.join(COLUMNS)}; remove any other."
            yield Problem("unknown_column", name, text)
    for name in COLUMNS:
        if name not in columns and name != "region":
            yield Problem("missing_column", name, f"a plan needs the column {name!r}.")


def _amount_problems(column: str, parsed: Parsed) -> Iterator[Problem]:
    yield from _cell_problems(column, parsed)
    spend_N = np.asarray(parsed.values_N, dtype=np.float64)
    refused_N = ~parsed.bad_N & ~((spend_N >= 0) & (spend_N <= MAX_AMOUNT))
    if refused_N.any():
        shown = named([f"row {n + 1} ({spend_N[n]:g})" for n in np.flatnonzero(refused_N)])
        yield Problem("bad_amount", column, f"{shown}: an amount is a number from 0 to 1e13.")


def _cell_problems(column: str, parsed: Parsed) -> Iterator[Problem]:
    if parsed.bad_N.any():
        rows = named([f"row {n + 1}" for n in np.flatnonzero(parsed.bad_N)])
        samples = ", ".join(map(repr, parsed.samples))
        yield Problem("unreadable_cell", column, f"{rows} ({samples}): {parsed.hint}.")


def entries_of(
    rows: SpendRows,
    dates_H: Dates,
    channels: Sequence[str],
    regions: Sequence[str],
) -> tuple[dict[str, ChannelAmounts], list[Problem]]:
    """Rows laid out by channel, and everything that is wrong with them.

    Args:
        rows: A plan.
        dates_H: Starts of the periods that it must cover, each of them once for every channel it names
            (and every region, if it names any).
        channels: Names the model knows.
        regions: Names the model knows.
    """
    problems = list(_place_problems(rows, dates_H, channels, regions))
    period_N = np.searchsorted(dates_H, rows.date_N)
    known_N = np.isin(rows.date_N, dates_H)
    entries: dict[str, ChannelAmounts] = {}
    for channel in dict.fromkeys(rows.channel_N.tolist()):
        if channel not in channels:
            continue
        mine_N = known_N & (rows.channel_N == channel)
        if rows.region_N is None:
            entries[channel] = _laid_out(rows, mine_N, period_N, dates_H, f"{channel!r}", problems)
            continue
        absent = sorted(set(regions) - set(rows.region_N[mine_N].tolist()))
        if absent:
            text = f"{channel!r} has no row in {len(absent)} of {len(regions)} regions: {named(absent)}."
            problems.append(Problem("missing_regions", "region", f"{text} Give 0 where nothing runs."))
        by_region: dict[str, float | tuple[float, ...]] = dict.fromkeys(absent, (0.0,) * len(dates_H))
        for region in regions:
            if region not in absent:
                mine = mine_N & (rows.region_N == region)
                name = f"{channel!r} in {region!r}"
                by_region[region] = _laid_out(rows, mine, period_N, dates_H, name, problems)
        entries[channel] = by_region
    return entries, problems


def _place_problems(
    rows: SpendRows, dates_H: Dates, channels: Sequence[str], regions: Sequence[str]
) -> Iterator[Problem]:
    for channel in dict.fromkeys(rows.channel_N.tolist()):
        if channel not in channels:
            yield Problem("unknown_channel", "channel", unknown_name(channel, channels))
    off = np.unique(rows.date_N[~np.isin(rows.date_N, dates_H)])
    if len(off):
        text = (
            f"{named([str(date) for date in off])}: none of the {len(dates_H)} periods of the plan, which "
            f"start on {dates_H[0]}, after the data, and end with {dates_H[-1]}."
        )
        yield Problem("unknown_period", "date", text)
    if rows.region_N is None:
        return
    for region in dict.fromkeys(rows.region_N.tolist()):
        if region not in regions:
            close = nearest(region, regions, count=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            yield Problem("unknown_region", "region", f"unknown region {region!r}.{hint}")


def _laid_out(
    rows: SpendRows,
    mine_N: npt.NDArray[np.bool_],
    period_N: npt.NDArray[np.int64],
    dates_H: Dates,
    name: str,
    problems: list[Problem],
) -> tuple[float, ...]:
    """Amounts by period; periods without a row or with several are noted."""
    count_H = np.bincount(period_N[mine_N], minlength=len(dates_H))
    for kind, wrong_H in (("misses", count_H == 0), ("repeats", count_H > 1)):
        if wrong_H.any():
            shown = named([str(date) for date in dates_H[wrong_H]])
            way_out = (
                "Give an amount for each, 0 where nothing runs"
                if kind == "misses"
                else "Keep one row of each"
            )
            text = f"{name} {kind} {int(wrong_H.sum())} of {len(dates_H)} periods: {shown}. {way_out}."
            problems.append(Problem(f"{kind.rstrip('s')}_periods", "date", text))
    amount_H = np.bincount(period_N[mine_N], rows.spend_N[mine_N], minlength=len(dates_H))
    return tuple(amount_H.tolist())
