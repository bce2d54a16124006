"""Where the ledger and the table of versions lie, and how they are read and written.

The ledger is a folder to which each refit adds one file: a long record is not written anew every week.
"""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import fs as pafs

from mmm.errors import OutputError
from mmm.storage import filesystem, list_files, read_parquet, write_parquet

LEDGER, VERSIONS = "ledger.parquet", "versions.parquet"
BEFORE = ".ledger-before.parquet"
"""Where a ledger that an older program wrote as one file is kept while it becomes a folder."""


def add_part(out: str, number: int, table: pa.Table) -> None:
    """Add a file to the ledger, which is the last of so many that are there."""
    as_folder(out)
    write_parquet(f"{out}/{LEDGER}/part-{number:06d}-{secrets.token_hex(8)}.parquet", table)


def parts_of(out: str) -> list[str]:
    """Places of the ledger's files, oldest first."""
    system, path = filesystem(f"{out}/{LEDGER}")
    places = [f"{out}/{BEFORE}"] if _is_file(f"{out}/{BEFORE}") else []
    if _is_file(f"{out}/{LEDGER}"):
        return [*places, f"{out}/{LEDGER}"]
    if system.get_file_info(path).type == pafs.FileType.NotFound:
        return places
    names = (posixpath.basename(file.path) for file in list_files(f"{out}/{LEDGER}"))
    return places + [f"{out}/{LEDGER}/{name}" for name in sorted(names)]


def as_folder(out: str) -> None:
    """Make a ledger of one file, as older programs wrote it, the first file of a folder.

    Whatever ends it half way, the file is at one of the places that :func:`parts_of` looks at.
    """
    system, path = filesystem(f"{out}/{LEDGER}")
    _, before = filesystem(f"{out}/{BEFORE}")
    if _is_file(f"{out}/{LEDGER}"):
        system.move(path, before)
    if _is_file(f"{out}/{BEFORE}"):
        system.create_dir(path)
        system.move(before, f"{path}/part-000000-before.parquet")


def _is_file(place: str) -> bool:
    system, path = filesystem(place)
    return bool(system.get_file_info(path).type == pafs.FileType.File)


def table_of(items: Sequence[object], schema: pa.Schema) -> pa.Table:
    """Rows of a table. Fields are flat: ``asdict``, which copies each, would take most of the time."""
    return pa.Table.from_pylist([vars(item) for item in items], schema=schema)


def rows_of(place: str, schema: pa.Schema) -> list[dict[str, Any]]:
    """Rows of a table; none if it is not there.

    Raises:
        OutputError: It is another table.
    """
    try:
        rows: list[dict[str, Any]] = read_parquet(place).cast(schema).to_pylist()
    except FileNotFoundError:
        return []
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise foreign_table(place, error) from error
    return rows


def foreign_table(place: str, error: Exception, what: str = "no such table") -> OutputError:
    """What is said of a place that holds something else than the table of a refit, for the reason given."""
    reason = str(error).partition("\n")[0]
    return OutputError(f"{place} is {what} of a refit ({reason}). Move it away, or give another --out.")
