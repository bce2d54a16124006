"""How many questions may be under way in one interface: of all, of one token, and of the long ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from serve.problems import busy, too_many
from serve.settings import Limits


@dataclass(frozen=True)
class Asker:
    """Whose question it is.

    Attributes:
        name: What its questions are counted under; empty for somebody without limits of their own.
        at_once: Questions it may have under way, None for what the service's limits say.
        price: Seconds of work that this question is expected to be.
    """

    name: str = ""
    at_once: int | None = None
    price: float = 0.0


NOBODY = Asker()


class Admission:
    """Questions under way.

    Args:
        limits: How many there may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all: Counter[bool] = Counter()
        self._of: Counter[tuple[str, bool]] = Counter()

    @contextmanager
    def of(self, asker: Asker, *, slow: bool) -> Iterator[None]:
        """Count a question as under way while the block runs.

        Raises:
            RequestProblem: 503 if there are too many of all, 429 if there are of the asker.
        """
        self._require_room(slow=slow)
        if asker.name:
            self._require_own_room(asker, slow=slow)
        self._all[slow] += 1
        self._of[asker.name, slow] += 1
        try:
            yield
        finally:
            self._all[slow] -= 1
            self._of[asker.name, slow] -= 1
            if not self._of[asker.name, slow]:
                del self._of[asker.name, slow]

    def _require_room(self, *, slow: bool) -> None:
        if (count := self._all.total()) >= self._limits.queue:
            raise busy(f"{count} plans are under way here already. Come back in a second.")
        if slow and self._all[True] >= self._limits.slow_at_once:
            raise busy("Too many long plans are under way here. Come back later, or ask for less.", seconds=5)

    def _require_own_room(self, asker: Asker, *, slow: bool) -> None:
        count = self._of[asker.name, False] + self._of[asker.name, True]
        if count >= (asker.at_once or self._limits.at_once):
            raise too_many(f"{count} plans of this token are under way already. Wait for their answers.")
        if slow and self._of[asker.name, True] >= self._limits.slow_of_a_token:
            raise too_many("This token's long plans are under way already. Wait for them, or ask for less.")
