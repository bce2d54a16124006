from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.benchmark.suites.linear_dag import (
    Family,
    learn_dag,
    linear_data,
    random_dag,
    structural_hamming_distance,
)
from mmm.graph.notears import topological_order


def mean_distance(family: Family, nodes: int, edges_per_node: int, graphs: int, refine: bool = True) -> float:
    distances = []
    for seed in range(graphs):
        rng = np.random.default_rng(seed)
        true = random_dag(rng, nodes, family, edges_per_node)
        found = learn_dag(linear_data(rng, true, 1000), refine=refine)
        distances.append(structural_hamming_distance(found, true))
    return float(np.mean(distances))


def test_distance_counts_a_turned_edge_once() -> None:
    true = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    found = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert structural_hamming_distance(found, true) == 2


def test_erdos_renyi_10_nodes_are_recovered() -> None:
    assert mean_distance("er", 10, 2, graphs=5) <= 0.4


def test_erdos_renyi_20_nodes_are_recovered() -> None:
    assert mean_distance("er", 20, 2, graphs=2) <= 1.0


def test_scale_free_10_nodes_are_recovered_where_plain_notears_is_not() -> None:
    assert mean_distance("sf", 10, 4, graphs=2) <= 0.4
    assert mean_distance("sf", 10, 4, graphs=2, refine=False) > 2.0


def test_thresholded_correlation_fails_the_same_bar() -> None:
    rng = np.random.default_rng(0)
    true = random_dag(rng, 10, "er", 2)
    naive = np.triu(np.corrcoef(linear_data(rng, true, 1000).T), 1)
    assert structural_hamming_distance(np.where(np.abs(naive) > 0.3, naive, 0.0), true) > 6


def test_weights_are_those_of_the_equations() -> None:
    rng = np.random.default_rng(5)
    true = random_dag(rng, 6, "er", 1)
    np.testing.assert_allclose(learn_dag(linear_data(rng, true, 20_000)), true, atol=0.05)


def test_permuted_nodes_permute_the_graph() -> None:
    rng = np.random.default_rng(6)
    rows = linear_data(rng, random_dag(rng, 7, "er", 1), 500)
    shuffled = rng.permutation(7)
    expected = learn_dag(rows)[np.ix_(shuffled, shuffled)]
    np.testing.assert_allclose(learn_dag(rows[:, shuffled]), expected, atol=1e-6)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(1, 5), refine=st.booleans(), signed=st.booleans())
def test_result_is_acyclic_whatever_the_data(seed: int, nodes: int, refine: bool, signed: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, nodes)) @ rng.normal(size=(nodes, nodes))
    weights = learn_dag(rows, threshold=0.0, l1=0.01, refine=refine, non_negative=not signed)
    assert len(topological_order(weights != 0)) == nodes
    assert signed or (weights >= 0).all()


def test_prior_knowledge_is_honoured() -> None:
    rng = np.random.default_rng(7)
    true = np.zeros((4, 4))
    true[0, 1] = true[1, 2] = 1.5
    rows = linear_data(rng, true, 1000)
    forbidden, required = np.zeros((2, 4, 4), dtype=bool)
    forbidden[0, 1] = True
    required[3, 0] = required[2, 1] = True
    for refine in (True, False):
        weights = learn_dag(rows, forbidden_DD=forbidden, required_DD=required, refine=refine)
        assert weights[0, 1] == 0
        assert weights[2, 1] != 0
        assert weights[3, 0] != 0
        topological_order(weights != 0)


def test_known_order_is_kept() -> None:
    rng = np.random.default_rng(8)
    true = np.zeros((3, 3))
    true[0, 1] = true[1, 2] = 1.0
    weights = learn_dag(linear_data(rng, true, 1000), order=[2, 1, 0])
    assert weights[2, 1] > 0.3
    assert weights[1, 0] > 0.3
    assert not np.triu(weights).any()


def test_contradictions_are_refused() -> None:
    rows = np.random.default_rng(9).normal(size=(20, 2))
    edge, cycle = np.array([[0, 1], [0, 0]]), np.array([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="forbidden"):
        learn_dag(rows, required_DD=edge, forbidden_DD=edge)
    with pytest.raises(ValueError, match="cycle"):
        learn_dag(rows, required_DD=cycle)
    with pytest.raises(ValueError, match="order"):
        learn_dag(rows, required_DD=edge, order=[1, 0])
    with pytest.raises(ValueError, match="order must name"):
        learn_dag(rows, order=[0, 0])
    with pytest.raises(ValueError, match="shape"):
        learn_dag(rows, forbidden_DD=[[1]])
