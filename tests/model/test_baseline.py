"""Bases of level and season: numbers by hand, carried forward, orthogonal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.model.baseline import carried_periods, course_basis, fourier_basis, level_basis, season_basis


def test_level_is_linear_between_knots_and_flat_into_the_future() -> None:
    """Knots at 0, 2 and 4; an increment has the standard deviation of two steps of a walk."""
    basis_TN = level_basis(7, 5, 2)

    np.testing.assert_allclose(basis_TN[:, 0] / np.sqrt(2), [0, 0.5, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(basis_TN[:, 1] / np.sqrt(2), [0, 0, 0, 0.5, 1, 1, 1])


def test_knots_that_do_not_divide_the_window_start_before_it() -> None:
    """Ten periods, spacing 4: knots at -3, 1, 5, 9, so that one stands at the last training period."""
    basis_TN = level_basis(12, 10, 4)

    assert basis_TN.shape == (12, 3)
    np.testing.assert_allclose(basis_TN[9] / 2.0, [1, 1, 1])
    np.testing.assert_allclose(basis_TN[5] / 2.0, [1, 1, 0])
    np.testing.assert_allclose(basis_TN[0, 0] / 2.0, 0.75)


def test_courses_of_an_effect_are_even_over_training_and_stay_after_it() -> None:
    """A walk's two slowest half-cosines, of size 1 and 1/2, then a year, where two of them were seen."""
    course_TV = course_basis(117, 104, 52.0)

    np.testing.assert_allclose(course_TV[:104].mean(0), 0.0, atol=1e-3)
    np.testing.assert_allclose(np.sqrt((course_TV[:104] ** 2).mean(0)), [1.0, 0.5, 1.0, 1.0], rtol=1e-3)
    np.testing.assert_array_equal(course_TV[104:, :2], np.repeat(course_TV[103:104, :2], 13, 0))
    np.testing.assert_allclose(course_TV[104:, 2:], course_TV[52:65, 2:], atol=1e-12)
    assert course_basis(103, 103, 52.0).shape == (103, 2)


def test_a_level_that_the_season_may_have_moved_is_carried_with_it() -> None:
    """91 weeks are less than two years: level and season go on as in the same last seven weeks."""
    level_TN, season_TF = level_basis(95, 91, 4, carried_periods(91, 52.18)), season_basis(95, 91, 2, 52.18)

    assert carried_periods(91, 52.18) == 7
    for basis in (level_TN, season_TF):
        np.testing.assert_allclose(basis[91:], np.repeat(basis[84:91].mean(0)[None], 4, 0), atol=1e-12)
    np.testing.assert_array_equal(level_TN[:91], level_basis(91, 91, 4))


@pytest.mark.parametrize(
    ("n_train", "cycle", "carried"), [(104, 52.0, 1), (103, 52.0, 6), (23, 12.0, 2), (3, 4.0, 1)]
)
def test_two_whole_cycles_tell_level_from_season(n_train: int, cycle: float, carried: int) -> None:
    assert carried_periods(n_train, cycle) == carried


@given(n_train=st.integers(2, 80), ahead=st.integers(0, 20), spacing=st.integers(1, 30))
def test_nothing_after_training_moves_the_level(n_train: int, ahead: int, spacing: int) -> None:
    basis_TN = level_basis(n_train + ahead, n_train, spacing)

    np.testing.assert_array_equal(basis_TN[n_train:], np.repeat(basis_TN[[n_train - 1]], ahead, 0))
    np.testing.assert_array_equal(basis_TN[:n_train], level_basis(n_train, n_train, spacing))
    assert np.isfinite(basis_TN).all()


def test_a_walk_of_unit_volatility_has_its_variance_at_the_knots() -> None:
    basis_TN = level_basis(41, 41, 8)
    variance_T = (basis_TN**2).sum(1)

    np.testing.assert_allclose(variance_T[[8, 16, 40]], [8, 16, 40])


def test_first_harmonics_of_four_periods() -> None:
    basis_TF = fourier_basis(4, 1, 4.0)

    np.testing.assert_allclose(basis_TF, [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-12)


def test_harmonics_are_damped_by_their_number() -> None:
    basis_TF = fourier_basis(104, 3, 52.0)

    np.testing.assert_allclose(np.abs(basis_TF).max(0), [1, 1 / 2, 1 / 3, 1, 1 / 2, 1 / 3], rtol=1e-2)
    gram = basis_TF.T @ basis_TF / 104
    np.testing.assert_allclose(gram, np.diag(gram.diagonal()), atol=1e-12)


@pytest.mark.parametrize(("order", "cycle", "columns"), [(0, 52.0, 0), (4, 4.0, 4), (12, 12.0, 12)])
def test_harmonics_faster_than_two_periods_are_left_out(order: int, cycle: float, columns: int) -> None:
    assert fourier_basis(24, order, cycle).shape == (24, columns)


@given(ahead=st.integers(0, 60))
def test_the_season_goes_on_in_phase(ahead: int) -> None:
    np.testing.assert_array_equal(fourier_basis(40 + ahead, 3, 52.18)[:40], fourier_basis(40, 3, 52.18))
