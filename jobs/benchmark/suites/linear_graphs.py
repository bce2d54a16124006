"""Random linear graphs and data drawn from them: the protocol on which structure learners are compared.

Shapes: N rows, D nodes; matrices over nodes are [cause, effect].
Source: Zheng et al. 2018, section 5.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from mmm.data.panel import Floats

Family = Literal["er", "sf"]


def random_dag(rng: np.random.Generator, nodes: int, family: Family, edges_per_node: int) -> Floats:
    """Weights ±[0.5, 2] on an Erdős–Rényi (``er``) or scale-free (``sf``) acyclic graph."""
    edges_DD = np.zeros((nodes, nodes), dtype=bool)
    if family == "er":
        above = np.triu_indices(nodes, 1)
        chosen = rng.choice(len(above[0]), size=edges_per_node * nodes, replace=False)
        edges_DD[above[0][chosen], above[1][chosen]] = True
    else:
        degree = np.ones(nodes)
        for node in range(1, nodes):
            share = degree[:node] / degree[:node].sum()
            parents = rng.choice(node, size=min(edges_per_node, node), replace=False, p=share)
            edges_DD[parents, node] = True
            degree[parents] += 1
    shuffled = rng.permutation(nodes)
    signed = rng.uniform(0.5, 2.0, size=(nodes, nodes)) * rng.choice([-1.0, 1.0], size=(nodes, nodes))
    return np.where(edges_DD, signed, 0.0)[np.ix_(shuffled, shuffled)]


def linear_data(rng: np.random.Generator, weights_DD: Floats, rows: int) -> Floats:
    """Gaussian noise of variance 1 passed through the graph, N rows."""
    noise_ND = rng.normal(size=(rows, len(weights_DD)))
    data_ND: Floats = noise_ND @ np.linalg.inv(np.eye(len(weights_DD)) - weights_DD)
    return data_ND


def structural_hamming_distance(found_DD: Floats, true_DD: Floats) -> int:
    """Edges to add, remove or turn round; a turn counts once."""
    found, true = found_DD != 0, true_DD != 0
    turned = found & ~true & true.T & ~found.T
    return int((found != true).sum() - turned.sum())
