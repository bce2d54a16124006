"""What became of one trial, as it stands in its file and in ``trials.parquet``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from jobs.tune.trial import OriginScore, instability
from mmm.config.sweep import Value

State = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class TrialRow:
    """One trial of a sweep.

    Attributes:
        number: Its place in the sweep; 0 has the spec's own settings.
        state: ``done``: scored on every origin; ``stopped``: given up early, among the worse half;
            ``failed``: see ``reason``.
        settings: What it changed, by path; empty for trial 0.
        params: Its point of the space; for trial 0 the spec's own settings, as far as they lie in it.
        scores: By origin, the newest first.
        reason: Why it failed or stopped.
    """

    number: int
    state: State
    settings: dict[str, Value]
    params: dict[str, Value]
    scores: tuple[OriginScore, ...] = ()
    reason: str = ""

    @property
    def score(self) -> float | None:
        """Mean over the origins it was scored on; None without any."""
        return float(np.mean([origin.score for origin in self.scores])) if self.scores else None

    @property
    def instability(self) -> float | None:
        """How much channel shares move between origins."""
        return instability(self.scores)

    @property
    def seconds(self) -> float:
        """Time of its fits."""
        return sum(origin.seconds for origin in self.scores)

    def scored(self, origin: OriginScore) -> TrialRow:
        """The row with one origin more."""
        return replace(self, scores=(*self.scores, origin))

    def stopped(self, reason: str) -> TrialRow:
        """The row of a trial given up early."""
        return replace(self, state="stopped", reason=reason)

    def failed(self, error: BaseException | str) -> TrialRow:
        """The row of a trial that broke."""
        told = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        return replace(self, state="failed", reason=" ".join(told.split())[:500])

    def to_json(self) -> str:
        """The row as JSON text."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> TrialRow:
        """The inverse of :meth:`to_json`; unknown fields of later versions are left out."""
        values = _known(cls, json.loads(text))
        scores = tuple(origin_of(item) for item in values.pop("scores", ()))
        return cls(**values, scores=scores)


def origin_of(values: Mapping[str, Any]) -> OriginScore:
    """A score from its plain data."""
    known = _known(OriginScore, values)
    return OriginScore(**{**known, "curve": tuple((int(e), float(v)) for e, v in known["curve"])})


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
