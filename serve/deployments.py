"""The three deployments: the catalogue, the planners, and the interface in front of them.

Only the processes of planners load models (and torch); only the catalogue talks to a registry (and loads
MLflow).
"""

# No `from __future__ import annotations`: Serve and FastAPI read annotations at run time.

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.handle import DeploymentHandle

from mmm.errors import MMMError
from serve.directory import ModelDirectory
from serve.http.auth import Rates, is_loopback
from serve.http.routes import create_app
from serve.metrics import RayMeters
from serve.models.catalogue import Catalogue, Snapshot, open_source, registry_of
from serve.models.last_good import state_file
from serve.models.source import ModelEntry
from serve.planner.lanes import PlannerPool
from serve.planner.protocol import ModelCard, Question, Reply
from serve.planner.remote import FOLLOW, RemoteCatalogue, RemotePlanners
from serve.settings import ServeSettings
from serve.tokens import CurrentTokens

logger = logging.getLogger("ray.serve.mmm")

LEAD = 4 * FOLLOW
"""Seconds between a new champion's discovery and the moment from which all replicas serve it."""


class OpenServiceError(MMMError, ValueError):
    """A service that other machines could reach without a token."""


class CatalogueHost:
    """The one place that looks for new models, and that counts the requests of tokens with a rate.

    Args:
        settings: Of the service.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._poll = settings.poll
        self._catalogue = Catalogue(
            open_source(settings.models, settings.alias),
            LEAD,
            tokens=CurrentTokens(settings),
            kept=state_file(settings.models, settings.state),
        )
        self._rates = Rates()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def latest(self) -> Snapshot:
        """What is known; the first call starts looking again and again."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_looking())
        return self._catalogue.latest

    async def look(self) -> Snapshot:
        """Look now."""
        async with self._looking:
            return await asyncio.to_thread(self._catalogue.look)

    async def confirm(self, entries: Sequence[ModelEntry]) -> None:
        """Keep which versions an interface serves."""
        async with self._looking:
            await asyncio.to_thread(self._catalogue.confirm, entries)

    async def admit(self, token: str) -> float:
        """Seconds until a token may ask again, at whichever interface; 0 if it may now."""
        return self._rates.wait(token, self._catalogue.latest.tokens)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            try:
                await self.look()
            except Exception:
                # A look that fails in a new way must not be the last one.
                logger.exception("models stay as they are")


class Planner:
    """A replica before its planning processes; which models it is known for is up to :meth:`model`.

    Args:
        settings: Of the service.
        catalogue: Handle of the catalogue; its first models are loaded before the replica is ready.
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, settings: ServeSettings, catalogue: DeploymentHandle[Any]
    ) -> None:
        self._pool = PlannerPool(settings.keep, registry_of(settings.models))
        self._entries: dict[str, ModelEntry] = {}
        snapshot: Snapshot = await RemoteCatalogue(catalogue).latest()
        before = {entry.name: entry for entry in snapshot.last_good}
        for entry in snapshot.entries[: settings.keep]:
            for version in {entry.key: entry, **_keyed(before.get(entry.name))}.values():
                try:
                    await self._loaded(version)
                    break
                except MMMError as error:
                    logger.warning("%s is not loaded beforehand: %s", version.key, error)

    async def model(self, key: str) -> ModelEntry:
        """Load a model in the planning process; `planner_keeping` puts a bounded store before this."""
        entry = self._entries[key]
        await self._pool.load(entry)
        return entry

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """See ``PlannerClient.prepare``."""
        await self._loaded(entry)
        return await self._pool.prepare(entry)

    async def ask(self, question: Question) -> Reply:
        """See ``PlannerClient.ask``."""
        try:
            for entry in question.entries:
                await self._loaded(entry)
        except MMMError as error:
            return Reply(unavailable=str(error))
        return await self._pool.ask(question)

    async def check_health(self) -> None:
        """Plan a tiny budget with a model that loaded; one that does not load is no fault of the replica."""
        await self._pool.check()

    async def _loaded(self, entry: ModelEntry) -> None:
        self._entries[entry.key] = entry
        await self.model(entry.key)


def _keyed(entry: ModelEntry | None) -> dict[str, ModelEntry]:
    return {} if entry is None else {entry.key: entry}


def planner_keeping(keep: int) -> type[Planner]:
    """Planners that keep so many models, the least recently used goes first."""

    class KeepingPlanner(Planner):
        @serve.multiplexed(max_num_models_per_replica=keep)
        async def model(self, key: str) -> ModelEntry:
            return await Planner.model(self, key)

    return KeepingPlanner


@serve.ingress()
class Interface:
    """The HTTP interface.

    Args:
        settings: Of the service.
        planners: Handle of the planners.
        catalogue: Handle of the catalogue.

    Raises:
        OpenServiceError: There are no tokens, and other machines could connect.
    """

    def __init__(
        self, settings: ServeSettings, planners: DeploymentHandle[Any], catalogue: DeploymentHandle[Any]
    ) -> None:
        _require_closed(settings)
        self._directory = ModelDirectory(
            settings, RemotePlanners(planners), RemoteCatalogue(catalogue), RayMeters(), FOLLOW
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application, made in the replica."""
        return create_app(self._directory, own_ids=False)

    def check_health(self) -> None:
        """Unhealthy once new models are no longer looked for."""
        if not self._directory.follows:
            raise RuntimeError("the catalogue is no longer followed")


def _require_closed(settings: ServeSettings) -> None:
    client = _get_global_client()
    host = str(client.http_config.host) if client is not None else ""
    if not settings.all_tokens and not is_loopback(host):
        raise OpenServiceError(
            f"The service would listen on {host} without tokens. Set tokens (python -m serve.tokens), or "
            "http_options.host to 127.0.0.1."
        )
