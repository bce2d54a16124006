"""The ``tune:`` section of a spec: which settings a sweep may move, how far, and what it scores.

A setting is named by its path, e.g. ``model.saturation.slope_min``. Those under ``model.graph`` may be named
but are in no default space: the graph is learned from media alone, so no forecast can tell one from another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from mmm.config.base import Spec
from mmm.config.model import ModelSpec
from mmm.config.paths import field_name, owners
from mmm.config.problems import nearest
from mmm.config.train import TrainSpec

Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(10**9), le=10**9)]
Value = bool | Whole | Number | Annotated[str, Field(min_length=1, max_length=200)] | None
"""What a setting may be set to; None where the setting itself may be left to the data."""

SECTIONS: dict[str, type[BaseModel]] = {"model": ModelSpec, "train": TrainSpec}
NOT_SEARCHED = {
    "train.seed": "a search over seeds chooses luck",
    "train.members": "a trial fits one; they make intervals, not scores",
    "train.refit_on_all": "a trial is scored on what it has not seen",
    "train.device": "it says where a fit runs, not what it finds",
    "train.threads": "it says how a fit runs, not what it finds",
}
"""Settings that no sweep may move, and why."""


class Parameter(Spec):
    """One setting of a search space: a range (``low``, ``high``) or a list of ``values``."""

    low: Number | None = None
    """Smallest value."""
    high: Number | None = None
    """Largest value."""
    log: bool = False
    """Search on a logarithmic scale; for settings that act by factors."""
    step: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Distance of the values tried, counted from ``low``; None tries any."""
    values: Annotated[tuple[Value, ...], Field(max_length=100)] | None = None
    """The values to choose from, instead of a range."""
    when: dict[str, tuple[Value, ...]] = Field(default={})
    """Search it only while other settings of the space have one of these values, e.g.
    ``{model.temporal.enabled: [true]}``; otherwise it stays as the spec has it."""

    @model_validator(mode="after")
    def _is_a_range_or_a_list(self) -> Parameter:
        if (self.values is None) == (self.low is None and self.high is None):
            raise ValueError("give either `low` and `high`, or `values`")
        if self.values is not None:
            self._check_values(self.values)
            return self
        if self.low is None or self.high is None:
            raise ValueError(f"a range needs both ends; `{'low' if self.low is None else 'high'}` is missing")
        self._check_range(self.low, self.high)
        return self

    def _check_values(self, values: tuple[Value, ...]) -> None:
        if self.log or self.step is not None:
            raise ValueError("`log` and `step` belong to a range; remove them, or give `low` and `high`")
        if len(set(map(repr, values))) < len(values):
            raise ValueError(f"a value stands twice in {_listed(values)}; remove one")
        if len(values) < 2:
            raise ValueError("one value is no choice; give at least two, or fix the setting in its own place")

    def _check_range(self, low: float, high: float) -> None:
        if low >= high:
            raise ValueError(f"low ({low:g}) must be below high ({high:g}); swap or widen them")
        if self.log and low <= 0:
            raise ValueError(f"a logarithmic range starts above 0, not at {low:g}; raise low or drop `log`")
        if self.log and self.step is not None:
            raise ValueError("a range is logarithmic or has a step, not both; remove one")
        if self.step is not None and self.step > high - low:
            raise ValueError(f"step ({self.step:g}) is wider than the range; lower it")

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that show whether all between are allowed."""
        return self.values if self.values is not None else (self.low, self.high)


class TuneSpec(Spec):
    """What a sweep searches and how it judges; nothing of it changes a fit."""

    space: dict[str, Parameter] | None = None
    """Settings to search, by path; None takes the default space (``mmm.config.default_space``)."""
    score: Literal["r2", "r2_within", "skill", "mase"] = "r2"
    """What a trial is judged by on each held-out window, larger is better: pooled R²; R² within regions; 1 -
    squared error over that of the best naive rule; 1 - mean absolute error over that of the last value."""
    objective: Literal["score", "score_and_stability"] = "score"
    """Search the best score, or the best trade-offs between score and how little channel shares move from
    one origin to the next (the Pareto front)."""
    origins: Annotated[int, Field(ge=1, le=20)] = 3
    """Held-out windows that a trial is scored on, each ``splits.holdout`` periods long, the last one being
    the spec's own; training ends before each."""
    step: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Periods from one origin to the next; None takes the length of the holdout, so that none overlap."""
    gap: Annotated[int, Field(ge=0, le=104)] = 0
    """Periods after training that are neither trained on nor scored. With ``model.adstock.max_lag`` periods
    no media of the training window act in a scored period; 0 scores what a forecast is used for."""
    prune: bool = True
    """Stop trials that are not in the better half on the origins so far (asynchronous halving)."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the search; with one trial at a time the same seed gives the same trials."""
    startup: Annotated[int, Field(ge=1, le=1000)] = 10
    """Trials drawn at random before the search learns from the scores."""

    @field_validator("space")
    @classmethod
    def _space_is_searchable(cls, space: dict[str, Parameter] | None) -> dict[str, Parameter] | None:
        if space is None:
            return None
        if not space:
            raise ValueError(
                "the space is empty, so there is nothing to search. Name settings with a range or values, or "
                "omit `space` for the default"
            )
        problems = [text for path, item in space.items() for text in _path_problems(path, item)]
        problems = problems or list(_condition_problems(space))
        if problems:
            raise ValueError("; ".join(problems))
        return {path: _in_kind(path, item) for path, item in space.items()}

    @model_validator(mode="after")
    def _stability_needs_origins(self) -> TuneSpec:
        if self.objective == "score_and_stability" and self.origins < 2:
            raise ValueError(
                "objective score_and_stability compares channel shares between origins, but origins is 1. "
                "Ask for at least 2"
            )
        return self


@cache
def settings() -> dict[str, type[BaseModel]]:
    """Every setting of the model and its training that has a single value: path to the spec it stands in."""
    return {
        path: owner
        for name, section in SECTIONS.items()
        for path, owner in owners(section, f"{name}.").items()
        if kinds(owner.model_fields[field_name(path)].annotation)
    }


def kinds(annotation: Any) -> frozenset[type]:
    """Plain types a setting may have, ``NoneType`` aside; empty if it holds more than one value."""
    if annotation in (bool, int, float, str):
        return frozenset({annotation})
    origin = get_origin(annotation)
    if origin is Literal:
        return frozenset({str})
    if origin is Annotated:
        return kinds(get_args(annotation)[0])
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if origin in (tuple, list, dict) or not parts:
        return frozenset()
    found = [kinds(part) for part in parts]
    return frozenset().union(*found) if all(found) else frozenset()


def kind_of(path: str) -> frozenset[type]:
    """Plain types of a setting by its path."""
    return kinds(settings()[path].model_fields[field_name(path)].annotation)


def _path_problems(path: str, item: Parameter) -> Iterator[str]:
    owner = settings().get(path)
    if owner is None:
        yield f"{path} {_stranger(path)}"
        return
    if path in NOT_SEARCHED:
        yield f"{path} cannot be searched: {NOT_SEARCHED[path]}. Remove it"
        return
    kind = kind_of(path)
    if item.values is None and not kind & {int, float}:
        yield f"{path} is not a number and has no range; give `values`"
        return
    if item.values is None and float not in kind:
        whole = {"low": item.low, "high": item.high, "step": item.step}
        for name, number in whole.items():
            if number is not None and number != math.floor(number):
                yield f"{path}: {name} ({number:g}) must be a whole number"
                return
    for value in item.ends:
        if reason := refusal(path, value):
            yield f"{path}: {value!r} {reason}"


def _stranger(path: str) -> str:
    if close := nearest(path, settings()) or nearest(field_name(path), _by_field_name()):
        known = [_by_field_name().get(name, name) for name in close]
        return f"is no setting that can be searched; did you mean {' or '.join(dict.fromkeys(known))}?"
    return "is no setting that can be searched; name one of model.* or train.* that has a single value"


@cache
def _by_field_name() -> dict[str, str]:
    return {field_name(path): path for path in settings()}


def refusal(path: str, value: Value) -> str:
    """Why a setting may not have a value; empty if it may."""
    owner, name = settings()[path], field_name(path)
    given = int(value) if isinstance(value, float) and value == math.floor(value) else value
    try:
        owner.model_validate({name: given})
    except ValidationError as error:
        rules = [item["msg"] for item in error.errors() if item["loc"][:1] == (name,)]
        return (
            f"is not allowed: it {rules[0][0].lower()}{rules[0][1:]}".replace("input ", "") if rules else ""
        )
    return ""


def _condition_problems(space: Mapping[str, Parameter]) -> Iterator[str]:
    for path, item in space.items():
        for other, allowed in item.when.items():
            master = space.get(other)
            if other == path:
                yield f"{path} depends on itself; remove the condition"
            elif master is None:
                yield f"{path} depends on {other}, which is not in the space. Add it, or remove the condition"
            elif master.values is None:
                yield f"{path} depends on {other}, which has a range; a condition needs one with `values`"
            elif strange := [value for value in allowed if value not in master.values]:
                known = _listed(master.values)
                yield f"{path} is searched when {other} is {_listed(strange)}, which is not among {known}"
            elif not allowed:
                yield f"{path} is never searched: its condition on {other} lists no value"
    yield from _circles(space)


def _circles(space: Mapping[str, Parameter]) -> Iterator[str]:
    for start in space:
        seen, waiting = set[str](), list(space[start].when)
        while waiting:
            path = waiting.pop()
            if path in seen or path not in space:
                continue
            seen.add(path)
            waiting += space[path].when
        if start in seen and start not in space[start].when:
            yield f"the condition of {start} leads back to itself; remove one"


def _in_kind(path: str, item: Parameter) -> Parameter:
    """Values as the setting itself holds them: ``0`` of a switch as False, ``2`` of a real number as 2.0."""
    if item.values is None:
        return item
    owner, name = settings()[path], field_name(path)
    plain = tuple(getattr(owner.model_validate({name: value}), name) for value in item.values)
    return item.model_copy(update={"values": plain})


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)
