"""Planners and catalogue as the interface reaches them: over handles, with retries and in our own words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from serve.models.catalogue import Snapshot
from serve.models.source import ModelEntry, SourceError
from serve.planner.protocol import ModelCard, Question, Reply
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
        snapshot: Snapshot = await self._ask(lambda: cast("Awaitable[Any]", self._handle.latest.remote()))
        return snapshot

    async def look(self) -> Snapshot:
        """See ``CatalogueClient.look``; errors as :meth:`latest`."""
        snapshot: Snapshot = await self._ask(lambda: cast("Awaitable[Any]", self._handle.look.remote()))
        return snapshot

    async def confirm(self, entries: Sequence[ModelEntry]) -> None:
        """See ``CatalogueClient.confirm``; errors as :meth:`latest`."""
        await self._ask(lambda: cast("Awaitable[Any]", self._handle.confirm.remote(tuple(entries))))

    async def admit(self, token: str) -> float:
        """See ``CatalogueClient.admit``; errors as :meth:`latest`."""
        seconds: float = await self._ask(lambda: cast("Awaitable[Any]", self._handle.admit.remote(token)))
        return seconds

    async def _ask(self, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await asyncio.wait_for(_outcome(call()), PATIENCE)
        except (RayActorError, RayServeException, TimeoutError) as error:
            raise SourceError(f"the catalogue does not answer ({type(error).__name__})") from error


def _own_words(error: RayTaskError) -> Exception:
    """What was raised in a replica, without the engine's account of where."""
    cause = error.cause
    return cause if isinstance(cause, Exception) and not isinstance(cause, RayTaskError) else error


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

    async def ask(self, question: Question) -> Reply:
        """See ``PlannerClient.ask``."""
        handle = self._handle.options(multiplexed_model_id=question.entries[0].key)
        reply: Reply = await self._surely(lambda: cast("Awaitable[Any]", handle.ask.remote(question)))
        return reply

    async def _surely(self, call: Callable[[], Awaitable[Any]]) -> Any:
        for left in reversed(range(TRIES)):
            try:
                return await call()
            except BackPressureError:
                raise busy("Too many plans are waiting. Come back in a second.") from None
            except RayTaskError as error:
                raise _own_words(error) from None
            except (RayActorError, RayServeException):
                if not left:
                    raise busy("No planner answers. Come back in some seconds.", seconds=5) from None
        raise AssertionError("the loop returns or raises")
