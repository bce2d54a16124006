"""Scores of the page: what is not a number says why."""

from __future__ import annotations

import math
from dataclasses import replace

from mmm.report import Tables
from mmm.report.model.page import _footer, _scores


def test_the_foot_has_no_words_of_the_program(tables: Tables) -> None:
    told = {"scores_of": "fit on the training window", "trained_until": 91, "seed": 7}
    foot = _footer(replace(tables, about=replace(tables.about, provenance=told)))

    assert "periods of training <code>91</code>, seed <code>7</code>" in foot
    assert "fit on the training window" not in foot and "_" not in foot


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
