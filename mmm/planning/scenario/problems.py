"""What a scenario asks that its model cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mmm.errors import Problem
from mmm.planning.planner import Planner
from mmm.planning.prices.stated import price_problems
from mmm.planning.reaching import best_problems, reach_problems
from mmm.planning.scenario.request import ScenarioRequest
from mmm.planning.treatments import treatment_problems


def scenario_problems(planner: Planner, request: ScenarioRequest) -> Iterator[Problem]:
    """Frequencies, limits of reach, prices and treatments that the model cannot tell of."""
    yield from _reach_problems(planner, request)
    yield from price_problems(planner.panel, request.prices)
    if request.treatment_costs:
        said = {name: getattr(request, name) for name in ("controls", "prices", "reach_ceiling")}
        yield from treatment_problems(planner.panel, request.treatment_costs, said)


def _reach_problems(planner: Planner, request: ScenarioRequest) -> Iterator[Problem]:
    """What is asked of reach that this model cannot do."""
    if request.reach_ceiling:
        yield from reach_problems(planner.fitted, "keep", request.reach_ceiling)
    for name, plan in request.plans.items():
        if plan.frequency != "keep":
            found = (
                *best_problems(planner.fitted, plan.frequency),
                *reach_problems(planner.fitted, plan.frequency, {}),
            )
            yield from (replace(problem, where=f"plans.{name}.{problem.where}") for problem in found)
