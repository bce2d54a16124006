"""Fitted models in folders: one directory, or a tree of them as ``jobs.refit`` writes it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from jobs.record.store import ROW
from jobs.record.tracking import FOLDER
from mmm.config.files import read_yaml
from mmm.output import MODEL_FOLDER, holds_model
from serve.models.source import ModelEntry, SourceError

DEEPEST = 8
"""Levels of folders that are searched."""


class FolderSource:
    """Every fitted model below a folder; of each brand and market the newest one.

    Args:
        folder: One fitted model's directory, or a tree of them. Folders that start with ``.`` or ``_`` and
            those of a registry are not searched.

    Raises:
        SourceError: There is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceError(
                f"{folder} is no folder. Give the folder of fitted models, or a registry's URI."
            )
        self._folder = folder
        self._known: dict[Path, tuple[tuple[int, int], ModelEntry]] = {}

    def entries(self) -> tuple[ModelEntry, ...]:
        """See :meth:`ModelSource.entries`; half-written folders are not there yet."""
        newest: dict[str, tuple[int, ModelEntry]] = {}
        # A directory that was a model and has lost its files is a damaged model, not one that was taken away.
        damaged = {path for path in self._known if path.is_dir()}
        for directory in sorted({*_fitted_directories(self._folder), *damaged}):
            found = self._entry(directory)
            if found is not None:
                written, entry = found
                if entry.name not in newest or newest[entry.name][0] < written:
                    newest[entry.name] = written, entry
        return tuple(newest[name][1] for name in sorted(newest))

    def _entry(self, directory: Path) -> tuple[int, ModelEntry] | None:
        """When a model was written and what it is; None if it never was whole."""
        model = directory / MODEL_FOLDER
        try:
            state = (model / "provenance.json").stat()
            stamp = (state.st_mtime_ns, state.st_ino)
            known = self._known.get(directory)
            if known is None or known[0] != stamp:
                known = self._known[directory] = stamp, _identify(directory)
        except (OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
            known = self._known.get(directory)
        return None if known is None else (known[0][0], known[1])

    def holds(self, entry: ModelEntry) -> bool:
        """See ``ModelSource.holds``: a folder's fit may have been replaced by another."""
        try:
            return _version_of(Path(entry.source)) == entry.version
        except (OSError, ValueError, AttributeError):
            return False


def _fitted_directories(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Fitted models' directories at or below a folder."""
    if holds_model(folder):
        yield folder
        return
    if depth >= DEEPEST:
        return
    try:
        below = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in below:
        if not name.startswith((".", "_")) and name != FOLDER:
            yield from _fitted_directories(folder / name, depth + 1)


def _identify(directory: Path) -> ModelEntry:
    model = directory / MODEL_FOLDER
    spec = read_yaml(str(model / "spec.yaml")).values
    return ModelEntry(str(spec["brand"]), str(spec["market"]), _version_of(directory), str(directory))


def _version_of(directory: Path) -> str:
    """The key of a refit, which names its folder; of another fit a digest of its weights and origin."""
    if (directory / ROW).is_file():
        key = json.loads((directory / ROW).read_text(encoding="utf-8")).get("key")
        if isinstance(key, str) and key:
            return key
    digest = hashlib.sha256()
    for name in ("provenance.json", "weights.npz"):
        digest.update((directory / MODEL_FOLDER / name).read_bytes())
    return digest.hexdigest()[:16]
