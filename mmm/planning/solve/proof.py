"""How far the best cautious plan could be away: a bound on every plan, and better plans found on the way.

A cautious score is the least over weights of the draws (``objective``), so that the best plan for any
weights bounds it; the weights that bound it closest are found by cutting planes (Kelley 1960): the hardest
weights for the plans known so far, the best plan for these weights, and again. Where curves are concave the
bound meets the best plan; S-shaped curves may leave a gap, which is stated. A mean needs one search:
``Solver.bounded``.

Shapes: M draws, J plans, Y variables the solver moves.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import linprog, minimize

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits, repair
from mmm.planning.solve.objective import Risk
from mmm.planning.solve.solver import Solution, Solver

CUTS, CUTS_MANY = 25, 4
"""Rounds of cutting planes, for few and for many variables."""


def proven(solver: Solver, solution: Solution, limits: Limits, best_M: Floats | None) -> Solution:
    """The solution, or a better plan, with a bound on all plans within the limits.

    Only a sum of curves can be bounded. A lower quantile of many draws has no such bound of its own: it is
    bounded by that quantile of the draws' own best plans.

    Args:
        solver: Judges plans by a measure of risk.
        solution: The plan found.
        limits: What every plan keeps.
        best_M: What the best plan of each draw gains within them, if that is known.
    """
    objective = solver.objective
    if not solver.bounds:
        return solution
    if not objective.risk.is_concave(len(objective.reference_M)):
        return replace(
            solution, bound=None if best_M is None else objective.value * objective.judge(best_M)[0]
        )
    return _by_cuts(solver, solution, limits)


def _by_cuts(solver: Solver, solution: Solution, limits: Limits) -> Solution:
    objective = solver.objective
    plans = [solution.money_Y]
    if limits.holds(solver.status_quo_Y):
        plans.append(solver.status_quo_Y)
    bound, close = np.inf, 0.1 * solver.tolerance(solution.money_Y)
    score = float(objective.scores(np.stack(plans)).max())
    for _ in range(CUTS_MANY if solver.many else CUTS):
        weight_M, mix_J = hardest(objective.risk, np.stack([objective.gains(plan_Y) for plan_Y in plans]))
        found, reached = solver.search(solver.curves(weight_M), limits)
        if not found:
            break
        bound = min(bound, solver.bound_of(reached, weight_M))
        # Where curves are concave the plan between those of the mix is better than the mix itself.
        between_Y = repair(limits, mix_J @ np.stack(plans))
        new = [*found[:1], *([] if between_Y is None else [between_Y])]
        plans += [plan_Y for plan_Y in new if not _is_among(plan_Y, plans, limits.size)]
        score = max(score, float(objective.scores(np.stack(new)).max()))
        if bound - score <= close:
            break
    return solver.better(solution, plans, bound if np.isfinite(bound) else None, limits)


def _is_among(money_Y: Floats, plans: list[Floats], size: float) -> bool:
    return any(float(np.abs(money_Y - plan_Y).max()) <= 1e-9 * size for plan_Y in plans)


def hardest(risk: Risk, gain_JM: Floats) -> tuple[Floats, Floats]:
    """The weights under which the best of some plans, or mix of them, does worst, and that mix.

    Returns:
        Weights of the draws, shape M, and of the plans, shape J. No plan of the search can exceed what the
        best plan for these weights has.
    """
    own = risk.resolved(gain_JM.shape[1])
    if own.kind == "mean":
        return own.judge(gain_JM[0])[1], np.eye(len(gain_JM))[int(np.argmax(gain_JM.mean(1)))]
    return _hardest_spread(own, gain_JM) if own.kind == "mean_sd" else _hardest_tail(own, gain_JM)


def _hardest_tail(risk: Risk, gain_JM: Floats) -> tuple[Floats, Floats]:
    """Linear programme over the weights of the tail and the value of the best plan."""
    plans, members = gain_JM.shape
    caution = 1.0 if risk.kind == "worst" else risk.caution
    size = float(np.abs(gain_JM).max()) or 1.0
    rows = np.hstack([caution * gain_JM / size, -np.ones((plans, 1))])
    result = linprog(
        np.append(np.zeros(members), 1.0),
        rows,
        -(1.0 - caution) * gain_JM.mean(1) / size,
        np.append(np.ones(members), 0.0)[None, :],
        [1.0],
        [(0.0, 1.0 / risk.tail_size(members))] * members + [(None, None)],
        method="highs",
    )
    if result.status != 0:
        best = int(np.argmax([risk.judge(gain_M)[0] for gain_M in gain_JM]))
        return risk.judge(gain_JM[best])[1], np.eye(plans)[best]
    weight_M = np.clip(result.x[:-1], 0.0, None)
    mix_J = np.clip(-result.ineqlin.marginals, 0.0, None)
    equal = (1.0 - caution) / members
    return equal + caution * weight_M / weight_M.sum(), mix_J / (mix_J.sum() or 1.0)


def _hardest_spread(risk: Risk, gain_JM: Floats) -> tuple[Floats, Floats]:
    """Its dual: the mix of plans that this measure likes best, whose own weights are the hardest."""
    plans, size = len(gain_JM), float(np.abs(gain_JM).max()) or 1.0

    def negative(mix_J: Floats) -> tuple[float, Floats]:
        score, weight_M = risk.judge(mix_J @ gain_JM)
        return -score / size, -(gain_JM @ weight_M) / size

    start_J = np.full(plans, 1.0 / plans)
    result = minimize(
        negative,
        start_J,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * plans,
        constraints={"type": "eq", "fun": lambda mix_J: mix_J.sum() - 1.0, "jac": np.ones_like},
        options={"maxiter": 100, "ftol": 1e-12},
    )
    mix_J = np.clip(result.x, 0.0, None)
    mix_J /= mix_J.sum()
    return risk.judge(mix_J @ gain_JM)[1], mix_J
