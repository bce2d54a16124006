"""Spend plans that somebody stated, as a record keeps them: amounts in full, and what the model says of them.

Shapes: C channels.
"""

from __future__ import annotations

from typing import Any, Literal

from mmm.analysis.intervals import Estimate
from mmm.config import Spec
from mmm.errors import RecordError
from mmm.planning.planner import Planner
from mmm.planning.reaching import reach_key
from mmm.planning.scenario.evaluate import answer_scenario
from mmm.planning.scenario.media import ResolvedPlans, resolve_plans
from mmm.planning.scenario.request import ScenarioRequest, SpendPlan, parse_scenario
from mmm.planning.scenario.result import ScenarioPlan


class StatedSpend(Spec):
    """A spend plan as it was stated, with what a scenario says of it."""

    request: dict[str, Any]
    """The scenario request of this plan alone: amounts, horizon and frequencies in full."""
    horizon: int
    """Periods planned."""
    effects: Literal["direct", "total"]
    """Effects counted."""
    draws: int | None
    """Draws of the model by which the gain was judged."""
    found: ScenarioPlan
    """What the plan brings."""
    assumptions: tuple[str, ...]
    """What is taken for granted about the periods ahead."""
    model: dict[str, Any]
    """Provenance of the model."""

    @property
    def spend(self) -> dict[str, float]:
        """Planned amount by channel."""
        return self.found.spend

    @property
    def gain(self) -> Estimate:
        """KPI under the plan less that of the status quo."""
        return self.found.gain


def stated_spend(planner: Planner, request: ScenarioRequest, *, base: str = ".") -> StatedSpend:
    """A scenario request of one plan as it is committed.

    Args:
        planner: Of the model that it is committed with.
        request: What is asked.
        base: Folder that plan files are relative to.

    Raises:
        RecordError: It has several plans.
        RequestError: It does not fit the model, with every problem.
    """
    if len(request.plans) != 1:
        raise RecordError(
            f"The request has {len(request.plans)} plans ({', '.join(request.plans)}). Commit them one by "
            "one."
        )
    resolved = resolve_plans(planner.to_media, request, base, planner.fitted.spec.data)
    own = _in_full(planner, request, resolved)
    answer = answer_scenario(planner, own)
    return StatedSpend(
        request=own.model_dump(mode="json", exclude_defaults=True),
        horizon=answer.horizon,
        effects=answer.effects,
        draws=answer.draws,
        found=answer.plans[0],
        assumptions=answer.assumptions,
        model=answer.model,
    )


def _in_full(planner: Planner, request: ScenarioRequest, resolved: ResolvedPlans) -> ScenarioRequest:
    """The request without files and words: a record keeps neither the files nor all draws."""
    ((name, plan),) = request.plans.items()
    frequency = plan.frequency
    if frequency == "best":
        channels = planner.panel.channels
        chosen = reach_key(planner.fitted, frequency, {}).frequency
        frequency = {channels[c]: value for c, value in chosen}
    spent = SpendPlan(
        spend=resolved.entries[name], others=plan.others, flighting=plan.flighting, frequency=frequency
    )
    start = (
        planner.forecast(resolved.horizon, resolved.wait.periods).dates[0] if resolved.wait.periods else None
    )
    more = {"start": None if start is None else start.astype(object), "horizon": resolved.horizon}
    return request.model_copy(update={"plans": {name: spent}, **more})


def asked_spend(planner: Planner, stated: StatedSpend) -> tuple[ScenarioRequest, ResolvedPlans, SpendPlan]:
    """The request of a stated plan, read again; with the plan itself.

    Raises:
        RequestError: It does not fit the model.
    """
    request = parse_scenario(stated.request, channels=planner.panel.channels, source="request of the plan")
    (plan,) = request.plans.values()
    return request, resolve_plans(planner.to_media, request, "."), plan
