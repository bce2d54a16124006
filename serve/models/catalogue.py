"""Which models are served now: looked up again and again, published with the time from which they count.

Every replica of the interface follows one catalogue and switches at the same moment, so that no answer of
an older model comes after one of a newer.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from jobs.record.tracking import DATABASE, FOLDER
from jobs.record.versions import CHAMPION
from mmm.storage import is_uri
from serve.models.folders import FolderSource
from serve.models.registry import RegistrySource
from serve.models.source import ModelEntry, ModelSource, SourceError

logger = logging.getLogger("ray.serve.mmm")


@dataclass(frozen=True)
class Snapshot:
    """What is to be served.

    Attributes:
        generation: Rises with every change.
        effective: Time of the epoch, seconds, from which it counts.
        entries: One for each brand and market.
    """

    generation: int
    effective: float
    entries: tuple[ModelEntry, ...]


def open_source(place: str, alias: str = CHAMPION) -> ModelSource:
    """The source at a place.

    Args:
        place: A folder, or the URI of a registry. What ``jobs.refit`` wrote with its own registry in
            ``mlflow/mlflow.db`` is served by that registry.
        alias: Alias of the versions to serve.

    Raises:
        SourceError: There is no such folder.
    """
    uri = registry_of(place)
    if uri is not None:
        return RegistrySource(uri, alias)
    return FolderSource(Path(place).expanduser().absolute())


def registry_of(place: str) -> str | None:
    """URI of the registry at a place; None for a folder without one."""
    if is_uri(place):
        return place
    database = Path(place).expanduser().absolute() / FOLDER / DATABASE
    return f"sqlite:///{database}" if database.is_file() else None


class Catalogue:
    """The newest snapshot of a source.

    Args:
        source: Where models are.
        lead: Seconds between finding a change and its effect, in which replicas get ready.

    Raises:
        SourceError: The source cannot be read now.
    """

    def __init__(self, source: ModelSource, lead: float = 0.0) -> None:
        self._source, self._lead = source, lead
        self.latest = Snapshot(1, time.time(), source.entries())

    def look(self) -> Snapshot:
        """Look for new models; what was known stays if the source cannot be read."""
        try:
            entries = self._source.entries()
        except SourceError as error:
            logger.warning("models stay as they are: %s", error)
            return self.latest
        if entries != self.latest.entries:
            self.latest = Snapshot(self.latest.generation + 1, time.time() + self._lead, entries)
        return self.latest
