"""Opening a panel's files: CSV, Parquet, Hive-partitioned folders, local or remote; named columns only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs as pafs

from mmm.config.problems import nearest
from mmm.errors import PanelError, Problem
from mmm.storage import StoredFile, filesystem, list_files, unreachable
from mmm.tabular.delimited import Mark
from mmm.tabular.files import dialect, read_delimited

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
PARQUET_SUFFIXES = (".parquet", ".pq", ".parq")
PORTFOLIO_KEYS = ("brand", "market")


@dataclass(frozen=True)
class Source:
    """The files of one panel.

    Attributes:
        place: Path or URI as given.
        files: Its files, of one format.
        root: The folder listed, or the file itself, within the filesystem.
        kind: ``parquet`` or ``csv``.
        columns: Names that can be read: those of the files and the partition keys.
        encoding: Encoding of CSV files where it is known.
        decimal: Decimal mark of CSV files where it is known.
    """

    place: str
    files: tuple[StoredFile, ...]
    root: str
    kind: str
    columns: tuple[str, ...]
    encoding: str | None = None
    decimal: Mark | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Hive partition keys."""
        return tuple(self.files[0].keys)


@contextmanager
def _readable(place: str) -> Iterator[None]:
    """Turn what pyarrow and the filesystem raise into one error that names the place."""
    try:
        yield
    except FileNotFoundError as error:
        reason = str(error) if "reach" in str(error) else "no such file or folder"
        raise _unreadable(place, f"{reason}. Check data.path", "no_such_file") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, PanelError):
            raise
        reason = " ".join(str(error).split())[:300]
        message = f"cannot be read ({reason}). Is it truncated, damaged or of another format? Write it again"
        raise _unreadable(place, message) from error


def _unreadable(place: str, message: str, code: str = "unreadable_file") -> PanelError:
    return PanelError(place, [Problem(code, "", f"{message}.")])


def open_source(
    place: str,
    brand: str | None = None,
    market: str | None = None,
    *,
    encoding: str | None = None,
    decimal: Mark | None = None,
) -> Source:
    """Find the files of a panel and the names of its columns.

    Args:
        place: A CSV or Parquet file, or a folder of either, as path or URI.
        brand: Files below ``brand=…`` folders of other brands are left out.
        market: Likewise for ``market=…``.
        encoding: Encoding of CSV files; None finds it out.
        decimal: Decimal mark of CSV files; None finds it out.

    Raises:
        PanelError: Nothing there, an empty or unreadable file, an unknown format, mixed formats, or no
            partition of this brand and market.
    """
    with _readable(place):
        system, path = filesystem(place)
        info = system.get_file_info(path)
        if info.type == pafs.FileType.NotFound:
            raise FileNotFoundError(unreachable(system, path, place) or place)
        if info.type == pafs.FileType.Unknown:
            raise _unreadable(
                place, "is neither a file nor a folder, but a pipe or a device. Save it as a file"
            )
        if info.type == pafs.FileType.Directory:
            files = _partition(place, list_files(place), {"brand": brand, "market": market})
        else:
            files = [StoredFile(path, {})]
        kind = _format(place, system, files)
        names = _columns(system, files[0].path, kind, encoding)
    keys = tuple(files[0].keys)
    columns = (*(n for n in names if n not in keys), *keys)
    return Source(place, tuple(files), path, kind, columns, encoding, decimal)


def _partition(place: str, files: list[StoredFile], wanted: dict[str, str | None]) -> list[StoredFile]:
    data = [file for file in files if file.path.lower().endswith((*PARQUET_SUFFIXES, *TEXT_SUFFIXES))]
    if not data:
        raise _unreadable(place, "holds no .parquet or .csv file. Check data.path", "no_such_file")
    kept = [
        file
        for file in data
        if all(key not in file.keys or value in (None, file.keys[key]) for key, value in wanted.items())
    ]
    if not kept:
        names = sorted(
            {"/".join(f"{k}={file.keys[k]}" for k in PORTFOLIO_KEYS if k in file.keys) for file in data}
        )
        asked = "/".join(f"{key}={value}" for key, value in wanted.items() if value is not None)
        close = nearest(asked, names) or names
        raise _unreadable(
            place,
            f"has no partition {asked}; there are {len(names)}, e.g. {', '.join(close[:5])}",
            "no_partition",
        )
    if len({tuple(file.keys) for file in kept}) > 1:
        raise _unreadable(place, "mixes folders of different partition keys. Give all files the same levels")
    return kept


def _format(place: str, system: pafs.FileSystem, files: Sequence[StoredFile]) -> str:
    kinds = set()
    for file in files:
        with system.open_input_file(file.path) as stream:
            start = bytes(stream.read(4))
        if not start:
            raise _unreadable(file.path, "is an empty file. Write the panel again", "empty_file")
        name = file.path.lower().removesuffix(".gz")
        if name.endswith(PARQUET_SUFFIXES) or start == b"PAR1":
            kinds.add("parquet")
        elif name.endswith(TEXT_SUFFIXES):
            kinds.add("csv")
        else:
            raise _unreadable(file.path, "is neither CSV nor Parquet. Save the panel as one of them")
    if len(kinds) > 1:
        raise _unreadable(place, "mixes CSV and Parquet files. Keep one format")
    return kinds.pop()


def _columns(system: pafs.FileSystem, path: str, kind: str, encoding: str | None) -> list[str]:
    if kind == "parquet":
        return list(ds.ParquetFileFormat().inspect(path, filesystem=system).names)
    return dialect(system, path, encoding).header


def count_rows(place: str, brand: str | None = None, market: str | None = None) -> int:
    """Rows of a panel in Parquet, as its files say without being read.

    Raises:
        PanelError: It cannot be opened.
    """
    source = open_source(place, brand, market)
    with _readable(place):
        system, _ = filesystem(place)
        paths = [file.path for file in source.files]
        return int(ds.dataset(paths, format=ds.ParquetFileFormat(), filesystem=system).count_rows())


def read_columns(
    source: Source,
    names: Sequence[str],
    text: Sequence[str] = (),
    where: tuple[str, Sequence[str]] | None = None,
) -> pa.Table:
    """Read the named columns, and nothing else where the format allows it.

    Args:
        source: An opened panel.
        names: Columns, all of them in ``source.columns``.
        text: Columns to keep as text in CSV, whatever they look like (regions such as ``010``, dates).
        where: A column and the values whose rows are wanted; Parquet row groups outside of their range
            are not read.

    Raises:
        PanelError: A file that cannot be read, or a column that is named twice in it.
    """
    with _readable(source.place):
        if source.kind == "parquet":
            return _read_parquet(source, names, where)
        system, _ = filesystem(source.place)
        table = read_delimited(
            system, source.files, names, text=text, encoding=source.encoding, decimal=source.decimal
        )
    if where is None:
        return table
    return table.filter(pc.is_in(table[where[0]].cast(pa.string()), pa.array(where[1], pa.string())))


def _read_parquet(source: Source, names: Sequence[str], where: tuple[str, Sequence[str]] | None) -> pa.Table:
    system, _ = filesystem(source.place)
    data_format = ds.ParquetFileFormat()
    paths = [file.path for file in source.files]
    keys = pa.schema([(key, pa.string()) for key in source.keys])
    schemas = [data_format.inspect(path, filesystem=system) for path in paths]
    whole = pa.unify_schemas(schemas, promote_options="permissive")
    whole = pa.schema([field for field in whole if field.name not in source.keys])
    twice = [name for name in names if len(whole.get_all_field_indices(name)) > 1]
    if twice:
        raise _unreadable(source.place, f"has two columns named {', '.join(map(repr, twice))}. Rename one")
    dataset = ds.FileSystemDataset.from_paths(
        paths,
        schema=pa.unify_schemas([whole, keys]),
        format=data_format,
        filesystem=system,
        partitions=[_partition_expression(file) for file in source.files],
    )
    wanted = None if where is None else _row_filter(dataset.schema, *where)
    return dataset.to_table(columns=list(names), filter=wanted)


def _partition_expression(file: StoredFile) -> ds.Expression:
    expression = ds.scalar(True)
    for key, value in file.keys.items():
        expression = expression & (ds.field(key) == value)
    return expression


def _row_filter(schema: pa.Schema, column: str, values: Sequence[str]) -> ds.Expression:
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind) or not (pa.types.is_integer(kind) or pa.types.is_string(kind)):
        return ds.field(column).cast(pa.string()).isin(pa.array(values, pa.string()))
    typed = pa.array(values, pa.string()).cast(kind)
    limits = pc.min_max(typed)
    inside = (ds.field(column) >= limits["min"]) & (ds.field(column) <= limits["max"])
    return inside & ds.field(column).isin(typed)
