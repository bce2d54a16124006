"""The bench in this process, for a service without Ray and for tests."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mmm.errors import MMMError
from serve.models.source import Entry
from serve.planner.answers import Model, load_model, perform
from serve.planner.model_card import make_dossier
from serve.planner.protocol import Dossier, Reply, Task

T = TypeVar("T")


class LocalBench:
    """Answers questions in this process, one at a time; keeps the models used last.

    Args:
        keep: Models kept.
        registry: URI of the registry models come from, if any.
    """

    def __init__(self, keep: int, registry: str | None = None) -> None:
        self._keep, self._registry = keep, registry
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")

    async def prepare(self, entry: Entry) -> Dossier:
        """See :meth:`Bench.prepare`."""
        return await self._run(lambda: make_dossier(self._model(entry)))

    async def ask(self, task: Task, entries: Sequence[Entry], payload: Mapping[str, Any]) -> Reply:
        """See :meth:`Bench.ask`."""
        return await self._run(lambda: self._ask(task, entries, payload))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _ask(self, task: Task, entries: Sequence[Entry], payload: Mapping[str, Any]) -> Reply:
        try:
            models = [self._model(entry) for entry in entries]
        except MMMError as error:
            return Reply(unavailable=str(error))
        return perform(task, models, payload)

    def _model(self, entry: Entry) -> Model:
        if entry.key not in self._models:
            self._models[entry.key] = load_model(entry, self._registry)
            while len(self._models) > self._keep:
                self._models.popitem(last=False)
        self._models.move_to_end(entry.key)
        return self._models[entry.key]
