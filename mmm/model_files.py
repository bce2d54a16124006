"""Files of a fitted model: written with digests of their content, read with every damage told in words.

A file that is missing, cut, overwritten or swapped for another model's is named in the error, with the way
out; nothing pickled is ever run.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmm.errors import ModelFileError

DAMAGE = (
    OSError,
    ValueError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    EOFError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
"""What reading bytes that are not as they were written ends in, from the archive down to the arrays: a header
that states impossible sizes ends in MemoryError, one that is no literal in SyntaxError."""


def damaged(path: Path, reason: object) -> ModelFileError:
    """The error of a file that cannot be read."""
    said = " ".join(str(reason).split())[:300] or type(reason).__name__
    return ModelFileError(f"{path} is missing or damaged ({said}). Fit the model again.")


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Arrays as one compressed file without pickled objects."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, Any]:
    """Arrays of a file by name.

    Raises:
        ModelFileError: It is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except DAMAGE as error:
        raise damaged(path, error) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ModelFileError: The file is missing, damaged or holds something else.
    """
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(loaded, dict):
        raise ModelFileError(f"{path} does not hold what it should. Fit the model again.")
    return loaded


def write_provenance(path: Path, content: Mapping[str, Any]) -> None:
    """Provenance as JSON, with the digests of the files beside it and of itself under ``files``."""
    files = {other.name: _digest(other.read_bytes()) for other in sorted(path.parent.iterdir())}
    files.pop(path.name, None)
    files[path.name] = _digest_of_json(content)
    path.write_text(json.dumps({**content, "files": files}, indent=2) + "\n", encoding="utf-8")


def check_digests(path: Path, content: Mapping[str, Any]) -> None:
    """Whether a model's files are those that were written; models of before have no digests.

    Args:
        path: Of the provenance; the files lie beside it.
        content: Provenance as it was read.

    Raises:
        ModelFileError: A file differs from what was written.
    """
    files = content.get("files")
    if files is None:
        return
    if not isinstance(files, dict):
        raise damaged(path, "its list of files is none")
    rest = {name: value for name, value in content.items() if name != "files"}
    for name, expected in files.items():
        other = path.parent / str(name)
        if other == path:
            found = _digest_of_json(rest)
        else:
            try:
                found = _digest(other.read_bytes())
            except (OSError, ValueError) as error:
                raise damaged(other, error) from error
        if found != expected:
            raise damaged(other, "its content is not what was written with the model")


def check_weights(path: Path, arrays: Mapping[str, Any], shapes: Mapping[str, list[int]]) -> None:
    """Whether weights have their names and shapes and are numbers.

    Raises:
        ModelFileError: They are not.
    """
    wrong = sorted(
        name
        for name in {*arrays, *shapes}
        if name not in arrays or list(arrays[name].shape) != shapes.get(name)
    )
    if wrong:
        raise ModelFileError(f"{path} lacks {', '.join(wrong)} or holds them otherwise. Fit the model again.")
    strange = sorted(
        name for name, value in arrays.items() if value.dtype.kind != "f" or not np.isfinite(value).all()
    )
    if strange:
        raise ModelFileError(
            f"{path} holds values that are no numbers in {', '.join(strange)}. Fit the model again."
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of_json(content: Mapping[str, Any]) -> str:
    return _digest(json.dumps(content, sort_keys=True).encode())
