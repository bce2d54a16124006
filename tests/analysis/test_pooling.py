from __future__ import annotations

import numpy as np
import pytest

from mmm.analysis.pooling import belief, pool

RNG = np.random.default_rng(0)


def brands(n: int, between: float, error: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True values around 0.7, estimates of them, and their errors."""
    rng = np.random.default_rng(seed)
    true_N = 0.7 + between * rng.standard_normal(n)
    error_N = np.full(n, error)
    return true_N, true_N + error_N * rng.standard_normal(n), error_N


def test_the_class_is_found_again() -> None:
    _, value_N, error_N = brands(60, 0.3, 0.15)

    found = pool(value_N, error_N)

    assert found.n == 60
    assert found.mean == pytest.approx(0.7, abs=3 * found.mean_se)
    assert found.between_sd == pytest.approx(0.3, abs=0.1)
    assert found.new_mean == found.mean
    assert found.new_sd == pytest.approx(found.between_sd, rel=0.2)


def test_weak_estimates_come_closer_to_the_truth_and_good_ones_stay() -> None:
    # A third has an error of 0.6, the rest one of 0.05: over 8 classes of 30 brands.
    alone, pooled, moved = [], [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        true_N = 0.3 * rng.standard_normal(30)
        error_N = np.where(np.arange(30) < 10, 0.6, 0.05)
        value_N = true_N + error_N * rng.standard_normal(30)
        found = pool(value_N, error_N)
        alone.append(np.abs(value_N - true_N)[:10].mean())
        pooled.append(np.abs(found.posterior_N - true_N)[:10].mean())
        moved.append(np.abs(found.posterior_N - value_N)[10:].max() / 0.05)

    assert np.mean(pooled) < 0.7 * np.mean(alone)
    assert np.median(moved) < 0.5


def test_a_brand_teaches_itself_nothing() -> None:
    _, value_N, error_N = brands(12, 0.3, 0.2)
    moderator_N = RNG.standard_normal(12) * 0.5
    whole = pool(value_N, error_N, moderator_N)

    for i in (0, 5, 11):
        others = np.arange(12) != i
        without = pool(value_N[others], error_N[others], moderator_N[others])
        expected = without.mean + without.slope * moderator_N[i]
        assert whole.prior_N[i] == pytest.approx(expected, abs=0.05)


def test_a_brand_four_spreads_off_neither_moves_far_nor_drags_its_class() -> None:
    _, value_N, error_N = brands(20, 0.3, 0.15, seed=3)
    plain = pool(value_N, error_N)
    value_N[0] = plain.mean + 4 * np.hypot(0.3, 0.15)

    found = pool(value_N, error_N)

    assert abs(found.posterior_N[0] - value_N[0]) < 0.5 * found.between_sd
    assert found.mean - plain.mean < 0.1
    assert found.width_N[0] > 1.3 * np.median(found.width_N)


def test_the_prior_that_goes_back_moves_an_estimate_as_the_model_does() -> None:
    _, value_N, error_N = brands(15, 0.3, 0.4, seed=5)
    found = pool(value_N, error_N)
    far_N = np.abs(value_N - found.prior_N) > np.hypot(0.4, found.between_sd)

    kept_N = found.width_N**2 / (found.width_N**2 + error_N**2)
    again_N = found.prior_N + kept_N * (value_N - found.prior_N)

    assert far_N.sum() >= 2
    np.testing.assert_allclose(again_N[far_N], found.posterior_N[far_N], rtol=1e-6)


def test_what_moves_estimates_within_a_class_is_taken_out() -> None:
    moderator_N = np.linspace(-1, 1, 30)
    _, value_N, error_N = brands(30, 0.1, 0.05, seed=2)

    found = pool(value_N - 0.4 * moderator_N, error_N, moderator_N)

    assert found.slope == pytest.approx(-0.4, abs=0.08)
    assert found.between_sd < 0.2


@pytest.mark.parametrize(
    ("value", "error"),
    [([1.0, 2.0], [0.1, 0.1]), ([1.0, 2.0, 3.0], [0.1, 0.0, 0.1]), ([1.0, np.nan, 2.0], [0.1] * 3)],
)
def test_too_little_or_no_error_is_refused(value: list[float], error: list[float]) -> None:
    with pytest.raises(ValueError, match="a class needs 3 finite estimates"):
        pool(np.array(value), np.array(error))


def test_a_log_normal_prior_has_the_width_of_the_side_of_the_estimate() -> None:
    # Median 2: one width of log 2 above lies 4, one below lies 1.
    assert belief(np.log(2.0), np.log(2.0), np.log(9.0)) == pytest.approx((2.0, 2.0))
    assert belief(np.log(2.0), np.log(2.0), np.log(0.5)) == pytest.approx((2.0, 1.0))
