"""Specifications from YAML files and overrides, and back: loading and dump."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mmm.config import MarketSpec, Spec
from mmm.config.paths import replaced
from mmm.config.problems import Location, nearest, place, spec_problems
from mmm.config.yaml_bounds import BEYOND, MOST_BYTES, BoundedLoader, construct, parse_value
from mmm.errors import Problem, SpecError
from mmm.storage import is_uri, parent, read_bytes, read_text, resolve
from mmm.tabular.rows import read_rows, with_dates, with_numbers

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data.

    Attributes:
        source: Path or URI, for messages.
        values: The mapping at its top.
        lines: 1-based line of every location in it.
    """

    source: str
    values: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)


def read_yaml(source: str) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises:
        SpecError: No such file, not YAML (with the line), a key given twice, or not a mapping.
    """
    try:
        text = read_text(source, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise SpecError(source, [Problem("unreadable_spec", "", _why_unreadable(source, error))]) from error
    return parse_yaml(text, source)


def _why_unreadable(source: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            "it cannot be reached, or there is no such file. Check address and server."
            if is_uri(source)
            else "no such file. Check the path."
        )
    if isinstance(error, PermissionError):
        return f"{error.strerror}. Make it readable, or give another."
    return f"{' '.join(str(error).split())[:300].rstrip('.')}."


def parse_yaml(text: str, source: str) -> Document:
    """Parse YAML text whose top level is a mapping; errors as in :func:`read_yaml`."""
    try:
        loader = BoundedLoader(text)
    except yaml.YAMLError as error:
        raise SpecError(source, [_syntax_problem(error)]) from error
    lines: dict[Location, int] = {}
    problems: list[Problem] = []
    try:
        node = loader.get_single_node()
        _walk(node, (), lines, problems)
        values = None if node is None or problems else construct(loader, node)
    except yaml.YAMLError as error:
        raise SpecError(source, [_syntax_problem(error)]) from error
    finally:
        loader.dispose()
    if problems:
        raise SpecError(source, problems)
    if not isinstance(values, dict):
        found = "is empty" if values is None else f"holds a {type(values).__name__} at its top"
        problem = Problem("not_a_mapping", "", f"it {found}; a specification is a mapping of keys to values.")
        raise SpecError(source, [problem])
    return Document(source, values, lines)


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    reason = getattr(error, "problem", None) or str(error).split("\n")[0]
    if getattr(error, "context", None) == BEYOND:
        return Problem("too_large", where, f"{reason}. Write less, or split it over several files.")
    return Problem("yaml_syntax", where, f"not valid YAML: {reason}. Mind indentation, colons and quotes.")


def _walk(
    node: yaml.Node | None,
    location: Location,
    lines: dict[Location, int],
    problems: list[Problem],
    above: tuple[yaml.Node, ...] = (),
) -> None:
    """Note the line of every location, every key given twice, and every alias of what it stands in."""
    if any(node is outer for outer in above):
        message = "an alias of something that it is part of has no end. Write the values out."
        problems.append(Problem("endless_alias", place(location, lines), message))
        return
    above = above if node is None else (*above, node)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            here = (*location, name)
            if name in seen:
                message = (
                    f"given twice, first on line {seen[name]}; only one can count. Remove or rename one."
                )
                problems.append(Problem("duplicate_key", f"{place(here, {here: line})}", message))
            seen.setdefault(name, line)
            lines[here] = line
            _walk(value, here, lines, problems, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*location, index)] = item.start_mark.line + 1
            _walk(item, (*location, index), lines, problems, above)


def validate(
    model: type[S],
    values: Mapping[str, Any],
    source: str,
    lines: Mapping[Location, int] | None = None,
    prefix: Location = (),
) -> S:
    """Plain data as a specification.

    Raises:
        SpecError: Every problem at once, each with its YAML path and, where known, its line.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise SpecError(source, spec_problems(error, model, values, lines or {}, prefix)) from error


def load_market(source: str, overrides: Iterable[str] = ()) -> MarketSpec:
    """Read one market's specification.

    Args:
        source: Path or URI of a YAML file.
        overrides: Settings of the form ``train.seed=3`` that replace what the file says.

    Returns:
        The spec, its ``data.path`` absolute (relative paths are seen from the spec's folder).

    Raises:
        SpecError: Every problem of the file and of the overrides at once.
    """
    document = read_yaml(str(source))
    if "markets" in document.values:
        message = "this is a portfolio; a market is asked for here. Give one market's spec."
        raise SpecError(
            document.source, [Problem("not_a_market", place(("markets",), document.lines), message)]
        )
    values = with_experiments(override(document.values, overrides, document.source), document.source)
    return locate_data(validate(MarketSpec, values, document.source, document.lines), document.source)


def with_experiments(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Plain data of a market in which the path of a table of experiments is replaced by its rows.

    In the table an empty cell is a field left out, and several regions are separated by semicolons.

    Raises:
        SpecError: No such table, or one that is not CSV.
    """
    path = values.get("experiments")
    if not isinstance(path, str):
        return dict(values)
    place_of = resolve(path, parent(source))
    data = values.get("data")
    settings: dict[str, Any] = data if isinstance(data, dict) else {}
    try:
        table = read_rows(read_bytes(place_of, MOST_BYTES), settings.get("encoding"))
    except (OSError, ValueError, LookupError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        message = f"{place_of}: {reason}. Give a CSV, or list the tests in the spec."
        raise SpecError(source, [Problem("unreadable_experiments", "experiments", message)]) from error
    where = "experiments"
    decimal = settings.get("decimal") if settings.get("decimal") in (".", ",") else None
    table, bad = with_numbers(table, ("lift", "standard_error", "spend_change"), decimal, where)
    table, late = with_dates(table, ("start", "end"), settings.get("date_format"), where)
    if bad or late:
        raise SpecError(source, [*bad, *late])
    return {**values, "experiments": [_experiment(row) for row in table.rows]}


def _experiment(row: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {key: value for key, value in row.items() if value}
    if isinstance(fields.get("regions"), str):
        fields["regions"] = [name.strip() for name in fields["regions"].split(";") if name.strip()]
    return fields


def locate_data(spec: MarketSpec, source: str) -> MarketSpec:
    """The spec with ``data.path`` as seen from the folder of the file it came from."""
    path = resolve(spec.data.path, parent(source))
    return spec.model_copy(update={"data": spec.data.model_copy(update={"path": path})})


def override(values: Mapping[str, Any], overrides: Iterable[str], source: str) -> dict[str, Any]:
    """Plain data with settings replaced, e.g. by ``["model.graph.mode=notears"]``; ``values`` stays as it is.

    Values are YAML: ``8``, ``1e-3``, ``true``, ``[tv, search]``, ``null``.

    Raises:
        SpecError: A setting that is not ``path=value`` or leads through something that is no mapping.
    """
    result: dict[str, Any] = json.loads(json.dumps(values, default=str))
    problems: list[Problem] = []
    for setting in overrides:
        path, equals, text = setting.partition("=")
        if not equals or not all(path.split(".")):
            message = "write a setting as path=value, e.g. train.seed=3."
            problems.append(Problem("bad_override", f"--set {setting}", message))
            continue
        try:
            result = replaced(result, {path: parse_value(text)})
        except (yaml.YAMLError, TypeError) as error:
            reason = str(error).split("\n")[0]
            message = f"cannot be applied: {reason}. Write path=value with a YAML value."
            problems.append(Problem("bad_override", f"--set {setting}", message))
    if problems:
        raise SpecError(source, problems)
    return result


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged key by key, ``over`` first; a null in ``over`` takes the key away."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def dump_yaml(spec: Spec, *, defaults: bool = True) -> str:
    """The spec as YAML that loads to an equal spec.

    Args:
        spec: Any specification.
        defaults: Also write fields that have their default value.
    """
    values = spec.model_dump(mode="json", exclude_defaults=not defaults)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def unknown_name(name: str, known: Iterable[str]) -> str:
    """A tail for messages: the nearest known names, or all of them if none is near."""
    names = list(known)
    if close := nearest(name, names):
        return f"did you mean {' or '.join(repr(match) for match in close)}?"
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"known: {shown}."
