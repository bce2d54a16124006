"""Fair lines before the planning processes: quick questions apart from slow ones, brands in turn.

A question over its time is ended with its process; whoever waits behind it goes on in a new one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from mmm.errors import ModelFileError
from serve.models.source import ModelEntry
from serve.planner.process import Template, Worker, WorkerLateError, WorkerLostError
from serve.planner.protocol import ModelCard, Question, Reply

LOADING = 120.0
"""Seconds in which a model must have been loaded."""
CHECKING = 30.0
"""Seconds in which the health check must have planned."""
TRIES = 2
"""Times a call is made whose process ended by itself."""


class Calls(Protocol):
    """A process as a lane uses it."""

    def call(self, method: str, *arguments: Any, seconds: float) -> Any:
        """See :meth:`Worker.call`."""
        ...

    def interrupt(self) -> None:
        """See :meth:`Worker.interrupt`."""
        ...


@dataclass(eq=False)
class _Call:
    method: str
    arguments: tuple[Any, ...]
    until: float
    answer: asyncio.Future[Any]


class Lane:
    """Calls that wait for one process, one for each brand in turn.

    Args:
        worker: The process.
        name: For its thread.
    """

    def __init__(self, worker: Calls, name: str) -> None:
        self._worker = worker
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._waiting: OrderedDict[str, deque[_Call]] = OrderedDict()
        self._current: _Call | None = None
        self._draining: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._current is not None

    async def run(self, brand: str, method: str, *arguments: Any, seconds: float) -> Any:
        """Call a method of the process in turn.

        Args:
            brand: Whose call it is; of several that wait each has its turn.
            method: See :class:`~serve.planner.loaded.LoadedModels`.
            arguments: Of the method.
            seconds: Time until it must be answered, waiting included.

        Raises:
            WorkerLateError: The time was over.
            WorkerLostError: The process ended by itself, more than once.
            MMMError: What the method raises.
        """
        loop = asyncio.get_running_loop()
        call = _Call(method, arguments, loop.time() + seconds, loop.create_future())
        self._waiting.setdefault(brand, deque()).append(call)
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        try:
            return await call.answer
        except asyncio.CancelledError:
            # Whoever asked is gone: nobody need wait for the rest of it.
            if self._current is call:
                self._worker.interrupt()
            raise

    async def _drain(self) -> None:
        while (call := self._next()) is not None:
            self._current = call
            try:
                value = await self._made(call)
            except Exception as error:  # noqa: BLE001  # handed to whoever asked
                if not call.answer.done():
                    call.answer.set_exception(error)
            else:
                if not call.answer.done():
                    call.answer.set_result(value)
            finally:
                self._current = None

    def _next(self) -> _Call | None:
        """The next call that somebody still waits for; its brand goes to the end of the line."""
        while self._waiting:
            brand, calls = self._waiting.popitem(last=False)
            call = calls.popleft()
            if calls:
                self._waiting[brand] = calls
            if not call.answer.done():
                return call
        return None

    async def _made(self, call: _Call) -> Any:
        loop = asyncio.get_running_loop()
        for left in reversed(range(TRIES)):
            seconds = call.until - loop.time()
            if seconds <= 0:
                raise WorkerLateError("its time was over before its turn came")
            try:
                return await loop.run_in_executor(self._thread, self._call, call, seconds)
            except WorkerLostError:
                if not left or call.answer.done():
                    raise
        raise AssertionError("the loop returns or raises")

    def _call(self, call: _Call, seconds: float) -> Any:
        return self._worker.call(call.method, *call.arguments, seconds=seconds)


class PlannerPool:
    """Planning processes of one replica: one for quick questions, one for slow ones.

    Args:
        keep: Models each keeps loaded.
        registry: URI of the registry models come from, if any.
    """

    def __init__(self, keep: int, registry: str | None) -> None:
        self._template = Template(keep, registry)
        self._quick = Lane(Worker(self._template, slow=False), "quick")
        self._slow = Lane(Worker(self._template, slow=True), "slow")

    async def load(self, entry: ModelEntry) -> None:
        """Load a model and make its first plan.

        Raises:
            MMMError: It cannot be loaded, whatever the reason; that its process ended is one.
        """
        await self._loading(entry, "load")

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """See ``PlannerClient.prepare``."""
        card: ModelCard = await self._loading(entry, "prepare")
        return card

    async def _loading(self, entry: ModelEntry, method: str) -> Any:
        try:
            return await self._quick.run(entry.brand, method, entry, seconds=LOADING)
        except (WorkerLostError, WorkerLateError) as error:
            raise ModelFileError(
                f"{entry.key} cannot be loaded ({error}). Fit the model again, or look at memory and disk."
            ) from error

    async def ask(self, question: Question) -> Reply:
        """See ``PlannerClient.ask``."""
        lane = self._slow if question.slow else self._quick
        try:
            reply: Reply = await lane.run(
                question.entries[0].brand, "answer", question, seconds=question.seconds
            )
        except WorkerLateError:
            return Reply(late=True)
        except WorkerLostError as error:
            return Reply(unavailable=str(error))
        return reply

    async def check(self) -> None:
        """Whether plans are made, with a model that loaded; a call under way has a time limit of its own.

        Raises:
            MMMError: They are not.
        """
        if not self._quick.busy:
            await self._quick.run("", "check", seconds=CHECKING)

    def close(self) -> None:
        """End the processes."""
        self._template.close()
