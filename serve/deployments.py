"""The three deployments: the catalogue, the planners, and the interface in front of them.

Only planners load models (and torch); only the catalogue talks to a registry (and loads MLflow).
"""

# No `from __future__ import annotations`: Serve and FastAPI read annotations at run time.

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import FastAPI
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.handle import DeploymentHandle

from mmm.errors import MMMError
from serve.directory import ModelDirectory
from serve.http.auth import is_loopback
from serve.http.routes import create_app
from serve.metrics import RayMeters
from serve.models.catalogue import Catalogue, Snapshot, open_source, registry_of
from serve.models.source import ModelEntry
from serve.planner.protocol import ModelCard, Reply, Task
from serve.planner.remote import FOLLOW, RemoteCatalogue, RemotePlanners
from serve.settings import ServeSettings

logger = logging.getLogger("ray.serve.mmm")

LEAD = 4 * FOLLOW
"""Seconds between a new champion's discovery and the moment from which all replicas serve it."""

T = TypeVar("T")


class OpenServiceError(MMMError, ValueError):
    """A service that other machines could reach without a token."""


class CatalogueHost:
    """The one place that looks for new models.

    Args:
        settings: Of the service.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._poll = settings.poll
        self._catalogue = Catalogue(open_source(settings.models, settings.alias), LEAD)
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

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            await self.look()


class Planner:
    """Models and their answers, one at a time; which models are loaded is up to :meth:`model`.

    Args:
        settings: Of the service.
        catalogue: Handle of the catalogue; its first models are loaded before the replica is ready.
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, settings: ServeSettings, catalogue: DeploymentHandle[Any]
    ) -> None:
        self._registry = registry_of(settings.models)
        self._patience = 2.0 * settings.limits.plan_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")
        self._entries: dict[str, ModelEntry] = {}
        self._last = ""
        self._busy_since: float | None = None
        snapshot: Snapshot = await RemoteCatalogue(catalogue).latest()
        for entry in snapshot.entries[: settings.keep]:
            try:
                await self._model(entry)
            except MMMError as error:
                logger.warning("%s is not loaded beforehand: %s", entry.key, error)

    async def model(self, key: str) -> Any:
        """A loaded model; `planner_of` puts a bounded store of them before this."""
        from serve.planner.answers import load_model

        return await self._run(lambda: load_model(self._entries[key], self._registry))

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """See ``PlannerClient.prepare``."""
        from serve.planner.model_card import make_model_card

        model = await self._model(entry)
        return await self._run(lambda: make_model_card(model))

    async def ask(self, task: Task, entries: Sequence[ModelEntry], payload: Mapping[str, Any]) -> Reply:
        """See ``PlannerClient.ask``."""
        from serve.planner.answers import perform

        try:
            models = [await self._model(entry) for entry in entries]
        except MMMError as error:
            return Reply(unavailable=str(error))
        return await self._run(lambda: perform(task, models, payload))

    async def check_health(self) -> None:
        """Plan a tiny budget, unless a plan is under way that has not taken too long yet."""
        from serve.planner.answers import tiny_plan

        if self._busy_since is not None:
            if time.monotonic() - self._busy_since > self._patience:
                raise RuntimeError(f"one plan has taken more than {self._patience:g} s")
            return
        if self._last:
            model = await self.model(self._last)
            await self._run(lambda: tiny_plan(model.planner))

    async def _model(self, entry: ModelEntry) -> Any:
        self._entries[entry.key] = entry
        self._last = entry.key
        return await self.model(entry.key)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, work)

    def _timed(self, work: Callable[[], T]) -> T:
        self._busy_since = time.monotonic()
        try:
            return work()
        finally:
            self._busy_since = None


def planner_keeping(keep: int) -> type[Planner]:
    """Planners that keep so many models, the least recently used goes first."""

    class KeepingPlanner(Planner):
        @serve.multiplexed(max_num_models_per_replica=keep)
        async def model(self, key: str) -> Any:
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
    if not settings.tokens and not is_loopback(host):
        raise OpenServiceError(
            f"The service would listen on {host} without tokens. Set tokens (python -m serve.tokens), or "
            "http_options.host to 127.0.0.1."
        )
