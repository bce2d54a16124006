"""Which settings a sweep delivers: the best trial's, or the spec's own if it is not better beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.trial_row import TrialRow
from mmm.config import TuneSpec

NOISE = 1.0
"""Standard errors of the paired differences by which a trial must beat the spec's own settings."""


@dataclass(frozen=True)
class Choice:
    """The trial whose settings are delivered, and why.

    Attributes:
        row: The trial; number 0 if the spec's own settings stay.
        best: The trial with the best score, delivered or not.
        gain: Mean over origins of its score less that of the spec's own settings.
        error: Standard error of the gain between origins; NaN with one origin.
        reason: In words.
    """

    row: TrialRow
    best: TrialRow
    gain: float
    error: float
    reason: str


def choose(rows: Sequence[TrialRow], tune: TuneSpec) -> Choice:
    """Pick the settings to deliver.

    A trial is chosen by its mean score over the origins. It must beat the spec's own settings, origin by
    origin, by more than the standard error of the difference: the best of many trials is partly the luckiest,
    and what differs less than origins do is not told from luck. When stability counts too, only trials are
    considered whose channel shares move no more than with the spec's own settings.

    Args:
        rows: The trials; number 0 must be done.
        tune: What the sweep judges by.
    """
    done = sorted((row for row in rows if row.state == "done"), key=lambda row: row.number)
    own = next(row for row in done if row.number == 0)
    candidates = done
    if tune.objective == "score_and_stability":
        candidates = [row for row in done if (row.instability or 0.0) <= (own.instability or 0.0)]
    best = max(candidates, key=lambda row: (row.score or -math.inf, -row.number))
    gain, error = difference(best, own)
    if best is own:
        return Choice(own, best, 0.0, 0.0, "No trial beat the spec's own settings; they stay.")
    told = f"Trial {best.number} scored {best.score:.4f}, the spec's own settings {own.score:.4f}"
    if math.isnan(error):
        return Choice(best, best, gain, error, f"{told}; one origin cannot tell how much of it is chance.")
    if gain <= NOISE * error:
        reason = (
            f"{told}: a gain of {gain:.4f}, not beyond its standard error between origins ({error:.4f}). "
            "The spec's own settings stay."
        )
        return Choice(own, best, gain, error, reason)
    return Choice(best, best, gain, error, f"{told}: a gain of {gain:.4f}, standard error {error:.4f}.")


def difference(row: TrialRow, other: TrialRow) -> tuple[float, float]:
    """Mean and standard error of the difference of two done trials over the origins."""
    pairs = zip(row.scores, other.scores, strict=True)
    gains = np.array([one.score - two.score for one, two in pairs])
    error = float(gains.std(ddof=1) / math.sqrt(len(gains))) if len(gains) > 1 else math.nan
    return float(gains.mean()), error


def pareto_front(rows: Sequence[TrialRow]) -> set[int]:
    """Numbers of the done trials that no other beats both in score and in stability."""
    known = [
        (row.number, row.score, row.instability)
        for row in rows
        if row.state == "done" and row.score is not None and row.instability is not None
    ]
    return {
        number
        for number, score, moved in known
        if not any(
            other >= score and less <= moved and (other > score or less < moved) for _, other, less in known
        )
    }
