"""A sweep's folder: what it is a sweep of, and one file for each finished trial, written as it finishes.

study.json          what the sweep is of: data, settings, space, seed; and its parent run
trials/00007.json   a finished trial
trials.parquet      all of them as a table
best.yaml           the spec with the settings chosen
test.json           scores of the test window
sweep.html          the report
models/brand=…/     the model fitted with these settings
ray/                what Ray Tune keeps
optuna.log          the study for Optuna's dashboard, in a local folder
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec
from mmm.config.paths import differences, flatten
from mmm.data.panel import Panel, data_fingerprint
from mmm.errors import MMMError
from mmm.storage import list_files, read_text, write_whole

STUDY = "study.json"
PLACE_ONLY = ("data", "train.device", "train.threads")
"""Settings that say where and how a fit runs: they may change while a sweep goes on."""
MOST_TOLD = 8
"""Differences that are spelled out."""


class StudyError(MMMError, ValueError):
    """A folder that holds the sweep of another spec, or none at all."""


@dataclass(frozen=True)
class Study:
    """A sweep's folder.

    Attributes:
        out: Its place, absolute or a URI.
        identity: What it is a sweep of, by path.
        parent: Id of its parent run in MLflow, empty without.
    """

    out: str
    identity: Mapping[str, Any]
    parent: str = ""

    @property
    def digest(self) -> str:
        """Of its identity, 16 hexadecimal digits."""
        text = json.dumps(self.identity, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def save(self) -> None:
        """Write ``study.json``."""
        content = {"identity": self.identity, "parent": self.parent}
        write_whole(f"{self.out}/{STUDY}", json.dumps(content, indent=1, sort_keys=True).encode())

    def save_row(self, row: TrialRow) -> None:
        """Keep a finished trial."""
        write_whole(f"{self.out}/trials/{row.number:05d}.json", row.to_json().encode())

    def rows(self) -> list[TrialRow]:
        """Finished trials, by number."""
        return read_rows(self.out)


def open_study(out: str, spec: MarketSpec, panel: Panel) -> Study:
    """The sweep of a spec in a folder: a new one, or the one to go on with.

    Raises:
        StudyError: The folder holds the sweep of another spec, data or space; with the difference.
    """
    identity = identity_of(spec, panel)
    known = _read_study(out)
    if known is None:
        return Study(out, identity)
    # Settings that came after the sweep began were at their defaults then.
    stated = flatten(spec.model_dump(mode="json", exclude_defaults=True))
    defaults = {path: value for path, value in identity.items() if path not in stated}
    if changes := differences({**defaults, **known.identity}, identity):
        told = "; ".join(f"{item.path} is {item.old} there, {item.new} here" for item in changes[:MOST_TOLD])
        told += f"; and {len(changes) - MOST_TOLD} more" if len(changes) > MOST_TOLD else ""
        raise StudyError(
            f"{out} holds the sweep of another spec: {told}. Give another --out, or go back to that spec."
        )
    return known


def identity_of(spec: MarketSpec, panel: Panel) -> dict[str, Any]:
    """Everything that decides what a trial comes to, by path."""
    found = {"fingerprint of the data": data_fingerprint(panel)[:16], **flatten(spec)}
    return {path: value for path, value in found.items() if not _is_place(path)}


def _is_place(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in PLACE_ONLY)


def _read_study(out: str) -> Study | None:
    try:
        content = json.loads(read_text(f"{out}/{STUDY}"))
        return Study(out, dict(content["identity"]), str(content["parent"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"{out}/{STUDY} is damaged ({error}). Give another --out.") from error


def read_rows(out: str) -> list[TrialRow]:
    """Finished trials of a sweep's folder, by number.

    Raises:
        StudyError: A file of theirs is damaged.
    """
    try:
        files = [file for file in list_files(f"{out}/trials") if file.path.endswith(".json")]
    except FileNotFoundError:
        return []
    return [_read_row(f"{out}/trials/{posixpath.basename(file.path)}") for file in files]


def _read_row(place: str) -> TrialRow:
    try:
        return TrialRow.from_json(read_text(place))
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{place} is damaged ({error}). Remove the file; the trial is then run again."
        ) from error


def best_settings(out: str, count: int = 5) -> list[dict[str, Any]]:
    """Settings of the best trials of an earlier sweep, the best first, to start another with.

    Raises:
        StudyError: No sweep with finished trials lies there.
    """
    done = [row for row in read_rows(out) if row.state == "done" and row.settings and row.score is not None]
    if not done:
        raise StudyError(f"{out} holds no sweep with finished trials to start from. Check --warm-start.")
    best: Sequence[TrialRow] = sorted(done, key=lambda row: -(row.score or 0.0))
    return [dict(row.settings) for row in best[:count]]
