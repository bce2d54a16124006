from __future__ import annotations

import pytest

from jobs.tune.trial_row import TrialRow
from mmm.errors import TrainingError
from tests.jobs.tune.sweeps import GRU, SLOPE, origin, row


def test_a_row_survives_its_file() -> None:
    first = row(3, 0.9, 0.8, **{GRU: False, "model.graph.mode": "none", "model.adstock.max_lag": None})

    assert TrialRow.from_json(first.to_json()) == first


def test_fields_of_later_versions_are_left_out() -> None:
    text = row(1, 0.9).to_json().replace('"number"', '"later": 1, "number"')

    assert TrialRow.from_json(text) == row(1, 0.9)


def test_the_score_is_the_mean_over_origins() -> None:
    assert row(1, 0.9, 0.7).score == pytest.approx(0.8)
    assert row(1).score is None
    assert row(1, 0.9).scored(origin(0.5)).score == pytest.approx(0.7)


def test_what_ended_a_trial_is_told_in_one_line() -> None:
    broken = row(1, 0.9).failed(TrainingError("The loss\nbecame nan"))

    assert (broken.state, broken.reason) == ("failed", "TrainingError: The loss became nan")
    assert row(1, 0.9).stopped("late").state == "stopped"
    assert broken.settings == {SLOPE: 1.1}
