"""Versions that were served last, kept in one small file so that they are known again after a restart.

A champion that turns out damaged while the service is down leaves its brand with the version before it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from mmm.storage import write_whole
from serve.models.source import ModelEntry

logger = logging.getLogger("ray.serve.mmm")


def state_file(place: str, folder: str | None = None) -> Path:
    """Where the versions served from a place are kept.

    Args:
        place: Folder or URI of the models.
        folder: Folder for it; by default ``ray-mmm`` in the user's folder of states.
    """
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    parent = Path(folder) if folder else Path(home) / "ray-mmm"
    return parent.expanduser() / f"served-{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"


def read_last_good(path: Path) -> dict[str, ModelEntry]:
    """Entries by name as they were kept; none if nothing was, or nothing that can be read."""
    try:
        entries = [ModelEntry(**item) for item in json.loads(path.read_text(encoding="utf-8"))]
        return {entry.name: entry for entry in entries}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        logger.warning("%s cannot be read (%s): the versions served before are not known", path, error)
        return {}


def write_last_good(path: Path, entries: Mapping[str, ModelEntry]) -> None:
    """Keep entries, whole or not at all; a place that cannot be written is told and costs nothing else."""
    text = json.dumps([asdict(entry) for entry in entries.values()], indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(str(path), text.encode())
    except OSError as error:
        logger.warning("%s cannot be written (%s): a restart will not know what was served", path, error)
