"""What spend follows: own-account media, level over neighbouring periods, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.model.demand import CARRIED_PERIODS, LASTING, SMALL_MEDIA, carried_followed, followed

WEEKLY = 365.25 / 7


def one_channel(media_T: list[float]) -> np.ndarray:
    return np.array(media_T)[None, :, None]


def test_a_period_tells_of_its_neighbours_on_both_sides() -> None:
    """One week above the others by log 2: half of its weight a week away, a quarter two weeks away."""
    media_T = np.ones(5) - SMALL_MEDIA
    media_T[2] = 2.0 - SMALL_MEDIA
    found_T = followed(one_channel(list(media_T)), np.ones((1, 5)), 5, WEEKLY)[0, 0]

    near_T = LASTING ** np.array([2.0, 1.0, 0.0, 1.0, 2.0])
    every_T = np.array([sum(LASTING ** abs(s - t) for t in range(5)) for s in range(5)])
    expected_T = np.log(2.0) * near_T / every_T
    np.testing.assert_allclose(found_T, expected_T - expected_T.mean(), atol=1e-12)


def test_a_month_tells_little_of_the_next() -> None:
    media_T = [1.0, 1.0, 3.0, 1.0]
    weekly_T = followed(one_channel(media_T), np.ones((1, 4)), 4, WEEKLY)[0, 0]
    monthly_T = followed(one_channel(media_T), np.ones((1, 4)), 4, 12.0)[0, 0]

    assert monthly_T[2] - monthly_T[1] > 2 * (weekly_T[2] - weekly_T[1])


def test_what_runs_after_training_and_in_cells_that_do_not_count_tells_nothing() -> None:
    rng = np.random.default_rng(1)
    media_GTC = rng.exponential(size=(2, 30, 3))
    trained_GT = np.ones((2, 30))
    trained_GT[:, 24:] = 0.0
    trained_GT[0, 5] = 0.0
    found_CGT = followed(media_GTC, trained_GT, 24, WEEKLY)
    other_GTC = media_GTC.copy()
    other_GTC[:, 24:] *= 7.0
    other_GTC[0, 5] *= 7.0

    np.testing.assert_allclose(followed(other_GTC, trained_GT, 24, WEEKLY), found_CGT, atol=1e-12)
    np.testing.assert_allclose((found_CGT * trained_GT).sum(2), 0.0, atol=1e-12)


def test_the_last_level_is_carried_beyond_training() -> None:
    media_GTC = np.random.default_rng(2).exponential(size=(1, 20, 1))
    found_CGT = followed(media_GTC, np.ones((1, 20)), 15, WEEKLY)

    expected = found_CGT[0, 0, 15 - CARRIED_PERIODS : 15].mean()
    np.testing.assert_allclose(found_CGT[0, 0, 15:], expected)
    assert carried_followed(found_CGT, 15)[0, 0, 0] == pytest.approx(expected)


def test_a_region_that_never_counts_has_nothing_to_tell() -> None:
    media_GTC = np.random.default_rng(3).exponential(size=(2, 10, 1))
    trained_GT = np.ones((2, 10))
    trained_GT[1] = 0.0

    found_CGT = followed(media_GTC, trained_GT, 10, WEEKLY)
    assert np.isfinite(found_CGT).all()
    assert not found_CGT[:, 1].any()
