from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mmm.config import TuneSpec
from mmm.config.default_space import default_space
from mmm.config.digest import spec_digest
from mmm.config.files import dump_yaml, parse_yaml, validate
from mmm.config.sweep import NOT_SEARCHED, Parameter, settings
from tests.small import market, small_panel

SLOPE = "model.saturation.slope_min"
GRU = "model.temporal.enabled"
SIZE = "model.temporal.hidden"


def message(space: Any) -> str:
    """What a space is refused with."""
    with pytest.raises(ValidationError) as caught:
        TuneSpec.model_validate({"space": space})
    return " ".join(error["msg"] for error in caught.value.errors())


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({}, "the space is empty"),
        ({"model.saturation.slope_mn": {"low": 1, "high": 2}}, f"did you mean {SLOPE}"),
        ({"slope_min": {"low": 1, "high": 2}}, f"did you mean {SLOPE}?"),
        ({"splits.holdout": {"low": 1, "high": 2}}, "name one of model.* or train.*"),
        ({"model.graph.order": {"values": ["a", "b"]}}, "is no setting that can be searched"),
        ({SLOPE: {"low": 2, "high": 1}}, "low (2) must be below high (1)"),
        ({SLOPE: {"low": 1, "high": 1}}, "must be below"),
        ({SLOPE: {"low": 0.1, "high": 2}}, "0.1 is not allowed: it should be greater than or equal to 0.3"),
        ({SLOPE: {"low": 1, "high": 9}}, "9.0 is not allowed"),
        ({SLOPE: {"low": 1}}, "`high` is missing"),
        ({SLOPE: {}}, "give either"),
        ({SLOPE: {"low": 1, "high": 2, "values": [1, 2]}}, "give either"),
        ({SLOPE: {"values": [1]}}, "one value is no choice"),
        ({SLOPE: {"values": [1, 1]}}, "stands twice"),
        ({SLOPE: {"values": [1, 2], "log": True}}, "belong to a range"),
        ({SLOPE: {"low": 1, "high": 2, "step": 3}}, "wider than the range"),
        ({SLOPE: {"low": 1, "high": 2, "step": 0.5, "log": True}}, "not both"),
        ({"model.loss.l1": {"low": 0, "high": 1, "log": True}}, "starts above 0"),
        ({SIZE: {"low": 1.5, "high": 4}}, "low (1.5) must be a whole number"),
        ({"model.graph.mode": {"values": ["notears", "nown"]}}, "'nown' is not allowed"),
        ({"model.graph.mode": {"low": 0, "high": 1}}, "has no range; give `values`"),
        ({"train.seed": {"low": 0, "high": 9}}, "chooses luck"),
        ({SIZE: {"low": 2, "high": 4, "when": {GRU: [True]}}}, "which is not in the space"),
        ({SIZE: {"low": 2, "high": 4, "when": {SIZE: [2]}}}, "depends on itself"),
        (
            {SIZE: {"low": 2, "high": 4, "when": {SLOPE: [1]}}, SLOPE: {"low": 1, "high": 2}},
            "a condition needs one with `values`",
        ),
        (
            {SIZE: {"low": 2, "high": 4, "when": {GRU: ["on"]}}, GRU: {"values": [True, False]}},
            "which is not among True, False",
        ),
        (
            {SIZE: {"low": 2, "high": 4, "when": {GRU: []}}, GRU: {"values": [True, False]}},
            "lists no value",
        ),
        (
            {
                GRU: {"values": [True, False], "when": {"model.graph.mode": ["none"]}},
                "model.graph.mode": {"values": ["none", "notears"], "when": {GRU: [True]}},
            },
            "leads back to itself",
        ),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_with_the_way_out(space: Any, told: str) -> None:
    assert told in message(space)


def test_every_problem_of_a_space_is_told_at_once() -> None:
    told = message({"slope_min": {"low": 1, "high": 2}, "train.members": {"low": 1, "high": 8}})

    assert "slope_min is no setting" in told and NOT_SEARCHED["train.members"] in told


def test_switches_and_numbers_are_held_as_the_setting_holds_them() -> None:
    space = TuneSpec.model_validate({"space": {GRU: {"values": [0, 1]}, SLOPE: {"values": [1, 2]}}}).space

    assert space is not None
    assert [repr(value) for value in space[GRU].values or ()] == ["False", "True"]
    assert [repr(value) for value in space[SLOPE].values or ()] == ["1.0", "2.0"]


@pytest.mark.parametrize("frequency", ["daily", "weekly", "monthly", "quarterly"])
def test_default_spaces_are_valid_and_hold_what_can_be_scored(frequency: str) -> None:
    space = default_space(frequency, attribution_priors=True)

    assert TuneSpec(space=space).space == space
    assert not any(path.startswith("model.graph") for path in space)
    assert {SLOPE, "model.adstock.family", "model.priors.strength", "train.learning_rate"} <= set(space)
    assert (space[SLOPE].low, space[SLOPE].high) == (1.0, 2.0)
    assert "model.priors.strength" not in default_space(frequency)


def test_settings_named_from_outside_can_be_searched() -> None:
    assert {SLOPE, "model.graph.mode"} <= set(settings())


def test_stability_needs_two_origins() -> None:
    with pytest.raises(ValidationError, match="Ask for at least 2"):
        TuneSpec(objective="score_and_stability", origins=1)


def test_a_sweep_changes_no_fit_and_survives_its_file() -> None:
    panel = small_panel()
    plain, searched = market(panel), market(panel, tune={"space": {SLOPE: {"low": 1, "high": 2}}, "seed": 3})

    document = parse_yaml(dump_yaml(searched), "spec.yaml")

    assert spec_digest(plain) == spec_digest(searched)
    assert validate(type(searched), document.values, "spec.yaml") == searched


def test_the_example_of_the_page_on_sweeps_is_valid_and_names_every_field(repository: Path) -> None:
    page = (repository / "docs" / "sweeps.md").read_text(encoding="utf-8")
    block = page.split("```yaml\n")[1].split("```")[0]

    example = parse_yaml(block, "docs/sweeps.md").values["tune"]

    assert set(example) == set(TuneSpec.model_fields)
    assert TuneSpec.model_validate(example).space is not None


def test_the_default_space_of_the_page_is_that_of_the_code(repository: Path) -> None:
    page = (repository / "docs" / "sweeps.md").read_text(encoding="utf-8")
    table = page.split("### Default space")[1].split("### ")[0].split("Daily,")[0]
    named = set(re.findall(r"`([a-z0-9_.]+)`", table))

    space = default_space("weekly", attribution_priors=True)

    assert {path.rpartition(".")[2] for path in space} == {name.rpartition(".")[2] for name in named}


def test_a_parameter_knows_its_ends() -> None:
    assert Parameter(low=1, high=2).ends == (1.0, 2.0)
    assert Parameter(values=("a", "b")).ends == ("a", "b")
