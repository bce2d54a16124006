"""Checkpoints of sharded training: what shards share once, and a part for the regions of each.

Below a place: ``<stage>/<epoch>/shared.pt``, ``regions-<first>-<count>.pt`` and, written last,
``commit.json`` with the length and digest of every part. Without it, or where a part is not what it says,
a checkpoint is half-written or damaged, and the one before is taken. Any number of shards reads what any
other wrote.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import fs as pafs

from mmm.errors import CheckpointError, OutputError
from mmm.output import unwritable
from mmm.storage import filesystem, is_uri
from mmm.train.sharded_state import State, cut, put_together, rows_of

if TYPE_CHECKING:
    from mmm.train.shards import Shards

KEPT = 2
"""Checkpoints of a stage that are kept: the last, and the one before should the last be damaged."""
COMMIT, SHARED = "commit.json", "shared.pt"


@dataclass(frozen=True)
class _Part:
    """A file of a checkpoint: its name and what it must be; of regions, which."""

    name: str
    size: int
    digest: str
    first: int = 0
    count: int = 0


class ShardCheckpoint:
    """Checkpoints below a place that every shard sees; one object on each shard, used in step.

    Args:
        place: Folder, path or URI.
        shards: What the shard knows of the whole.
        regions: Regions of this shard.
        every: Epochs between checkpoints.
        say: Listener what was skipped, on the first shard.
    """

    def __init__(
        self,
        place: str,
        shards: Shards,
        regions: int,
        *,
        every: int,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._system, self._root = filesystem(place)
        self._place, self._shards, self._regions = place, shards, regions
        self._every, self._say = every, say
        self._identity: dict[str, Any] = {}
        self._accepted: list[Mapping[str, Any]] = []

    def open(self, identity: Mapping[str, Any], legacy: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on; checkpoints of another fit are refused when they are loaded."""
        self._identity = dict(identity)
        self._accepted = [identity] if legacy is None else [identity, legacy]

    def keep(self, stage: str, epoch: int, state: Callable[[], State]) -> None:
        """Write the state of a stage if it is its turn, the same on every shard."""
        if epoch % self._every == 0:
            self.save(stage, state())

    def save(self, stage: str, state: State) -> None:
        """Write the state of a stage; when this returns every part is there and it counts.

        Raises:
            OutputError: A shard could not write its part, its disk being full for one; then every shard says
                so, what was written goes, and the checkpoint before stays.
        """
        folder = f"{self._root}/{stage}/{int(state['epoch']):07d}"
        shared, own = cut(state)
        mine = _to_bytes(own)
        first = self._shards.first
        code = self._write(f"{folder}/{_regions_name(first, self._regions)}", mine)
        written = self._gathered(
            np.array([code, first, self._regions, len(mine), *hashlib.sha256(mine).digest()])
        )
        self._check(folder, written[:, 0])
        if self._shards.index == 0:
            common = _to_bytes(shared)
            parts = [_Part(SHARED, len(common), hashlib.sha256(common).hexdigest())]
            for start, count, size, *digest in written[:, 1:].astype(int).tolist():
                name = _regions_name(start, count)
                parts.append(_Part(name, size, bytes(digest).hex(), start, count))
            commit = {"identity": self._identity, "parts": [vars(part) for part in parts]}
            code = self._write(f"{folder}/{SHARED}", common)
            code = code or self._write(f"{folder}/{COMMIT}", json.dumps(commit).encode())
        self._check(folder, self._gathered(np.array([code]))[:, 0])
        if self._shards.index == 0:
            self._retire(stage)

    def _check(self, folder: str, codes: np.ndarray) -> None:
        """Go on if every shard has written; else take back what was written, the same on every shard."""
        if not codes.any():
            return
        if self._shards.index == 0 and self._system.get_file_info(folder).type == pafs.FileType.Directory:
            self._system.delete_dir(folder)
        code = int(codes.max())
        raise refused(self._place, OSError(code, os.strerror(code)))

    def load(self, stage: str) -> State | None:
        """The newest state of a stage that is whole, for the regions of this shard; None if there is none.

        Raises:
            CheckpointError: It is of another fit.
        """
        for epoch in self._epochs(stage):
            folder = f"{self._root}/{stage}/{epoch}"
            state, trouble = self._read(folder)
            damaged = self._gathered(np.array([1.0 if state is None else 0.0])).any()
            if not damaged and self._shards.index == 0:
                self._say(f"going on from {stage} {int(epoch)}")
            if not damaged:
                return state
            if self._shards.index == 0:
                why = trouble or "a part of another shard is damaged"
                self._say(f"checkpoint {stage} {int(epoch)} is skipped: {why}; taking the one before")
        return None

    def _epochs(self, stage: str) -> list[str]:
        """Epochs with a folder, newest first, as the first shard sees them."""
        found = self._listed(stage) if self._shards.index == 0 else []
        count = int(self._gathered(np.array([len(found)]))[0, 0])
        mine = np.array([int(name) for name in found] or [0] * count, dtype=np.float64)
        return [f"{int(epoch):07d}" for epoch in self._gathered(mine)[0]] if count else []

    def _listed(self, stage: str) -> list[str]:
        selector = pafs.FileSelector(f"{self._root}/{stage}", allow_not_found=True)
        names = [info.base_name for info in self._system.get_file_info(selector)]
        return sorted((name for name in names if name.isdigit()), reverse=True)

    def _read(self, folder: str) -> tuple[State | None, str]:
        """State of this shard's regions, or why there is none."""
        try:
            commit = json.loads(self._bytes(f"{folder}/{COMMIT}"))
            parts = [_Part(**part) for part in commit["parts"]]
        except FileNotFoundError:
            return None, "it was never finished"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return None, f"{COMMIT} cannot be read ({error})"
        self._compare(folder, commit.get("identity"))
        start, stop = self._shards.first, self._shards.first + self._regions
        near = [
            part for part in parts if part.count and part.first < stop and start < part.first + part.count
        ]
        try:
            shared = self._part(folder, parts[0])
            owned = []
            for part in sorted(near, key=lambda part: part.first):
                own = self._part(folder, part)
                owned.append(
                    rows_of(own, max(start - part.first, 0), min(stop - part.first, part.count))
                    if own
                    else own
                )
        except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            return None, str(error)
        return put_together(shared, owned), ""

    def _compare(self, folder: str, identity: object) -> None:
        if identity not in self._accepted:
            known = identity if isinstance(identity, dict) else {}
            changed = [name for name, value in self._identity.items() if known.get(name) != value]
            raise CheckpointError(
                f"{folder} is of another fit: {' and '.join(changed) or 'its identity'} changed since. "
                "Restore what it was, give another --out, or run with --anew to begin from nothing."
            )

    def _part(self, folder: str, part: _Part) -> State:
        import torch

        content = self._bytes(f"{folder}/{part.name}")
        if len(content) != part.size or hashlib.sha256(content).hexdigest() != part.digest:
            raise ValueError(f"{part.name} is not what was written")
        loaded: State = torch.load(io.BytesIO(content), weights_only=True)
        return loaded

    def _bytes(self, path: str) -> bytes:
        with self._system.open_input_file(path) as stream:
            return bytes(stream.read())

    def _write(self, path: str, content: bytes) -> int:
        """Write a file; 0, or the number of the system's error: raised here it would leave others waiting."""
        try:
            self._system.create_dir(path.rpartition("/")[0], recursive=True)
            with self._system.open_output_stream(path) as stream:
                stream.write(content)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def _retire(self, stage: str) -> None:
        """Delete all but the last checkpoints of a stage."""
        for epoch in self._listed(stage)[KEPT:]:
            self._system.delete_dir(f"{self._root}/{stage}/{epoch}")

    def _gathered(self, row: np.ndarray) -> np.ndarray:
        """One row of each shard; every shard has said its own before any goes on."""
        import torch

        rows = torch.zeros(self._shards.count, len(row), dtype=torch.float64)
        rows[self._shards.index] = torch.as_tensor(row, dtype=torch.float64)
        gathered: np.ndarray = self._shards.total(rows).numpy()
        return gathered


def refused(place: str, error: OSError | ValueError) -> OutputError:
    """The error of a place of checkpoints, path or URI, that cannot be written."""
    if isinstance(error, OSError) and not is_uri(place):
        return unwritable(Path(place), error)
    return OutputError(f"{place} cannot be written ({error}). Give an --out that you may write.")


def _regions_name(first: int, count: int) -> str:
    return f"regions-{first:07d}-{count:07d}.pt"


def _to_bytes(state: State) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()
