"""Lift tests beside the model: the table, conflicts that are said, scores that are not blind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.checks.experiments import COLUMNS, experiment_findings, experiments_table
from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.experiments import locate_experiments
from mmm.fitted import Fitted
from tests.small import market, sketch

BASE: dict[str, Any] = {
    "channel": "search",
    "regions": ["r1"],
    "start": "2023-03-06",
    "end": "2023-04-03",
    "spend_change": 50.0,
}


def model_with(
    members: int = 3, *, away: float = 0.0, error: float = 1.0, relative: float = 0.0, **changes: Any
) -> Fitted:
    """A model with one test whose measured lift is ``away`` standard errors below the modelled one.

    ``relative`` gives the standard error as a part of the modelled lift.
    """
    fitted = sketch(members=members)

    def having(lift: float, error: float) -> Fitted:
        values = BASE | {"standard_error": error, "lift": lift} | changes
        document = market(fitted.panel).model_dump(mode="json") | {"experiments": [values]}
        return replace(fitted, spec=validate(MarketSpec, document, "test"))

    tests, problems = locate_experiments(having(1.0, 1.0).spec, fitted.panel)
    assert not problems
    modelled = float(fitted.predictor.lifts(tests, fitted.graph).mean())
    error = relative * modelled or error
    return having(modelled - away * error, error)


def test_the_table_sets_both_side_by_side() -> None:
    fitted = model_with(away=1.0, error=1e3)
    table = experiments_table(fitted)
    (row,) = table.to_dict("records")

    assert list(table.columns) == list(COLUMNS)
    assert (row["channel"], row["regions"], row["spend_change"]) == ("search", "r1", 50.0)
    assert row["start"] == pd.Timestamp("2023-03-06")
    assert row["modelled"] - row["lift"] == pytest.approx(1e3)
    assert row["lower"] < row["modelled"] < row["upper"]
    assert row["tension"] == pytest.approx(1.0, rel=0.01), "members hardly differ, beside such an error"


def test_tension_allows_for_how_far_the_model_has_already_moved() -> None:
    """The distance left has variance se² - sd², held at a quarter of se²."""
    wide = experiments_table(model_with(error=1e3, away=1.0))["tension"].iloc[0]
    tight = experiments_table(model_with(error=1e-3, away=1.0))["tension"].iloc[0]

    assert wide == pytest.approx(1.0, rel=0.01)
    assert tight == pytest.approx(2.0, rel=0.01)


def test_one_member_judges_by_the_standard_error() -> None:
    table = experiments_table(model_with(members=1, away=1.5))

    assert table["tension"].iloc[0] == pytest.approx(1.5)
    assert np.isnan(table["lower"].iloc[0])


@pytest.mark.parametrize(("away", "word"), [(3.0, "want more"), (-3.0, "want less")])
def test_a_conflict_is_said(away: float, word: str) -> None:
    fitted = model_with(members=1, away=away, relative=0.25)
    (finding,) = experiment_findings(fitted, experiments_table(fitted))

    assert (finding.code, finding.severity) == ("experiment_conflict", "warning")
    assert "search, 2023-03-06 to 2023-04-03" in finding.where
    assert word in finding.what
    assert "3.0 standard errors apart" in finding.what


def test_agreement_is_silent_and_a_test_in_the_holdout_is_not() -> None:
    quiet = model_with(error=1e3)
    late = model_with(error=1e3, start="2023-10-02", end="2023-10-30")

    assert not list(experiment_findings(quiet, experiments_table(quiet)))
    (finding,) = experiment_findings(late, experiments_table(late))
    assert (finding.code, finding.severity) == ("experiment_in_holdout", "info")
    refitted = replace(late, trained_until=len(late.panel.dates))
    assert not list(experiment_findings(refitted, experiments_table(refitted)))
