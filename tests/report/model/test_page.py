"""Scores of the page: what is not a number says why."""

from __future__ import annotations

import math

from mmm.report.model.page import _scores


def test_a_score_that_is_none_says_why() -> None:
    text = _scores(
        {
            "train": {"r2": 0.5, "rmse": 3.0, "n": 9},
            "holdout": {"r2": None, "rmse": math.nan, "n": 1},
            "test": {"r2": None, "n": 0},
        }
    )

    train, holdout, test = text.partition("<tbody>")[2].split("</tr>")[:3]
    assert "0.5" in train and "not measured" in train and "not defined" not in train
    assert holdout.count("not defined") == 2
    assert test.count("no observed cells") == 8
    assert "unknown" not in text
