"""Where the checkpoints of a training lie: a folder named by data and settings, beside the result.

A resubmitted job finds its own; that of another fit at the same ``--out`` is refused, with the difference.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from pyarrow import fs as pafs

from jobs.train.assemble import PanelFacts
from jobs.train.checkpoints import refused
from mmm.config import MarketSpec
from mmm.config.paths import differences, flatten
from mmm.errors import CheckpointError
from mmm.storage import filesystem, is_uri

ABOUT = "about.json"
MOST_TOLD = 5
"""Differences that are spelled out."""


def checkpoints_of(out: str) -> str:
    """Folder of the checkpoints of whatever is trained for a place."""
    head, name = posixpath.split(out.rstrip("/"))
    return posixpath.join(head, f".{name}.checkpoints")


def open_checkpoints(out: str, spec: MarketSpec, facts: PanelFacts, *, anew: bool = False) -> str:
    """The folder of this training's checkpoints, made where it is not there.

    Args:
        out: Absolute place of the result.
        spec: The market.
        facts: What is known of its panel.
        anew: Delete whatever was trained for this place before.

    Raises:
        CheckpointError: Another fit was interrupted there.
        OutputError: The place cannot be written.
    """
    root, keys = checkpoints_of(out), facts.identity(spec).keys
    about = _about(spec, facts)
    try:
        system, folder = filesystem(root)
        if anew:
            remove_checkpoints(out)
        found = system.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
        folders = {info.base_name: info.path for info in found if info.type == pafs.FileType.Directory}
        for path in (path for name, path in folders.items() if name not in keys):
            raise _other(root, _read(system, path), about)
        key = next((name for name in keys if name in folders), keys[0])
        system.create_dir(f"{folder}/{key}", recursive=True)
        with system.open_output_stream(f"{folder}/{key}/{ABOUT}") as stream:
            stream.write(json.dumps(about).encode())
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:
        raise refused(root, error) from error
    return f"{root}/{key}"


def remove_checkpoints(out: str) -> None:
    """Delete the checkpoints of a place."""
    system, folder = filesystem(checkpoints_of(out))
    if system.get_file_info(folder).type == pafs.FileType.Directory:
        system.delete_dir(folder)


def _about(spec: MarketSpec, facts: PanelFacts) -> dict[str, Any]:
    """What tells fits apart, for people."""
    data = {
        "data fingerprint": facts.survey.fingerprint[:12],
        "data until": facts.until,
        "data regions": len(facts.regions),
        "data periods": facts.periods,
    }
    return {**flatten(spec), **data}


def _read(system: pafs.FileSystem, folder: str) -> dict[str, Any]:
    try:
        with system.open_input_file(f"{folder}/{ABOUT}") as stream:
            about: dict[str, Any] = json.loads(stream.read())
    except (OSError, ValueError):
        return {}
    return about


def _other(root: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> CheckpointError:
    changes = [f"{item.path} was {item.old} and is {item.new}" for item in differences(was, now)]
    told = "; ".join(changes[:MOST_TOLD]) if was else "it does not say which"
    more = f"; and {len(changes) - MOST_TOLD} more" if was and len(changes) > MOST_TOLD else ""
    return CheckpointError(
        f"{root} holds the checkpoint of another fit that was interrupted: {told}{more}. Restore what it "
        "was to go on with it, give another --out, or run with --anew to delete it."
    )


def parent_place(out: str) -> str:
    """The folder that a result lies in, where its record lies too if nothing else is said."""
    head = posixpath.dirname(out.rstrip("/"))
    return head if is_uri(out) or head else "."
