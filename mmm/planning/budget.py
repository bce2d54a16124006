"""Budget plans: the best split of a budget over channels, or over channels and regions.

A plan is judged by the model's own response to it: KPI over the horizon and after it (carry-over), all else
as it is: the last level, the season, controls as in the last year, and what history still brings. Gains are
paired: member by member against the status quo, which repeats the amounts of the last ``horizon`` periods.
With ``effects: total`` also through the channels that a change moves.

Shapes: M members, X decision variables, Y those in the budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mmm.errors import Problem, RequestError
from mmm.planning.ahead import control_remarks
from mmm.planning.constraints import (
    SEARCHED,
    aside_amounts,
    channel_bounds,
    decisions,
    knee,
    limit_problems,
    limits_of,
    named_by,
    searched_limits,
)
from mmm.planning.fields import unknown_name
from mmm.planning.frontier import frontier_of
from mmm.planning.infeasible import clash, infeasible_plan, out_of_reach
from mmm.planning.plan import Plan
from mmm.planning.planner import MOST_DOUBLINGS, FrozenFlighting, Planner, ResponseKey, planner_of
from mmm.planning.prices.stated import EVERY, price_key, price_problems
from mmm.planning.reaching import KEEP, best_problems, reach_key, reach_problems
from mmm.planning.report_plan import SolvedPlan, current_kpi, stated_plan
from mmm.planning.request import Bounds, BudgetRequest, parse_request
from mmm.planning.response import StatusQuo
from mmm.planning.solve.cents import settled
from mmm.planning.solve.limits import Limits, is_feasible
from mmm.planning.solve.objective import MEAN, Objective, Risk
from mmm.planning.solve.proof import proven
from mmm.planning.solve.solver import MANY, Solution, Solver
from mmm.planning.solve.targets import Unreachable, largest_total, least_total
from mmm.planning.treatments import PlannedTreatments, treatment_problems, with_treatments
from mmm.planning.wait import Wait, wait_until

if TYPE_CHECKING:
    from mmm.data.panel import Floats, Frequency
    from mmm.fitted import Fitted
    from mmm.model.future import Response

QUARTER: dict[Frequency, int] = {"daily": 91, "weekly": 13, "monthly": 3, "quarterly": 1}
REACH = ("frequency", "reach_ceiling")
NEED_A_VALUE = ("profit", "target_roi")
"""Objectives in which KPI and money are weighed against each other."""
CHANGE = 0.3
"""Part of its spend by which each channel may rise or fall in a first plan: near what the data have seen."""


def plan_budget(fitted: Fitted, request: BudgetRequest | Mapping[str, object]) -> Plan:
    """Answer a budget request; a second one on the same model takes milliseconds.

    Args:
        fitted: The model.
        request: What is asked, see ``BudgetRequest``; one that is read already is not read again.

    Returns:
        A plan; ``status`` is ``infeasible`` where limits clash or a target is out of reach.

    Raises:
        RequestError: The request is wrong in itself or for this model, with every problem.
    """
    return answer_budget(planner_of(fitted), request)


def answer_budget(planner: Planner, request: BudgetRequest | Mapping[str, object]) -> Plan:
    """``plan_budget`` for callers that keep planners themselves."""
    request = as_read(request, planner.panel.channels, len(planner.panel.dates))
    if request.objective in NEED_A_VALUE and planner.fitted.spec.kpi_value is None:
        text = (
            f"{request.objective!r} needs what a KPI unit is worth, and the model's spec does not state it. "
            "State kpi_value there (1 if the KPI is money), or plan for kpi or kpi_target."
        )
        raise RequestError("budget request", [Problem("no_value", "objective", text)])
    if request.frequency == "best" and (problems := list(best_problems(planner.fitted, request.frequency))):
        raise RequestError("budget request", problems)
    exact, table, status_quo = prepared(planner, request)
    return best_plan(request, status_quo, exact, table)


def as_read(
    request: BudgetRequest | Mapping[str, object], names: Sequence[str], history_periods: int | None
) -> BudgetRequest:
    """A mapping read; of a request that is read already, whether it was read for this model.

    Raises:
        RequestError: With every problem.
    """
    if not isinstance(request, BudgetRequest):
        return parse_request(request, channels=names, history_periods=history_periods)
    problems = list(_foreign(request, names, history_periods))
    if problems:
        raise RequestError("budget request", problems)
    return request


def _foreign(request: BudgetRequest, names: Sequence[str], history_periods: int | None) -> Iterator[Problem]:
    """Names and periods that this model does not have."""
    named = {field: tuple(getattr(request, field)) for field in ("bounds", "fixed", "unit_costs")}
    named["flighting"] = tuple(request.flighting) if isinstance(request.flighting, Mapping) else ()
    named["prices"] = tuple(name for name in request.prices if name != EVERY)
    names = (*names, *request.treatment_costs)
    named["groups"] = tuple(name for group in request.groups for name in named_by(group))
    for field, mentioned in named.items():
        for name in mentioned:
            if name not in names:
                yield Problem("unknown_channel", field, unknown_name(name, names))
    if history_periods is not None and request.horizon > history_periods:
        text = f"is {request.horizon}; it must not exceed the {history_periods} periods of history"
        yield Problem("horizon_beyond_history", "horizon", text)


def first_plan(fitted: Fitted) -> Plan | None:
    """The plan that every report shows: what the last quarter of the data cost, each channel within 30 %.

    Returns:
        The plan; None where media are not all in money, nothing was spent, or there is one channel only.
    """
    panel = fitted.panel
    bought_C = panel.bought_C
    if bought_C.sum() < 2 or not panel.has_spend_C[bought_C].all():
        return None
    request = BudgetRequest(
        budget="current",
        horizon=min(QUARTER[panel.frequency], len(panel.dates)),
        default_bounds=Bounds(min_change=-CHANGE, max_change=CHANGE),
    )
    try:
        plan = answer_budget(Planner(fitted), request)
    except RequestError:
        return None
    return plan if plan.feasible else None


def prepared(planner: Planner, request: BudgetRequest) -> tuple[Response, Response, StatusQuo]:
    """What answers a request: the exact response, a table of the direct one, and the status quo.

    Raises:
        RequestError: Frequencies, limits of reach, prices or treatments that the model cannot tell of.
    """
    if problems := list(_unplannable(planner, request)):
        raise RequestError("budget request", problems)
    reach, costs = KEEP, request.treatment_costs
    if request.frequency != "keep" or request.reach_ceiling:
        reach = reach_key(planner.fitted, request.frequency, request.reach_ceiling)
    flighting: FrozenFlighting = "history"
    if not isinstance(request.flighting, Mapping):
        flighting = request.flighting
    elif request.flighting:
        flighting = tuple(sorted(request.flighting.items()))
    wait = Wait()
    if request.start is not None:
        wait = wait_until(planner.panel, request.start, request.meanwhile, request.horizon, "budget request")
    direct = ResponseKey(request.horizon, flighting, request.by_region and planner.has_regions, wait=wait)
    direct = replace(direct, prices=price_key(request.prices) if request.prices else "", reach=reach)
    key = replace(direct, total=request.effects == "total" and planner.has_edges)
    status_quo = planner.status_quo(key)
    treatments, controls = None, request.controls
    if costs:
        treatments = PlannedTreatments(
            planner, costs, request.horizon, request.flighting, by_region=direct.by_region
        )
        controls = {**controls, **treatments.at_reference()}
    if controls:
        ahead = planner.forecast_with(request.horizon, controls, wait.periods)
        baseline_M = ahead.baseline_MH.sum(1) + planner.response(key).to_bought.idle_kpi()
        remarks = (*status_quo.remarks, *control_remarks(planner.panel, controls))
        status_quo = replace(status_quo, baseline_M=baseline_M, remarks=remarks)
    response, table = planner.response(key), planner.table(direct, _doublings(request, status_quo))
    if treatments is None:
        return response.to_money, table, status_quo
    return with_treatments(treatments, response, table, status_quo)


def _unplannable(planner: Planner, request: BudgetRequest) -> Iterator[Problem]:
    """Frequencies, limits of reach, prices and treatments that the model cannot tell of."""
    if request.frequency != "keep" or request.reach_ceiling:
        yield from reach_problems(planner.fitted, request.frequency, request.reach_ceiling)
    if request.prices:
        yield from price_problems(planner.panel, request.prices)
    if request.treatment_costs:
        elsewhere = {name: getattr(request, name) for name in ("controls", "unit_costs", "prices", *REACH)}
        yield from treatment_problems(planner.panel, request.treatment_costs, elsewhere)


def _doublings(request: BudgetRequest, status_quo: StatusQuo) -> int:
    """How far beyond the data a table must reach to hold every amount that the request allows."""
    current_X, usual_X = status_quo.current_X, status_quo.usual_X
    regional = bool(status_quo.regions)
    budget = request.budget if isinstance(request.budget, float) else float(current_X.sum())
    budget += float(current_X.sum()) if request.mode == "increment" else 0.0
    widest = 1.0
    for c, channel in enumerate(status_quo.channels):
        mine = status_quo.channel_X == c
        bounds = channel_bounds(request, channel)
        change = bounds.max_change if bounds.max is None else None
        change = request.region_bounds.max_change if regional and request.region_bounds else change
        usual = float(usual_X[mine].sum())
        top = bounds.max if bounds.max is not None else budget / request.unit_costs.get(channel, 1.0)
        if request.budget is None and bounds.max is None:
            top = SEARCHED * usual
        if isinstance(request.fixed, dict) and channel in request.fixed:
            top = request.fixed[channel]
        if change is not None:
            widest = max(widest, float(((1.0 + change) * current_X[mine] / usual_X[mine]).max()))
        elif regional:
            widest = max(widest, SEARCHED)
        else:
            widest = max(widest, top / usual)
    return min(math.ceil(math.log2(widest)), MOST_DOUBLINGS)


def best_plan(
    request: BudgetRequest, status_quo: StatusQuo, exact: Response, table: Response | None = None
) -> Plan:
    """Answer a request that is read.

    Args:
        request: What is asked.
        status_quo: What runs if nothing changes, and provenance of the model.
        exact: KPI by amounts, by which the plan is stated.
        table: A sum of curves near ``exact``, quickly asked. If ``exact`` is such a sum the plan is solved on
            the table; if not, it is solved on ``exact`` itself, from starts found on the table.

    Returns:
        A plan; ``status`` is ``infeasible`` where limits clash or a target is out of reach.

    Raises:
        RequestError: The request is wrong for this model, with every problem.
    """
    chosen = decisions(request, status_quo)
    problems = list(limit_problems(request, status_quo, chosen))
    if problems:
        raise RequestError("budget request", problems)
    stated, held = limits_of(request, status_quo, chosen)
    amount_X = aside_amounts(request, status_quo, chosen)
    as_now = SolvedPlan(exact, request, status_quo, chosen, amount_X, chosen.current_Y, stated, held)
    if not is_feasible(stated):
        return infeasible_plan(as_now, *clash(stated, chosen.unit))
    limits = searched_limits(stated, knee(status_quo, chosen), by_region=request.by_region)
    solver = _solver(as_now, limits, table)
    free = request.objective in ("kpi", "profit")
    asked = free or _regrets(request) or request.frontier is not None
    best_M = solver.hindsight_M(limits) if asked else None
    aimed = _aimed(solver, request, best_M)
    solved = _solved(aimed, request)
    if isinstance(solved, Unreachable):
        return infeasible_plan(as_now, out_of_reach(request, solved, chosen.unit), ())
    own = limits if free else limits.with_total(*[float(solved.money_Y.sum())] * 2)
    own_best_M = best_M if free else solver.hindsight_M(own)
    mean = aimed.objective.is_mean
    found = aimed.bounded(solved, own) if mean else proven(aimed, solved, own, own_best_M)
    money_Y = settled(found.money_Y, limits, solver.channel_Y, request.objective)
    if free and limits.holds(chosen.current_Y):
        money_Y = max(money_Y, chosen.current_Y, key=aimed.objective.score)
    gap = found.gap(aimed.objective, money_Y)
    plan = replace(
        as_now,
        amount_X=solver.objective.amounts(money_Y),
        money_Y=money_Y,
        gap=gap,
        proven=gap is not None and gap <= aimed.tolerance(money_Y),
        searched=limits,
        regret_M=solver.regret_M(money_Y, own_best_M),
    )
    if request.frontier is not None:
        plan = replace(plan, frontier=frontier_of(plan, solver, limits, best_M, request.frontier))
    return stated_plan(plan)


def _solver(as_now: SolvedPlan, limits: Limits, table: Response | None) -> Solver:
    """The search for the best plan of a request; the plan before it stands as now."""
    exact, request, chosen = as_now.response, as_now.request, as_now.chosen
    quick = exact if table is None or exact.curves is None else table
    start = table if exact.curves is None else None
    return Solver(
        objective=_objective(as_now, quick),
        limits=limits,
        knee_Y=knee(as_now.status_quo, chosen),
        status_quo_Y=chosen.current_Y,
        channel_Y=np.unique(as_now.status_quo.block_X[chosen.moved_Y], return_inverse=True)[1],
        method=request.method,
        seed=request.seed,
        proxy=None if start is None else _objective(as_now, start),
    )


def _objective(as_now: SolvedPlan, response: Response) -> Objective:
    """What is maximised, and against which KPI a cautious judgement compares."""
    request, status_quo, chosen = as_now.request, as_now.status_quo, as_now.chosen
    if request.objective == "kpi_target":
        reference_M = -status_quo.baseline_M
    elif request.objective == "target_roi":
        idle_X = as_now.amount_X.copy()
        idle_X[chosen.moved_Y] = 0.0
        reference_M = response.kpi_M(idle_X)
    else:
        reference_M = current_kpi(response, status_quo)
    in_value = request.objective in ("profit", "target_roi")
    return Objective(
        response=response,
        amount_X=as_now.amount_X,
        moved_Y=chosen.moved_Y,
        cost_Y=chosen.cost_Y,
        reference_M=reference_M,
        risk=_risk(request),
        value=status_quo.value if in_value else 1.0,
        price=1.0 if request.objective == "profit" else 0.0,
    )


def _risk(request: BudgetRequest) -> Risk:
    """How the request judges gains; regret becomes the worst draw once what to regret is known."""
    if request.chance is not None:
        return Risk("reached", 1.0 - request.chance)
    if isinstance(request.risk, float):
        return Risk("quantile", request.risk)
    if isinstance(request.risk, str):
        return MEAN
    ((name, level),) = request.risk.items()
    if name == "regret" or isinstance(level, str):
        return Risk("worst")
    return Risk("cvar" if name == "cvar" else "mean_sd", level)


def _regrets(request: BudgetRequest) -> bool:
    """Whether regret is to be made small, for which the best plan of every draw must be known."""
    return isinstance(request.risk, dict) and "regret" in request.risk


def _aimed(solver: Solver, request: BudgetRequest, best_M: Floats | None) -> Solver:
    """The solver with what is regretted as its reference, where regret is made small.

    Raises:
        RequestError: Nothing is known of the best plan of each draw.
    """
    if not _regrets(request):
        return solver
    if best_M is None:
        text = (
            f"regret needs the best plan of every draw, which is found for up to {MANY} amounts whose "
            "effects add up; use effects: direct, no by_region, fewer models, or another measure such as "
            "{cvar: 0.1}"
        )
        raise RequestError("budget request", [Problem("no_hindsight", "risk", text)])
    objective = replace(solver.objective, reference_M=solver.objective.reference_M + best_M)
    return replace(solver, objective=objective)


def _solved(solver: Solver, request: BudgetRequest) -> Solution | Unreachable:
    """The plan before rounding."""
    if request.objective == "target_roi":
        return largest_total(solver, float(request.target or 0.0))
    if request.objective == "kpi_target":
        return least_total(solver, float(request.target or 0.0))
    solution = solver.solve()
    assert solution is not None
    return solution
