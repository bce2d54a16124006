"""The file of a plan of record: the plan, what it promised and the model behind it, under one digest.

A zip archive of ``record.json`` and of the files of the model, cut down to the draws that planned. Whatever
is changed in it afterwards is told when it is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from pydantic import ValidationError

from mmm.analysis.intervals import Estimate
from mmm.config import Spec
from mmm.errors import MMMError, RecordError
from mmm.fitted import Fitted, load_fitted, save_fitted
from mmm.model_files import DAMAGE
from mmm.output import MODEL_FOLDER, write_bytes
from mmm.planning.plan import Plan
from mmm.planning.record.stated import StatedSpend

FORMAT, STATED = 1, 2
"""Versions of the file: with an answered budget request, with spend as stated; others are refused."""
CONTENT = "record.json"
ARRAYS = ".npz"
"""Ending of the model's arrays, which are archives themselves."""
MOST_BYTES = 2_000_000_000
"""Largest archive that is unpacked: far above any model, below what fills a disk."""


class PromisedPeriod(Spec):
    """What the plan promised of one period."""

    date: str
    """Start of the period."""
    kpi: Estimate
    """Expected KPI under the plan."""
    spend: dict[str, float]
    """Planned amount by channel."""


class Promise(Spec):
    """A plan as it was committed."""

    brand: str
    """Brand."""
    market: str
    """Market."""
    committed: str
    """Day of the commit."""
    currency: str
    """Currency of spend."""
    plan: Plan | StatedSpend
    """The plan, whole: an answered budget request, or spend as somebody stated it."""
    periods: tuple[PromisedPeriod, ...]
    """Its periods."""
    gain_draws: tuple[float, ...]
    """Gain against the status quo, draw by draw, by channels' own effects and with what comes after the
    horizon."""
    program: str
    """Version of the program that committed it."""


@dataclass(frozen=True, eq=False)
class Record:
    """A plan of record with its model.

    Attributes:
        promise: The plan as it was committed.
        fitted: The model with the draws that planned.
        digest: Of everything in the file.
    """

    promise: Promise
    fitted: Fitted
    digest: str


def write_record(
    path: str | Path, promise: Promise, fitted: Fitted, *, force: bool = False
) -> tuple[Path, str]:
    """Write the file, whole or not at all.

    Returns:
        Where it lies, and its digest.

    Raises:
        OutputError: A file is there and ``force`` is not given, or the place cannot be written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        save_fitted(fitted, Path(scratch))
        files = {
            str(PurePosixPath(MODEL_FOLDER, one.name)): one.read_bytes()
            for one in sorted((Path(scratch) / MODEL_FOLDER).iterdir())
        }
    said = {
        "format": STATED if isinstance(promise.plan, StatedSpend) else FORMAT,
        "promise": promise.model_dump(mode="json"),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    digest = _digest(said)
    content = json.dumps({**said, "digest": digest}, indent=2, allow_nan=False).encode()
    return write_bytes(path, _zipped({CONTENT: content, **files}), force=force), digest


def _zipped(files: dict[str, bytes]) -> bytes:
    """An archive that is the same for the same files, whenever it is written."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_record(path: str | Path) -> Record:
    """Read the file and hold everything in it against its digest.

    Raises:
        RecordError: It is missing, no plan of record, of another format, or not as it was committed.
    """
    try:
        with Path(path).open("rb") as file:
            return record_of(file, str(path))
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise RecordError(f"{path} is missing. Write a plan of record with mmm commit.") from None
        raise _damaged(path, error) from error


def record_of(file: BinaryIO, source: str, *, most: int = MOST_BYTES) -> Record:
    """The same of a file that is open.

    Args:
        file: The file.
        source: What it is called in errors.
        most: Bytes that it may have when it is unpacked.

    Raises:
        RecordError: As :func:`read_record`.
    """
    files = _unzipped(file, source, most)
    if sum(map(len, files.values())) + _size_of_arrays(files) > most:
        raise _too_large(source)
    if CONTENT not in files:
        raise RecordError(f"{source} is no plan of record: it holds no {CONTENT}. Write one with mmm commit.")
    try:
        said = json.loads(files.pop(CONTENT))
        digest, found = said.pop("digest"), said["format"]
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        if found not in (FORMAT, STATED):
            raise RecordError(f"{source} has format {found}, this program reads {FORMAT} and {STATED}.")
        if _digest(said) != digest or said["files"] != digests:
            changed = sorted(n for n in {*digests, *said["files"]} if digests.get(n) != said["files"].get(n))
            what = ", ".join(changed) or CONTENT
            raise RecordError(
                f"{source} is not as it was committed: {what} was changed since. Take the committed file."
            )
        promise = Promise.model_validate(said["promise"])
    except (*DAMAGE, ValidationError) as error:
        if isinstance(error, MMMError):
            raise
        raise _damaged(source, error) from error
    return Record(promise, _model_of(source, files), digest)


def _unzipped(file: BinaryIO, source: str, most: int) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            if _size_of(archive) > most:
                raise _too_large(source)
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except DAMAGE as error:
        if isinstance(error, MMMError):
            raise
        raise _damaged(source, error) from error


def _size_of(archive: zipfile.ZipFile) -> int:
    """Bytes of an archive's files, unpacked."""
    return sum(entry.file_size for entry in archive.infolist())


def _size_of_arrays(files: dict[str, bytes]) -> int:
    """Bytes of the arrays that are archives themselves, unpacked; of damaged ones (digests tell), none."""
    size = 0
    for name, content in files.items():
        if name.endswith(ARRAYS):
            with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
                size += _size_of(archive)
    return size


def _too_large(source: str) -> RecordError:
    return RecordError(f"{source} is larger than any plan of record. Take the committed file.")


def _model_of(path: str | Path, files: dict[str, bytes]) -> Fitted:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / MODEL_FOLDER
        folder.mkdir()
        for name, content in files.items():
            place = PurePosixPath(name)
            if place.parent != PurePosixPath(MODEL_FOLDER) or place.name in ("", ".."):
                raise RecordError(f"{path} is no plan of record: it holds {name}.")
            (folder / place.name).write_bytes(content)
        return load_fitted(scratch)


def _damaged(path: str | Path, error: Exception) -> RecordError:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return RecordError(f"{path} is no plan of record, or damaged ({said}). Take the file that was committed.")
