"""Every setting is documented and ranged where it is declared."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mmm import config

SPECS: list[type[BaseModel]] = [
    cls
    for _, cls in inspect.getmembers(config, inspect.isclass)
    if issubclass(cls, config.Spec) and cls.__module__.startswith(config.__name__)
]
BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const"}


def unbounded_numbers(schema: Any) -> bool:
    """Whether a JSON schema somewhere admits any number at all."""
    if isinstance(schema, list):
        return any(unbounded_numbers(part) for part in schema)
    if not isinstance(schema, dict):
        return False
    if schema.get("type") in ("number", "integer"):
        return not BOUNDS & schema.keys()
    return any(unbounded_numbers(part) for part in schema.values())


@pytest.mark.parametrize("spec", SPECS)
def test_every_field_has_a_docstring(spec: type[BaseModel]) -> None:
    silent = [
        name
        for name, field in spec.model_fields.items()
        if not field.description
        and not (inspect.isclass(field.annotation) and issubclass(field.annotation, config.Spec))
    ]

    assert not silent, f"document these fields of {spec.__name__} below their declaration: {silent}"


@pytest.mark.parametrize("spec", SPECS)
def test_every_number_has_a_range(spec: type[BaseModel]) -> None:
    properties = spec.model_json_schema().get("properties", {})
    free = [name for name, schema in properties.items() if unbounded_numbers({**schema, "default": None})]

    assert not free, f"give these fields of {spec.__name__} a range: {free}"


@pytest.mark.parametrize("spec", SPECS)
def test_unknown_keys_are_refused(spec: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        spec.model_validate({"no_such_setting": 1})


@pytest.mark.parametrize("spec", SPECS)
def test_specs_are_immutable(spec: type[BaseModel]) -> None:
    assert spec.model_config["frozen"]
