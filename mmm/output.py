"""Places to write to: checked beforehand, filled beside, put in place at the end in one rename."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mmm.errors import FullError, ModelFileError, OutputError
from mmm.scratch import exchange, scratch_beside

MODEL_FOLDER = "model"
"""Folder of weights; a directory that has it holds a fitted model."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What the system answers where a disk or a quota is used up."""
NO_ROOM_TEXTS = (*map(os.strerror, NO_ROOM), "disk is full")
"""The same in words, and in those of SQLite."""


def check_output(out: str | Path, *, force: bool = False, folder: bool = False) -> Path:
    """Whether a result may be written at ``out``; changes nothing.

    Args:
        out: A folder to be, or a file to be.
        force: Allow what is there to be replaced.
        folder: The result is a folder, so that a file is never replaced: it is none of its kind.

    Returns:
        The absolute path.

    Raises:
        OutputError: Something is there and ``force`` is not given, or the place cannot be written.
    """
    path = Path(out).expanduser().absolute()
    home = _nearest_folder(path)
    if folder and path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; a folder is to be written. Give another --out.")
    if path.exists() and not force and not _is_empty_folder(path):
        holds = "already holds a fitted model" if (path / MODEL_FOLDER).exists() else "already exists"
        raise OutputError(f"{path} {holds}. Give another --out, or --force to replace it.")
    if force and path.is_dir() and not _is_empty_folder(path) and not (path / MODEL_FOLDER).exists():
        raise OutputError(
            f"{path} exists and holds no fitted model; --force replaces only what this program wrote. "
            "Give another --out, or remove the folder yourself."
        )
    _try_writing(home, path)
    return path


def unwritable(path: Path, error: OSError) -> OutputError:
    """The error of a place that refused to be written; a full disk is named as such."""
    home = next((folder for folder in (path, *path.parents) if folder.is_dir()), path)
    reasons = {
        errno.ENOSPC: f"the disk of {home} is full. Free some space, or write to another disk.",
        errno.EDQUOT: f"the disk quota of {home} is used up. Free some space, or write elsewhere.",
    }
    if (reason := reasons.get(error.errno or 0)) is not None:
        return FullError(f"{path} cannot be written: {reason}")
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}). Give an --out that you may write."
    )


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, says that there is no room: libraries hand on the text."""
    while error is not None:
        if isinstance(error, FullError) or getattr(error, "errno", None) in NO_ROOM:
            return True
        if any(text in str(error) for text in NO_ROOM_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


def model_folder(directory: str | Path) -> Path:
    """Folder of weights of a fitted model's directory.

    Raises:
        ModelFileError: No fitted model lies there.
    """
    folder = Path(directory) / MODEL_FOLDER
    if not folder.is_dir():
        raise ModelFileError(
            f"{directory} holds no fitted model: it has no folder {MODEL_FOLDER}/. Fit one first."
        )
    return folder


def model_provenance(directory: Path) -> Path:
    """The file of a fitted model that is written last."""
    return directory / MODEL_FOLDER / "provenance.json"


def holds_model(directory: Path) -> bool:
    """Whether a fitted model, whole, lies in a directory."""
    return model_provenance(directory).is_file()


def _nearest_folder(path: Path) -> Path:
    home = path.parent
    while not home.exists():
        home = home.parent
    if not home.is_dir():
        raise OutputError(f"{path} cannot be written: {home} is a file, not a folder. Give another --out.")
    return home


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _try_writing(home: Path, path: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def prepare_output(out: str | Path, *, force: bool = False) -> Iterator[Path]:
    """A new folder to fill, which becomes ``out`` if the block ends well.

    Until then everything lies in a hidden folder beside it; if the block fails that folder is removed
    and ``out`` stays as it was.

    Args:
        out: The folder to be.
        force: Replace a fitted model that is there.

    Yields:
        The folder to write into.

    Raises:
        OutputError: As :func:`check_output`, before anything is done; or the rename failed.
    """
    path = check_output(out, force=force, folder=True)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(scratch_beside(path, folder=True))
        except OSError as error:
            raise unwritable(path, error) from error
        try:
            yield scratch
            scratch.chmod(0o755)
            _swap(scratch, path)
        except OSError as error:
            # The block may fail to read something else; only a disk that is full is of this place.
            if isinstance(error, OutputError) or error.errno not in NO_ROOM:
                raise
            raise unwritable(path, error) from error


def _swap(scratch: Path, path: Path) -> None:
    """Put ``scratch`` where ``path`` is; what was there goes only after the new one is in place."""
    try:
        if not path.exists():
            scratch.rename(path)
            return
        if exchange(scratch, path):
            return
        old = scratch.with_name(f"{scratch.name}.old")
        path.rename(old)
        try:
            scratch.rename(path)
        except OSError:
            old.rename(path)
            raise
    except OSError as error:
        raise unwritable(path, error) from error
    shutil.rmtree(old, ignore_errors=True)


def write_text(out: str | Path, text: str, *, force: bool = False) -> Path:
    """``write_bytes`` of a text, as UTF-8."""
    return write_bytes(out, text.encode("utf-8"), force=force)


def write_bytes(out: str | Path, content: bytes, *, force: bool = False) -> Path:
    """Write one file whole or not at all.

    Args:
        out: The file to be.
        content: What it holds.
        force: Replace a file that is there.

    Raises:
        OutputError: A file is there and ``force`` is not given, a folder is there, or the place cannot
            be written.
    """
    path = Path(out).expanduser().absolute()
    if path.is_dir():
        raise OutputError(f"{path} is a folder; a file is to be written. Name the file.")
    check_output(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_beside(path) as scratch:
            scratch.write_bytes(content)
            scratch.chmod(0o644)
            scratch.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    return path
