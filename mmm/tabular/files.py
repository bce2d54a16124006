"""Delimited text files as tables: numbers straight away where that is safe, else by their marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from pyarrow import fs as pafs

from mmm.errors import PanelError, Problem
from mmm.storage import StoredFile
from mmm.tabular.delimited import (
    CERTAIN,
    CHUNK_BYTES,
    SNIFFED_BYTES,
    Dialect,
    Mark,
    decimal_mark,
    dialect_of,
    encoding_of,
)
from mmm.tabular.numbers import EMPTY_WORDS, NUMBER, is_left_open, plain_text

READ_AS = b"read_as"
"""Key of a table's metadata with what was found out about its files and should be said."""


class _File(NamedTuple):
    """A delimited file and how it is written."""

    system: pafs.FileSystem
    stored: StoredFile
    dialect: Dialect


def dialect(system: pafs.FileSystem, path: str, encoding: str | None) -> Dialect:
    """How a file is written.

    Raises:
        PanelError: Its encoding cannot be told, or it has no header line.
    """
    try:
        found, assumed = encoding_of(_chunks(system, path), encoding)
        with system.open_input_stream(path) as stream:
            return dialect_of(bytes(stream.read(SNIFFED_BYTES)), found, assumed=assumed)
    except ValueError as error:
        code = "empty_file" if "header" in str(error) else "unreadable_file"
        hint = " in data.encoding" if "name its encoding" in str(error) else ""
        raise PanelError(path, [Problem(code, "", f"{error}{hint}.")]) from error


def _chunks(system: pafs.FileSystem, path: str) -> Iterator[bytes]:
    with system.open_input_stream(path) as stream:
        while chunk := bytes(stream.read(CHUNK_BYTES)):
            yield chunk


def read_delimited(
    system: pafs.FileSystem,
    files: Sequence[StoredFile],
    names: Sequence[str],
    *,
    text: Sequence[str],
    encoding: str | None = None,
    decimal: Mark | None = None,
) -> pa.Table:
    """The named columns of delimited files as one table.

    Columns of numbers come as float64 where every cell is one; the others as text, so that their cells can
    be located, and so do those whose marks can be read in two ways.

    Args:
        system: Where the files lie.
        files: Files of one panel.
        names: Columns; partition keys among them.
        text: Columns to keep as text.
        encoding: Their encoding; None finds it out.
        decimal: Their decimal mark; None takes the one that the files allow.

    Raises:
        PanelError: A file whose encoding cannot be told, or that has a column twice.
    """
    opened = [_File(system, file, dialect(system, file.path, encoding)) for file in files]
    for file in opened:
        twice = [name for name in names if file.dialect.header.count(name) > 1]
        if twice and not set(twice) & set(file.stored.keys):
            message = f"has two columns named {', '.join(map(repr, twice))}. Rename one."
            raise PanelError(file.stored.path, [Problem("unreadable_file", "", message)])
    quick = None if decimal == "," else _quick(opened, names, text)
    if quick is not None and not any(_is_suspicious(quick[name]) for name in names if name not in text):
        return quick.replace_schema_metadata(_said(opened, []))
    table = pa.concat_tables([_table(file, names, names) for file in opened])
    return _with_numbers(table, opened, [name for name in names if name not in text], decimal)


def _quick(files: Sequence[_File], names: Sequence[str], text: Sequence[str]) -> pa.Table | None:
    """Numbers with a decimal point; None if any cell is something else."""
    try:
        return pa.concat_tables([_table(file, names, text) for file in files])
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            raise
        return None


def _table(file: _File, names: Sequence[str], text: Sequence[str]) -> pa.Table:
    own = [name for name in names if name not in file.stored.keys]
    convert = pacsv.ConvertOptions(
        include_columns=own,
        column_types={name: pa.string() if name in text else pa.float64() for name in own},
        strings_can_be_null=False,
    )
    parse = pacsv.ParseOptions(delimiter=file.dialect.delimiter, newlines_in_values=True)
    read = pacsv.ReadOptions(encoding=file.dialect.encoding)
    with file.system.open_input_stream(file.stored.path) as stream:
        table = pacsv.read_csv(stream, read_options=read, parse_options=parse, convert_options=convert)
    for key in (name for name in names if name in file.stored.keys):
        table = table.append_column(key, pa.array([file.stored.keys[key]] * table.num_rows, pa.string()))
    return table.select(list(names))


def _is_suspicious(column: pa.ChunkedArray) -> bool:
    """Whether numbers read with a decimal point may be whole ones with dots for thousands.

    Below 1000, with three decimals at the most, and none between 0 and 1.
    """
    if not pa.types.is_float64(column.type):
        return False
    values = np.abs(column.drop_null().to_numpy())
    values = values[np.isfinite(values)]
    fractions = values % 1.0 != 0
    if not fractions.any() or (values >= 1000).any() or ((values > 0) & (values < 1)).any():
        return False
    thousandths = values * 1000.0
    return bool(np.allclose(thousandths, np.round(thousandths), rtol=0, atol=1e-6))


def _with_numbers(
    table: pa.Table, files: Sequence[_File], numeric: Sequence[str], decimal: Mark | None
) -> pa.Table:
    """A table of text with its columns of numbers as such, as far as one reading is sure."""
    commas = any(file.dialect.delimiter == "," for file in files)
    trimmed = {name: _trimmed(table[name]) for name in numeric}
    mark = decimal or decimal_mark(_certain(list(trimmed.values())), "," if commas else ";")
    notes = []
    for name, column in trimmed.items():
        if decimal is None and is_left_open(column, mark, commas=commas):
            continue
        plain = column if mark is None or (commas and decimal is None) else plain_text(column, mark)
        grouped = pc.and_(pc.invert(pc.match_substring_regex(column, NUMBER)), pc.not_equal(plain, column))
        if mark == "," or pc.any(grouped).as_py():
            notes += _example(name, column, plain, mark)
        if pc.all(pc.match_substring_regex(plain, NUMBER)).as_py() is not False:
            plain = plain.cast(pa.float64())
        table = table.set_column(table.column_names.index(name), name, plain)
    return table.replace_schema_metadata(_said(files, notes if decimal is None else []))


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    array = pc.utf8_trim_whitespace(column.combine_chunks())
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return pc.if_else(pc.is_in(array, pa.array(EMPTY_WORDS)), pa.scalar(None, pa.string()), array)


def _certain(columns: Sequence[pa.Array]) -> tuple[str, ...]:
    """Decimal marks of which there are numbers that can be read with that mark alone."""
    return tuple(
        mark
        for mark, form in CERTAIN.items()
        if any(pc.any(pc.match_substring_regex(column, form)).as_py() for column in columns)
    )


def _example(name: str, column: pa.Array, plain: pa.Array, mark: Mark | None) -> list[str]:
    """How a number with marks for thousands was read, in words; nothing where there is none."""
    thousands = "." if mark == "," else ","
    changed = pc.and_(pc.match_substring(column, thousands), pc.not_equal(plain, column))
    rows = np.flatnonzero(changed.fill_null(False).to_numpy(zero_copy_only=False))
    if not len(rows):
        return []
    return [f"{name}: {column[int(rows[0])].as_py()!r} as {plain[int(rows[0])].as_py()}"]


def _said(files: Sequence[_File], notes: Sequence[str]) -> dict[bytes, bytes]:
    """What was found out of the files, as metadata of the table."""
    assumed = {file.dialect.encoding for file in files if file.dialect.assumed}
    lines = [f"encoding\t{name}" for name in sorted(assumed)] + [f"thousands\t{note}" for note in notes]
    return {READ_AS: "\n".join(lines).encode()} if lines else {}
