"""Scores against numbers by hand; naive predictors that do not peek."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.analysis.score import RECENT, generalisation_gap, naive_predictors, score_splits
from mmm.data.panel import Floats, Panel
from mmm.data.split import Split
from tests.small import small_panel

NAN = np.nan


def panel_of(kpi_GT: Floats) -> Panel:
    regions, periods = kpi_GT.shape
    return replace(
        small_panel(regions=regions, periods=periods),
        kpi_GT=kpi_GT,
        present_GT=np.isfinite(kpi_GT),
    )


def scored(panel: Panel, split: Split, predicted_GT: Floats) -> dict[str, Any]:
    return dict(score_splits(panel, split, predicted_GT))


def test_scores_by_hand() -> None:
    kpi_GT = np.array([[1.0, 3.0, 2.0, 4.0, NAN], [10.0, 10.0, 10.0, 12.0, 14.0]])
    predicted_GT = np.array([[1.0, 3.0, 2.0, 3.0, 99.0], [10.0, 10.0, 10.0, 12.0, 12.0]])
    scores = scored(panel_of(kpi_GT), Split(3, 2, 0), predicted_GT)

    holdout = scores["holdout"]
    # Errors -1, 0, -2; actual 4, 12, 14, of which the mean is 10; within regions 0 and ±1.
    assert holdout["n"] == 3
    assert holdout["mae"] == pytest.approx(1.0)
    assert holdout["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert holdout["nrmse"] == pytest.approx(np.sqrt(5 / 3) / 10)
    assert holdout["bias"] == pytest.approx(-1.0)
    assert holdout["wape"] == pytest.approx(3 / 30)
    assert holdout["r2"] == pytest.approx(1 - 5 / (36 + 4 + 16))
    assert holdout["r2_within"] == pytest.approx(1 - 5 / 2)
    # The mean of training: 2 and 10, so errors 2, 2 and 4; the last value does as well.
    naive = holdout["naive"]
    assert naive["region_mean"]["mae"] == pytest.approx(8 / 3)
    assert naive["region_mean"]["r2"] == pytest.approx(1 - 24 / 56)
    assert naive["last_value"]["mae"] == pytest.approx(8 / 3)
    assert holdout["skill"] == pytest.approx(1 - (5 / 3) / (24 / 3))
    assert scores["train"]["r2"] == 1.0
    assert set(scores) == {"train", "holdout"}


def test_naive_predictors_by_hand() -> None:
    kpi_GT = np.array([[4.0, NAN, 8.0, 100.0, 200.0]])
    naive = naive_predictors(panel_of(kpi_GT), Split(3, 2, 0))

    assert naive["region_mean"].tolist() == [[6.0] * 5]
    assert naive["last_value"].tolist() == [[6.0, 4.0, 4.0, 8.0, 8.0]]
    assert naive["recent_mean"][0, 3:].tolist() == pytest.approx([16 / 3] * 2)


def test_the_recent_mean_takes_the_last_periods_of_training() -> None:
    kpi_GT = np.arange(30.0)[None]
    naive = naive_predictors(panel_of(kpi_GT), Split(20, 10, 0))

    assert naive["recent_mean"][0, 20:].tolist() == [np.mean(np.arange(20 - RECENT, 20))] * 10


def test_the_seasonal_rule_takes_the_value_one_year_before() -> None:
    kpi_GT = np.arange(130.0)[None]
    naive = naive_predictors(panel_of(kpi_GT), Split(60, 70, 0))["seasonal"][0]

    np.testing.assert_array_equal(naive[52:112], np.arange(60.0))
    # A year before these lies in the holdout, so the rule goes back one year more.
    np.testing.assert_array_equal(naive[112:], np.arange(8.0, 26.0))


def test_rules_never_peek_into_the_holdout() -> None:
    kpi_GT = np.random.default_rng(0).normal(100, 10, (4, 80))
    spoiled = kpi_GT.copy()
    spoiled[:, 60:] = 1e9
    split = Split(60, 13, 7)

    for name, values in naive_predictors(panel_of(kpi_GT), split).items():
        np.testing.assert_array_equal(values, naive_predictors(panel_of(spoiled), split)[name], err_msg=name)


def test_a_better_model_than_every_rule_has_skill() -> None:
    kpi_GT = np.random.default_rng(0).normal(100, 10, (4, 80))
    panel, split = panel_of(kpi_GT), Split(60, 20, 0)

    assert scored(panel, split, kpi_GT)["holdout"]["skill"] == 1.0
    assert scored(panel, split, 0 * kpi_GT)["holdout"]["skill"] < 0


def test_windows_without_known_cells_say_so() -> None:
    kpi_GT = np.full((2, 30), 5.0)
    kpi_GT[:, 20:] = NAN
    scores = scored(panel_of(kpi_GT), Split(20, 10, 0), np.full((2, 30), 5.0))

    assert scores["holdout"] == {"n": 0}
    assert scores["train"]["r2"] is None
    assert scores["train"]["skill"] is None


def test_a_region_without_kpi_in_training_spoils_no_score() -> None:
    kpi_GT = np.random.default_rng(0).normal(100, 10, (3, 40))
    kpi_GT[1, :30] = NAN
    scores = scored(panel_of(kpi_GT), Split(30, 10, 0), np.full((3, 40), 100.0))

    assert np.isfinite(scores["holdout"]["skill"])


def test_the_gap_between_training_and_holdout() -> None:
    assert generalisation_gap({"train": {"r2": 0.9}, "holdout": {"r2": 0.75}}) == pytest.approx(0.15)
    assert generalisation_gap({"train": {"r2": 0.9}, "holdout": {"n": 0}}) is None
