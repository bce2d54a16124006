"""Planners and catalogue as the interface reaches them: over handles, with retries and in our own words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from serve.models.catalogue import Snapshot
from serve.models.source import ModelEntry, SourceError
from serve.planner.protocol import ModelCard, Reply, Task
from serve.problems import busy

FOLLOW = 0.5
"""Seconds between two looks of an interface at the catalogue."""
PATIENCE = 20.0
"""Seconds in which the catalogue must answer."""
TRIES = 3
"""Times a question is asked whose planner died; questions change nothing."""


async def _outcome(response: Awaitable[Any]) -> Any:
    return await response


class RemoteCatalogue:
    """The catalogue behind a handle.

    Args:
        handle: Of the catalogue's deployment.
    """

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def latest(self) -> Snapshot:
        """See ``CatalogueClient.latest``.

        Raises:
            SourceError: The catalogue does not answer.
        """
        return await self._ask(lambda: cast("Awaitable[Any]", self._handle.latest.remote()))

    async def look(self) -> Snapshot:
        """See ``CatalogueClient.look``; errors as :meth:`latest`."""
        return await self._ask(lambda: cast("Awaitable[Any]", self._handle.look.remote()))

    async def _ask(self, call: Callable[[], Awaitable[Any]]) -> Snapshot:
        try:
            snapshot: Snapshot = await asyncio.wait_for(_outcome(call()), PATIENCE)
        except (RayActorError, RayServeException, TimeoutError) as error:
            raise SourceError(f"the catalogue does not answer ({type(error).__name__})") from error
        return snapshot


class RemotePlanners:
    """Planners behind a handle; a question whose planner dies is asked again.

    Args:
        handle: Of the planners' deployment.
    """

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """See ``PlannerClient.prepare``."""
        handle = self._handle.options(multiplexed_model_id=entry.key)
        card: ModelCard = await self._surely(lambda: cast("Awaitable[Any]", handle.prepare.remote(entry)))
        return card

    async def ask(self, task: Task, entries: Sequence[ModelEntry], payload: Mapping[str, Any]) -> Reply:
        """See ``PlannerClient.ask``."""
        handle = self._handle.options(multiplexed_model_id=entries[0].key)
        reply: Reply = await self._surely(
            lambda: cast("Awaitable[Any]", handle.ask.remote(task, tuple(entries), payload))
        )
        return reply

    async def _surely(self, call: Callable[[], Awaitable[Any]]) -> Any:
        for left in reversed(range(TRIES)):
            try:
                return await call()
            except BackPressureError:
                raise busy("Too many plans are waiting. Come back in a second.") from None
            except (RayActorError, RayServeException):
                if not left:
                    raise busy("No planner answers. Come back in some seconds.", seconds=5) from None
        raise AssertionError("the loop returns or raises")
