"""NOTEARS: weights of a directed acyclic graph by continuous optimisation, on Gram matrices.

The learner sees data only through second moments, so its cost does not depend on the number of rows
and moments of shards, blocks and bootstrap replicates can be summed before it runs.

Source: Zheng, Aragam, Ravikumar, Xing 2018, "DAGs with NO TEARS: Continuous Optimization for
Structure Learning", eq. 6-12.

Shapes: N rows, D nodes. Matrices over nodes are [cause, effect].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm
from scipy.optimize import Bounds, minimize

from mmm.data.panel import Bools, Floats

OUTER_STEPS = 60
"""Updates of the augmented Lagrangian's multiplier at most."""
PENALTY_MAX = 1e16
"""Quadratic penalty on cycles at which the augmented Lagrangian gives up tightening."""
OVERFLOW = 1e60
"""Value of ``acyclicity`` at which a line search must turn back."""
CYCLE_TOLERANCE = 1e-8
"""Value of ``acyclicity`` that counts as acyclic before thresholding, as in the authors' code."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Least-squares problems of all nodes at once, one equation per effect.

    Attributes:
        gram_DDD: Second moments of the causes, [effect, cause, cause]; a leading axis of 1 means that
            all effects share them.
        cross_DD: Second moments of cause and effect.
        power_D: Second moment of each effect.
    """

    gram_DDD: Floats
    cross_DD: Floats
    power_D: Floats

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.power_D)


def moments_of(data_ND: npt.ArrayLike) -> Moments:
    """Second moments of the columns of a matrix about their means.

    Args:
        data_ND: Rows of observations, columns of nodes.

    Raises:
        ValueError: Not a matrix of at least two rows and one column, or not finite.
    """
    rows_ND = np.asarray(data_ND, dtype=np.float64)
    if rows_ND.ndim != 2 or rows_ND.shape[0] < 2 or rows_ND.shape[1] < 1:
        raise ValueError(f"data has shape {rows_ND.shape}; it must be a matrix of at least 2 rows.")
    if not np.isfinite(rows_ND).all():
        raise ValueError("data must be finite; remove or fill missing values first.")
    centred_ND = rows_ND - rows_ND.mean(axis=0)
    gram_DD = centred_ND.T @ centred_ND / len(centred_ND)
    return Moments(gram_DDD=gram_DD[None], cross_DD=gram_DD.copy(), power_D=np.diag(gram_DD).copy())


def acyclicity(weights_DD: Floats) -> tuple[float, Floats]:
    """``tr(exp(W∘W)) − D``, zero exactly for acyclic weights, and its gradient.

    Weights too large to exponentiate count as ``OVERFLOW`` with gradient zero, so that a line search
    steps back from them.

    Source: Zheng et al. 2018, eq. 8.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        exponential_DD = np.asarray(expm(weights_DD * weights_DD), dtype=np.float64)
        gradient_DD = exponential_DD.T * weights_DD * 2.0
    value = float(np.trace(exponential_DD)) - len(weights_DD)
    if not np.isfinite(value) or value > OVERFLOW or not np.isfinite(gradient_DD).all():
        return OVERFLOW, np.zeros_like(weights_DD)
    return value, gradient_DD


def squared_loss(weights_DD: Floats, moments: Moments) -> tuple[float, Floats]:
    """Half the mean squared error summed over effects, and its gradient."""
    fitted_DD = (moments.gram_DDD @ weights_DD.T[:, :, None])[:, :, 0].T
    residual = moments.power_D.sum() + np.sum(weights_DD * (fitted_DD - 2.0 * moments.cross_DD))
    return 0.5 * float(residual), fitted_DD - moments.cross_DD


def notears(
    moments: Moments,
    *,
    l1: float,
    allowed_DD: Bools | None = None,
    unpenalised_DD: Bools | None = None,
    non_negative: bool = False,
    acyclic: bool = True,
    tolerance: float = CYCLE_TOLERANCE,
) -> Floats:
    """Weights that minimise squared loss plus L1 among acyclic ones, before thresholding.

    Args:
        moments: Second moments of causes and effects.
        l1: Weight of the sum of absolute weights.
        allowed_DD: Edges that may differ from zero; None allows all but self-loops.
        unpenalised_DD: Edges free of L1, such as required ones.
        non_negative: Refuse negative weights.
        acyclic: Impose acyclicity; where ``allowed_DD`` is acyclic already, False solves the same
            convex problem in one go.
        tolerance: Value of ``acyclicity`` at which to stop.
    """
    signs = (1.0,) if non_negative else (1.0, -1.0)
    lagrangian = _Lagrangian(moments, l1, allowed_DD, unpenalised_DD, signs=signs)
    parts = np.zeros(len(lagrangian.costs))
    if not acyclic or not len(parts):
        return lagrangian.weights(lagrangian.solve(parts, rho=0.0, alpha=0.0) if len(parts) else parts)
    # Each solution starts from the last. With a penalty on cycles the problem is not convex, and where it is
    # begun decides which edge of a cycle gives way: the weaker one, as seen before the penalty grew.
    rho, alpha, cycles = 1.0, 0.0, np.inf
    for _ in range(OUTER_STEPS):
        # Tighten until a step removes three quarters of the cycles: the multiplier alone would take many
        # updates, and a penalty that is large from the start makes the problem stiff.
        while True:
            candidate = lagrangian.solve(parts, rho=rho, alpha=alpha)
            remaining = acyclicity(lagrangian.weights(candidate))[0]
            if remaining <= 0.25 * cycles or rho >= PENALTY_MAX:
                break
            rho *= 10.0
        parts, cycles = candidate, remaining
        alpha += rho * cycles
        if cycles <= tolerance or rho >= PENALTY_MAX:
            break
    return lagrangian.weights(parts)


class _Lagrangian:
    """Allowed weights split into non-negative parts, and the augmented Lagrangian of those parts.

    A weight is its positive less its negative part, so that L1 is linear in what is sought and bounds take
    the place of a kink that L-BFGS could not step over. Weights that may not be are no unknowns at all.
    """

    def __init__(
        self,
        moments: Moments,
        l1: float,
        allowed_DD: Bools | None,
        unpenalised_DD: Bools | None,
        signs: tuple[float, ...],
    ) -> None:
        self.moments = moments
        self.signs = signs
        no_loop_DD = ~np.eye(moments.size, dtype=bool)
        self.index = np.flatnonzero(no_loop_DD if allowed_DD is None else allowed_DD & no_loop_DD)
        free = np.zeros(moments.size**2, dtype=bool) if unpenalised_DD is None else unpenalised_DD.ravel()
        self.costs = np.tile(np.where(free[self.index], 0.0, l1), len(signs))

    def weights(self, parts: Floats) -> Floats:
        """Weights of the parts."""
        size = self.moments.size
        flat = np.zeros(size * size)
        for sign, part in zip(self.signs, parts.reshape(len(self.signs), -1), strict=True):
            flat[self.index] += sign * part
        return flat.reshape(size, size)

    def solve(self, start: Floats, *, rho: float, alpha: float) -> Floats:
        """Parts that minimise loss, L1 and, where ``rho`` or ``alpha`` are positive, cycles."""
        cyclic = rho > 0 or alpha > 0

        def objective(parts: Floats) -> tuple[float, Floats]:
            weights_DD = self.weights(parts)
            value, gradient_DD = squared_loss(weights_DD, self.moments)
            if cyclic:
                cycles, slope_DD = acyclicity(weights_DD)
                value += 0.5 * rho * cycles * cycles + alpha * cycles
                gradient_DD = gradient_DD + (rho * cycles + alpha) * slope_DD
            inner = gradient_DD.ravel()[self.index]
            gradient = np.concatenate([sign * inner for sign in self.signs]) + self.costs
            return value + float(self.costs @ parts), gradient

        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=Bounds(0.0, np.inf))
        return np.asarray(found.x)


def acyclic_part(weights_DD: Floats, first_DD: Bools | None = None) -> Bools:
    """Edges that remain when the strongest are laid first and none may close a cycle.

    Args:
        weights_DD: Weights, zero where there is no edge.
        first_DD: Edges laid before all others, acyclic among themselves.
    """
    size = len(weights_DD)
    edges_DD = np.zeros((size, size), dtype=bool)
    reach_DD = np.eye(size, dtype=bool)
    strength = np.abs(weights_DD)
    if first_DD is not None:
        strength = np.where(first_DD, np.inf, strength)
    for flat in np.argsort(-strength, axis=None, kind="stable"):
        cause, effect = divmod(int(flat), size)
        if strength[cause, effect] == 0:
            break
        # Reachability is kept up with every edge, so that "closes a cycle" is one look instead of a search.
        if not reach_DD[effect, cause]:
            edges_DD[cause, effect] = True
            reach_DD |= np.outer(reach_DD[:, cause], reach_DD[effect])
    return edges_DD


def reachable(edges_DD: Bools) -> Bools:
    """Which nodes lead to which by one edge or more, [from, to]."""
    reach_DD = edges_DD.copy()
    for middle in range(len(edges_DD)):
        reach_DD |= np.outer(reach_DD[:, middle], reach_DD[middle])
    return reach_DD


def topological_order(edges_DD: Bools) -> list[int]:
    """Nodes from upstream to downstream; ties keep the order of the nodes.

    Raises:
        ValueError: The edges hold a cycle.
    """
    reach_DD = reachable(edges_DD)
    if reach_DD.diagonal().any():
        cycle = ", ".join(str(node) for node in np.flatnonzero(reach_DD.diagonal()))
        raise ValueError(f"edges among nodes {cycle} form a cycle; a directed acyclic graph has none.")
    # Whatever leads to a node leads to all that it leads to: further downstream, more ancestors.
    return [int(node) for node in np.argsort(reach_DD.sum(axis=0), kind="stable")]
