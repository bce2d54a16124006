"""Planner and catalogue in this process, for a service without Ray and for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serve.models.catalogue import Catalogue, Snapshot
from serve.models.source import ModelEntry
from serve.planner.loaded import LoadedModels
from serve.planner.protocol import ModelCard, Question, Reply

T = TypeVar("T")


class LocalCatalogue:
    """A catalogue in this process: every question for the newest snapshot looks for new models.

    Args:
        catalogue: What is followed.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def latest(self) -> Snapshot:
        """See ``CatalogueClient.latest``."""
        return await self.look()

    async def look(self) -> Snapshot:
        """See ``CatalogueClient.look``."""
        return await asyncio.to_thread(self._catalogue.look)

    async def confirm(self, entries: Sequence[ModelEntry]) -> None:
        """See ``CatalogueClient.confirm``."""
        await asyncio.to_thread(self._catalogue.confirm, entries)

    async def admit(self, token: str) -> float:  # noqa: ARG002
        """See ``CatalogueClient.admit``: there is one interface only, whose own limit is that of all."""
        return 0.0


class LocalPlanner:
    """Answers questions in this process, one at a time, without limits of time of its own.

    Args:
        keep: Models kept.
        registry: URI of the registry models come from, if any.
    """

    def __init__(self, keep: int, registry: str | None = None) -> None:
        self._models = LoadedModels(keep, registry)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """See ``PlannerClient.prepare``."""
        return await self._run(lambda: self._models.prepare(entry))

    async def ask(self, question: Question) -> Reply:
        """See ``PlannerClient.ask``."""
        return await self._run(lambda: self._models.answer(question))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
