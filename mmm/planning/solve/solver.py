"""The best plan within limits: global search first, local refinement after.

Shapes: M members, P grid points, Y variables the solver moves, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.interpolate import PchipInterpolator

from mmm.data.panel import Floats, Ints
from mmm.planning.solve.branch_and_bound import Curves, least_priced, search
from mmm.planning.solve.by_region import climb, is_nested, nested_plans
from mmm.planning.solve.limits import Limits, repair
from mmm.planning.solve.objective import Objective, refine
from mmm.planning.solve.random_starts import allowed_plans, evolve

Method = Literal["slsqp", "trust-constr", "differential_evolution", "hybrid"]

MANY = 120
"""Variables from which curves are asked at fewer points and channels are searched before regions."""

CLIMBED = 20
"""Variables from which curves are climbed one by one rather than by SLSQP, which is cubic in them."""

POINTS, POINTS_MANY, POINTS_WHOLE = 49, 25, 13
"""Points at which a curve is asked of the model: few or many curves, or a response that is no sum."""

FINER = 4
"""Interpolated points per point asked, for few variables under a single sum."""

CLOSE = 5e-3
"""Distance from the best start, relative to the KPI of the plan, up to which a start is refined."""

SEARCHED, SCANNED = 300, 20
"""Boxes the global search looks at for a plan, and for each total of a scan."""

ROUNDS = 3
"""Searches for a cautious plan: the weights of the members follow from the plan before."""

NEAR = 1e-3
"""Part of what planned media bring by which a better plan may exceed one that is called optimal."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A plan and how good it is known to be.

    Attributes:
        money_Y: The plan.
        score: Its score.
        bound: No allowed plan scores more; None where nothing bounds it.
    """

    money_Y: Floats
    score: float
    bound: float | None = None

    def gap(self, objective: Objective, money_Y: Floats) -> float | None:
        """How much more than this plan another one could score at most; None if that is not known."""
        return None if self.bound is None else max(self.bound - objective.score(money_Y), 0.0)


@dataclass(frozen=True, eq=False)
class Solver:
    """Plans for one objective; several totals share the tables of its curves.

    Attributes:
        objective: What is maximised.
        limits: Bounds and sums; ``solve`` may be given another total.
        knee_Y: Amounts of money up to which a curve matters most; half of the grid lies below.
        status_quo_Y: Current amounts, a start.
        channel_Y: Channel of each variable.
        method: See ``BudgetRequest.method``.
        seed: Seed of random starts.
        proxy: The objective on a separable response near it, where its own is not separable.
    """

    objective: Objective
    limits: Limits
    knee_Y: Floats
    status_quo_Y: Floats
    channel_Y: Ints
    method: Method = "slsqp"
    seed: int = 0
    proxy: Objective | None = None

    def solve(self, limits: Limits | None = None, warm_Y: Floats | None = None) -> Solution | None:
        """Best plan found, None if no plan is allowed.

        Args:
            limits: Other limits than the solver's own with the same bounds.
            warm_Y: A plan near the best one; only it is refined.
        """
        limits = self.limits if limits is None else limits
        bound = None
        if warm_Y is not None:
            start_Y = repair(limits, warm_Y)
            starts = [] if start_Y is None else [start_Y]
        else:
            starts, bound = self.starts(limits)
        if not starts:
            return None
        plans = self.refined(self._worth_refining(starts), limits)
        best_Y = plans[int(np.argmax(self.objective.scores(np.stack(plans))))]
        score = self.objective.score(best_Y)
        return Solution(best_Y, score, None if bound is None else max(bound, score))

    def starts(self, limits: Limits) -> tuple[list[Floats], float | None]:
        """Allowed plans from which refinement begins, the most promising first; and a bound of a mean."""
        plans: list[Floats] = []
        bound = None
        if self.method in ("differential_evolution", "hybrid"):
            plans = evolve(self.objective, limits, self.seed)
        if self.method != "differential_evolution":
            found, bound = self.searched(limits)
            plans = [*plans, *found]
        status_quo_Y = self._near_status_quo(limits, plans)
        if status_quo_Y is not None:
            plans.append(status_quo_Y)
        if not self.objective.separable and self.method != "differential_evolution":
            plans = self._most_promising([*plans, *allowed_plans(limits, 24, self.seed)], 4)
        return plans, bound

    def _near_status_quo(self, limits: Limits, plans: list[Floats]) -> Floats | None:
        """The allowed plan nearest to the status quo; of thousands of variables only if that is cheap."""
        if self.many and plans and not limits.is_single_sum and not limits.holds(self.status_quo_Y):
            return None
        return repair(limits, self.status_quo_Y)

    def searched(self, limits: Limits, *, scanning: bool = False) -> tuple[list[Floats], float | None]:
        """Plans of the global search on tabulated curves, and the bound of a mean; a scan asks for less."""
        plans: list[Floats] = []
        bound = None
        weight_M = self._equal_M
        one = scanning or self.objective.is_mean or not self._curved.separable
        for _ in range(1 if one else ROUNDS):
            curves = self.curves(weight_M)
            found, reached = self.search(curves, limits, max_nodes=SCANNED if scanning else SEARCHED)
            plans = [*found, *plans]
            if not found:
                break
            if self.objective.is_mean and self.bounds:
                bound = self.bound_of(reached, weight_M)
            else:
                _, weight_M = self.objective.judge(self.objective.kpi(found[0]) - self.objective.reference_M)
        return plans, bound

    @property
    def bounds(self) -> bool:
        """Whether a search bounds every plan: only sums of curves can be."""
        return self.objective.separable and self.method != "differential_evolution"

    def bound_of(self, reached: float, weight_M: Floats) -> float:
        """Score that no plan exceeds where ``reached`` is what none exceeds on curves of these weights."""
        return reached + self.objective.value * float(weight_M @ self.objective.offset_M)

    def bounded(self, solution: Solution, limits: Limits) -> Solution:
        """The solution for a mean, or a better plan, with a bound on every plan within the limits.

        A mean is bounded by the search on its curves; it is made where the solution came without it.
        """
        if solution.bound is not None or not self.bounds:
            return solution
        found, bound = self.searched(limits)
        if bound is None:
            return solution
        plans = [found[0], *([self.status_quo_Y] if limits.holds(self.status_quo_Y) else [])]
        return self.better(solution, plans, bound, limits)

    def better(
        self, solution: Solution, plans: list[Floats], bound: float | None, limits: Limits
    ) -> Solution:
        """The best of some plans, refined, where it beats the solution; with a bound on all."""
        scores = self.objective.scores(np.stack(plans))
        if scores.max() > solution.score:
            refined = self.refined([plans[int(np.argmax(scores))]], limits)
            best_Y = max(refined, key=self.objective.score)
            score = self.objective.score(best_Y)
            solution = Solution(best_Y, score) if score > solution.score else solution
        return replace(solution, bound=None if bound is None else max(bound, solution.score))

    def tolerance(self, money_Y: Floats) -> float:
        """Distance from its bound within which a plan is optimal."""
        return NEAR * self.objective.value * abs(float(self.objective.kpi(money_Y).mean()))

    def estimate(self, limits: Limits) -> tuple[Floats, float] | None:
        """Best plan of the search alone and its score; cheap, for scans over totals."""
        plans, _ = self.searched(limits, scanning=True)
        if not plans:
            return None
        scores = self.objective.scores(np.stack(plans))
        return plans[int(np.argmax(scores))], float(scores.max())

    @property
    def _curved(self) -> Objective:
        """The objective whose curves are tabulated."""
        return self.objective if self.proxy is None else self.proxy

    @property
    def many(self) -> bool:
        """So many variables that curves are asked at fewer points."""
        return len(self.status_quo_Y) > MANY

    def search(self, curves: Curves, limits: Limits, max_nodes: int = SEARCHED) -> tuple[list[Floats], float]:
        """Best plans on given curves, and what none of them exceeds there."""
        if self.many and not limits.is_single_sum and is_nested(limits, self.channel_Y):
            return nested_plans(curves, limits, self.channel_Y)
        found = search(curves, limits, max_nodes=max_nodes)
        return ([], -np.inf) if found is None else (list(found.plans), found.bound)

    def refined(self, starts: list[Floats], limits: Limits) -> list[Floats]:
        """Each start, climbed from; of many variables the first alone."""
        if self.method == "differential_evolution":
            return starts
        if (
            len(self.status_quo_Y) > CLIMBED
            and self.objective.separable
            and is_nested(limits, self.channel_Y)
        ):
            return [self._climbed(starts[0], limits)]
        method: Literal["slsqp", "trust-constr"] = (
            "trust-constr" if self.method == "trust-constr" else "slsqp"
        )
        return [refine(self.objective, limits, start_Y, method) for start_Y in starts]

    def _worth_refining(self, starts: list[Floats]) -> list[Floats]:
        """Starts of a global search that interpolation may have misjudged; all others but the best wait."""
        if not self.objective.separable or len(starts) == 1 or self.method == "differential_evolution":
            return starts
        scores = self.objective.scores(np.stack(starts))
        best = int(np.argmax(scores))
        scale = self.objective.value * abs(float(self.objective.kpi(starts[best]).mean()))
        return [starts[i] for i in np.argsort(-scores) if scores[best] - scores[i] <= CLOSE * scale]

    def _climbed(self, plan_Y: Floats, limits: Limits) -> Floats:
        """The plan refined curve by curve; a cautious one with the members' weights of the plan before."""
        for _ in range(1 if self.objective.is_mean else ROUNDS):
            better_Y = climb(self.objective, limits, plan_Y, self.channel_Y, self.knee_Y)
            if self.objective.score(better_Y) <= self.objective.score(plan_Y):
                break
            plan_Y = better_Y
        return plan_Y

    def _most_promising(self, plans: list[Floats], keep: int) -> list[Floats]:
        scores = self.objective.scores(np.stack(plans)) if plans else np.zeros(0)
        return [plans[i] for i in np.argsort(-scores)[:keep]]

    def hindsight_M(self, limits: Limits) -> Floats | None:
        """What the best plan would gain in each draw, had that draw been known to be the truth.

        In KPI units against the objective's reference, less the price of its money. It is the bound by a
        price of money (Everett 1963): at most what S-shaped curves leave open above the best plan, and limits
        of groups are left out, so that regret is stated rather too high than too low. None where curves do
        not add up or are many.
        """
        objective = self.objective
        if self.many or not objective.separable:
            return None
        money_PY, kpi_MPY = self.table
        # The choice among points comes last, where it is quick.
        money_YP, kpi_MYP = (np.ascontiguousarray(item) for item in (money_PY.T, kpi_MPY.transpose(0, 2, 1)))
        score_MYP = kpi_MYP - (objective.price / objective.value) * money_YP
        rise_MYP, width_YP = np.abs(np.diff(score_MYP)), np.diff(money_YP)
        wide_MYP = np.broadcast_to(width_YP > 1e-7 * limits.size, rise_MYP.shape)
        slope_MYP = np.divide(rise_MYP, width_YP, out=np.zeros_like(rise_MYP), where=wide_MYP)
        high_M = slope_MYP.max(axis=(1, 2)) + 1e-300
        low_M = -high_M if limits.least == limits.most else np.zeros_like(high_M)
        best_M = least_priced(score_MYP, money_YP, limits.most, low_M, high_M)
        return best_M + objective.offset_M

    def regret_M(self, money_Y: Floats, best_M: Floats | None) -> Floats | None:
        """What the best plan of each draw would add to a plan: KPI units, currency if money has a price."""
        objective = self.objective
        if best_M is None:
            return None
        own_M = objective.kpi(money_Y) - objective.reference_M
        missed_M = best_M - own_M + objective.price / objective.value * float(money_Y.sum())
        return np.maximum(missed_M, 0.0) * (objective.value if objective.price else 1.0)

    @property
    def _equal_M(self) -> Floats:
        """Weights of the mean."""
        members = len(self.objective.reference_M)
        return np.full(members, 1.0 / members)

    @cached_property
    def _knots_P(self) -> Floats:
        few = POINTS if self._curved.separable else POINTS_WHOLE
        return np.linspace(0.0, 1.0, POINTS_MANY if self.many else few)

    def _grid(self, knots_P: Floats) -> Floats:
        """Money at places from 0 to 1 of each variable's range, half of it below the knee."""
        room_Y = self.limits.upper_X - self.limits.lower_X
        share_Y = np.divide(self.knee_Y, room_Y, out=np.full_like(room_Y, 0.25), where=room_Y > 0)
        power_Y = np.log(np.clip(share_Y, 1e-4, 0.25)) / np.log(0.5)
        return np.asarray(self.limits.lower_X + room_Y * knots_P[:, None] ** power_Y)

    @cached_property
    def table(self) -> tuple[Floats, Floats]:
        """Money on a grid, shape PY, and the KPI of each variable there, shape MPY."""
        return self._grid(self._knots_P), self._table_MPY

    @cached_property
    def _table_MPY(self) -> Floats:
        """KPI of each variable on the grid; one at a time around the status quo if not separable."""
        grid_PY = self._grid(self._knots_P)
        if self._curved.separable:
            return self._curved.table(grid_PY)
        base_Y = np.clip(self.status_quo_Y, self.limits.lower_X, self.limits.upper_X)
        table_PYM = np.empty((*grid_PY.shape, len(self.objective.reference_M)))
        for p, row_Y in enumerate(grid_PY):
            for y, money in enumerate(row_Y):
                changed_Y = base_Y.copy()
                changed_Y[y] = money
                table_PYM[p, y] = self.objective.kpi(changed_Y)
        return np.moveaxis(table_PYM, 2, 0)

    def curves(self, weight_M: Floats) -> Curves:
        """Scores on a grid for given weights, finer by monotone cubics where a finer one costs little."""
        knots_P = self._knots_P
        value_PY = self._curved.on_grid(self._grid(knots_P), self._table_MPY, weight_M)
        finer_P = knots_P
        if self.limits.is_single_sum and not self.many:
            finer_P = np.linspace(0.0, 1.0, FINER * (len(knots_P) - 1) + 1)
            value_PY = PchipInterpolator(knots_P, value_PY, axis=0)(finer_P)
        grid_PY = self._grid(finer_P)
        grid_PY[-1] = self.limits.upper_X
        return Curves(grid_PY, np.asarray(value_PY))
