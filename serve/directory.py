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
from typing import Any

from mmm.errors import MMMError
from serve.admission import NOBODY, Admission, Asker
from serve.metrics import Meters
from serve.models.catalogue import CatalogueClient, Snapshot
from serve.models.source import ModelEntry
from serve.planner.protocol import ModelCard, PlannerClient, Question, Reply, Task
from serve.problems import RequestProblem, busy, invalid_request
from serve.settings import ServeSettings, Token

logger = logging.getLogger("ray.serve.mmm")

RETRY_BROKEN = 60.0
"""Seconds until a model that could not be loaded is tried again."""
KEPT_CONTRIBUTIONS = 64
GRACE = 5.0
"""Seconds beyond its time in which a planner must have given a question up."""
STARTING = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts at the start to load models that no planner could be asked for."""


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
        self._tokens = settings.all_tokens
        self._admission = Admission(settings.limits)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what is served now, then follow the catalogue.

        Raises:
            SourceError: The catalogue does not answer.
        """
        for pause in STARTING:
            asked = time.monotonic()
            snapshot = await self._latest()
            await self._adopt(snapshot, asked)
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

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Who may call now; the same object until that changes."""
        return self._tokens

    async def admit(self, token: Token) -> float:
        """Seconds until a token may ask again by its rate over all interfaces, 0 if it may now."""
        try:
            return await self._catalogue.admit(token.sha256)
        except MMMError as error:
            # The interface's own limit holds meanwhile.
            logger.warning("rates are not kept over all interfaces: %s", error)
            return 0.0

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

    async def ask(
        self, task: Task, cards: Sequence[ModelCard], payload: Mapping[str, Any], asker: Asker = NOBODY
    ) -> bytes:
        """The answer to a question as JSON.

        Args:
            task: Kind of question.
            cards: Models it is about.
            payload: The request.
            asker: Whose question it is, what it may have under way, and the work it is expected to be.

        Raises:
            RequestProblem: 422 with what is wrong with it; 429 if the asker has too many under way; 503 if
                too many wait or it took too long.
        """
        limits = self.settings.limits
        entries = tuple(card.entry for card in cards)
        question = Question(task, entries, payload, limits.plan_seconds, asker.price)
        with self._admission.of(asker, slow=question.slow):
            try:
                # The planner ends it by itself; this is for a planner that does not answer at all.
                reply = await asyncio.wait_for(self._planners.ask(question), limits.plan_seconds + GRACE)
            except TimeoutError:
                reply = Reply(late=True)
        return self._answer(task, reply)

    def _answer(self, task: Task, reply: Reply) -> bytes:
        if reply.late:
            seconds = self.settings.limits.plan_seconds
            detail = f"No answer within {seconds:g} s. Ask for less at once, or come back later."
            raise busy(detail, seconds=5)
        if reply.problems:
            raise invalid_request(reply.problems)
        if reply.unavailable:
            logger.error("a served model cannot be asked: %s", reply.unavailable)
            raise busy("The model cannot be asked now. Come back later, or have it fitted again.", seconds=30)
        if not reply.feasible:
            self.meters.infeasible(task)
        return reply.body

    async def contributions(self, card: ModelCard, region: str | None, asker: Asker = NOBODY) -> bytes:
        """Contributions of a model, kept once they were asked for."""
        key = (card.entry.key, region)
        if key not in self._contributions:
            self._contributions[key] = await self.ask("contributions", [card], {"region": region}, asker)
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
            snapshot = self._with_tokens(await self._catalogue.look())
            told = time.monotonic()
            changes = await self._adopt(snapshot, told)
            # Others count from when they asked: by now each of them has switched.
            await asyncio.sleep(max(0.0, told + snapshot.wait - time.monotonic()))
            return changes
        finally:
            self._reloading = False

    async def _keep_following(self) -> None:
        """Look again and again; nothing that goes wrong with one look ends it."""
        while True:
            await asyncio.sleep(self._follow)
            try:
                asked = time.monotonic()
                await self._adopt(await self._latest(), asked)
            except MMMError as error:
                logger.warning("models stay as they are: %s", error)
            except Exception:
                # Whatever it was, the service goes on with what it has and looks again.
                logger.exception("models stay as they are")

    async def _latest(self) -> Snapshot:
        return self._with_tokens(await self._catalogue.latest())

    def _with_tokens(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot whose tokens are those known now."""
        if snapshot.tokens != self._tokens:
            logger.warning("tokens changed: %d, were %d", len(snapshot.tokens), len(self._tokens))
            self._tokens = snapshot.tokens
        return snapshot

    async def _adopt(self, snapshot: Snapshot, since: float) -> list[Change]:
        """Load what is new, then switch when the snapshot counts.

        Args:
            snapshot: What is to be served.
            since: From when its seconds run, by ``time.monotonic``.
        """
        async with self._adopting:
            before = {entry.name: entry for entry in snapshot.last_good}
            models = {
                entry.name: await self._card(entry, before.get(entry.name)) for entry in snapshot.entries
            }
            served = {name: card for name, card in models.items() if card is not None}
            changes = _changes(self._models, served)
            if changes:
                await asyncio.sleep(max(0.0, since + snapshot.wait - time.monotonic()))
                self._models = served
                for change in changes:
                    logger.info("model %s: version %r, was %r", change.name, change.after, change.before)
                await self._catalogue.confirm([card.entry for card in served.values()])
            return changes

    async def _card(self, entry: ModelEntry, before: ModelEntry | None) -> ModelCard | None:
        """The card of an entry; of a broken one that of the version before it, if there is any.

        Args:
            entry: What is to be served.
            before: What was served last, perhaps by a process before this one.
        """
        known = self._models.get(entry.name)
        if known is not None and known.entry == entry:
            return known
        card = await self._prepared(entry)
        if card is None and known is None and before is not None and before != entry:
            card = await self._prepared(before)
            if card is not None:
                logger.warning("%s is served instead of %s", before.key, entry.key)
        return card or known

    async def _prepared(self, entry: ModelEntry) -> ModelCard | None:
        """The card of an entry, None if it cannot be loaded now or was found broken a short time ago."""
        tried, _ = self._broken.get(entry.key, (-RETRY_BROKEN, ""))
        if time.monotonic() - tried < RETRY_BROKEN:
            return None
        try:
            card = await self._planners.prepare(entry)
        except RequestProblem as problem:
            logger.warning("%s is not loaded yet: %s", entry.key, problem.detail)
            return None
        except Exception as error:  # one model's damage, of whatever kind, is no other model's
            logger.exception("%s cannot be served; what was served before stays", entry.key)
            self._broken[entry.key] = time.monotonic(), " ".join(str(error).split())
            self.meters.loaded(0.0, done=False)
            return None
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
