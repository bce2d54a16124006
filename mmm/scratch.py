"""Files and folders in the making: hidden beside their place, locked while their writer lives.

The kernel lets go of a lock when its holder dies, however it dies: whatever nobody holds was left behind by a
writer that was killed, and the next writer of the same place removes it.
"""

from __future__ import annotations

import ctypes
import fcntl
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".part"
ABANDONED = 6 * 3600.0
"""Seconds after which scratch counts as left behind where the filesystem knows no locks."""

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux."""


@contextmanager
def scratch_beside(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """An empty file or folder beside a place, to be filled and renamed to it; what is not renamed is removed.

    Args:
        path: The place; its folder is there.
        folder: A folder is wanted, which only this user can enter.

    Yields:
        The scratch.

    Raises:
        OSError: The folder cannot be written.
    """
    remove_abandoned(path.parent, glob.escape(path.name))
    made, handle = _locked_scratch(path, folder=folder)
    try:
        yield made
    finally:
        _remove(made)
        os.close(handle)


def remove_abandoned(folder: Path, pattern: str = "*") -> None:
    """Remove scratch in a folder that no living writer holds, of places whose names have a pattern."""
    for left in folder.glob(f".{pattern}.*{SUFFIX}"):
        try:
            handle = os.open(left, os.O_RDONLY)
        except OSError:
            # It was put in place or removed meanwhile, or is another user's.
            continue
        try:
            if _is_free(handle):
                _remove(left)
        finally:
            os.close(handle)


def _locked_scratch(path: Path, *, folder: bool) -> tuple[Path, int]:
    while True:
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}{SUFFIX}")
        if folder:
            made.mkdir(mode=0o700)
        else:
            made.touch(exist_ok=False)
        try:
            handle = os.open(made, os.O_RDONLY)
        except FileNotFoundError:
            # Another writer of the place took it for left behind, in the moment before it was locked.
            continue
        _lock(handle)
        if made.exists():
            return made, handle
        os.close(handle)


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        # Some network filesystems know no locks: age decides there.
        return


def _is_free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(handle).st_mtime > ABANDONED
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> bool:
    """Let two places change their content in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)
