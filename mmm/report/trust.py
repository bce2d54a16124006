"""How far a model can be trusted, as a light with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmm import words
from mmm.analysis.score import generalisation_gap
from mmm.report.remarks import findings
from mmm.report.tables import Tables
from mmm.report.totals import window_words

BETTER = 0.1
"""Squared error that a model must save against the best guess without one to count as useful."""
GAP = 1.5
"""Error out of the training window over the error in it from which the model seems to know too much."""
OPEN_SHARE = 0.5
"""Part of media's effect of which the data say little from which the whole picture is in doubt."""

Colour = Literal["green", "amber", "red"]
NAMES: dict[Colour, str] = {
    "green": "Can be used",
    "amber": "Use with care",
    "red": "Do not decide on it",
}


@dataclass(frozen=True)
class Light:
    """The verdict, and why, the weightiest reason first."""

    colour: Colour
    reasons: tuple[str, ...]


LEAST_GAP = 5e-4
"""Difference of R² below which three digits show none."""


def light(tables: Tables) -> Light:
    """Red where no number can be used, amber where some cannot, green where nothing speaks against it."""
    stops, doubts = list(_stops(tables)), list(_doubts(tables))
    if stops:
        return Light("red", (*stops, *doubts))
    if doubts:
        return Light("amber", tuple(doubts))
    return Light("green", (_good(tables),))


def judged_window(metrics: Any) -> tuple[str, Mapping[str, Any]]:
    """The most honest window that was scored, and its scores; empty without one."""
    known = metrics if isinstance(metrics, Mapping) else {}
    for name in ("test", "holdout", "train"):
        if isinstance(known.get(name), Mapping) and known[name].get("wape") is not None:
            return name, known[name]
    return "", {}


def error_growth(metrics: Any) -> float:
    """Relative error of the honest window over that of training; NaN where either is missing or 0."""
    name, score = judged_window(metrics)
    train = (metrics.get("train") or {}).get("wape") if isinstance(metrics, Mapping) else None
    if name in ("", "train") or not train:
        return float("nan")
    return float(score["wape"]) / float(train)


def outside(metrics: Any) -> str:
    """How much worse the model is where it was not fitted, as a sentence; empty where that is not known."""
    growth, gap = error_growth(metrics), generalisation_gap(metrics) if isinstance(metrics, Mapping) else None
    times = words.number(growth)
    told = (
        [f"the mean error is {'' if times == '1' else f'{times} times '}as large"]
        if words.known(growth)
        else []
    )
    if gap is not None:
        differs = f"{abs(gap):.3f} {'lower' if gap >= 0 else 'higher'}"
        told.append(f"R² is {differs if abs(gap) >= LEAST_GAP else 'the same'}")
    return f"Outside training {words.listing(told)}." if told else ""


def score_words(name: str, value: float) -> str:
    """A score of a window: shares in per cent, R² with three decimals, errors in KPI units."""
    if name in ("r2", "r2_within"):
        return f"{value:.3f}".replace("-", "\u2212")
    return words.percent(value) if name in ("wape", "nrmse", "skill") else words.number(value, 3)


def _stops(tables: Tables) -> Iterator[str]:
    name, score = judged_window(tables.metrics)
    skill = score.get("skill")
    if isinstance(skill, (int, float)) and skill < 0 and name != "train":
        yield f"it forecasts {window_words(name)} worse than a simple guess does"
    grave = [item for item in findings(tables.diagnostics) if item.get("severity") in ("error", "critical")]
    if grave:
        yield f"the checks found {words.count(len(grave), 'error')}"


def _doubts(tables: Tables) -> Iterator[str]:
    name, score = judged_window(tables.metrics)
    if name in ("", "train"):
        yield "it was not tried on data it had not seen"
    skill, gap = score.get("skill"), error_growth(tables.metrics)
    if isinstance(skill, (int, float)) and 0 <= skill < BETTER and name != "train":
        yield f"it forecasts {window_words(name)} hardly better than a simple guess does"
    if words.known(gap) and gap > GAP:
        yield f"its error out of the training data is {words.number(gap)} times that in them"
    yield from _unknown_channels(tables)
    codes = {str(item.get("code")) for item in findings(tables.diagnostics)}
    if "not_converged" in codes:
        yield "it was not sampled long enough: another fit may say something else"
    if "experiment_conflict" in codes:
        yield "an experiment contradicts it"
    if "holdout_bias" in codes or "residual_drift" in codes:
        yield "something it does not see moved the KPI of late"


def _unknown_channels(tables: Tables) -> Iterator[str]:
    """Channels of which the data say little, where they carry much of what media bring."""
    if tables.effects is None or not len(tables.effects):
        return
    direct = tables.effects.set_index(tables.effects["channel"].astype(str))["direct"].astype(float).abs()
    if "direct_lower" not in tables.effects or not np.isfinite(tables.effects["direct_lower"]).any():
        yield "its uncertainty is not known"
    items = findings(tables.diagnostics)
    open_ = {str(item.get("where")) for item in items if item.get("code") == "unidentified_channel"}
    part = float(direct[direct.index.isin(open_)].sum() / direct.sum()) if direct.sum() > 0 else 0.0
    if part > OPEN_SHARE:
        yield f"{words.percent(part)} of what media bring rests on channels the data say little about"


def _good(tables: Tables) -> str:
    name, score = judged_window(tables.metrics)
    saved = words.percent(float(score.get("skill") or 0.0))
    return f"in {window_words(name)} it makes {saved} less squared error than the best guess without a model"
