"""Copies of remote models on this machine, kept under the digest of their content and checked before use.

An index file for each registry, source and version says which copy is its; a copy that differs from its
digest, whoever changed it, is made again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlparse

from mmm.storage import is_uri
from serve.models.registry import copy_version
from serve.models.source import ModelEntry, SourceError


def local_directory(entry: ModelEntry, registry: str | None = None) -> Path:
    """The model's directory on this machine; a remote one is copied once.

    Args:
        entry: The model.
        registry: URI of the registry that holds sources of scheme ``mlflow-artifacts``.

    Raises:
        SourceError: It cannot be copied, or the place of copies is open to others.
    """
    parsed = urlparse(entry.source)
    if not is_uri(entry.source):
        return Path(entry.source)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    home = _home()
    identity = "\n".join((registry or "", entry.source, entry.key))
    index = home / f"{hashlib.sha256(identity.encode()).hexdigest()}.index"
    return _kept(home, index) or _copied(entry, registry, home, index)


def _home() -> Path:
    """The folder of copies, which nobody else can write."""
    home = Path(tempfile.gettempdir()) / f"mmm-models-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    state = home.lstat()
    if state.st_uid != os.getuid() or not stat.S_ISDIR(state.st_mode) or state.st_mode & 0o022:
        raise SourceError(
            f"{home} is not a folder that only this user can write. Remove it, or set another TMPDIR."
        )
    return home


def _kept(home: Path, index: Path) -> Path | None:
    """The copy that an index names, if it is whole."""
    try:
        digest = index.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    place = home / digest
    if not digest.isalnum() or not place.is_dir():
        return None
    return place if content_digest(place) == digest else None


def _copied(entry: ModelEntry, registry: str | None, home: Path, index: Path) -> Path:
    scratch = Path(tempfile.mkdtemp(dir=home))
    try:
        copy_version(entry.source, scratch, registry)
        digest = content_digest(scratch)
        place = home / digest
        if place.exists() and content_digest(place) != digest:
            shutil.rmtree(place)
        if not place.exists():
            scratch.rename(place)
        note = scratch.with_suffix(".note")
        note.write_text(digest, encoding="ascii")
        note.replace(index)
    except OSError as error:
        raise SourceError(f"{entry.source} cannot be copied: {error}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place


def content_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of every file below a folder, in hexadecimal.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix().encode()
        content = path.read_bytes()
        digest.update(b"%d %d " % (len(name), len(content)) + name + content)
    return digest.hexdigest()
