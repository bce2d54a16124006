"""The trust light: red, amber and green, with the reason that made it so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from mmm.report import Tables
from mmm.report.trust import error_growth, light, outside


def scores(skill: float | None = 0.3, *, train: float = 0.04, holdout: float = 0.05) -> dict[str, Any]:
    """Scores of a training window and a holdout."""
    return {"train": {"wape": train}, "holdout": {"wape": holdout, "skill": skill}}


def test_nothing_against_it_is_green(tables: Tables) -> None:
    found = light(replace(tables, metrics=scores(0.3)))

    assert found.colour == "green"
    assert "30\u00a0% less squared error" in found.reasons[0]


@pytest.mark.parametrize(
    ("changes", "colour", "reason"),
    [
        ({"metrics": scores(-0.2)}, "red", "forecasts the holdout worse than a simple guess"),
        ({"metrics": scores(0.05)}, "amber", "hardly better than a simple guess"),
        ({"metrics": scores(holdout=0.08)}, "amber", "2 times that in them"),
        ({"metrics": {"train": {"wape": 0.04}}}, "amber", "not tried on data it had not seen"),
        (
            {"metrics": scores(), "diagnostics": [{"severity": "error", "code": "x"}]},
            "red",
            "the checks found 1 error",
        ),
        (
            {"metrics": scores(), "diagnostics": [{"severity": "warning", "code": "experiment_conflict"}]},
            "amber",
            "an experiment contradicts it",
        ),
        (
            {"metrics": scores(), "diagnostics": [{"severity": "warning", "code": "not_converged"}]},
            "amber",
            "was not sampled long enough",
        ),
    ],
)
def test_what_speaks_against_it(changes: dict[str, Any], colour: str, reason: str, tables: Tables) -> None:
    found = light(replace(tables, **changes))

    assert found.colour == colour
    assert reason in found.reasons[0]


def test_channels_the_data_say_little_about_count_by_their_effect(tables: Tables) -> None:
    """Only where they carry more than half of what media bring is the whole picture in doubt."""
    assert tables.effects is not None
    channels = tables.effects["channel"].astype(str)
    open_ = [{"severity": "warning", "code": "unidentified_channel", "where": name} for name in channels]

    assert light(replace(tables, metrics=scores(), diagnostics=open_)).colour == "amber"
    smallest = str(tables.effects.sort_values("direct")["channel"].iloc[0])
    one = [item for item in open_ if item["where"] == smallest]
    assert light(replace(tables, metrics=scores(), diagnostics=one)).colour == "green"


def test_the_gap_is_the_error_outside_over_the_error_inside() -> None:
    assert error_growth(scores(train=0.04, holdout=0.06)) == pytest.approx(1.5)
    assert math.isnan(error_growth({"train": {"wape": 0.04}}))


def test_how_much_worse_it_is_outside_training() -> None:
    """Twice the error, 0.9 less 0.75 of the differences explained."""
    metrics = {"train": {"wape": 0.02, "r2": 0.9}, "holdout": {"wape": 0.04, "r2": 0.75}}

    assert outside(metrics) == "Outside training the mean error is 2 times as large and R² is 0.150 lower."
    like = {"train": {"wape": 0.04, "r2": 0.9}, "holdout": {"wape": 0.04, "r2": 0.9}}
    assert outside(like) == "Outside training the mean error is as large and R² is the same."
    assert outside({"train": {"wape": 0.02, "r2": 0.9}, "holdout": {}}) == ""
    assert outside(None) == ""
