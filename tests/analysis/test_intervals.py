from __future__ import annotations

import numpy as np
import pytest

from mmm.analysis.intervals import (
    chance_above_zero,
    change,
    estimate,
    interval,
    interval_from_zero,
    quantile,
    tail_mean,
)


def test_few_members_use_student_t() -> None:
    mean, lower, upper = interval(np.array([1.0, 2.0, 3.0]), level=0.9)
    # sd 1, t(0.95, 2) = 2.91999, sqrt(1 + 1/3) = 1.15470
    assert float(mean) == pytest.approx(2.0)
    assert float(lower) == pytest.approx(2.0 - 2.91999 * 1.15470, abs=1e-4)
    assert float(upper) == pytest.approx(2.0 + 2.91999 * 1.15470, abs=1e-4)


def test_many_members_use_empirical_quantiles() -> None:
    values_M = np.arange(101.0)
    assert [float(v) for v in interval(values_M, level=0.9)] == pytest.approx([50.0, 5.0, 95.0])


@pytest.mark.parametrize("members", [50, 64, 200, 201])
def test_quantiles_of_many_members_are_those_of_numpy(members: int) -> None:
    values_MN = np.random.default_rng(members).normal(size=(members, 4))
    values_MN[:, 1] = 3.0
    values_MN[7, 2] = np.nan
    expected = np.quantile(values_MN, [0.05, 0.5, 0.95], axis=0)

    found = [quantile(values_MN, probability) for probability in (0.05, 0.5, 0.95)]

    np.testing.assert_array_equal(np.stack(found), expected)
    assert np.isnan(found[0][2]) and not np.isnan(found[0][[0, 1]]).any()


def test_the_chance_above_zero_is_where_zero_lies_in_the_interval() -> None:
    """Mean 2, spread 2/sqrt(3): the lower end of the interval at this level lies at 0, as the chance says."""
    values_M = np.array([1.0, 2.0, 3.0])
    chance = chance_above_zero(values_M)

    assert chance is not None and chance == pytest.approx(0.88730, abs=1e-4)
    assert float(interval(values_M, level=2 * chance - 1).lower) == pytest.approx(0.0, abs=1e-9)
    assert chance_above_zero(-values_M) == pytest.approx(1 - chance)


def test_the_mean_of_a_tail() -> None:
    assert tail_mean(np.arange(100.0), 0.1) == pytest.approx(4.5)  # 0 to 9
    assert tail_mean(np.arange(50.0), 0.05) == pytest.approx((0 + 1 + 0.5 * 2) / 2.5)
    # Student's t with 2 degrees of freedom: below its quantile q the mean is -pdf(q)/p * (2 + q^2).
    place, density = -1.88562, 0.076367
    expected = 2.0 - density / 0.1 * (2 + place**2) * np.sqrt(4 / 3)
    assert tail_mean(np.array([1.0, 2.0, 3.0]), 0.1) == pytest.approx(expected, rel=1e-3)
    assert tail_mean(np.array([1.0, 2.0]), 0.1) is None
    assert tail_mean(np.array([1.0]), 0.1) is None


def test_of_many_members_the_chance_is_their_share() -> None:
    assert chance_above_zero(np.arange(-20.0, 80.0)) == pytest.approx(0.79)


def test_the_chance_of_members_that_agree_and_of_one_alone() -> None:
    assert chance_above_zero(np.full(4, 2.0)) == 1.0
    assert chance_above_zero(np.zeros(4)) == 0.0, "the status quo gains nothing"
    assert chance_above_zero(np.array([3.0])) is None


def test_one_member_has_no_interval() -> None:
    mean, lower, upper = interval(np.array([[4.0, 5.0]]))
    assert mean.tolist() == [4.0, 5.0]
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()
    assert estimate(np.array([4.0])).model_dump() == {"mean": 4.0, "lower": None, "upper": None}


def test_further_axes_are_kept() -> None:
    values_M23 = np.random.default_rng(0).normal(size=(8, 2, 3))
    result = interval(values_M23)
    assert result.lower.shape == (2, 3)
    one = interval(values_M23[:, 1, 2])
    assert float(result.upper[1, 2]) == pytest.approx(float(one.upper))


def test_intervals_cover_at_their_level() -> None:
    rng = np.random.default_rng(1)
    centre_N = rng.normal(size=4000)  # the estimate misses the truth 0 by one unit of its own spread
    members_MN = centre_N + rng.normal(size=(8, 4000))
    _, lower_N, upper_N = interval(members_MN, level=0.9)
    assert float(np.mean((lower_N <= 0) & (upper_N >= 0))) == pytest.approx(0.9, abs=0.02)
    naive = np.quantile(members_MN, [0.05, 0.95], axis=0)
    assert float(np.mean((naive[0] <= 0) & (naive[1] >= 0))) < 0.85


@pytest.mark.parametrize("bad", [np.empty((0,)), np.array(1.0)])
def test_no_members_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least one member"):
        interval(bad)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0])
def test_bad_level_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        interval(np.array([1.0, 2.0]), level=level)
    with pytest.raises(ValueError, match="outside"):
        quantile(np.array([1.0, 2.0]), level)


def test_what_cannot_be_negative_has_no_negative_bound() -> None:
    values_MN = np.array([[0.0, 5.0], [4.0, 6.0]])
    mean, lower, upper = interval_from_zero(values_MN)
    assert mean.tolist() == [2.0, 5.5]
    assert lower[0] == 0.0
    assert (lower <= upper).all()
    assert np.isnan(interval_from_zero(values_MN[:1]).lower).all()


def test_what_some_member_has_below_zero_keeps_its_bound() -> None:
    values_MN = np.array([[-1.0, 0.0], [3.0, 2.0]])
    lower = interval_from_zero(values_MN).lower

    assert lower[0] == interval(values_MN[:, 0]).lower
    assert lower[0] < -1.0
    assert lower[1] == 0.0


def test_a_difference_by_rounding_is_exactly_none() -> None:
    before = np.array([3e9, 3e9, 0.0])
    after = np.array([3e9 + 3e-6, 3e9 + 30.0, 1e-6])

    assert change(after, before).tolist() == [0.0, 30.0, 1e-6]
    assert change(before, before).tolist() == [0.0, 0.0, 0.0]
