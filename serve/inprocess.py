"""The service in one process, without Ray: for development and tests."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from serve.directory import Desk
from serve.http.routes import create_app
from serve.metrics import LocalMeters
from serve.models.catalogue import Catalogue, Snapshot, open_shelf, registry_of
from serve.planner.local import LocalBench
from serve.settings import ServeSettings


class LocalCatalogue:
    """A catalogue in this process, as a desk follows it: every look is a new one.

    Args:
        catalogue: What is followed.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def latest(self) -> Snapshot:
        """See ``Follows.latest``."""
        return await self.look()

    async def look(self) -> Snapshot:
        """See ``Follows.look``."""
        return await asyncio.to_thread(self._catalogue.look)


def app_of(settings: ServeSettings) -> FastAPI:
    """The application over the models of a place.

    Raises:
        ShelfError: The place cannot be read.
    """
    bench = LocalBench(settings.keep, registry_of(settings.models))
    catalogue = LocalCatalogue(Catalogue(open_shelf(settings.models, settings.alias)))
    return create_app(Desk(settings, bench, catalogue, LocalMeters(), settings.poll))
