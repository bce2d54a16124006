from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from mmm.graph.notears import (
    OVERFLOW,
    Moments,
    acyclic_part,
    acyclicity,
    moments_of,
    notears,
    notears_of_each,
    squared_loss,
    topological_order,
)


def random_moments(rng: np.random.Generator, size: int) -> Moments:
    """Equations whose causes differ from effect to effect, as the channel graph's do."""
    roots = rng.normal(size=(size, 2 * size, size))
    gram_DDD = np.einsum("jni,jnk->jik", roots, roots) / (2 * size)
    return Moments(gram_DDD=gram_DDD, cross_DD=rng.normal(size=(size, size)), power_D=np.ones(size))


def test_acyclicity_counts_weighted_closed_walks() -> None:
    weights = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert acyclicity(weights)[0] == pytest.approx(2 * np.cosh(1.0) - 2)
    assert acyclicity(np.triu(np.full((4, 4), 3.0), 1))[0] == pytest.approx(0.0, abs=1e-9)


def test_acyclicity_too_large_to_exponentiate_turns_a_line_search_back() -> None:
    value, gradient = acyclicity(np.full((3, 3), 1e3))
    assert value == OVERFLOW
    assert not gradient.any()


def test_gradients_match_finite_differences() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(scale=0.5, size=(4, 4))
    moments = random_moments(rng, 4)

    def cycles(flat: np.ndarray) -> float:
        return float(acyclicity(flat.reshape(4, 4))[0])

    def loss(flat: np.ndarray) -> float:
        return float(squared_loss(flat.reshape(4, 4), moments)[0])

    for function, gradient in (
        (cycles, acyclicity(weights)[1]),
        (loss, squared_loss(weights, moments)[1]),
    ):
        numeric = approx_fprime(weights.ravel(), function, 1e-7).reshape(4, 4)
        np.testing.assert_allclose(gradient, numeric, atol=1e-5)


def test_squared_loss_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(50, 3))
    rows -= rows.mean(axis=0)
    weights = rng.normal(size=(3, 3))
    expected = 0.5 * ((rows - rows @ weights) ** 2).sum() / 50
    assert squared_loss(weights, moments_of(rows))[0] == pytest.approx(expected)


def test_one_edge_between_two_nodes() -> None:
    rng = np.random.default_rng(2)
    cause = rng.normal(size=5000)
    rows = np.column_stack([2.0 * cause + rng.normal(size=5000), cause])
    weights = notears(moments_of(rows), l1=0.0)
    assert weights[1, 0] == pytest.approx(2.0, abs=0.05)
    assert abs(weights[0, 1]) < 1e-3


def test_masks_and_signs_are_honoured() -> None:
    rng = np.random.default_rng(3)
    moments = random_moments(rng, 5)
    allowed = rng.random((5, 5)) < 0.5
    weights = notears(moments, l1=0.01, allowed_DD=allowed, non_negative=True)
    assert (weights >= 0).all()
    assert not weights[~allowed].any()
    assert not notears(moments, l1=0.01, allowed_DD=np.zeros((5, 5), dtype=bool)).any()


def test_problems_at_once_are_solved_as_each_alone() -> None:
    rng = np.random.default_rng(5)
    every = [random_moments(rng, 5) for _ in range(4)]
    together = notears_of_each(every, l1=0.05)
    for moments, weights in zip(every, together, strict=True):
        np.testing.assert_allclose(weights, notears(moments, l1=0.05), atol=1e-9)


def test_known_order_is_least_squares_of_each_column() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3))
    rows -= rows.mean(axis=0)
    weights = notears(
        moments_of(rows), l1=0.0, allowed_DD=np.triu(np.ones((3, 3), dtype=bool), 1), acyclic=False
    )
    expected = np.linalg.lstsq(rows[:, :2], rows[:, 2], rcond=None)[0]
    np.testing.assert_allclose(weights[:2, 2], expected, atol=1e-4)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 7))
def test_acyclic_part_is_acyclic_and_keeps_the_strongest(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(size, size)) * (rng.random((size, size)) < 0.7)
    np.fill_diagonal(weights, 0.0)
    edges = acyclic_part(weights)
    assert sorted(topological_order(edges)) == list(range(size))
    assert not edges[weights == 0].any()
    if weights.any():
        assert edges.flat[np.argmax(np.abs(weights))]


def test_topological_order_refuses_a_cycle() -> None:
    with pytest.raises(ValueError, match="0, 1 form a cycle"):
        topological_order(np.array([[False, True], [True, False]]))


@pytest.mark.parametrize("data", [[[1.0, 2.0]], [1.0, 2.0], [[1.0], [np.nan]]])
def test_data_that_is_no_finite_matrix_is_refused(data: list[Any]) -> None:
    with pytest.raises(ValueError, match="data"):
        moments_of(data)
