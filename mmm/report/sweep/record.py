"""A finished sweep as tables, and its scores and settings in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mmm import words

SCORES = {
    "r2": "R²",
    "r2_within": "R² within regions",
    "skill": "skill over the best naive rule",
    "mase": "1 \u2212 error over that of the last value",
}
"""Names of scores as they read in a sentence."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """A finished sweep as tables.

    Attributes:
        brand: Brand.
        market: Market.
        kpi: Name of the KPI.
        score: What trials were judged by.
        objective: ``score`` or ``score_and_stability``.
        trials: Columns number, state, score, level (the score, for trials given up early brought to what it
            would be on all windows), instability, origins, seconds, front, chosen, reason.
        settings: Index number; a column for each setting, its path as the name.
        origins: Columns number, origin (first date scored), score, naive (R² of the last value).
        shares: Columns number, channel, share of the KPI; finished trials only.
        importances: Share of the score's variation by setting, largest first.
        changed: Settings chosen that differ from the spec's own.
        reason: Why they were chosen.
        test: ``default`` and ``tuned``: scores of the test window as in ``metrics.json``; empty without one.
    """

    brand: str
    market: str
    kpi: str
    score: str
    objective: str
    trials: pd.DataFrame
    settings: pd.DataFrame
    origins: pd.DataFrame
    shares: pd.DataFrame
    importances: Mapping[str, float]
    changed: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    test: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def done(self) -> pd.DataFrame:
        """Trials scored on every origin, by number."""
        return self.trials[self.trials["state"] == "done"].sort_values("number")

    @property
    def chosen(self) -> int:
        """Number of the trial whose settings were chosen."""
        return int(self.trials.loc[self.trials["chosen"], "number"].iloc[0])

    @property
    def score_name(self) -> str:
        """The score as it reads in a sentence."""
        return SCORES.get(self.score, self.score)

    def top(self, count: int = 10) -> list[int]:
        """Numbers of the best finished trials, best first."""
        return [int(n) for n in self.done.sort_values("score", ascending=False)["number"].head(count)]


def score_text(value: float) -> str:
    """A score with four decimals: differences between trials are small."""
    return f"{value:.4f}".replace("-", "\u2212")


def setting_text(value: Any) -> str:
    """A setting's value for people."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return words.number(float(value), 3)
    return "left to the data" if value is None else str(value)
