"""A broken specification, told as problems with YAML path, line, rule and way out."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mmm.errors import Problem

Location = tuple[str | int, ...]

MOST_PROBLEMS = 200
"""Problems told of one specification; finding the nearest names of a hundred thousand takes minutes."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Names most like ``name``, best first, whatever their case: like spelling, then a part in common."""
    by_fold: dict[str, str] = {}
    for candidate in known:
        by_fold.setdefault(candidate.casefold(), candidate)
    plain = name.casefold()
    matches = difflib.get_close_matches(plain, by_fold, n=count, cutoff=0.6)
    matches += [fold for fold in by_fold if fold not in matches and plain in fold.split("_")]
    return [by_fold[match] for match in matches[:count]]


def yaml_path(location: Sequence[str | int]) -> str:
    """A location as it is written in messages and overrides, e.g. ``markets[2].splits.holdout``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def spec_problems(
    error: ValidationError,
    model: type[BaseModel],
    values: object,
    lines: Mapping[Location, int],
    prefix: Location = (),
) -> list[Problem]:
    """Everything pydantic found, one problem for each place.

    Args:
        error: What validation of ``values`` raised.
        model: The specification validated.
        values: The plain data given, before validation.
        lines: 1-based line of each location in its file, where there is one.
        prefix: Location of ``values`` in the file.
    """
    problems: dict[tuple[Location, str], Problem] = {}
    unions: set[Location] = set()
    details = error.errors()
    for detail in details[:MOST_PROBLEMS]:
        location = _real_location(detail["loc"], values)
        if location != tuple(detail["loc"]) and detail["type"] != "extra_forbidden":
            if location in unions and detail["type"].endswith("_type"):
                continue
            unions.add(location)
        field = _field_at(model, location)
        message = _message(detail, model, location, field)
        problems.setdefault(
            (location, detail["type"]), Problem(_code(detail), place(prefix + location, lines), message)
        )
    rest = len(details) - MOST_PROBLEMS
    more = [Problem("more", "", f"and {rest} more. Correct these first.")] if rest > 0 else []
    return [*problems.values(), *more]


def place(location: Location, lines: Mapping[Location, int]) -> str:
    """Where a problem lies: its YAML path and, if it came from a file, its line."""
    known = location
    while known and known not in lines:
        known = known[:-1]
    line = f" (line {lines[known]})" if known in lines and known else ""
    return f"{yaml_path(location)}{line}" if location else ""


def _is_our_own(detail: ErrorDetails) -> bool:
    """Raised by a validator of a spec, whose message is whole; pydantic's own link to its pages."""
    return detail["type"] == "value_error" or "url" not in detail


def _code(detail: ErrorDetails) -> str:
    if _is_our_own(detail):
        return "contradiction"
    codes = {"extra_forbidden": "unknown_key", "missing": "missing_key"}
    kind = detail["type"]
    return codes.get(kind, "wrong_type" if kind.endswith(("_type", "_parsing")) else "out_of_range")


def _real_location(loc: Sequence[str | int], values: object) -> Location:
    """The part of pydantic's location that exists in the data: it appends the members of a union."""
    real: list[str | int] = []
    node = values
    for part in loc:
        if isinstance(node, Mapping):
            real.append(part)
            node = node.get(part)
        elif isinstance(node, Sequence) and not isinstance(node, str) and isinstance(part, int):
            real.append(part)
            node = node[part] if part < len(node) else None
        else:
            break
    return tuple(part for part in real if part != "[key]")


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        return [model for option in get_args(annotation) for model in _models_in(option)]
    return []


def _owner(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model whose fields are valid at the level of the last part of ``location``."""
    node: Any = model
    for part in location[:-1]:
        inner = _models_in(node)
        if inner:
            field = inner[0].model_fields.get(str(part))
            node = field.annotation if field else None
        else:
            arguments = [argument for argument in get_args(node) if argument not in (type(None), ...)]
            node = arguments[-1] if arguments else None
            node = get_args(node)[0] if node is not None and not _models_in(node) and get_args(node) else node
    inner = _models_in(node)
    return inner[0] if inner else None


def _field_at(model: type[BaseModel], location: Location) -> FieldInfo | None:
    owner = _owner(model, location) if location else None
    return owner.model_fields.get(str(location[-1])) if owner else None


def _message(
    detail: ErrorDetails, model: type[BaseModel], location: Location, field: FieldInfo | None
) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(str(location[-1]), _owner(model, location))
    if _is_our_own(detail):
        return f"{detail['msg'].removeprefix('Value error, ').rstrip('.')}."
    about = _about(field)
    if kind == "missing":
        return f"is required and missing. {about}".strip()
    given = detail["input"]
    rule = detail["msg"][0].lower() + detail["msg"][1:]
    rule = rule.removeprefix("input ").removeprefix("value ")
    if isinstance(given, bool | int | float) and kind == "string_type":
        rule += "; put quotes around it"
    return f"{_shown(given)} is not allowed: it {rule}. {about}".strip()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _about(field: FieldInfo | None) -> str:
    if field is None:
        return ""
    text = " ".join((field.description or "").replace("``", "").split())
    default = field.default
    if not field.is_required() and isinstance(default, int | float | str):
        text += f" Omit it for the default, {default}."
    return text


def _unknown_key(key: str, owner: type[BaseModel] | None) -> str:
    fields = list(owner.model_fields) if owner else []
    if close := nearest(key, fields, count=1):
        return f"unknown key {key!r}; did you mean {close[0]!r}? Correct or remove it."
    return f"unknown key {key!r}; known here: {', '.join(fields)}. Correct or remove it."
