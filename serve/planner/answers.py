"""Questions to loaded models, answered as JSON.

Every answer says which version of which model gave it and the window of its data.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mmm.errors import MMMError, ModelFileError, Problem, RecordError, RequestError
from mmm.fitted import Fitted, load_fitted
from mmm.planning.budget import answer_budget
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner
from mmm.planning.portfolio import answer_budgets
from mmm.planning.record.commit import commit_plan, plan_of
from mmm.planning.record.kept import record_of
from mmm.planning.record.read import actuals_of
from mmm.planning.record.result import Variance
from mmm.planning.record.variance import explain
from mmm.planning.request import BudgetRequest
from mmm.planning.scenario.evaluate import answer_scenario
from mmm.planning.scenario.plan_file import read_plan_file
from mmm.planning.scenario.request import ScenarioRequest
from mmm.planning.scenario.result import PlanFile, Scenario
from serve.models.local_copy import local_directory
from serve.models.source import ModelEntry
from serve.planner.contributions import contributions_json
from serve.planner.protocol import Reply, Task

Answer = TypeVar("Answer", Plan, Scenario, PlanFile, Variance)

UNPACKED = 20
"""Times that a plan of record may grow when it is unpacked: real ones grow three times."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A loaded model with its planner, which keeps the tables that its plans share."""

    entry: ModelEntry
    directory: Path
    planner: Planner
    seconds: float

    @property
    def fitted(self) -> Fitted:
        """The model."""
        return self.planner.fitted


def load_model(entry: ModelEntry, registry: str | None = None) -> LoadedModel:
    """Load a model and make its first plan, so that later ones are as fast as they get.

    Raises:
        MMMError: Its files cannot be had, are damaged or of another format, or it cannot plan.
    """
    started = time.perf_counter()
    with broken_if_it_fails(entry, "cannot be loaded"):
        directory = local_directory(entry, registry)
        planner = Planner(load_fitted(directory))
    with broken_if_it_fails(entry, "loads but cannot plan"):
        tiny_plan(planner)
    return LoadedModel(entry, directory, planner, time.perf_counter() - started)


@contextmanager
def broken_if_it_fails(entry: ModelEntry, what: str) -> Iterator[None]:
    """Whatever goes wrong with one model is an error of that model, and of nothing else in the service.

    Raises:
        MMMError: Anything was raised.
    """
    try:
        yield
    except MMMError:
        raise
    except Exception as error:
        raise ModelFileError(
            f"{entry.source} {what} ({type(error).__name__}: {error}): is it damaged, or fitted by another "
            "version of this program? Fit the model again."
        ) from error


def tiny_plan(planner: Planner) -> Plan | None:
    """The plan of a small budget; None for a model that has no spend to plan."""
    horizon = min(13, len(planner.panel.dates))
    try:
        return answer_budget(planner, BudgetRequest(budget="current", horizon=horizon))
    except RequestError:
        return None


def perform(task: Task, models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    """Answer a question, as it was read at the door; what is wrong with it is part of the reply."""
    try:
        return _TASKS[task](models, payload)
    except RequestError as error:
        return Reply(problems=error.problems)
    except RecordError as error:
        code = "not_compared" if task == "variance" else "not_committed"
        return Reply(problems=(Problem(code, "", str(error)),))


def _optimize(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    plan = answer_budget(models[0].planner, payload["request"])
    return Reply(_versioned(plan, models[0].entry).model_dump_json().encode(), feasible=plan.feasible)


def _scenario(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    scenario = answer_scenario(models[0].planner, payload["request"])
    return Reply(_versioned(scenario, models[0].entry).model_dump_json().encode())


def _contributions(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    return Reply(contributions_json(models[0].entry, models[0].fitted, payload.get("region")))


def _portfolio(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    request, terms = payload["request"], payload["terms"]
    by_name = {model.entry.name: model for model in models}
    answer = answer_budgets({name: model.planner for name, model in by_name.items()}, request, terms)
    origins = {name: _with_version(origin, by_name[name].entry) for name, origin in answer.plan.model.items()}
    versioned = answer.model_copy(
        update={
            "plan": answer.plan.model_copy(update={"model": origins}),
            "models": {name: _versioned(plan, by_name[name].entry) for name, plan in answer.models.items()},
        }
    )
    return Reply(versioned.model_dump_json().encode(), feasible=answer.plan.feasible)


def _plan_file(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"plan{payload['suffix']}"
        path.write_bytes(payload["content"])
        found = read_plan_file(models[0].planner, str(path))
    return Reply(_versioned(found, models[0].entry).model_dump_json().encode())


def _commit(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    said = payload["plan"]
    plan = said if isinstance(said, ScenarioRequest) else plan_of(said, "The plan")
    with tempfile.TemporaryDirectory() as folder:
        path, _ = commit_plan(plan, models[0].fitted, Path(folder) / "plan.record")
        return Reply(path.read_bytes())


def _variance(models: Sequence[LoadedModel], payload: Mapping[str, Any]) -> Reply:
    content = payload["record"]
    record = record_of(io.BytesIO(content), "The file", most=UNPACKED * len(content))
    found = explain(record, actuals_of(models[0].fitted))
    return Reply(_versioned(found, models[0].entry).model_dump_json().encode())


_TASKS: Mapping[Task, Callable[[Sequence[LoadedModel], Mapping[str, Any]], Reply]] = {
    "optimize": _optimize,
    "scenario": _scenario,
    "portfolio": _portfolio,
    "contributions": _contributions,
    "plan_file": _plan_file,
    "commit": _commit,
    "variance": _variance,
}


def _versioned(answer: Answer, entry: ModelEntry) -> Answer:
    return answer.model_copy(update={"model": _with_version(answer.model, entry)})


def _with_version(origin: Mapping[str, Any], entry: ModelEntry) -> dict[str, Any]:
    """The origin of an answer with the model's version."""
    return {**origin, "version": entry.version}
