"""Which models are served now: looked up again and again, told with how long it is until they count.

Every replica of the interface follows one catalogue and switches at the same moment, so that no answer of
an older model comes after one of a newer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from jobs.record.tracking import DATABASE, FOLDER
from jobs.record.versions import CHAMPION
from mmm.storage import is_uri
from serve.models.folders import FolderSource
from serve.models.last_good import read_last_good, write_last_good
from serve.models.registry import RegistrySource
from serve.models.source import ModelEntry, ModelSource, SourceError
from serve.settings import Token

logger = logging.getLogger("ray.serve.mmm")


@dataclass(frozen=True)
class Snapshot:
    """What is to be served.

    Attributes:
        generation: Rises with every change.
        wait: Seconds until it counts, from when it is told: no clock that somebody sets has a part in it, and
            no two machines need the same.
        entries: One for each brand and market.
        last_good: Versions that were served last, for those of the entries that turn out broken.
        tokens: Who may call.
    """

    generation: int
    wait: float
    entries: tuple[ModelEntry, ...]
    last_good: tuple[ModelEntry, ...] = ()
    tokens: tuple[Token, ...] = ()


class CatalogueClient(Protocol):
    """A catalogue as an interface asks it."""

    async def latest(self) -> Snapshot:
        """What is known."""
        ...

    async def look(self) -> Snapshot:
        """Look for new models first."""
        ...

    async def confirm(self, entries: Sequence[ModelEntry]) -> None:
        """Tell which versions are served, each loaded and planned with."""
        ...

    async def admit(self, token: str) -> float:
        """Take one request of a token's rate over all interfaces; the seconds to wait if there was none."""
        ...


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
        tokens: Who may call now; read again with every look.
        kept: File of the versions served last, None to forget them with this process.

    Raises:
        SourceError: The source cannot be read now, and nothing is known of what it served before.
    """

    def __init__(
        self,
        source: ModelSource,
        lead: float = 0.0,
        *,
        tokens: Callable[[], tuple[Token, ...]] = tuple,
        kept: Path | None = None,
    ) -> None:
        self._source, self._lead, self._tokens, self._kept = source, lead, tokens, kept
        self._last_good = {} if kept is None else read_last_good(kept)
        try:
            entries = source.entries()
        except SourceError as error:
            if not self._last_good:
                raise
            logger.warning("the versions served last are served again: %s", error)
            entries = tuple(self._last_good.values())
        self._known = Snapshot(1, 0.0, entries, self._still_there(entries), tokens())
        self._counts_at = time.monotonic()

    @property
    def latest(self) -> Snapshot:
        """What is known, to be told now."""
        return replace(self._known, wait=max(0.0, self._counts_at - time.monotonic()))

    def look(self) -> Snapshot:
        """Look for new models and tokens; what was known stays if the source cannot be read."""
        try:
            entries = self._source.entries()
        except SourceError as error:
            logger.warning("models stay as they are: %s", error)
            entries = self._known.entries
        found = replace(
            self._known, entries=entries, last_good=self._still_there(entries), tokens=self._tokens()
        )
        if found != self._known:
            if entries != self._known.entries:
                self._counts_at = time.monotonic() + self._lead
            self._known = replace(found, generation=found.generation + 1)
        return self.latest

    def confirm(self, entries: Sequence[ModelEntry]) -> None:
        """Keep what an interface serves, each of it loaded and planned with, for the time after a restart."""
        names = {entry.name for entry in self._known.entries}
        known = {**self._last_good, **{entry.name: entry for entry in entries}}
        found = {name: entry for name, entry in known.items() if name in names}
        if found != self._last_good:
            self._last_good = found
            if self._kept is not None:
                write_last_good(self._kept, found)

    def _still_there(self, entries: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        """Versions served last whose files are theirs still; those that are entries need no look."""
        return tuple(
            entry for entry in self._last_good.values() if entry in entries or self._source.holds(entry)
        )
