"""Small tables of text, such as lists of experiments: the same manners as for panels, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.errors import Problem
from mmm.tabular.dates import parse_dates
from mmm.tabular.delimited import Mark, certain_marks, decimal_mark, dialect_of, encoding_of
from mmm.tabular.numbers import Parsed, is_left_open, parse_numbers

SHOWN = 3
"""Rows named for each problem; the rest are counted."""


@dataclass(frozen=True)
class TextRows:
    """A delimited file as text.

    Attributes:
        rows: Cells by column, spaces around them taken off.
        delimiter: What stands between them.
    """

    rows: tuple[dict[str, str], ...]
    delimiter: str

    def column(self, name: str) -> pa.ChunkedArray:
        """The cells of a column; empty where a row has none."""
        return pa.chunked_array([pa.array([row.get(name, "") for row in self.rows], pa.string())])


def read_rows(content: bytes, encoding: str | None = None) -> TextRows:
    """The rows of a delimited file; cells beyond the header stand under ``(no column)``.

    Raises:
        ValueError: Its encoding cannot be told, it has no header, or it is not delimited text.
    """
    found, _ = encoding_of([content], encoding)
    dialect = dialect_of(content, found)
    text = content.decode(found).removeprefix("\ufeff")
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=dialect.delimiter, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return TextRows(tuple(_named(row) for row in rows), dialect.delimiter)


def _named(row: dict[str | None, str | list[str] | None]) -> dict[str, str]:
    cells = {}
    for key, value in row.items():
        text = ", ".join(value) if isinstance(value, list) else value or ""
        cells[(key or "").strip() or "(no column)"] = text.strip()
    return cells


def with_numbers(
    table: TextRows, names: Sequence[str], decimal: Mark | None, where: str
) -> tuple[TextRows, list[Problem]]:
    """The rows with some columns as plain numbers, and a problem for each that cannot be read in one way.

    Args:
        table: The rows.
        names: Columns of numbers; those that are absent stay so.
        decimal: The decimal mark where it is known.
        where: What the list of rows is called, for messages.
    """
    cells = [row[name] for row in table.rows for name in names if row.get(name)]
    mark = decimal or decimal_mark(certain_marks(cells), table.delimiter)
    rows, problems = [dict(row) for row in table.rows], []
    for name in names:
        column = table.column(name)
        own = mark
        if decimal is None and is_left_open(column.combine_chunks(), mark, commas=table.delimiter == ","):
            own = None
        parsed = parse_numbers(column, own)
        problems += _problem("bad_number", [(index, name) for index in range(len(rows))], where, parsed)
        for row, value in zip(rows, parsed.values_N.tolist(), strict=True):
            if row.get(name) and np.isfinite(value):
                row[name] = repr(value)
    return TextRows(tuple(rows), table.delimiter), problems


def with_dates(
    table: TextRows, names: Sequence[str], date_format: str | None, where: str
) -> tuple[TextRows, list[Problem]]:
    """The rows with some columns as ISO dates, and a problem for each that cannot be read in one way."""
    rows, problems = [dict(row) for row in table.rows], []
    given = [(index, name) for index, row in enumerate(rows) for name in names if row.get(name)]
    if not given:
        return table, []
    texts = pa.chunked_array([pa.array([rows[index][name] for index, name in given], pa.string())])
    parsed = parse_dates(texts, date_format)
    problems = _problem("bad_date", given, where, parsed)
    for (index, name), day in zip(given, parsed.values_N.astype(str).tolist(), strict=True):
        if day != "NaT":
            rows[index][name] = day
    return TextRows(tuple(rows), table.delimiter), problems


def _problem(code: str, cells: Sequence[tuple[int, str]], where: str, parsed: Parsed) -> list[Problem]:
    """What is wrong with some cells, given by row and column, at the first that is bad."""
    if not parsed.bad_N.any():
        return []
    count = int(parsed.bad_N.sum())
    row, column = cells[int(np.argmax(parsed.bad_N))]
    shown = ", ".join(repr(sample) for sample in parsed.samples[:SHOWN])
    more = "" if count == 1 else f" (and {count - 1} more like it)"
    return [Problem(code, f"{where}[{row}].{column}", f"{shown}{more} cannot be read: {parsed.hint}.")]
