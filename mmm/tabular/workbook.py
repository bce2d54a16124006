"""Workbooks (XLSX): the first sheet as rows of values, and tables as sheets."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mmm.errors import PanelError, Problem

SUFFIX = ".xlsx"
MOST_BYTES = 50_000_000
"""Unpacked size above which a workbook is refused: a small file can hold a very large one."""
MOST_CELLS = 2_000_000
NAME = 31
"""Letters that a sheet's name may have."""

Row = Sequence[object]


def first_sheet(path: str | Path) -> list[list[object]]:
    """Values of the first sheet, row by row, without rows that are empty throughout; dates as ``datetime``.

    Raises:
        PanelError: It is no workbook, is damaged, empty or too large.
    """
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > MOST_BYTES:
            raise _refused(
                path, f"unpacks to more than {MOST_BYTES // 1_000_000} MB. Keep the plan alone in it"
            )
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows, cells = [], 0
        for row in book.worksheets[0].iter_rows(values_only=True):
            cells += len(row)
            if cells > MOST_CELLS:
                raise _refused(
                    path, f"has more than {MOST_CELLS} cells. Keep the plan alone in its first sheet"
                )
            if any(value is not None for value in row):
                rows.append(list(row))
        book.close()
    except PanelError:
        raise
    except Exception as error:  # openpyxl passes on whatever a damaged part brings up: XML, keys, numbers
        text = f"cannot be read as a workbook ({type(error).__name__}). Save it as XLSX or CSV again"
        raise _refused(path, text) from error
    if not rows:
        raise _refused(path, "has nothing in its first sheet. Put the table there")
    return rows


def _refused(path: str | Path, text: str) -> PanelError:
    return PanelError(str(path), [Problem("unreadable_file", "", f"{text}.")])


def workbook(sheets: Mapping[str, Iterable[Row]]) -> bytes:
    """A workbook of tables; the first row of each is its heading and stays in sight.

    Args:
        sheets: Rows by the sheet's name. Text stays text, also where it begins as a formula does.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name[:NAME])
        sheet.freeze_panes = "B2"
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _cell(sheet: object, value: object) -> object:
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value="".join(sign for sign in value if sign.isprintable()))
    cell.data_type = "s"
    return cell
