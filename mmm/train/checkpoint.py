"""Work under way, saved so that an interrupted fit goes on to the same result."""

from __future__ import annotations

import io
import logging
import pickle
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from mmm.config import MarketSpec
from mmm.config.legacy_digest import legacy_digest
from mmm.errors import CheckpointError
from mmm.model_files import DAMAGE
from mmm.output import unwritable

logger = logging.getLogger(__name__)

KEEP_EVERY = 10.0
"""Seconds between saves."""


def legacy_identity(identity: Mapping[str, Any], spec: MarketSpec) -> dict[str, Any] | None:
    """What was written of the same fit before decision 0011; None if its settings did not exist then."""
    digest = legacy_digest(spec)
    return None if digest is None else {**identity, "spec": digest}


class Checkpoint(Protocol):
    """A place for the state of a fit under way."""

    def open(self, identity: Mapping[str, Any], legacy: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on if what lies there is of the same fit.

        Args:
            identity: What the fit is of.
            legacy: What was written of the same fit before decision 0011; see :func:`legacy_identity`.
        """
        ...

    def load(self, stage: str) -> dict[str, Any] | None:
        """State of a stage, None if there is none."""
        ...

    def save(self, stage: str, state: dict[str, Any]) -> None:
        """Write the state of a stage now."""
        ...

    def keep(self, stage: str, epoch: int, state: Callable[[], dict[str, Any]]) -> None:
        """Write the state of a stage after an epoch, if the last time was long enough ago."""
        ...


class NoCheckpoint:
    """Nothing is saved."""

    def open(self, identity: Mapping[str, Any], legacy: Mapping[str, Any] | None = None) -> None:
        """Nothing to begin."""

    def load(self, stage: str) -> dict[str, Any] | None:
        """Nothing is there."""

    def save(self, stage: str, state: dict[str, Any]) -> None:
        """Nothing is written."""

    def keep(self, stage: str, epoch: int, state: Callable[[], dict[str, Any]]) -> None:
        """Nothing is written."""


class FileCheckpoint:
    """States in one local folder, each written beside and renamed, loaded without running pickled code.

    Args:
        folder: Where the states lie; made when the first one is saved.
        resume: Go on from what lies there; false begins anew.
        every: Seconds between saves.
    """

    def __init__(self, folder: Path, *, resume: bool, every: float = KEEP_EVERY) -> None:
        self.folder, self.resume, self.every = folder, resume, every
        self._last = time.monotonic()
        self._identity: dict[str, Any] = {}

    def open(self, identity: Mapping[str, Any], legacy: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on if what lies there is of the same fit.

        Raises:
            CheckpointError: What lies there is of another spec or other data.
        """
        self._identity = dict(identity)
        if not self.resume:
            self.remove()
            return
        for path in sorted(self.folder.glob("*.pt")):
            saved = self._read(path)["identity"]
            if saved == legacy:
                continue
            changed = [name for name, value in self._identity.items() if saved.get(name) != value]
            if changed:
                raise CheckpointError(
                    f"{path} is of another fit: {' and '.join(changed)} changed since. "
                    "Restore what it was, or fit without --resume to begin anew."
                )

    def load(self, stage: str) -> dict[str, Any] | None:
        """State of a stage, None if there is none."""
        path = self.folder / f"{stage}.pt"
        return self._read(path)["state"] if self.resume and path.exists() else None

    def save(self, stage: str, state: dict[str, Any]) -> None:
        """Write the state of a stage now.

        Raises:
            OutputError: The place cannot be written, for example because the disk is full; what was saved
                before is still there.
        """
        # Serialised in memory: torch's own writer hides why a disk refuses.
        content = io.BytesIO()
        torch.save({"identity": self._identity, "state": state}, content)
        scratch = self.folder / f".{stage}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(content.getbuffer())
            scratch.replace(self.folder / f"{stage}.pt")
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise unwritable(self.folder, error) from error
        self._last = time.monotonic()

    def keep(self, stage: str, epoch: int, state: Callable[[], dict[str, Any]]) -> None:  # noqa: ARG002
        """Write the state of a stage after an epoch, if the last time was long enough ago."""
        if time.monotonic() - self._last >= self.every:
            self.save(stage, state())

    def remove_older(self, written: Path) -> None:
        """Delete the folder if nothing was saved after a file was written."""
        if not written.is_file():
            return
        end = written.stat().st_mtime
        if all(path.stat().st_mtime <= end for path in self.folder.glob("*.pt")):
            self.remove()

    def remove(self) -> None:
        """Delete what was saved and what a save left half-written when it was killed."""
        if not self.folder.is_dir():
            return
        for path in (*self.folder.glob("*.pt"), *self.folder.glob("*.part"), *self.folder.glob(".*.part")):
            path.unlink(missing_ok=True)
        if rest := sorted(path.name for path in self.folder.iterdir()):
            logger.warning("%s stays: it holds %s, which is no checkpoint", self.folder, ", ".join(rest[:5]))
            return
        self.folder.rmdir()

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            loaded: Any = torch.load(path, weights_only=True)
        except (*DAMAGE, pickle.UnpicklingError) as error:
            raise CheckpointError(
                f"{path} cannot be read ({error}). Fit without --resume to begin anew."
            ) from error
        if not isinstance(loaded, dict) or not all(
            isinstance(loaded.get(part), dict) for part in ("identity", "state")
        ):
            raise CheckpointError(
                f"{path} cannot be read: it is no checkpoint. Fit without --resume to begin anew."
            )
        return dict(loaded)
