"""Commit a plan: freeze it with the model and draws it stood on."""

from __future__ import annotations

import datetime as dt
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from mmm.analysis.intervals import change, estimates
from mmm.data.panel import Floats
from mmm.errors import RecordError
from mmm.fitted import Fitted
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner, planning_draws
from mmm.planning.record.kept import Promise, PromisedPeriod, write_record
from mmm.planning.record.planned import (
    PlannedPeriods,
    planned_periods,
    treatment_money,
    treatments_of,
    usual_periods,
    with_frequencies,
)
from mmm.planning.record.stated import StatedSpend, stated_spend
from mmm.planning.scenario.request import ScenarioRequest, is_spend, read_scenario

SAME = ("brand", "market", "last_date", "data_fingerprint", "spec_digest", "seed")
"""What of a model's provenance must be that of the plan."""


def read_plan(path: str | Path) -> Plan | ScenarioRequest:
    """A plan as ``mmm optimize`` or the service wrote it, or spend plans as ``mmm scenario`` takes them.

    Raises:
        RecordError: The file is missing or holds no plan, or one that cannot be committed.
        RequestError: Its spend plans break the schema.
    """
    if Path(path).suffix.lower() != ".json":
        return read_scenario(str(path))
    try:
        said = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{path} cannot be committed: {error}. Write a plan with mmm optimize --out."
        ) from error
    return read_scenario(str(path)) if is_spend(said) else plan_of(said, str(path))


def plan_of(said: object, source: str) -> Plan:
    """A plan out of plain data, if it can be committed.

    Raises:
        RecordError: It is no plan of one market, is infeasible, or does not say what was asked.
    """
    if isinstance(said, dict) and "models" in said and "plan" in said:
        raise RecordError(
            f"{source} is a plan over several models. Commit that of one market: an entry of its `models`."
        )
    try:
        plan = Plan.model_validate(said)
    except ValidationError as error:
        raise RecordError(
            f"{source} cannot be committed: it is no plan. Write a plan with mmm optimize --out."
        ) from error
    if not plan.feasible:
        raise RecordError(f"{source} is infeasible: {plan.message} Only a plan that can run is committed.")
    if not plan.request:
        raise RecordError(
            f"{source} does not say what was asked (`request`): an older program wrote it. "
            "Make the plan again."
        )
    return plan


def commit_plan(
    plan: Plan | ScenarioRequest,
    fitted: Fitted,
    path: str | Path,
    *,
    day: dt.date | None = None,
    force: bool = False,
    base: str = ".",
) -> tuple[Path, str]:
    """Freeze a plan with the model that made it, or spend that somebody stated with the model that judges it.

    Args:
        plan: The plan, or a scenario request of one.
        fitted: The model.
        path: The file to be.
        day: Day of the commit; today by default.
        force: Replace a file that is there.
        base: Folder that files of a scenario request are relative to.

    Returns:
        Where the record lies, and its digest.

    Raises:
        RecordError: The plan was made by another model, or several are given.
        RequestError: Stated spend does not fit the model.
        OutputError: The file cannot be written.
    """
    planner = Planner(fitted)
    kept: Plan | StatedSpend
    if isinstance(plan, ScenarioRequest):
        kept = stated_spend(planner, plan, base=base)
    else:
        refuse_other_model(plan, planner)
        kept = with_frequencies(planner, plan)
    return write_record(path, _promised(planner, kept, day), planning_draws(fitted), force=force)


def _promised(planner: Planner, plan: Plan | StatedSpend, day: dt.date | None) -> Promise:
    """What a plan promises, worked out by its model."""
    fitted = planner.fitted
    planned = planned_periods(planner, plan)
    return Promise(
        brand=fitted.spec.brand,
        market=fitted.spec.market,
        committed=str(day or dt.datetime.now(dt.UTC).date()),
        currency=fitted.panel.currency,
        plan=plan,
        periods=_periods(planner, planned, plan),
        gain_draws=tuple(_gain_M(planner, plan, planned).tolist()),
        program=version("ray-mmm"),
    )


def refuse_other_model(plan: Plan, planner: Planner) -> None:
    """Whether a plan is of this model.

    Raises:
        RecordError: It is of another one.
    """
    own = planner.provenance
    for name in SAME:
        if plan.model.get(name) != own.get(name):
            raise RecordError(
                f"The plan was made by another model: its {name} is {plan.model.get(name)}, the model's is "
                f"{own.get(name)}. Name the model that made it, or make the plan again."
            )


def _periods(
    planner: Planner, planned: PlannedPeriods, plan: Plan | StatedSpend
) -> tuple[PromisedPeriod, ...]:
    """Expected KPI and amounts of every period."""
    brought_MCP = brought_ahead(planner, planned.media_GPC, planned.contacts_GPC)
    baseline_MH = planner.predictor.baseline_ahead(planned.controls_GHK, planned.wait.periods).sum(1)
    kpi_MH = baseline_MH + brought_MCP.sum(1)[:, planned.wait.periods :]
    level = float(plan.request.get("level", 0.9))
    return tuple(
        PromisedPeriod(
            date=str(date), kpi=kpi, spend=dict(zip(planner.panel.channels, amount_C.tolist(), strict=True))
        )
        for date, kpi, amount_C in zip(
            planned.dates, estimates(kpi_MH, level), planned.amount_HC, strict=True
        )
    )


def brought_ahead(planner: Planner, media_GPC: Floats, contacts_GPC: Floats | None) -> Floats:
    """KPI that channels bring after the data, all regions, carry-over of history included; shape MCP."""
    return np.asarray(planner.predictor.channels_ahead(media_GPC, contacts_GPC).sum(2))


def _gain_M(planner: Planner, plan: Plan | StatedSpend, planned: PlannedPeriods) -> Floats:
    """Gain by own effects against the amounts of today, draw by draw; with what comes after the horizon."""
    now_M, then_M = (
        brought_ahead(planner, *_and_after(planner, own))[..., own.wait.periods :].sum((1, 2))
        for own in (usual_periods(planner, plan), planned)
    )
    usual, treatments = treatments_of(planner, plan, ran=True), treatments_of(planner, plan)
    if usual is not None and treatments is not None:
        now_M = now_M + usual.response.kpi_M(usual.current_V)
        then_M = then_M + treatments.response.kpi_M(treatment_money(plan))
    return change(then_M, now_M)


def _and_after(planner: Planner, planned: PlannedPeriods) -> tuple[Floats, Floats | None]:
    """Media, and contacts per person, with the periods in which media still act, in which none run."""
    lasting = ((0, 0), (0, planner.predictor.lags - 1), (0, 0))
    contacts_GPC = planned.contacts_GPC
    return np.pad(planned.media_GPC, lasting), (
        None if contacts_GPC is None else np.pad(contacts_GPC, lasting, mode="edge")
    )
