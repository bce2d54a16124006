"""Questions to loaded models, answered as JSON.

Every answer says which version of which model gave it and the window of its data.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmm.errors import ModelFileError, RequestError
from mmm.fitted import Fitted, load_fitted
from mmm.planning.plan import Plan
from mmm.planning.planner import plan_budgets, planner_of
from mmm.planning.scenario.evaluate import evaluate_scenario
from serve.models.registry import local_directory
from serve.models.source import ModelEntry
from serve.planner.contributions import contributions_json
from serve.planner.protocol import Reply, Task


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A loaded model."""

    entry: ModelEntry
    directory: Path
    fitted: Fitted
    seconds: float


def load_model(entry: ModelEntry, registry: str | None = None) -> LoadedModel:
    """Load a model and make its first plan, so that later ones are as fast as they get.

    Raises:
        MMMError: Its files cannot be had, are damaged or of another format.
    """
    started = time.perf_counter()
    directory = local_directory(entry, registry)
    fitted = load_fitted(directory)
    try:
        tiny_plan(fitted)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{directory} loads but cannot plan ({error}): was it fitted by another version of this program? "
            "Fit the model again."
        ) from error
    return LoadedModel(entry, directory, fitted, time.perf_counter() - started)


def tiny_plan(fitted: Fitted) -> Plan | None:
    """The plan of a small budget; None for a model that has no spend to plan."""
    horizon = min(13, len(fitted.panel.dates))
    try:
        return planner_of(fitted).plan({"budget": "current", "horizon": horizon})
    except RequestError:
        return None


def perform(task: Task, models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    """Answer a question; what is wrong with it is part of the reply."""
    try:
        if task == "optimize":
            return _optimize(models[0], payload)
        if task == "scenario":
            scenario = evaluate_scenario(models[0].fitted, payload)
            answer = scenario.model_copy(update={"model": _with_version(scenario.model, models[0].entry)})
            return Reply(answer.model_dump_json().encode())
        if task == "portfolio":
            return _portfolio(models, payload)
        return Reply(contributions_json(models[0].entry, models[0].fitted, payload.get("region")))
    except RequestError as error:
        return Reply(problems=error.problems)


def _optimize(model: LoadedModel, request: Mapping[str, Any]) -> Reply:
    plan = planner_of(model.fitted).plan(request)
    return Reply(_versioned(plan, model.entry).model_dump_json().encode(), feasible=plan.feasible)


def _portfolio(models: Sequence[LoadedModel], request: Mapping[str, Any]) -> Reply:
    by_name = {model.entry.name: model for model in models}
    content = {name: value for name, value in request.items() if name != "terms"}
    fitted = {name: model.fitted for name, model in by_name.items()}
    answer = plan_budgets(fitted, content, request["terms"])
    origins = {name: _with_version(origin, by_name[name].entry) for name, origin in answer.plan.model.items()}
    versioned = answer.model_copy(
        update={
            "plan": answer.plan.model_copy(update={"model": origins}),
            "models": {name: _versioned(plan, by_name[name].entry) for name, plan in answer.models.items()},
        }
    )
    return Reply(versioned.model_dump_json().encode(), feasible=answer.plan.feasible)


def _versioned(plan: Plan, entry: ModelEntry) -> Plan:
    return plan.model_copy(update={"model": _with_version(plan.model, entry)})


def _with_version(origin: Mapping[str, Any], entry: ModelEntry) -> dict[str, Any]:
    """The origin of an answer with the model's version."""
    return {**origin, "version": entry.version}
