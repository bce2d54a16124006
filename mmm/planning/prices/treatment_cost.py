"""What a treatment costs, as a request states it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mmm.config import Spec
from mmm.planning.fields import UnitCost, refuse_bool


class TreatmentCost(Spec):
    """What one unit of a treatment above its reference costs."""

    cost: UnitCost
    """Currency for one unit above the reference, for each KPI unit or for each region and period."""
    per: Literal["kpi", "period"] = "kpi"
    """``kpi``: for each KPI unit, those that come anyway and those that the treatment brings, as a discount
    does. ``period``: once for each region and period, as a fee does."""
    most: Annotated[float, BeforeValidator(refuse_bool), Field(ge=-1e15, le=1e15)] | None = None
    """Largest value that any region and period may have; None is the largest in the data."""


TreatmentCosts = dict[str, TreatmentCost]
"""Costs by treatment: those named are lines of the plan beside channels."""


def lines_of(data: Mapping[Any, Any], channels: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names that a request may use for lines of a plan: channels, and treatments that it prices."""
    costs = data.get("treatment_costs")
    treatments = map(str, costs) if isinstance(costs, Mapping) else ()
    return None if channels is None else (*channels, *treatments)
