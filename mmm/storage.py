"""Places: local paths and pyarrow or fsspec URIs, told apart and opened in one way."""

from __future__ import annotations

import codecs
import posixpath
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from pyarrow import fs as pafs

from mmm.scratch import scratch_beside


@dataclass(frozen=True)
class StoredFile:
    """A file below a folder.

    Attributes:
        path: Path within its filesystem.
        keys: Hive partition keys of the folders between, e.g. ``{"brand": "acme"}``.
    """

    path: str
    keys: dict[str, str]


def is_uri(place: str) -> bool:
    """Whether a place names its filesystem, e.g. ``s3://bucket/panel.parquet``."""
    return "://" in place


def resolve(place: str, base: str) -> str:
    """A place as seen from the folder ``base``; URIs and absolute paths stay as they are."""
    if is_uri(place):
        return place
    if is_uri(base) and not place.startswith("/"):
        scheme, _, rest = base.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(rest, place))}"
    return str(Path(base) / Path(place).expanduser())


def parent(place: str) -> str:
    """The folder a file lies in."""
    return posixpath.dirname(place) if is_uri(place) else str(Path(place).absolute().parent)


def filesystem(place: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem of a place and the path within it.

    pyarrow's own filesystems (file, s3, gs, hdfs) come first, fsspec's for every other scheme.

    Raises:
        ValueError: No installed filesystem knows the scheme, or the URI is malformed.
    """
    if not is_uri(place):
        return pafs.LocalFileSystem(), str(Path(place).absolute())
    try:
        found: tuple[pafs.FileSystem, str] = pafs.FileSystem.from_uri(place)
    except pa.ArrowInvalid:
        return _fsspec_filesystem(place)
    return found


def _fsspec_filesystem(place: str) -> tuple[pafs.FileSystem, str]:
    try:
        remote, path = url_to_fs(place)
    except ImportError as error:
        raise ValueError(f"{place}: {error}") from error
    return pafs.PyFileSystem(pafs.FSSpecHandler(remote)), path


def check_regular(place: str) -> None:
    """Whether a local place may be opened to read: a pipe would wait for ever, a device never end.

    Raises:
        ValueError: It is a folder, a pipe, a socket or a device. Places of other kinds, and those that are
            not there, are left to whoever opens them.
    """
    if is_uri(place) and not place.startswith("file://"):
        return
    _, path = filesystem(place)
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return
    for is_kind, kind in _SPECIAL.items():
        if is_kind(mode):
            raise ValueError(f"it is a {kind}, not a file. Give the path of a file")


_SPECIAL = {
    stat.S_ISDIR: "folder",
    stat.S_ISFIFO: "named pipe",
    stat.S_ISSOCK: "socket",
    stat.S_ISCHR: "device",
    stat.S_ISBLK: "device",
}


def unreachable(system: pafs.FileSystem, path: str, place: str) -> str | None:
    """Why a place on the web that seems not to be there could not be reached; None if the server answered."""
    handler = getattr(system, "handler", None)
    if not place.startswith(("http://", "https://")) or handler is None:
        return None
    try:
        handler.fs.info(path)
    except OSError as error:
        cause = error.__cause__ or error
        if getattr(cause, "status", None) is None:
            reason = " ".join(str(cause).split())[:200] or type(cause).__name__
            return f"the server could not be reached ({reason})"
    return None


def read_text(place: str, most: int | None = None) -> str:
    """The text of a file, UTF-8.

    Args:
        place: Path or URI.
        most: Bytes it may hold.

    Raises:
        OSError: It does not exist or cannot be read.
        ValueError: It is no regular file, too large or not UTF-8, or its scheme is unknown.
    """
    return _decoded(read_bytes(place, most))


def read_bytes(place: str, most: int | None = None) -> bytes:
    """The content of a file; arguments and errors as in :func:`read_text`, whatever its encoding."""
    check_regular(place)
    source, path = filesystem(place)
    with source.open_input_file(path) as stream:
        content = bytes(stream.read() if most is None else stream.read(most + 1))
    if most is not None and len(content) > most:
        raise ValueError(f"it is larger than {most} bytes, the most that is read of such a file")
    return content


def _decoded(content: bytes) -> str:
    """Text of bytes in UTF-8; other encodings are told by name where they can be."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise ValueError("its encoding is UTF-16 or UTF-32, not UTF-8. Save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"its encoding is not UTF-8 (byte {error.start}). Save it as UTF-8 with your editor"
        ) from error


def list_files(place: str) -> list[StoredFile]:
    """Every visible file below a folder with its Hive keys, sorted by path.

    Files and folders that start with ``_`` or ``.`` are skipped, as other readers of such folders do.
    """
    source, root = filesystem(place)
    found = []
    for info in source.get_file_info(pafs.FileSelector(root, recursive=True)):
        inner = info.path[len(root) :].strip("/").split("/")
        if info.type == pafs.FileType.File and not any(part.startswith(("_", ".")) for part in inner):
            found.append(StoredFile(path=info.path, keys=_hive_keys(inner[:-1])))
    return sorted(found, key=lambda file: file.path)


def _hive_keys(folders: list[str]) -> dict[str, str]:
    pairs = (folder.partition("=") for folder in folders if "=" in folder)
    return {key: unquote(value) for key, _, value in pairs}


def write_whole(place: str, content: bytes) -> None:
    """Write a file, local or remote, so that whoever reads meanwhile has the old one or the new one.

    Raises:
        OSError: The place cannot be written, or is full.
    """
    system, path = filesystem(place)
    if isinstance(system, pafs.LocalFileSystem):
        _write_here(Path(path), content)
        return
    folder, name = posixpath.split(path)
    system.create_dir(folder, recursive=True)
    # Two writers at a time have a scratch file each.
    scratch = f"{folder}/.{name}.{secrets.token_hex(8)}.part"
    try:
        with system.open_output_stream(scratch) as stream:
            stream.write(content)
        system.move(scratch, path)
    finally:
        if system.get_file_info(scratch).type == pafs.FileType.File:
            system.delete_file(scratch)


def _write_here(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(path) as scratch:
        scratch.write_bytes(content)
        scratch.replace(path)


def write_parquet(place: str, table: pa.Table) -> None:
    """Write a table as Parquet; as :func:`write_whole`."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, write_page_checksum=True)
    write_whole(place, buffer.getvalue().to_pybytes())


def write_parquet_rows(
    place: str, schema: pa.Schema, rows: Iterable[Mapping[str, object]], *, group: int = 1000
) -> None:
    """Write rows as Parquet, a row group at a time, so that they are never a table in memory at once.

    Args:
        place: Path or URI; written as :func:`write_whole` does.
        schema: Columns.
        rows: Cells by column.
        group: Rows of a row group.
    """
    buffer = pa.BufferOutputStream()
    with pq.ParquetWriter(buffer, schema, write_page_checksum=True) as writer:
        for some in _batched(rows, group):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
    write_whole(place, buffer.getvalue().to_pybytes())


def _batched(rows: Iterable[Mapping[str, object]], size: int) -> Iterator[list[Mapping[str, object]]]:
    """So many rows at a time, in order."""
    waiting = iter(rows)
    while some := list(islice(waiting, size)):
        yield some


def read_parquet(place: str) -> pa.Table:
    """A table that :func:`write_parquet` wrote, its pages held against their checksums.

    Raises:
        FileNotFoundError: It is not there.
        OSError: The place cannot be read.
        ValueError: It is no such table, or damaged.
    """
    content = read_bytes(place)
    try:
        return pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        # Arrow has errors of many kinds for bytes that it does not understand.
        raise ValueError(str(error).partition("\n")[0]) from error
