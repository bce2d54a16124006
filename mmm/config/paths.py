"""A setting by its path, e.g. ``model.graph.mode``: listed, read, replaced and compared.

Two values say the same where neither says anything: a setting that is absent, None or an empty mapping.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

ABSENT = "absent"
"""How a value that is not there is shown."""


@dataclass(frozen=True)
class Difference:
    """A setting in which two specs differ.

    Attributes:
        path: The setting.
        old: Its value in the one, as text.
        new: Its value in the other, as text.
    """

    path: str
    old: str
    new: str


def flatten(values: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a spec, or of its plain data, by path, in order.

    A spec gives plain data, as JSON has them. Lists and empty mappings are values.
    """
    plain = values.model_dump(mode="json") if isinstance(values, BaseModel) else values
    return dict(_leaves(plain, ""))


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def owners(section: type[BaseModel], prefix: str = "") -> dict[str, type[BaseModel]]:
    """Every setting that a class of specs has, by path, and the class that it is a field of."""
    found: dict[str, type[BaseModel]] = {}
    for name, info in section.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= owners(kind, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = section
    return found


def field_name(path: str) -> str:
    """The last part of a path: ``mode`` of ``model.graph.mode``."""
    return path.rpartition(".")[2]


def get(spec: BaseModel, path: str) -> Any:
    """The value of a setting.

    Raises:
        AttributeError: There is none of that name.
    """
    value: Any = spec
    for name in path.split("."):
        value = getattr(value, name)
    return value


def replaced(values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data of a spec with settings replaced; sections that are not there, or None, are made.

    Raises:
        TypeError: A path leads through a value.
    """
    result = copy.deepcopy(dict(values))
    for path, value in settings.items():
        *above, last = path.split(".")
        node = result
        for depth, name in enumerate(above):
            if node.get(name) is None:
                node[name] = {}
            node = node[name]
            if not isinstance(node, dict):
                raise TypeError(f"{'.'.join(above[: depth + 1])} is a value and has no keys below it")
        node[last] = value
    return result


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Settings by path in which two differ, in the order of the first."""
    paths = dict.fromkeys([*old, *new])
    return [
        Difference(path, _shown(old, path), _shown(new, path))
        for path in paths
        if _said(old.get(path)) != _said(new.get(path))
    ]


def _said(value: Any) -> Any:
    return None if value == {} else value


def _shown(values: Mapping[str, Any], path: str) -> str:
    return str(values[path]) if path in values else ABSENT
