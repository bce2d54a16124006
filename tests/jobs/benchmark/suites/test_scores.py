"""Scores of the benchmark against numbers that a reader can check."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.benchmark.suites import scores


def test_attribution_error_is_the_misplaced_part_of_what_media_bring() -> None:
    assert scores.attribution_error(np.array([3.0, 5.0]), np.array([4.0, 4.0])) == pytest.approx(2 / 8)
    assert scores.attribution_error(np.array([0.0, 0.0]), np.array([4.0, 4.0])) == pytest.approx(1.0)


def test_share_distance_forgets_the_level() -> None:
    assert scores.share_distance(np.array([1.0, 3.0]), np.array([100.0, 300.0])) == pytest.approx(0.0)
    assert scores.share_distance(np.array([1.0, 0.0]), np.array([0.0, 5.0])) == pytest.approx(1.0)
    assert math.isnan(scores.share_distance(np.zeros(2), np.ones(2)))


def test_rank_correlation() -> None:
    assert scores.rank_correlation(np.array([1.0, 9.0, 2.0]), np.array([10.0, 30.0, 20.0])) == pytest.approx(
        1
    )
    assert scores.rank_correlation(np.array([3.0, 1.0, 2.0]), np.array([10.0, 30.0, 20.0])) == pytest.approx(
        -1
    )
    assert scores.rank_correlation(np.ones(3), np.array([1.0, 2.0, 3.0])) == 0.0


def test_curve_error_is_relative_to_the_mean_contribution() -> None:
    truth_CP = np.array([[0.0, 2.0], [0.0, 6.0]])
    assert scores.curve_error(truth_CP + 1.0, truth_CP, np.array([2.0, 6.0])) == pytest.approx(1 / 4)


def test_ratio_error_is_a_median() -> None:
    assert scores.ratio_error(np.array([1.0, 3.0, 90.0]), np.array([1.0, 2.0, 10.0])) == pytest.approx(0.5)


def test_intervals() -> None:
    held, width = scores.interval_scores(np.array([0.0, 5.0]), np.array([2.0, 6.0]), np.array([1.0, 3.0]))
    assert held == 0.5
    assert width == pytest.approx(1.5 / 2)


def test_auroc_counts_ties_half_and_has_no_answer_without_edges() -> None:
    edges_CC = np.array([[False, True, False], [False, False, False], [False, False, False]])
    assert scores.auroc(np.zeros((3, 3)), edges_CC) == 0.5
    assert scores.auroc(edges_CC.astype(float), edges_CC) == 1.0
    assert scores.auroc(-edges_CC.astype(float), edges_CC) == 0.0
    assert math.isnan(scores.auroc(np.zeros((3, 3)), np.zeros((3, 3), dtype=bool)))


def test_growth_exponent_of_a_square_is_two() -> None:
    sizes = np.array([1.0, 2.0, 4.0])
    assert scores.growth_exponent(sizes, 7.0 * sizes**2) == pytest.approx(2.0)
