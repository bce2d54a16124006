"""Tables as a workbook, or as a file each."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mmm.errors import OutputError
from mmm.export.tables import TABLES
from mmm.output import check_output, unwritable
from mmm.storage import write_whole

Format = Literal["xlsx", "csv", "parquet"]
MOST_ROWS = 2**20 - 1
"""Rows of a sheet of a workbook besides its heading."""
WIDEST = 40
"""Letters of the widest column of a sheet."""
CONTENTS = "contents"
"""First sheet: what the others are."""


def write_tables(tables: Mapping[str, pd.DataFrame], out: Path, form: Format, *, force: bool = False) -> Path:
    """Write tables whole: one workbook, or a folder with a file for each.

    Args:
        tables: By name, from :func:`mmm.export.tables.exported`.
        out: The file of a workbook, else the folder.
        form: ``xlsx``, ``csv`` (UTF-8, commas, ISO dates) or ``parquet``.
        force: Replace files that are there.

    Returns:
        The absolute path written to.

    Raises:
        OutputError: Something is there, the place cannot be written, or a table is too long for a sheet.
    """
    out = out.expanduser().absolute()
    if form == "xlsx":
        files: dict[Path, Callable[[], bytes]] = {out: lambda: _workbook(tables)}
        _check_lengths(tables)
    else:
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is a file; {form} is written as a folder of files. Give another --out.")
        files = {out / f"{name}.{form}": _file(frame, form) for name, frame in tables.items()}
    for path in files:
        if path.is_dir():
            raise OutputError(f"{path} is a folder; a file is to be written. Name the file with --out.")
        check_output(path, force=force)
    for path, content in files.items():
        try:
            write_whole(str(path), content())
        except OSError as error:
            raise unwritable(path, error) from error
    return out


def _check_lengths(tables: Mapping[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        if len(frame) > MOST_ROWS:
            raise OutputError(
                f"Table {name} has {len(frame):,} rows; a sheet holds {MOST_ROWS:,}. "
                "Use --format csv or parquet."
            )


def _file(frame: pd.DataFrame, form: Format) -> Callable[[], bytes]:
    if form == "csv":
        return lambda: frame.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n").encode()

    def parquet() -> bytes:
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()

    return parquet


def _workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """A sheet for each table, its heading kept in sight; text is never taken for a formula."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    contents = [(name, len(frame), TABLES[name].about) for name, frame in tables.items()]
    _sheet(book, CONTENTS, pd.DataFrame(contents, columns=["table", "rows", "what"]))
    for name, frame in tables.items():
        _sheet(book, name, frame)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _sheet(book: Any, name: str, frame: pd.DataFrame) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(frame.columns))}{len(frame) + 1}"
    for place, column in enumerate(frame, start=1):
        longest = max((len(str(value)) for value in frame[column].head(200)), default=0)
        width = 12 if frame[column].dtype.kind in "fM" else min(WIDEST, longest + 2)
        sheet.column_dimensions[get_column_letter(place)].width = max(width, len(str(column)) + 3)
    heads = []
    for column in frame:
        cell = WriteOnlyCell(sheet, str(column))
        cell.font = Font(bold=True)
        heads.append(cell)
    sheet.append(heads)
    for row in frame.itertuples(index=False, name=None):
        sheet.append(list(_cells(sheet, row)))


def _cells(sheet: Any, row: tuple[Any, ...]) -> Iterator[Any]:
    """Cells as a workbook takes them: unknown numbers empty, text as text, dates as dates."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    for value in row:
        if isinstance(value, str):
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
            cell.data_type = "s"
            yield cell
        elif isinstance(value, datetime):
            cell = WriteOnlyCell(sheet, None if pd.isna(value) else value.replace(tzinfo=None))
            cell.number_format = "yyyy-mm-dd"
            yield cell
        elif isinstance(value, (float, np.floating)):
            yield float(value) if np.isfinite(value) else None
        else:
            yield value
