"""Planners: where questions to models are answered, seen from the interface.

Nothing here loads a model, so that the processes of the interface stay small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mmm.errors import Problem
from serve.models.source import ModelEntry

Task = Literal["optimize", "scenario", "portfolio", "contributions", "plan_file", "commit", "variance"]

SLOW = 0.25
"""Seconds of expected work from which a question waits in a line of its own, behind no quick one's way."""


@dataclass(frozen=True)
class Question:
    """What is asked of one or more models.

    Attributes:
        task: Kind of question.
        entries: Models, in the order of the request.
        payload: The request.
        seconds: Time in which it must be answered, waiting included.
        price: Seconds of work that it is expected to take.
    """

    task: Task
    entries: tuple[ModelEntry, ...]
    payload: Mapping[str, Any]
    seconds: float = 30.0
    price: float = 0.0

    @property
    def slow(self) -> bool:
        """Whether it takes long enough to hold up others."""
        return self.price > SLOW


@dataclass(frozen=True)
class Reply:
    """What came of a question.

    Attributes:
        body: The answer as JSON or a file, empty if there is none.
        feasible: False if the answer is that no plan keeps the limits.
        problems: What is wrong with the question, if anything.
        unavailable: Why the model cannot be asked now, if so.
        late: It was given up, since its time was over.
    """

    body: bytes = b""
    feasible: bool = True
    problems: tuple[Problem, ...] = ()
    unavailable: str = ""
    late: bool = False


@dataclass(frozen=True)
class ModelCard:
    """A model as the interface knows it.

    Attributes:
        entry: Which model.
        summary: Its row in the list of models.
        detail: Its own page, JSON.
        curves: Its response curves, JSON.
        etag: Identity of ``curves`` and ``detail`` for caches.
        channels: Names.
        regions: Names.
        currency: Currency of spend.
        periods: Periods of its data.
        members: Ensemble members.
        seconds: Time that loading took.
    """

    entry: ModelEntry
    summary: dict[str, Any]
    detail: bytes
    curves: bytes
    etag: str
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    currency: str
    periods: int
    members: int
    seconds: float


class PlannerClient(Protocol):
    """Whoever answers questions: this process, or replicas of a deployment."""

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """Load a model, make its first plan, and tell about it.

        Raises:
            MMMError: It cannot be loaded, whatever the reason.
        """
        ...

    async def ask(self, question: Question) -> Reply:
        """Answer a question to one or more models."""
        ...
