"""The planners: where questions to models are answered, seen from the interface.

Nothing here loads a model, so that the processes of the interface stay small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mmm.errors import Problem
from serve.models.source import ModelEntry

Task = Literal["optimize", "scenario", "portfolio", "contributions"]


@dataclass(frozen=True)
class Reply:
    """What came of a question.

    Attributes:
        body: The answer as JSON, empty if there is none.
        feasible: False if the answer is that no plan keeps the limits.
        problems: What is wrong with the question, if anything.
        unavailable: Why the model cannot be asked now, if so.
    """

    body: bytes = b""
    feasible: bool = True
    problems: tuple[Problem, ...] = ()
    unavailable: str = ""


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
    seconds: float


class PlannerClient(Protocol):
    """Whoever answers questions: this process, or replicas of a deployment."""

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        """Load a model, make its first plan, and tell about it.

        Raises:
            MMMError: It cannot be loaded.
        """
        ...

    async def ask(self, task: Task, entries: Sequence[ModelEntry], payload: Mapping[str, Any]) -> Reply:
        """Answer a question to one or more models."""
        ...
