"""Planner and catalogue in this process, for a service without Ray and for tests."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mmm.errors import MMMError
from serve.models.catalogue import Catalogue, Snapshot
from serve.models.source import ModelEntry
from serve.planner.answers import LoadedModel, load_model, perform
from serve.planner.model_card import make_model_card
from serve.planner.protocol import ModelCard, Reply, Task

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


class LocalPlanner:
    """Answers questions in this process, one at a time; keeps the models used last.

    Args:
        keep: Models kept.
        registry: URI of the registry models come from, if any.
    """

    def __init__(self, keep: int, registry: str | None = None) -> None:
        self._keep, self._registry = keep, registry
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """See :meth:`PlannerClient.prepare`."""
        return await self._run(lambda: make_model_card(self._model(entry)))

    async def ask(self, task: Task, entries: Sequence[ModelEntry], payload: Mapping[str, Any]) -> Reply:
        """See :meth:`PlannerClient.ask`."""
        return await self._run(lambda: self._ask(task, entries, payload))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _ask(self, task: Task, entries: Sequence[ModelEntry], payload: Mapping[str, Any]) -> Reply:
        try:
            models = [self._model(entry) for entry in entries]
        except MMMError as error:
            return Reply(unavailable=str(error))
        return perform(task, models, payload)

    def _model(self, entry: ModelEntry) -> LoadedModel:
        if entry.key not in self._models:
            self._models[entry.key] = load_model(entry, self._registry)
            while len(self._models) > self._keep:
                self._models.popitem(last=False)
        self._models.move_to_end(entry.key)
        return self._models[entry.key]
