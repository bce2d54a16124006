"""Bases of level and season: numbers by hand, carried forward, orthogonal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.model.baseline import fourier_basis, level_basis


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
