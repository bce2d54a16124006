"""NOTEARS: weights of a directed acyclic graph by continuous optimisation, on Gram matrices.

The learner sees data only through second moments, so its cost does not depend on the number of rows
and moments of shards, blocks and bootstrap replicates can be summed before it runs.

Source: Zheng, Aragam, Ravikumar, Xing 2018, "DAGs with NO TEARS: Continuous Optimization for
Structure Learning", eq. 6-12.

Shapes: N rows, D nodes. Matrices over nodes are [cause, effect].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import factorial

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Bools, Floats

OUTER_STEPS = 60
"""Updates of the augmented Lagrangian's multiplier at most."""
PENALTY_MAX = 1e16
"""Quadratic penalty on cycles at which the augmented Lagrangian gives up tightening."""
OVERFLOW = 1e60
"""Value of ``acyclicity`` at which a line search must turn back."""
LARGEST_NORM = 200.0
"""Largest row sum of squared weights that is exponentiated; what is near ``OVERFLOW`` is near half of it."""
FACTORIAL = tuple(float(factorial(n)) for n in range(16))
FLAT, LITTLE = 1e-5, 2e-9
"""Slope that is none, and gain relative to the value that is none: there a problem counts as solved."""
ENOUGH, NEAREST = 1e-4, 1e-10
"""Share of what the slope promises that a step must gain; shortest step that is tried."""
RIDGE = 1e-9
"""Curvature added to that of causes that are combinations of one another."""
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
        return int(self.power_D.shape[-1])


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


def acyclicity(weights_DD: Floats) -> tuple[Floats, Floats]:
    """``tr(exp(W∘W)) − D``, zero exactly for acyclic weights, and its gradient, of one or many matrices.

    Weights too large to exponentiate count as ``OVERFLOW`` with gradient zero, so that a line search
    steps back from them.

    Source: Zheng et al. 2018, eq. 8.
    """
    square_DD = weights_DD * weights_DD
    known = square_DD.sum(-1).max(-1) <= LARGEST_NORM
    exponential_DD = _exponential(np.where(known[..., None, None], square_DD, 0.0))
    value = np.trace(exponential_DD, axis1=-2, axis2=-1) - weights_DD.shape[-1]
    known &= value <= OVERFLOW
    gradient_DD = np.swapaxes(exponential_DD, -1, -2) * weights_DD * 2.0
    return np.where(known, value, OVERFLOW), np.where(known[..., None, None], gradient_DD, 0.0)


def _exponential(matrix_DD: Floats) -> Floats:
    """Exponential of matrices without negative entries, by scaling, a Taylor polynomial and squaring.

    The polynomial has degree 15 (Paterson and Stockmeyer 1973) on matrices of norm 1/2 at most: exact to the
    last digit.
    """
    norm = float(matrix_DD.sum(-1).max(initial=0.0))
    squarings = max(int(np.ceil(np.log2(norm))) + 1, 0) if norm > 0 else 0
    scaled_DD = matrix_DD / 2.0**squarings
    second_DD = scaled_DD @ scaled_DD
    powers = (np.eye(matrix_DD.shape[-1]), scaled_DD, second_DD, second_DD @ scaled_DD)
    fourth_DD = second_DD @ second_DD
    total_DD = np.zeros_like(matrix_DD)
    for first in (12, 8, 4, 0):
        block = sum(power / FACTORIAL[first + place] for place, power in enumerate(powers))
        total_DD = total_DD @ fourth_DD + block
    for _ in range(squarings):
        total_DD = total_DD @ total_DD
    return total_DD


def squared_loss(weights_DD: Floats, moments: Moments) -> tuple[Floats, Floats]:
    """Half the mean squared error summed over effects, and its gradient, of one or many problems."""
    causes_DD1 = np.swapaxes(weights_DD, -1, -2)[..., None]
    fitted_DD = np.swapaxes((moments.gram_DDD @ causes_DD1)[..., 0], -1, -2)
    residual = moments.power_D.sum(-1)
    residual = residual + np.sum(weights_DD * (fitted_DD - 2.0 * moments.cross_DD), axis=(-2, -1))
    return 0.5 * residual, fitted_DD - moments.cross_DD


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
    found_BDD = notears_of_each(
        [moments],
        l1=l1,
        allowed_DD=allowed_DD,
        unpenalised_DD=unpenalised_DD,
        non_negative=non_negative,
        acyclic=acyclic,
        tolerance=tolerance,
    )
    weights_DD: Floats = found_BDD[0]
    return weights_DD


def notears_of_each(
    every: Sequence[Moments],
    *,
    l1: float,
    allowed_DD: Bools | None = None,
    unpenalised_DD: Bools | None = None,
    non_negative: bool = False,
    acyclic: bool = True,
    tolerance: float = CYCLE_TOLERANCE,
) -> Floats:
    """:func:`notears` of problems of like shape at once, shape BDD; each goes its own way.

    Args:
        every: Second moments of each.
        l1: As there.
        allowed_DD: As there.
        unpenalised_DD: As there.
        non_negative: As there.
        acyclic: As there.
        tolerance: As there.
    """
    moments = stacked(every)
    may_DD = ~np.eye(moments.size, dtype=bool)
    may_DD = may_DD if allowed_DD is None else may_DD & allowed_DD
    costs_DD = np.full(may_DD.shape, l1)
    if unpenalised_DD is not None:
        costs_DD[unpenalised_DD] = 0.0
    search = _Search(moments, costs_DD, may_DD, non_negative)
    count, found_BDD = len(every), search.weights_BDD
    if not acyclic:
        search.run(tighten=lambda _: np.ones(count, dtype=bool))
        return search.weights_BDD
    # Each solution starts from the last. With a penalty on cycles the problem is not convex, and where it is
    # begun decides which edge of a cycle gives way: the weaker one, as seen before the penalty grew.
    search.rho_B[:] = 1.0
    cycles_B, updates_B = np.full(count, np.inf), np.zeros(count, dtype=int)

    def tighten(solved_B: Bools) -> Bools:
        """After solutions the next problem of each; returns which have none."""
        nonlocal found_BDD, cycles_B
        remaining_B = acyclicity(search.weights_BDD)[0]
        # Tighten until a step removes three quarters of the cycles: the multiplier alone would take many
        # updates, and a penalty that is large from the start makes the problem stiff.
        taken_B = solved_B & ((remaining_B <= 0.25 * cycles_B) | (search.rho_B >= PENALTY_MAX))
        again_B = solved_B & ~taken_B
        found_BDD = np.where(taken_B[:, None, None], search.weights_BDD, found_BDD)
        cycles_B = np.where(taken_B, remaining_B, cycles_B)
        search.alpha_B += np.where(taken_B, search.rho_B * remaining_B, 0.0)
        search.rho_B = np.where(again_B, 10.0 * search.rho_B, search.rho_B)
        search.weights_BDD = np.where(again_B[:, None, None], found_BDD, search.weights_BDD)
        updates_B[taken_B] += 1
        ended_B = (cycles_B <= tolerance) | (search.rho_B >= PENALTY_MAX) | (updates_B >= OUTER_STEPS)
        return taken_B & ended_B

    search.run(tighten)
    return found_BDD


def stacked(every: Sequence[Moments]) -> Moments:
    """Moments of problems of like shape with a leading axis of problems."""
    return Moments(*(np.stack([getattr(one, item.name) for one in every]) for item in fields(Moments)))


class _Search:
    """Augmented Lagrangians of some problems and where their minima are sought.

    Newton's steps: the loss has a curvature of its own for each effect, cycles add a diagonal and, by the
    square of their number, one direction; what their own curvature adds beyond the diagonal is left out,
    which costs steps and no truth. L1 is kept by staying on one side of 0 within a step (Andrew and Gao 2007,
    "Scalable training of L1-regularized log-linear models").

    Attributes:
        weights_BDD: Where the searches stand, shape BDD.
        rho_B: Penalty on the square of cycles.
        alpha_B: Penalty on cycles.
    """

    def __init__(self, moments: Moments, costs_DD: Floats, may_DD: Bools, non_negative: bool) -> None:
        self._moments, self._costs_DD, self._may_DD = moments, costs_DD, may_DD
        self._lowest = 0.0 if non_negative else -np.inf
        count, size = moments.power_D.shape
        self.weights_BDD = np.zeros((count, size, size))
        self.rho_B, self.alpha_B = np.zeros(count), np.zeros(count)

    def run(self, tighten: Callable[[Bools], Bools]) -> None:
        """Search until every problem has ended.

        Args:
            tighten: Told which are solved; may set them another problem and returns which have ended.
        """
        count = len(self.rho_B)
        going_B = np.ones(count, dtype=bool)
        fresh_B, length_B = np.ones(count, dtype=bool), np.ones(count)
        value_B, pull_BDD, way_BDD = np.zeros(count), *(np.zeros_like(self.weights_BDD) for _ in range(2))
        while going_B.any():
            if fresh_B.any():
                found = self._looked_at(self.weights_BDD)
                ways_BDD = self._way(*found[1:])
                value_B = np.where(fresh_B, found[0], value_B)
                pull_BDD, way_BDD = (
                    np.where(fresh_B[:, None, None], new, old)
                    for new, old in ((found[1], pull_BDD), (ways_BDD, way_BDD))
                )
                length_B = np.where(fresh_B, 1.0, length_B)
            trial_BDD = self._trial(pull_BDD, length_B[:, None, None] * way_BDD)
            there_B = self._value(trial_BDD)
            promised_B = ((trial_BDD - self.weights_BDD) * pull_BDD).sum((1, 2))
            goes_B = going_B & (there_B <= value_B + ENOUGH * promised_B) & (promised_B < 0)
            gain_B = np.where(goes_B, value_B - there_B, 0.0)
            flat_B = np.abs(pull_BDD).max((1, 2)) <= FLAT
            little_B = goes_B & (gain_B <= LITTLE * np.maximum(np.abs(value_B), 1.0))
            self.weights_BDD = np.where(goes_B[:, None, None], trial_BDD, self.weights_BDD)
            solved_B = going_B & (flat_B | little_B | (~goes_B & (length_B < NEAREST)))
            length_B = np.where(goes_B, 1.0, 0.3 * length_B)
            if solved_B.any():
                going_B &= ~tighten(solved_B)
            fresh_B = going_B & (goes_B | solved_B)

    def _value(self, weights_BDD: Floats) -> Floats:
        loss_B, cycles_B = squared_loss(weights_BDD, self._moments)[0], acyclicity(weights_BDD)[0]
        return self._total(weights_BDD, loss_B, cycles_B)

    def _total(self, weights_BDD: Floats, loss_B: Floats, cycles_B: Floats) -> Floats:
        """What is minimised: the loss, what weights cost and the penalty on cycles."""
        loss_B = loss_B + (self._costs_DD * np.abs(weights_BDD)).sum((1, 2))
        return np.asarray(loss_B + (0.5 * self.rho_B * cycles_B + self.alpha_B) * cycles_B)

    def _looked_at(self, weights_BDD: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Value, steepest slope, slope of cycles and the diagonal of their curvature."""
        loss_B, slope_BDD = squared_loss(weights_BDD, self._moments)
        cycles_B, turn_BDD = acyclicity(weights_BDD)
        value_B = self._total(weights_BDD, loss_B, cycles_B)
        push_B11 = (self.rho_B * cycles_B + self.alpha_B)[:, None, None]
        slope_BDD = slope_BDD + push_B11 * turn_BDD
        up_BDD, down_BDD = slope_BDD + self._costs_DD, slope_BDD - self._costs_DD
        at_zero_BDD = np.where(up_BDD < 0, up_BDD, 0.0)
        if self._lowest < 0:
            at_zero_BDD = np.where(down_BDD > 0, down_BDD, at_zero_BDD)
        pull_BDD = np.where(weights_BDD > 0, up_BDD, np.where(weights_BDD < 0, down_BDD, at_zero_BDD))
        bend_BDD = push_B11 * np.divide(
            turn_BDD, weights_BDD, out=np.zeros_like(turn_BDD), where=weights_BDD != 0
        )
        return value_B, np.where(self._may_DD, pull_BDD, 0.0), turn_BDD, bend_BDD

    def _way(self, pull_BDD: Floats, turn_BDD: Floats, bend_BDD: Floats) -> Floats:
        """Newton's step among the weights that are free, effect by effect and then along cycles."""
        free_BDD = np.swapaxes((self.weights_BDD != 0) | (pull_BDD != 0), 1, 2)
        size = self._moments.size
        both_BDDD = free_BDD[..., :, None] & free_BDD[..., None, :]
        curvature_BDDD = np.where(both_BDDD, self._moments.gram_DDD, 0.0)
        own_BDD = np.where(free_BDD, np.swapaxes(bend_BDD, 1, 2) + RIDGE, 1.0)
        curvature_BDDD = curvature_BDDD + own_BDD[..., None] * np.eye(size)
        along_BDD = np.where(free_BDD, np.swapaxes(turn_BDD, 1, 2), 0.0)
        sides = np.stack([np.swapaxes(pull_BDD, 1, 2), along_BDD], -1)
        solved = np.linalg.solve(curvature_BDDD, sides)
        step_BDD, turned_BDD = solved[..., 0], solved[..., 1]
        weight_B = self.rho_B / (1.0 + self.rho_B * (along_BDD * turned_BDD).sum((1, 2)))
        back_B = weight_B * (along_BDD * step_BDD).sum((1, 2))
        return np.asarray(-np.swapaxes(step_BDD - back_B[:, None, None] * turned_BDD, 1, 2))

    def _trial(self, pull_BDD: Floats, move_BDD: Floats) -> Floats:
        """Weights after a step, 0 where it would cross 0."""
        side_BDD = np.where(self.weights_BDD != 0, np.sign(self.weights_BDD), -np.sign(pull_BDD))
        there_BDD = self.weights_BDD + move_BDD
        return np.where(there_BDD * side_BDD > 0, there_BDD, 0.0)


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
