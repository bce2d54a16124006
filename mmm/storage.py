"""Places: local paths and pyarrow or fsspec URIs, told apart and opened in one way."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from fsspec.core import url_to_fs
from pyarrow import fs as pafs


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


def read_text(place: str) -> str:
    """The text of a file, UTF-8.

    Raises:
        OSError: It does not exist or cannot be read.
        ValueError: It is not UTF-8, or its scheme is unknown.
    """
    source, path = filesystem(place)
    with source.open_input_file(path) as stream:
        text = bytes(stream.read())
    return text.decode("utf-8-sig")


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
