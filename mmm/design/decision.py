"""The budget decision that a test is to improve: plans that may come of it, and what each is worth.

Shapes: M members, A plans, C channels, Y decision variables in the budget, P grid points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Floats
from mmm.errors import Problem, RequestError
from mmm.planning.budget import NEED_A_VALUE, prepared
from mmm.planning.constraints import (
    aside_amounts,
    decisions,
    knee,
    limit_problems,
    limits_of,
    searched_limits,
)
from mmm.planning.planner import Planner
from mmm.planning.request import BudgetRequest
from mmm.planning.solve.branch_and_bound import Curves, search
from mmm.planning.solve.limits import is_feasible
from mmm.planning.solve.objective import Objective

POINTS = 33
"""Points of each curve on which plans are searched."""
NODES = 12
"""Boxes of each search: plans are candidates of a decision, and near the best is as good."""
SINGLE = 48
"""Members whose own best plan is among the candidates."""
TILTS = (0.05, 0.25, 0.75, 0.95)
"""Quantiles of a channel's effect that plans are made for."""


@dataclass(frozen=True, eq=False)
class Decision:
    """Plans that a user might choose after a test.

    Attributes:
        utility_AM: What each plan brings in each member over the horizon of the budget, KPI units; of
            objective ``profit`` less its spend, in KPI units too.
        money_AY: The plans.
        horizon: Periods of the budget.
        value: Currency per KPI unit; None where nobody stated it.
    """

    utility_AM: Floats
    money_AY: Floats
    horizon: int
    value: float | None

    @property
    def now(self) -> int:
        """The plan that is best by what is known now."""
        return int(self.utility_AM.mean(1).argmax())


def decision_of(planner: Planner, request: BudgetRequest, effect_MC: Floats) -> Decision:
    """Plans that are best in the mean, in single members, and where a channel does more or less.

    The candidates stand for all allowed plans: what a decision gains by information is at least what it
    gains among them.

    Args:
        planner: The model.
        request: The budget request.
        effect_MC: Effect of every channel in each member, by which members are tilted.

    Raises:
        RequestError: The request is wrong for the model, or its limits clash.
    """
    if request.objective in NEED_A_VALUE and planner.fitted.spec.kpi_value is None:
        text = (
            "needs what a KPI unit is worth, and the spec does not state it. State kpi_value, or plan for kpi"
        )
        raise RequestError("the budget request of the design", [Problem("no_value", "objective", text)])
    exact, table, status_quo = prepared(planner, request)
    chosen = decisions(request, status_quo)
    problems = list(limit_problems(request, status_quo, chosen))
    stated, _ = limits_of(request, status_quo, chosen)
    if not problems and not is_feasible(stated):
        problems = [Problem("infeasible", "", "no plan keeps its limits; see `mmm optimize` for which clash")]
    if problems:
        raise RequestError("the budget request of the design", problems)
    limits = searched_limits(stated, knee(status_quo, chosen), by_region=False)
    profit = request.objective == "profit"
    objective = Objective(
        response=table,
        amount_X=aside_amounts(request, status_quo, chosen),
        moved_Y=chosen.moved_Y,
        cost_Y=chosen.cost_Y,
        reference_M=np.zeros(len(status_quo.baseline_M)),
        value=status_quo.value,
        price=1.0 if profit else 0.0,
    )
    steps_P1 = np.linspace(0.0, 1.0, POINTS)[:, None]
    grid_PY = limits.lower_X + (limits.upper_X - limits.lower_X) * steps_P1
    grid_PY[-1] = limits.upper_X
    table_MPY = objective.table(grid_PY)
    plans: list[Floats] = [chosen.current_Y] if limits.holds(chosen.current_Y) else []
    for weight_M in _beliefs(effect_MC):
        found = search(
            Curves(grid_PY, objective.on_grid(grid_PY, table_MPY, weight_M)), limits, max_nodes=NODES
        )
        plans += [] if found is None else [found.plans[0]]
    money_AY: Floats = np.unique(np.round(np.stack(plans), 6), axis=0)
    amount_AX = objective.amounts(money_AY)
    if exact.curves is None:
        utility_AM = np.stack([exact.kpi_M(amount_X) for amount_X in amount_AX])
    else:
        utility_AM = objective.curves.table_MPX(amount_AX).sum(2).T
    if profit:
        utility_AM = utility_AM - money_AY.sum(1, keepdims=True) / status_quo.value
    return Decision(utility_AM, money_AY, request.horizon, status_quo.kpi_value)


def _beliefs(effect_MC: Floats) -> list[Floats]:
    """Weights of members for which plans are made, each of shape M."""
    members, channels = effect_MC.shape
    equal_M = np.full(members, 1.0 / members)
    single = np.unique(np.linspace(0, members - 1, min(SINGLE, members)).round().astype(np.int64))
    beliefs = [equal_M, *np.eye(members)[single]]
    for c in range(channels):
        own_M = effect_MC[:, c]
        spread = float(own_M.std())
        if members < 2 or spread <= 0:
            continue
        for quantile in TILTS:
            weight_M = np.exp(-0.5 * ((own_M - np.quantile(own_M, quantile)) / (0.5 * spread)) ** 2)
            beliefs.append(weight_M / weight_M.sum())
    return beliefs
