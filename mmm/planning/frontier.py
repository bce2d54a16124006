"""Plans from cautious to bold: mean gain given up for more in the worst tenth of draws.

Each plan maximises a weighted mean of both, which is a coherent measure for every weight, so that each is
bounded as any other plan is.

Shapes: M draws, Y variables in the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.analysis.intervals import change, estimate, odds_of
from mmm.data.panel import Floats
from mmm.planning.plan import FrontierPlan
from mmm.planning.report_plan import SolvedPlan, stated_current, tidy
from mmm.planning.solve.cents import settled
from mmm.planning.solve.limits import Limits
from mmm.planning.solve.objective import cautious
from mmm.planning.solve.proof import proven
from mmm.planning.solve.solver import Solution, Solver


@dataclass(frozen=True, eq=False)
class _Searched:
    """One caution: how it judges, and what was found for it."""

    caution: float
    solver: Solver
    found: Solution


def frontier_of(
    solved: SolvedPlan, solver: Solver, limits: Limits, best_M: Floats | None, count: int
) -> tuple[FrontierPlan, ...]:
    """Plans of evenly spaced cautions, the most cautious first.

    Every plan found for one caution stands as a candidate for the others, so that along the frontier the mean
    gain never falls and the mean of the worst draws never rises.

    Args:
        solved: The plan that the request got, a candidate too.
        solver: Judges by the mean, or otherwise; only how it judges is replaced.
        limits: What every plan keeps.
        best_M: What the best plan of each draw gains.
        count: Plans, at least two.
    """
    searches = [_search(solver, limits, float(caution)) for caution in np.linspace(1.0, 0.0, count)]
    objective = solved.request.objective
    plans = [settled(one.found.money_Y, limits, solver.channel_Y, objective) for one in searches]
    plans.append(solved.money_Y)
    if limits.holds(solved.chosen.current_Y):
        plans.append(solved.chosen.current_Y)
    return tuple(_best(solved, one, plans, best_M) for one in searches)


def _search(solver: Solver, limits: Limits, caution: float) -> _Searched:
    own = replace(solver, objective=replace(solver.objective, risk=cautious(caution)))
    solution = own.solve()
    assert solution is not None
    mean = own.objective.is_mean
    return _Searched(
        caution, own, own.bounded(solution, limits) if mean else proven(own, solution, limits, None)
    )


def _best(solved: SolvedPlan, one: _Searched, plans: list[Floats], best_M: Floats | None) -> FrontierPlan:
    """The best of all candidates at one caution, as users read it."""
    objective, level, status_quo = one.solver.objective, solved.request.level, solved.status_quo
    money_Y = plans[int(np.argmax([objective.score(plan_Y) for plan_Y in plans]))]
    own = replace(solved, amount_X=objective.amounts(money_Y), money_Y=money_Y)
    kpi_M, current_M = solved.response.kpi_M(own.amount_X), stated_current(solved)
    gain_M = change(status_quo.baseline_M + kpi_M, status_quo.baseline_M + current_M)
    gap = one.found.gap(objective, money_Y)
    missed_M = one.solver.regret_M(money_Y, best_M)
    spend_C = own.by_channel(own.spend_X)
    return FrontierPlan(
        caution=one.caution,
        status="optimal" if gap is not None and gap <= one.solver.tolerance(money_Y) else "feasible",
        gap=gap,
        budget=tidy(own.total),
        spend=dict(zip(status_quo.channels, (tidy(spend) for spend in spend_C), strict=True)),
        gain=estimate(gain_M, level),
        **odds_of(gain_M),
        regret=None if missed_M is None else estimate(missed_M, level, from_zero=True),
    )
