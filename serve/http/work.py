"""What a request costs, reckoned before any of it is done: too much is refused, much waits in its own line.

Seconds are those of one core of today, measured on models of 8 to 64 channels; they need be no better than a
factor of three, since a plan over its time is ended.
"""

from __future__ import annotations

from mmm.errors import Problem
from mmm.planning.request import BudgetRequest
from mmm.planning.scenario.media import longest_list
from mmm.planning.scenario.request import ScenarioRequest
from serve.planner.protocol import ModelCard
from serve.problems import invalid_request
from serve.settings import Limits

EVOLVING = ("differential_evolution", "hybrid")
BASE = 0.02
PER_VARIABLE = 0.0003
"""Of a plan by region or of many models, with the default solver."""
AIMED = 4.0
"""Times as much for objectives other than the KPI and for a risk."""
PER_RISKY_VARIABLE = 0.0015
"""Of a plan by region with a risk, besides: every draw weighs in every round."""
REGRET = 3.0
"""Times as much again for the least regret: every draw has its own best plan."""
FRONTIER = 4.0
"""The same for each plan of a frontier."""
PER_SLOW_VARIABLE = 0.01
"""With trust-constr, or total effects by region."""
PER_EVOLVED_VARIABLE = 0.3
PER_GROUP = 0.01
"""Limits that bind make the search for a start longer."""
PER_CELL = 1e-7
"""Of a scenario: plan x period x region x channel x member."""
USUAL_PERIODS = 13
COMMIT_SECONDS = 0.5
"""Of freezing a plan: its model is written and packed."""
VARIANCE_SECONDS = 1.0
"""Of explaining one: its model is unpacked, and asked beside the one served."""


def budget_price(request: BudgetRequest, variables: int, limits: Limits) -> float:
    """Seconds of work that a budget request is expected to be.

    Args:
        request: Checked.
        variables: Amounts to be found.
        limits: What one request may ask.

    Raises:
        RequestProblem: 422 if it would keep a planner busy for minutes.
    """
    problems = [*_too_many_variables(request, variables, limits), *_too_many_groups(request, limits)]
    if problems:
        raise invalid_request(problems)
    seconds = BASE + PER_VARIABLE * variables + PER_GROUP * len(request.groups)
    if _is_aimed(request):
        seconds *= AIMED
    if request.by_region and request.risk != "mean":
        seconds += PER_RISKY_VARIABLE * variables
    if isinstance(request.risk, dict) and "regret" in request.risk:
        seconds *= REGRET
    if request.frontier is not None:
        seconds += FRONTIER * request.frontier * (BASE + PER_VARIABLE * variables)
    if request.method == "trust-constr" or (request.by_region and request.effects == "total"):
        seconds += PER_SLOW_VARIABLE * variables
    if request.method in EVOLVING:
        seconds += PER_EVOLVED_VARIABLE * variables
    return seconds


def _is_aimed(request: BudgetRequest) -> bool:
    """A plan that takes several searches."""
    return request.objective != "kpi" or request.risk != "mean" or request.frontier is not None


def _too_many_variables(request: BudgetRequest, variables: int, limits: Limits) -> list[Problem]:
    field, most = ("by_region" if request.by_region else "models"), limits.variables
    if request.method in EVOLVING:
        field, most = "method", min(most, limits.evolved_variables)
    elif request.method == "trust-constr" or (request.by_region and request.effects == "total"):
        field, most = "method", min(most, limits.slow_variables)
    elif _is_aimed(request):
        most = min(most, limits.aimed_variables)
    if variables <= most:
        return []
    text = (
        f"asks for {variables} amounts; at most {most} are planned over HTTP like this. Use method slsqp "
        "and direct effects, no by_region, fewer models, or `mmm optimize`"
    )
    return [Problem("too_complex", field, text)]


def _too_many_groups(request: BudgetRequest, limits: Limits) -> list[Problem]:
    groups = request.groups
    if len(groups) > limits.groups:
        text = f"has {len(groups)} groups; at most {limits.groups} are planned with over HTTP"
        return [Problem("too_complex", "groups", f"{text}. Use `mmm optimize`")]
    names = sum(len(group.channels) + len(group.relative_to or ()) for group in groups)
    if names > limits.group_names:
        text = (
            f"names {names} channels in all groups; over HTTP at most {limits.group_names} are planned with"
        )
        return [Problem("too_complex", "groups", f"{text}. Use `mmm optimize`")]
    return []


def scenario_price(request: ScenarioRequest, card: ModelCard, limits: Limits) -> float:
    """Seconds of work that spend plans are expected to be.

    Raises:
        RequestProblem: 422 if they would keep a planner busy for minutes.
    """
    # Rows are of dates, of which there are no more than rows.
    lengths = (max(len(plan.rows or ()), longest_list(plan)) for plan in request.plans.values())
    periods = max(request.horizon or 0, *lengths, USUAL_PERIODS)
    size = len(card.regions) * len(card.channels) * card.members
    cells = len(request.plans) * periods * size
    if cells > limits.cells:
        text = (
            f"asks for {cells} cells (plans x periods x regions x channels x members); at most "
            f"{limits.cells} are worked out over HTTP. Send fewer plans or a shorter horizon, or use "
            "`mmm scenario`"
        )
        raise invalid_request([Problem("too_complex", "plans", text)])
    return BASE + PER_CELL * cells
