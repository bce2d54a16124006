"""Random allowed plans, and differential evolution among them.

Shapes: S plans, Y variables the solver moves, R rows, E equalities.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import differential_evolution, linprog

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits, inequalities, with_sums
from mmm.planning.solve.objective import Objective


class AllowedRays:
    """Maps any point of the box to an allowed plan: from an inner plan towards it, as far as allowed.

    Every allowed plan is its own image, so a search over the box misses none.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._room_Y = limits.upper_X - limits.lower_X
        a_matrix, b_vector, e_matrix, e_vector = inequalities(limits)
        self._a_RY, self._b_R = a_matrix, b_vector * limits.size
        self._spread_EY = e_matrix * self._room_Y
        self._inverse_YE = np.linalg.pinv(self._spread_EY)
        self.inner_Y = self._inner(a_matrix, b_vector, e_matrix, e_vector)

    def _inner(self, a_matrix: Floats, b_vector: Floats, e_matrix: Floats, e_vector: Floats) -> Floats | None:
        """The plan with most slack everywhere."""
        # One more variable, the slack: every limit is moved inwards by it, bounds in units of their own
        # room, and it is maximised. A plan on a limit would map the whole box onto that limit.
        size, count = self.limits.size, len(self._room_Y)
        room = self._room_Y / size
        identity = np.eye(count)
        slack_rows = np.vstack(
            [
                np.hstack([a_matrix, np.abs(a_matrix) @ room[:, None]]),
                np.hstack([identity, room[:, None]]),
                np.hstack([-identity, room[:, None]]),
            ]
        )
        right = np.concatenate([b_vector, self.limits.upper_X / size, -self.limits.lower_X / size])
        equal = np.hstack([e_matrix, np.zeros((len(e_matrix), 1))])
        box = np.vstack([np.tile([-np.inf, np.inf], (count, 1)), [0.0, 0.5]])
        cost = np.zeros(count + 1)
        cost[-1] = -1.0
        result = linprog(cost, slack_rows, right, equal, e_vector, box, method="highs")
        return None if result.status != 0 else np.asarray(result.x[:count] * size)

    def plans(self, place_SY: Floats) -> Floats:
        """Allowed plans for places from 0 to 1 within the box."""
        assert self.inner_Y is not None
        if self.limits.is_single_sum and self.limits.least == self.limits.most:
            return self._nearest(place_SY)
        towards_SY = self.limits.lower_X + place_SY * self._room_Y - self.inner_Y
        part_SY = np.divide(towards_SY, self._room_Y, out=np.zeros_like(towards_SY), where=self._room_Y > 0)
        # The part of a direction that breaks an equality (such as the total) is taken out of it.
        part_SY = part_SY - (part_SY @ self._spread_EY.T) @ self._inverse_YE.T
        step_SY = part_SY * self._room_Y
        lengths = [
            _longest(step_SY, self.limits.upper_X - self.inner_Y),
            _longest(-step_SY, self.inner_Y - self.limits.lower_X),
            _longest(step_SY @ self._a_RY.T, self._b_R - self._a_RY @ self.inner_Y),
        ]
        length_S = np.minimum.reduce([np.ones(len(step_SY)), *lengths])
        plan_SY = self.inner_Y + length_S[:, None] * step_SY
        return np.asarray(np.clip(plan_SY, self.limits.lower_X, self.limits.upper_X))

    def _nearest(self, place_SY: Floats) -> Floats:
        """Every place moved to the nearest plan of the right total."""
        plans, variables = place_SY.shape
        wish_N = (self.limits.lower_X + place_SY * self._room_Y).ravel()
        lower_N, upper_N = np.tile(self.limits.lower_X, plans), np.tile(self.limits.upper_X, plans)
        plan_N = np.repeat(np.arange(plans), variables)
        sums_S = np.full(plans, self.limits.most)
        filled_N = with_sums(wish_N, np.ones_like(wish_N), lower_N, upper_N, plan_N, sums_S)
        return filled_N.reshape(place_SY.shape)


def _longest(step_SN: Floats, slack_N: Floats) -> Floats:
    """Longest multiple of each step within the slack; infinite where nothing stops it."""
    limited_SN = np.full(step_SN.shape, np.inf)
    slack_SN = np.broadcast_to(np.maximum(slack_N, 0.0), step_SN.shape)
    np.divide(slack_SN, step_SN, out=limited_SN, where=step_SN > 1e-300)
    return np.asarray(limited_SN.min(axis=1, initial=np.inf))


def allowed_plans(limits: Limits, count: int, seed: int) -> list[Floats]:
    """Random allowed plans; none if no plan is allowed."""
    rays = AllowedRays(limits)
    if rays.inner_Y is None:
        return []
    place_SY = np.random.default_rng(seed).random((count, len(limits.lower_X)))
    return [rays.inner_Y, *rays.plans(place_SY)]


def evolve(objective: Objective, limits: Limits, seed: int, *, generations: int = 400) -> list[Floats]:
    """Best plan of a differential evolution over allowed plans (Storn and Price 1997)."""
    rays = AllowedRays(limits)
    if rays.inner_Y is None:
        return []

    def negative(place_YS: Floats) -> Floats:
        return -objective.scores(rays.plans(place_YS.T))

    result = differential_evolution(
        negative,
        [(0.0, 1.0)] * len(limits.lower_X),
        maxiter=generations,
        popsize=12,
        tol=1e-8,
        rng=np.random.default_rng(seed),
        polish=False,
        vectorized=True,
        updating="deferred",
    )
    return [rays.plans(result.x[None, :])[0]]
