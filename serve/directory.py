"""The directory of one interface process: which models it knows, and the way of a question to the planners.

It follows the catalogue: what is new is loaded and planned with first, and counts for all from one moment.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mmm.errors import MMMError
from serve.metrics import Meters
from serve.models.catalogue import Snapshot
from serve.models.source import ModelEntry
from serve.planner.protocol import ModelCard, PlannerClient, Reply, Task
from serve.problems import RequestProblem, busy, invalid_request
from serve.settings import ServeSettings

logger = logging.getLogger("ray.serve.mmm")

RETRY_BROKEN = 60.0
"""Seconds until a model that could not be loaded is tried again."""
KEPT_CONTRIBUTIONS = 64
STARTING = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts at the start to load models that no planner could be asked for."""


class CatalogueClient(Protocol):
    """A catalogue as the directory asks it."""

    async def latest(self) -> Snapshot:
        """What is known."""
        ...

    async def look(self) -> Snapshot:
        """Look for new models first."""
        ...


@dataclass(frozen=True)
class Change:
    """One model that was replaced, came or went.

    Attributes:
        name: ``brand/market``.
        before: Version until now, empty if it is new.
        after: Version from now on, empty if it is gone.
    """

    name: str
    before: str
    after: str


class ModelDirectory:
    """Models and questions of one process.

    Args:
        settings: Of the service.
        planners: Where questions are answered.
        catalogue: Which models are served.
        meters: What is counted.
        follow: Seconds between two looks at the catalogue.
    """

    def __init__(
        self,
        settings: ServeSettings,
        planners: PlannerClient,
        catalogue: CatalogueClient,
        meters: Meters,
        follow: float,
    ) -> None:
        self.settings, self.meters = settings, meters
        self._planners, self._catalogue, self._follow = planners, catalogue, follow
        self._models: dict[str, ModelCard] = {}
        self._broken: dict[str, tuple[float, str]] = {}
        self._contributions: OrderedDict[tuple[str, str | None], bytes] = OrderedDict()
        self._adopting = asyncio.Lock()
        self._reloading = False
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what is served now, then follow the catalogue.

        Raises:
            SourceError: The catalogue does not answer.
        """
        for pause in STARTING:
            snapshot = await self._catalogue.latest()
            await self._adopt(snapshot)
            if all(entry.name in self._models or entry.key in self._broken for entry in snapshot.entries):
                break
            await asyncio.sleep(pause)
        self._task = asyncio.create_task(self._keep_following())

    async def stop(self) -> None:
        """No longer follow."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def follows(self) -> bool:
        """Whether new models are still looked for; what ended that is in the log."""
        return self._task is not None and not self._task.done()

    @property
    def models(self) -> Mapping[str, ModelCard]:
        """By ``brand/market``."""
        return self._models

    @property
    def broken(self) -> dict[str, str]:
        """Why a model of the catalogue could not be loaded, by key."""
        return {key: reason for key, (_, reason) in self._broken.items()}

    def find(self, brand: str, market: str, version: str | None = None) -> ModelCard:
        """The served model of a brand and market.

        Raises:
            RequestProblem: 404 if there is none, 409 if it is another version than asked for.
        """
        card = self._models.get(f"{brand}/{market}")
        if card is None:
            detail = "There is no model of this brand and market. GET /v1/models lists those there are."
            raise RequestProblem(404, "no_model", detail)
        if version is not None and version != card.entry.version:
            detail = (
                f"Version {card.entry.version} is served now, not the one asked for. "
                "Ask again without a version, or for that one."
            )
            raise RequestProblem(409, "other_version", detail)
        return card

    async def ask(self, task: Task, cards: Sequence[ModelCard], payload: Mapping[str, Any]) -> bytes:
        """The answer to a question as JSON.

        Raises:
            RequestProblem: 422 with what is wrong with it; 503 if too many wait or it took too long.
        """
        limits = self.settings.limits
        if self._waiting >= limits.queue:
            raise busy(f"{self._waiting} plans are under way here already. Come back in a second.")
        self._waiting += 1
        try:
            entries = [card.entry for card in cards]
            reply = await asyncio.wait_for(self._planners.ask(task, entries, payload), limits.plan_seconds)
        except TimeoutError:
            detail = f"No answer within {limits.plan_seconds:g} s. Ask for less at once, or come back later."
            raise busy(detail, seconds=5) from None
        finally:
            self._waiting -= 1
        return self._answer(task, reply)

    def _answer(self, task: Task, reply: Reply) -> bytes:
        if reply.problems:
            raise invalid_request(reply.problems)
        if reply.unavailable:
            logger.error("a served model cannot be asked: %s", reply.unavailable)
            raise busy("The model cannot be asked now. Come back later, or have it fitted again.", seconds=30)
        if not reply.feasible:
            self.meters.infeasible(task)
        return reply.body

    async def contributions(self, card: ModelCard, region: str | None) -> bytes:
        """Contributions of a model, kept once they were asked for."""
        key = (card.entry.key, region)
        if key not in self._contributions:
            self._contributions[key] = await self.ask("contributions", [card], {"region": region})
            while len(self._contributions) > KEPT_CONTRIBUTIONS:
                self._contributions.popitem(last=False)
        return self._contributions[key]

    async def reload(self) -> list[Change]:
        """Look for new models now; returns when what was found is served.

        Raises:
            RequestProblem: 409 if another reload is under way.
        """
        if self._reloading:
            raise RequestProblem(409, "reloading", "Another reload is under way. Wait for it.")
        self._reloading = True
        try:
            self._broken.clear()
            return await self._adopt(await self._catalogue.look())
        finally:
            self._reloading = False

    async def _keep_following(self) -> None:
        """Look again and again; nothing that goes wrong with one look ends it."""
        while True:
            await asyncio.sleep(self._follow)
            try:
                await self._adopt(await self._catalogue.latest())
            except MMMError as error:
                logger.warning("models stay as they are: %s", error)

    async def _adopt(self, snapshot: Snapshot) -> list[Change]:
        """Load what is new, then switch at the snapshot's time."""
        async with self._adopting:
            wanted = {entry.name: entry for entry in snapshot.entries}
            models = {name: await self._card(entry) for name, entry in wanted.items()}
            found = {name: card for name, card in models.items() if card is not None}
            changes = _changes(self._models, found)
            if changes:
                await asyncio.sleep(max(0.0, snapshot.effective - time.time()))
                self._models = found
                for change in changes:
                    logger.info("model %s: version %r, was %r", change.name, change.after, change.before)
            return changes

    async def _card(self, entry: ModelEntry) -> ModelCard | None:
        """The card of an entry; of a broken one that of the version before it, if there is any."""
        known = self._models.get(entry.name)
        if known is not None and known.entry == entry:
            return known
        tried, _ = self._broken.get(entry.key, (-RETRY_BROKEN, ""))
        if time.monotonic() - tried < RETRY_BROKEN:
            return known
        try:
            card = await self._planners.prepare(entry)
        except MMMError as error:
            logger.exception("%s cannot be served; what was served before stays", entry.key)
            self._broken[entry.key] = time.monotonic(), str(error)
            self.meters.loaded(0.0, done=False)
            return known
        except RequestProblem as problem:
            logger.warning("%s is not loaded yet: %s", entry.key, problem.detail)
            return known
        self._broken.pop(entry.key, None)
        self.meters.loaded(card.seconds, done=True)
        return card


def _changes(before: Mapping[str, ModelCard], after: Mapping[str, ModelCard]) -> list[Change]:
    def version(models: Mapping[str, ModelCard], name: str) -> str:
        return models[name].entry.version if name in models else ""

    return [
        Change(name, version(before, name), version(after, name))
        for name in sorted({*before, *after})
        if before.get(name) is not after.get(name)
    ]
