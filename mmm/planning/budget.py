"""Budget plans: the best split of a budget over channels, or over channels and regions.

A plan is judged by the model's own response to it: KPI over the horizon and after it, carry-over
included, all else as it is. Gains are paired: member by member against the status quo.

Shapes: M members, X decision variables, Y those in the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmm.errors import Problem, RequestError
from mmm.planning.constraints import Decisions, LimitsBuilder, clash, decisions, limit_problems
from mmm.planning.outcome import Outcome
from mmm.planning.plan import Plan
from mmm.planning.report_plan import infeasible_plan, stated_plan
from mmm.planning.request import BudgetRequest, parse_request
from mmm.planning.response import AnyResponse, Floats, PlanContext
from mmm.planning.solve.cents import CENT, in_cents, is_coarse
from mmm.planning.solve.limits import Limits, total_range
from mmm.planning.solve.objective import Objective, kpi_of
from mmm.planning.solve.solver import Solution, Solver
from mmm.planning.solve.targets import Unreachable, largest_total, least_total

SEARCHED = 10.0
"""Without a budget and without an upper bound a channel is searched up to this many times the most
that was ever spent; so is each channel in each region, if the whole budget fits twice."""


def best_plan(
    response: AnyResponse, request: BudgetRequest | Mapping[str, object], context: PlanContext
) -> Plan:
    """Answer a budget request.

    Args:
        response: KPI by amounts; separable ones are solved globally and far faster.
        request: What is asked.
        context: Status quo and provenance of the model.

    Returns:
        A plan; ``status`` is ``infeasible`` where limits clash or a target is out of reach.

    Raises:
        RequestError: The request is wrong in itself or for this model, with every problem.
    """
    request = parse_request(request, channels=context.channels, history_periods=context.history_periods)
    chosen = decisions(request, context)
    problems = limit_problems(request, context, chosen) + _aside_problems(request, chosen)
    if problems:
        raise RequestError("budget request", problems)
    task = _Task(response, request, _with_aside(request, context, chosen), chosen)
    stated = task.stated_limits()
    conflict = clash(stated, chosen.unit)
    if conflict is not None:
        return infeasible_plan(task.outcome(chosen.current_Y, stated), *conflict)
    limits = task.searched_limits(stated)
    solved = task.solve(limits)
    if isinstance(solved, Unreachable):
        return infeasible_plan(task.outcome(chosen.current_Y, stated), task.out_of_reach(solved), ())
    money_Y = task.settled(solved.money_Y, limits)
    return stated_plan(replace(task.outcome(money_Y, stated), proven=solved.proven, searched=limits))


def _aside_problems(request: BudgetRequest, chosen: Decisions) -> list[Problem]:
    return [
        Problem(
            "open_exposure",
            f"bounds.{channel}",
            f"{channel} costs nothing in this plan, so more is always better; "
            f"give a max or unit_costs.{channel}",
        )
        for channel in chosen.aside
        if channel in request.bounds
        and request.bounds[channel].max is None
        and request.bounds[channel].max_change is None
    ]


def _with_aside(request: BudgetRequest, context: PlanContext, chosen: Decisions) -> _Amounts:
    """Amounts of channels that the budget does not cover: as now, as fixed, or the most allowed."""
    amount_X = context.current_X.copy()
    for channel in chosen.aside:
        mine = context.channel_X == context.channels.index(channel)
        current = context.current_X[mine]
        bounds = request.bounds.get(channel)
        total = float(current.sum())
        if bounds is not None:
            most = bounds.max if bounds.max is not None else total * (1.0 + (bounds.max_change or 0.0))
        elif isinstance(request.fixed, dict) and channel in request.fixed:
            most = request.fixed[channel]
        else:
            continue
        amount_X[mine] = current * (most / total) if total > 0 else most / len(current)
    return _Amounts(context, amount_X)


@dataclass(frozen=True, eq=False)
class _Amounts:
    """A context with the amounts of what the budget does not cover."""

    context: PlanContext
    amount_X: Floats


class _Task:
    """One request on its way to a plan."""

    def __init__(
        self, response: AnyResponse, request: BudgetRequest, amounts: _Amounts, chosen: Decisions
    ) -> None:
        self.response, self.request, self.chosen = response, request, chosen
        self.context, self.amount_X = amounts.context, amounts.amount_X
        self.block_Y = np.unique(amounts.context.block_X[chosen.moved_Y], return_inverse=True)[1]
        self.objective = self._objective(response)

    def _objective(self, response: AnyResponse) -> Objective:
        """What is maximised, and against which KPI a cautious judgement compares."""
        request, context = self.request, self.context
        if request.objective == "kpi_target":
            reference_M = -context.baseline_M
        elif request.objective == "target_roi":
            idle_X = self.amount_X.copy()
            idle_X[self.chosen.moved_Y] = 0.0
            reference_M = kpi_of(response, idle_X)
        else:
            reference_M = kpi_of(response, context.current_X)
        in_value = request.objective in ("profit", "target_roi")
        return Objective(
            response=response,
            amount_X=self.amount_X,
            moved_Y=self.chosen.moved_Y,
            cost_Y=self.chosen.cost_Y,
            reference_M=reference_M,
            quantile=None if request.risk == "mean" else float(request.risk),
            value=context.kpi_value if in_value else 1.0,
            price=1.0 if request.objective == "profit" else 0.0,
        )

    def stated_limits(self) -> Limits:
        """The limits as the request has them."""
        budget = self.request.budget
        total = float(self.chosen.current_Y.sum()) if budget == "current" else budget
        most = np.inf if total is None else float(total)
        least = most if self.request.objective == "kpi" else 0.0
        return LimitsBuilder(self.request, self.context, self.chosen).build(least, most)

    def searched_limits(self, stated: Limits) -> Limits:
        """The same plans in a finite box, no larger than the total needs."""
        knee_Y = self._knee()
        room = stated.most - stated.lower_X.sum()
        upper_Y = np.minimum(stated.upper_X, stated.lower_X + max(room, 0.0))
        searched_Y = SEARCHED * knee_Y
        if self.request.by_region and searched_Y.sum() > 2.0 * stated.most:
            upper_Y = np.minimum(upper_Y, np.maximum(searched_Y, stated.lower_X))
        upper_Y = np.where(np.isfinite(upper_Y), upper_Y, searched_Y)
        upper_Y = np.maximum(upper_Y, stated.lower_X)
        return replace(stated, upper_X=upper_Y, most=min(stated.most, float(upper_Y.sum())))

    def _knee(self) -> Floats:
        """Where each curve matters: the most that was ever spent, some amount where nothing was."""
        seen_Y = self.context.supported_X[self.chosen.moved_Y] * self.chosen.cost_Y
        knee_Y = np.maximum(seen_Y, self.chosen.current_Y)
        typical = float(knee_Y.mean()) or 1.0
        return np.where(knee_Y > 0, knee_Y, typical)

    def solve(self, limits: Limits) -> Solution | Unreachable:
        """The plan before rounding."""
        proxy = self.context.proxy
        solver = Solver(
            objective=self.objective,
            limits=limits,
            knee_Y=self._knee(),
            status_quo_Y=self.chosen.current_Y,
            channel_Y=self.block_Y,
            method=self.request.method,
            seed=self.request.seed,
            proxy=None if proxy is None or self.objective.separable else self._objective(proxy),
        )
        if self.request.objective == "target_roi":
            return largest_total(solver, float(self.request.target or 0.0))
        if self.request.objective == "kpi_target":
            return least_total(solver, float(self.request.target or 0.0))
        solution = solver.solve()
        assert solution is not None
        return solution

    def settled(self, money_Y: Floats, limits: Limits) -> Floats:
        """The plan in cents; the status quo itself if that is allowed and better."""
        if self.request.objective in ("target_roi", "kpi_target"):
            total = self._whole_total(float(money_Y.sum()), limits)
            limits = limits.with_total(total, total)
        rounded_Y = in_cents(money_Y, limits, self.block_Y)
        current_Y = self.chosen.current_Y
        compared = self.request.objective in ("kpi", "profit") and limits.holds(current_Y)
        if compared and self.objective.score(current_Y) > self.objective.score(rounded_Y):
            return current_Y
        return rounded_Y

    def _whole_total(self, total: float, limits: Limits) -> float:
        """The total in cents, on the side where the target is still met."""
        if is_coarse(total, len(self.block_Y)):
            return total
        toward = np.floor if self.request.objective == "target_roi" else np.ceil
        low, high = total_range(limits)
        slack = 1e-6 if self.request.objective == "target_roi" else -1e-6
        return float(
            np.clip(toward(total / CENT + slack) * CENT, max(low, limits.least), min(high, limits.most))
        )

    def out_of_reach(self, unreachable: Unreachable) -> str:
        """Why the target is not met, and what would be."""
        target, highest = self.request.target or 0.0, unreachable.highest
        if self.request.objective == "target_roi":
            return (
                f"Target ROI {target:g} is above the highest reachable, {highest:.4g} at a budget of "
                f"{unreachable.total:.6g} {self.chosen.unit}. Lower the target or widen the bounds."
            )
        return (
            f"KPI target {target:g} is above the highest reachable, {highest:.6g} at a budget of "
            f"{unreachable.total:.6g} {self.chosen.unit}. Lower the target, raise the budget or widen the "
            "bounds."
        )

    def outcome(self, money_Y: Floats, stated: Limits) -> Outcome:
        """Everything that the plan states."""
        return Outcome(
            response=self.context.exact or self.response,
            request=self.request,
            context=self.context,
            chosen=self.chosen,
            amount_X=self.objective.amounts(money_Y),
            money_Y=money_Y,
            stated=stated,
        )
