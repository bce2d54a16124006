"""Which settings a sweep delivers: the best trial's, or the spec's own if it is not better beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.tune.trial_row import TrialRow
from mmm.config import TuneSpec

NOISE = 1.0
"""Standard errors of the paired differences by which a trial must beat the spec's own settings."""


@dataclass(frozen=True)
class Choice:
    """The trial whose settings are delivered, and why.

    Attributes:
        row: The trial; number 0 if the spec's own settings stay.
        best: The trial with the best score, delivered or not.
        gain: Mean over origins of the delivered trial's score less that of the spec's own settings.
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

    A trial must beat the spec's own settings, origin by origin, by more than the standard error of the
    difference: the best of many trials is partly the luckiest, and what differs less than origins do is not
    told from luck. By the same measure some of those that do are no worse than the best of them; the forecast
    does not tell them apart, so attribution does: the one is taken whose channel shares move least from one
    origin to the next. When stability is searched too, only trials are considered that move no more than the
    spec's own settings.

    Args:
        rows: The trials; number 0 must be done.
        tune: What the sweep judges by.
    """
    done = sorted((row for row in rows if row.state == "done"), key=lambda row: row.number)
    own = next(row for row in done if row.number == 0)
    if tune.objective == "score_and_stability":
        done = [row for row in done if _instability(row) <= _instability(own)]
    best = _best(done)
    if best is own:
        return Choice(own, best, 0.0, 0.0, "No trial beat the spec's own settings; they stay.")
    gain, error = difference(best, own)
    if math.isnan(error):
        reason = f"{_compared(best, own)}; one origin cannot tell how much of it is chance."
        return Choice(best, best, gain, error, reason)
    winners = [row for row in done if row is not own and _beats(row, own)]
    if not winners:
        reason = (
            f"{_compared(best, own)}: a gain of {gain:.4f}, not beyond its standard error between origins "
            f"({error:.4f}). The spec's own settings stay."
        )
        return Choice(own, best, 0.0, 0.0, reason)
    top = _best(winners)
    near = [row for row in winners if row is top or not _beats(top, row)]
    row = min(near, key=lambda row: (_instability(row), -(row.score or 0.0)))
    gain, error = difference(row, own)
    reason = f"{_compared(row, own)}: a gain of {gain:.4f}, standard error {error:.4f}."
    if row is not top:
        reason += (
            f" Trial {top.number} scored {top.score:.4f}, which origins do not tell from it; of the "
            f"{len(near)} such trials the channel shares of trial {row.number} move least between origins."
        )
    return Choice(row, best, gain, error, reason)


def _best(rows: Sequence[TrialRow]) -> TrialRow:
    return max(rows, key=lambda row: (row.score or -math.inf, -row.number))


def _beats(row: TrialRow, other: TrialRow) -> bool:
    gain, error = difference(row, other)
    return gain > NOISE * error


def _instability(row: TrialRow) -> float:
    return row.instability or 0.0


def _compared(row: TrialRow, own: TrialRow) -> str:
    return f"Trial {row.number} scored {row.score:.4f}, the spec's own settings {own.score:.4f}"


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
