"""Random linear graphs with data drawn from them, and a learner of the graph from the data alone.

NOTEARS proposes; a search over orders and a refit without shrinkage settle the same least-squares score
with a count of edges in the place of L1, which removes NOTEARS' shrinkage and most of its local optima.

Shapes: N rows, D nodes. Matrices over nodes are [cause, effect].
Source: Zheng et al. 2018, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from mmm.data.panel import Bools, Floats
from mmm.graph.notears import CYCLE_TOLERANCE, Moments, acyclic_part, moments_of, notears, topological_order

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


RIDGE = 1e-10
"""Share of a node's power added to the diagonal, so that collinear causes still have a solution."""
PROPOSAL_TOLERANCE = 1e-2
"""Value of ``acyclicity`` that is near enough for a first order; what closes a cycle is cut anyway."""
EVIDENCE = 2.0
"""An edge must lower ``N log(residual)`` by this many times ``log N``."""


def learn_dag(
    data_ND: npt.ArrayLike,
    *,
    l1: float = 0.1,
    threshold: float = 0.3,
    non_negative: bool = False,
    forbidden_DD: npt.ArrayLike | None = None,
    required_DD: npt.ArrayLike | None = None,
    order: Sequence[int] | None = None,
    refine: bool = True,
) -> Floats:
    """Weights of the acyclic linear model ``x_j = Σ_i w_ij x_i + noise`` that explains the columns.

    The score is the squared error summed over nodes, so direction is identified as far as the noise of
    all nodes has the same variance; do not standardise the columns.

    Args:
        data_ND: Rows of observations, columns of nodes; columns are centred here.
        l1: NOTEARS' weight of the sum of absolute weights.
        threshold: Smallest absolute weight that counts as an edge.
        non_negative: Refuse negative weights.
        forbidden_DD: Edges that must not be, [cause, effect].
        required_DD: Edges that must be, whatever their weight; they are free of L1 and threshold.
        order: Nodes from upstream to downstream, where known: the problem is then convex.
        refine: Search over orders from NOTEARS' solution and refit without L1; False gives NOTEARS itself.

    Returns:
        Weights [cause, effect], acyclic, zero where there is no edge.

    Raises:
        ValueError: Data or masks of the wrong shape, required edges that are forbidden, form a cycle or
            contradict ``order``.

    Source: Zheng et al. 2018, algorithm 1 (thresholded); Loh and Bühlmann 2014 for the order's score.
    """
    rows_ND = np.asarray(data_ND, dtype=np.float64)
    moments = moments_of(rows_ND)
    allowed_DD, required = edge_masks(moments.size, forbidden_DD, required_DD, order)
    weights_DD = notears(
        moments,
        l1=l1,
        allowed_DD=allowed_DD,
        unpenalised_DD=required,
        non_negative=non_negative,
        acyclic=order is None,
        tolerance=PROPOSAL_TOLERANCE if refine else CYCLE_TOLERANCE,
    )
    kept_DD = np.where(required | (np.abs(weights_DD) >= threshold), weights_DD, 0.0)
    edges_DD = acyclic_part(kept_DD, required)
    if not refine:
        return np.where(edges_DD, weights_DD, 0.0)
    equations = Equations(moments, allowed_DD, required, non_negative=non_negative)
    nodes = list(order) if order is not None else equations.search(topological_order(edges_DD))
    return equations.refit(nodes, rows=len(rows_ND), threshold=threshold)


def edge_masks(
    size: int,
    forbidden_DD: npt.ArrayLike | None,
    required_DD: npt.ArrayLike | None,
    order: Sequence[int] | None,
) -> tuple[Bools, Bools]:
    """Allowed and required edges as masks, checked against one another.

    Raises:
        ValueError: A wrong shape, required edges that are forbidden, form a cycle or contradict the order.
    """
    masks = []
    for name, mask in (("forbidden_DD", forbidden_DD), ("required_DD", required_DD)):
        array = np.zeros((size, size), dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
        if array.shape != (size, size):
            raise ValueError(f"{name} has shape {array.shape}; it must be ({size}, {size}).")
        masks.append(array)
    forbidden, required = masks
    allowed_DD = ~forbidden & ~np.eye(size, dtype=bool)
    if order is not None:
        if sorted(order) != list(range(size)):
            raise ValueError(f"order must name each of the {size} nodes once, not {list(order)}.")
        rank = np.argsort(np.asarray(order, dtype=np.int64))
        allowed_DD &= rank[:, None] < rank[None, :]
    if (required & ~allowed_DD).any():
        cause, effect = np.argwhere(required & ~allowed_DD)[0]
        raise ValueError(
            f"edge {cause} -> {effect} is required, but it is forbidden, a self-loop or against the order."
        )
    topological_order(required)
    return allowed_DD, required


class Equations:
    """Least squares of every node on any set of causes, remembered.

    Args:
        moments: Second moments shared by all effects.
        allowed_DD: Edges that may be.
        required_DD: Edges that must be.
        non_negative: Refuse negative weights.
    """

    def __init__(
        self, moments: Moments, allowed_DD: Bools, required_DD: Bools, *, non_negative: bool
    ) -> None:
        power_D = np.maximum(moments.power_D, np.finfo(np.float64).tiny)
        self.gram_DD = moments.gram_DDD[0] + np.diag(RIDGE * power_D)
        self.power_D = power_D
        self.allowed_DD = allowed_DD
        self.required_DD = required_DD
        self.non_negative = non_negative
        self._known: dict[tuple[int, tuple[int, ...]], tuple[Floats, float]] = {}

    def fit(self, effect: int, causes: tuple[int, ...]) -> tuple[Floats, float]:
        """Weights of the causes and the mean squared residual of the effect."""
        known = self._known.get((effect, causes))
        if known is not None:
            return known
        power = float(self.power_D[effect])
        weights, residual = np.zeros(0), power
        if causes:
            index = list(causes)
            factor = np.linalg.cholesky(self.gram_DD[np.ix_(index, index)])
            target = np.linalg.solve(factor, self.gram_DD[index, effect])
            if self.non_negative:
                weights, misfit = nnls(factor.T, target)
            else:
                weights, misfit = np.asarray(np.linalg.solve(factor.T, target)), 0.0
            residual = max(power - float(target @ target) + misfit**2, RIDGE * power)
        self._known[effect, causes] = (weights, residual)
        return weights, residual

    def _causes(self, effect: int, before: list[int]) -> tuple[int, ...]:
        return tuple(sorted(node for node in before if self.allowed_DD[node, effect]))

    def _score(self, order: list[int]) -> float:
        return sum(self.fit(node, self._causes(node, order[:at]))[1] for at, node in enumerate(order))

    def _admits(self, order: list[int]) -> bool:
        rank = np.argsort(order)
        return bool((rank[:, None] < rank[None, :])[self.required_DD].all())

    def search(self, start: list[int]) -> list[int]:
        """Order of least total squared error that moving any one node cannot better."""
        order, best = start, self._score(start)
        improved = True
        while improved:
            improved = False
            for node in list(order):
                rest = [other for other in order if other != node]
                moves = [[*rest[:at], node, *rest[at:]] for at in range(len(order))]
                scored = [(self._score(move), move) for move in moves if self._admits(move)]
                score, move = min(scored)
                if score < best * (1.0 - 1e-9):
                    order, best, improved = move, score, True
        return order

    def refit(self, order: list[int], *, rows: int, threshold: float) -> Floats:
        """Weights along an order after dropping, one at a time, what the data do not ask for."""
        weights_DD: Floats = np.zeros_like(self.gram_DD)
        for at, effect in enumerate(order):
            causes = self._prune(effect, self._causes(effect, order[:at]), rows)
            weights = self.fit(effect, causes)[0]
            for cause, weight in zip(causes, weights, strict=True):
                if self.required_DD[cause, effect] or abs(weight) >= threshold:
                    weights_DD[cause, effect] = weight
        return weights_DD

    def _prune(self, effect: int, causes: tuple[int, ...], rows: int) -> tuple[int, ...]:
        while True:
            free = [cause for cause in causes if not self.required_DD[cause, effect]]
            if not free:
                return causes
            full = self.fit(effect, causes)[1]
            fewer = [tuple(other for other in causes if other != cause) for cause in free]
            residual, shorter = min((self.fit(effect, rest)[1], rest) for rest in fewer)
            if rows * np.log(residual / full) > EVIDENCE * np.log(rows):
                return causes
            causes = shorter
