"""Where fitted models lie: one folder for each key, put in place whole or not at all.

Below the output place: ``models/brand=…/market=…/<key>/``. A folder counts only with its ``refit.json``,
which on a local disk arrives with the rename of the folder and elsewhere is written last.
"""

from __future__ import annotations

import hashlib
import posixpath
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs as pafs

from jobs.record.rows import Row
from mmm.errors import OutputError
from mmm.output import check_output, prepare_output
from mmm.scratch import remove_abandoned
from mmm.storage import filesystem, is_uri, read_text, write_whole

ROW = "refit.json"


def result_key(data_fingerprint: str, spec_digest: str) -> str:
    """Key of a fitted model: the same data and settings have the same, 16 hexadecimal digits."""
    return hashlib.sha256(f"{data_fingerprint}\n{spec_digest}".encode()).hexdigest()[:16]


def result_place(out: str, brand: str, market: str, key: str) -> str:
    """Folder of a fitted model below the output place."""
    return posixpath.join(out, "models", f"brand={brand}", f"market={market}", key)


def absolute(out: str) -> str:
    """The output place as every worker sees it: a URI, or an absolute path on shared storage."""
    return out.rstrip("/") if is_uri(out) else str(Path(out).expanduser().absolute())


def check_place(out: str) -> None:
    """Fail now rather than after the fits if nothing can be written below ``out``.

    Raises:
        OutputError: The place is a file, read-only, or its scheme is unknown.
    """
    if not is_uri(out):
        check_output(Path(out) / "models" / "new")
        return
    try:
        system, folder = filesystem(out)
        probe = f"{folder}/.write-test"
        system.create_dir(folder, recursive=True)
        with system.open_output_stream(probe) as stream:
            stream.write(b"")
        system.delete_file(probe)
    except (OSError, ValueError) as error:
        raise OutputError(f"{out} cannot be written ({error}). Give an --out that you may write.") from error


def read_row(place: str) -> Row | None:
    """The row of a finished fit, None if there is none at this place or only half of one."""
    try:
        return Row.from_json(read_text(f"{place}/{ROW}"))
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return None


def put(place: str, row: Row, fill: Callable[[Path], None]) -> None:
    """Write a fitted model.

    Args:
        place: From :func:`result_place`.
        row: What ``refit.json`` is to hold.
        fill: Writes every other file into an empty local folder.

    Raises:
        OutputError: The place cannot be written.
        OSError: It is full.
    """
    if not is_uri(place):
        # Folders of other fits of the market, too: with newer data their writers never come back.
        remove_abandoned(Path(place).parent)
        with prepare_output(place, force=True) as scratch:
            fill(scratch)
            (scratch / ROW).write_text(row.to_json() + "\n", encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        _upload(Path(folder), place, row)


@contextmanager
def local_copy(place: str, names: Sequence[str] = ()) -> Iterator[Path]:
    """A local folder with what lies at a place: the folder itself, or a copy for a while.

    Args:
        place: Folder, path or URI.
        names: Folders or files below it that are wanted; all of it by default.
    """
    if not is_uri(place):
        yield Path(place)
        return
    system, root = filesystem(place)
    local = pafs.LocalFileSystem()
    with tempfile.TemporaryDirectory() as folder:
        for name in names or ("",):
            source, target = (posixpath.join(at, name).rstrip("/") for at in (root, folder))
            pafs.copy_files(source, target, source_filesystem=system, destination_filesystem=local)
        yield Path(folder)


def rewrite_row(place: str, row: Row) -> None:
    """Replace the row of a finished fit, whole or not at all.

    Raises:
        OSError: The place cannot be written.
    """
    write_whole(f"{place}/{ROW}", f"{row.to_json()}\n".encode())


def _upload(folder: Path, place: str, row: Row) -> None:
    system, root = filesystem(place)
    pafs.copy_files(
        str(folder), root, source_filesystem=pafs.LocalFileSystem(), destination_filesystem=system
    )
    with system.open_output_stream(f"{root}/{ROW}") as stream:
        stream.write(f"{row.to_json()}\n".encode())
