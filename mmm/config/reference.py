"""Every setting of a spec as a page. ``python -m mmm.config.reference docs/spec.md`` writes it anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmm.config.market import MarketSpec, PortfolioSpec

Schema = Mapping[str, Any]

HEAD = """\
# Every setting of a spec

Written by `python -m mmm.config.reference docs/spec.md` from the classes that read specs (`mmm/config/`); a
test holds the two together. How to begin: [start.md](start.md). What a panel may hold: [data.md](data.md).

A spec is a YAML file. Settings that are left out have their default; unknown ones are refused, the nearest
name beside them. On the command line any setting is replaced by its path: `--set model.graph.mode=notears`.
`required` has no default; `unset` means that nothing is stated.
"""

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
_KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


def spec_page() -> str:
    """The page as Markdown: one table for each section of a market's spec, then the portfolio's."""
    schema = MarketSpec.model_json_schema()
    parts = [HEAD, *_sections("a market", schema, schema["$defs"])]
    portfolio = PortfolioSpec.model_json_schema()
    parts += [_section("a portfolio", portfolio, portfolio.get("$defs", {}))]
    return "\n".join(parts)


def _sections(title: str, schema: Schema, definitions: Schema) -> Iterator[str]:
    """A section of the page for a class, then for each of those that its settings are made of."""
    yield _section(title, schema, definitions)
    for name, field in schema["properties"].items():
        for path, part in _parts(name, field, definitions):
            inner = path if title == "a market" else f"{title.strip('`')}.{path}"
            yield from _sections(f"`{inner}`", part, definitions)


def _parts(name: str, field: Schema, definitions: Schema) -> Iterator[tuple[str, Schema]]:
    """Classes that a setting is made of, with their path: ``channels.NAME`` by name, ``[]`` of a list."""
    if "$ref" in field:
        part = definitions[field["$ref"].rsplit("/", 1)[-1]]
        if "properties" in part:
            yield name, part
    for choice in field.get("anyOf", ()):
        yield from _parts(name, choice, definitions)
    if isinstance(field.get("additionalProperties"), dict):
        yield from _parts(f"{name}.NAME", field["additionalProperties"], definitions)
    if isinstance(field.get("items"), dict):
        yield from _parts(f"{name}[]", field["items"], definitions)


def _section(title: str, schema: Schema, definitions: Schema) -> str:
    lines = [f"## {title[:1].upper()}{title[1:]}", "", _text(schema.get("description", "")), ""]
    lines += ["| setting | default | may be | meaning |", "| --- | --- | --- | --- |"]
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        default = "required" if name in required else _default(field, definitions)
        kind, meaning = " or ".join(_kinds(field, definitions)), _meaning(field, definitions)
        lines.append(f"| `{name}` | {default} | {kind} | {meaning} |")
    return "\n".join([*lines, ""])


def _meaning(field: Schema, definitions: Schema) -> str:
    """What a setting is for; of a section without words of its own, what the section is."""
    own = field.get("description") or definitions.get(field.get("$ref", "").rsplit("/", 1)[-1], {}).get(
        "description"
    )
    return _text(own or "")


def _default(field: Schema, definitions: Schema) -> str:
    if "$ref" in field or "default" not in field or isinstance(field["default"], dict):
        return "see below" if any(True for _ in _parts("", field, definitions)) else "empty"
    if field["default"] is None:
        return "unset"
    return "none" if field["default"] == [] else f"`{_plain(field['default'])}`"


def _kinds(field: Schema, definitions: Schema) -> Iterator[str]:
    """What a setting may be, one text for each alternative."""
    if "anyOf" in field:
        for choice in field["anyOf"]:
            yield from (kind for kind in _kinds(choice, definitions) if kind)
    elif "$ref" in field:
        part = definitions[field["$ref"].rsplit("/", 1)[-1]]
        yield "a section" if "properties" in part else " or ".join(_kinds(part, definitions))
    elif "enum" in field or "const" in field:
        yield ", ".join(f"`{_plain(value)}`" for value in field.get("enum", [field.get("const")]))
    elif field.get("type") == "array":
        items = field.get("items") or {}
        yield f"list of {' or '.join(_kinds(items, definitions)) or 'values'}"
    elif field.get("type") == "object":
        values = field.get("additionalProperties")
        inner = " or ".join(_kinds(values, definitions)) if isinstance(values, dict) else ""
        yield f"by name: {inner}" if inner else "by name"
    elif field.get("type") in _KINDS:
        limits = [text.format(_plain(field[key])) for key, text in _LIMITS.items() if key in field]
        limits += [f"like `{field['pattern']}`".replace("|", "\\|")] if "pattern" in field else []
        yield ", ".join([_KINDS[field["type"]], *limits])


def _plain(value: Any) -> str:
    """A value as it stands in YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def _text(description: str) -> str:
    """A docstring in one line, with Markdown's marks for code."""
    return " ".join(description.replace("``", "`").split()).replace("|", "\\|")


if __name__ == "__main__":
    (path,) = sys.argv[1:]
    Path(path).write_text(spec_page(), encoding="utf-8")
