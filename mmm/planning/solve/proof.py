"""How far the best plan could be away: a bound on every allowed plan, and better plans found on the way.

A mean is bounded by one search on its curves. A cautious score is the least over weights of the draws
(``risk``), so that the best plan for any weights bounds it; the weights that bound it closest are found by
cutting planes (Kelley 1960): the hardest weights for the plans known so far, the best plan for these weights,
and again. Where curves are concave the bound meets the best plan; S-shaped curves may leave a gap, which is
stated.

Shapes: M draws, J plans, P grid points, Y variables the solver moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits, repair
from mmm.planning.solve.solver import Solution, Solver

NEAR = 1e-3
"""Part of what planned media bring by which a better plan may exceed one that is called optimal."""

CUTS, CUTS_MANY = 25, 4
"""Rounds of cutting planes, for few and for many variables."""

HALVINGS = 40
"""Of the price of money at which a draw's best plan spends the total."""


@dataclass(frozen=True, eq=False)
class Proven:
    """A plan with its bound.

    Attributes:
        money_Y: The plan.
        score: Its score.
        bound: No allowed plan scores more; None where nothing bounds it.
    """

    money_Y: Floats
    score: float
    bound: float | None

    def gap(self, solver: Solver, money_Y: Floats) -> float | None:
        """How much more than this plan another one could score at most; None if that is not known."""
        return None if self.bound is None else max(self.bound - solver.objective.score(money_Y), 0.0)


def proven(solver: Solver, solution: Solution, limits: Limits) -> Proven:
    """The solution, or a better plan, with a bound on all plans within the limits.

    Only a sum of curves can be bounded. A lower quantile of many draws has no such bound of its own: it is
    bounded by that quantile of the draws' own best plans.
    """
    objective = solver.objective
    if not objective.separable or solver.method == "differential_evolution":
        return Proven(solution.money_Y, solution.score, None)
    members = len(objective.reference_M)
    if not objective.risk.is_concave(members):
        best_M = hindsight_M(solver, limits)
        bound = None if best_M is None else objective.value * objective.judge(best_M)[0]
        return Proven(solution.money_Y, solution.score, bound)
    return _by_cuts(solver, solution, limits)


def tolerance(solver: Solver, money_Y: Floats) -> float:
    """Distance from its bound within which a plan is optimal."""
    objective = solver.objective
    return NEAR * objective.value * abs(float(objective.kpi(money_Y).mean()))


def _by_cuts(solver: Solver, solution: Solution, limits: Limits) -> Proven:
    objective, offset_M = solver.objective, solver.objective.offset_M
    plans = [solution.money_Y]
    if limits.holds(solver.status_quo_Y):
        plans.append(solver.status_quo_Y)
    bound, close = np.inf, 0.1 * tolerance(solver, solution.money_Y)
    score = float(objective.scores(np.stack(plans)).max())
    rounds = 1 if objective.is_mean else CUTS_MANY if solver.many else CUTS
    for _ in range(rounds):
        gain_JM = np.stack([_gains(solver, plan_Y) for plan_Y in plans])
        weight_M, mix_J = objective.risk.hardest(gain_JM)
        found, reached = solver.search(solver.curves(weight_M), limits)
        if not found:
            break
        bound = min(bound, reached + objective.value * float(weight_M @ offset_M))
        # Where curves are concave the plan between those of the mix is better than the mix itself.
        between_Y = repair(limits, mix_J @ np.stack(plans))
        new = [*found[:1], *([] if between_Y is None else [between_Y])]
        plans += [plan_Y for plan_Y in new if not _is_among(plan_Y, plans, limits.size)]
        score = max(score, float(objective.scores(np.stack(new)).max()))
        if bound - score <= close:
            break
    scores = objective.scores(np.stack(plans))
    best_Y = plans[int(np.argmax(scores))]
    if scores.max() > solution.score:
        best_Y = max(solver.refined([best_Y], limits), key=objective.score)
    found_score = max(objective.score(best_Y), solution.score)
    best_Y = best_Y if found_score > solution.score else solution.money_Y
    return Proven(best_Y, found_score, max(bound, found_score) if np.isfinite(bound) else None)


def _gains(solver: Solver, money_Y: Floats) -> Floats:
    """Score of each draw: value of its gain less the price of the money."""
    objective = solver.objective
    gain_M = objective.kpi(money_Y) - objective.reference_M
    return np.asarray(objective.value * gain_M - objective.price * float(money_Y.sum()))


def _is_among(money_Y: Floats, plans: list[Floats], size: float) -> bool:
    return any(float(np.abs(money_Y - plan_Y).max()) <= 1e-9 * size for plan_Y in plans)


def regret_M(solver: Solver, money_Y: Floats, best_M: Floats | None) -> Floats | None:
    """What the best plan of each draw would add to a plan there: KPI units, currency if money has a price."""
    objective = solver.objective
    if best_M is None:
        return None
    own_M = objective.kpi(money_Y) - objective.reference_M
    missed_M = best_M - own_M + objective.price / objective.value * float(money_Y.sum())
    return np.maximum(missed_M, 0.0) * (objective.value if objective.price else 1.0)


def hindsight_M(solver: Solver, limits: Limits) -> Floats | None:
    """What the best plan would gain in each draw, had that draw been known to be the truth.

    In KPI units against the objective's reference, less the price of its money. It is the bound by a price of
    money (Everett 1963): at most what S-shaped curves leave open above the best plan, and limits of groups
    are left out, so that regret is stated rather too high than too low. None where curves do not add up or
    are many.
    """
    objective = solver.objective
    if solver.many or not objective.separable:
        return None
    money_PY, kpi_MPY = solver.table
    score_MPY = kpi_MPY - (objective.price / objective.value) * money_PY
    # Least of a convex function of the price: bisection on its slope, the total less what is spent at that
    # price.
    rise_MPY, width_PY = np.abs(np.diff(score_MPY, axis=1)), np.diff(money_PY, axis=0)
    wide_PY = np.broadcast_to(width_PY > 1e-7 * limits.size, rise_MPY.shape)
    slope_MPY = np.divide(rise_MPY, width_PY, out=np.zeros_like(rise_MPY), where=wide_PY)
    high_M = slope_MPY.max(axis=(1, 2)) + 1e-300
    low_M = -high_M if limits.least == limits.most else np.zeros_like(high_M)
    best_M = np.full(len(score_MPY), np.inf)
    for price_M in (low_M, high_M):
        best_M = np.minimum(best_M, _priced(score_MPY, money_PY, price_M, limits)[0])
    for _ in range(HALVINGS):
        middle_M = 0.5 * (low_M + high_M)
        value_M, spent_M = _priced(score_MPY, money_PY, middle_M, limits)
        best_M = np.minimum(best_M, value_M)
        over_M = spent_M > limits.most
        low_M, high_M = np.where(over_M, middle_M, low_M), np.where(over_M, high_M, middle_M)
    return best_M + objective.offset_M


def _priced(score_MPY: Floats, money_PY: Floats, price_M: Floats, limits: Limits) -> tuple[Floats, Floats]:
    """Best value of each draw at a price of money, the total at that price given back; and what it spends."""
    net_MPY = score_MPY - price_M[:, None, None] * money_PY
    place_MY = net_MPY.argmax(axis=1)
    spent_M = np.take_along_axis(money_PY, place_MY, axis=0).sum(axis=1)
    return net_MPY.max(axis=1).sum(axis=1) + price_M * limits.most, spent_M
