"""Floors: what the product promises about itself, and whether this run keeps it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobs.benchmark.methods import OURS, POINT
from jobs.benchmark.peers.venv import DEEPCAUSAL
from jobs.benchmark.suites.speed import EXPONENT, RATIO

LINEAR = 1.0


@dataclass(frozen=True)
class Floor:
    """A promise held against the figures.

    Attributes:
        name: The promise.
        found: What was found, in words; empty if this run cannot tell.
        kept: Whether it is kept; None if this run cannot tell.
    """

    name: str
    found: str = ""
    kept: bool | None = None

    @property
    def verdict(self) -> str:
        """In one word."""
        return {True: "kept", False: "MISSED", None: "not measured"}[self.kept]


def floors(rows: pd.DataFrame) -> list[Floor]:
    """Every promise, with what this run says of it."""
    return [
        _speed(
            rows, POINT, "20 times faster than deepcausalmmm per fit, like for like (one fit, no intervals)"
        ),
        _speed(rows, OURS, "20 times faster than deepcausalmmm per fit, default members with intervals"),
        _higher(rows),
        _attribution(rows),
        *(_growth(rows, axis) for axis in ("regions", "weeks", "members")),
    ]


def _median(rows: pd.DataFrame, **wanted: str) -> float | None:
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    known = rows["value"].dropna()
    return None if known.empty else float(known.median())


def _speed(rows: pd.DataFrame, method: str, name: str) -> Floor:
    ratio = _median(rows, suite="speed", method=method, metric=RATIO)
    return Floor(name) if ratio is None else Floor(name, f"{ratio:.1f} times", ratio >= 20)


def _higher(rows: pd.DataFrame) -> Floor:
    name = "higher holdout R² than deepcausalmmm on the real panel, 13 weeks"
    at = {"suite": "real", "case": "last 13 weeks", "metric": "R²"}
    own, theirs = _median(rows, method=OURS, **at), _median(rows, method=DEEPCAUSAL.name, **at)
    if own is None or theirs is None:
        return Floor(name)
    return Floor(name, f"{own:.4f} against {theirs:.4f}", own > theirs)


def _attribution(rows: pd.DataFrame) -> Floor:
    name = "attribution error at most half of deepcausalmmm's"
    at = {"suite": "truth", "metric": "attribution error"}
    own, theirs = _median(rows, method=OURS, **at), _median(rows, method=DEEPCAUSAL.name, **at)
    if own is None or theirs is None:
        return Floor(name)
    return Floor(name, f"{own:.2f} against {theirs:.2f}", own <= theirs / 2)


def _growth(rows: pd.DataFrame, axis: str) -> Floor:
    name = f"cost at most linear in {axis}"
    exponent = _median(rows, suite="speed", case=axis, metric=EXPONENT)
    return Floor(name) if exponent is None else Floor(name, f"exponent {exponent:.2f}", exponent <= LINEAR)
