"""``/docs``: the OpenAPI document as one plain page, which needs nothing from another machine."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #8886; }
section { margin-top: 2.2rem; }
"""


def docs_router() -> APIRouter:
    """The route of the page."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(request.app.openapi()), headers={"Content-Security-Policy": POLICY})

    return router


def docs_page(document: Mapping[str, Any]) -> str:
    """Every operation with its parameters, body, answers; then every schema with its fields."""
    info = document["info"]
    paragraphs = "".join(f"<p>{_text(part)}</p>" for part in info["description"].split("\n\n"))
    operations = "".join(
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = "".join(
        _schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())
    )
    title, version = escape(info["title"]), escape(info["version"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{title} API, version {version}</h1>{paragraphs}"
        '<p><a href="/openapi.json">openapi.json</a> &middot; <a href="/">planner page</a></p>'
        f"<h2>Operations</h2>{operations}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f"<section><h3>{escape(method.upper())} <code>{escape(path)}</code></h3>",
        f"<p>{_text(operation['summary'])}. {_text(operation.get('description', ''))}</p>",
    ]
    parameters = operation.get("parameters", ())
    if parameters:
        rows = (
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
            f"<td>{_text(one.get('description', ''))}</td></tr>"
            for one in parameters
        )
        parts.append(f"<table>{''.join(rows)}</table>")
    if "requestBody" in operation:
        parts += (_body(*one) for one in operation["requestBody"]["content"].items())
    rows = (
        f"<tr><td>{escape(status)}</td><td>{_text(one['description'])}</td>"
        f"<td>{', '.join(_bodies(one))}</td></tr>"
        for status, one in operation["responses"].items()
    )
    parts.append(
        f"<table><tr><th>Status</th><th>When</th><th>Body</th></tr>{''.join(rows)}</table></section>"
    )
    return "".join(parts)


def _body(kind: str, content: Mapping[str, Any]) -> str:
    """What is sent; JSON with an example."""
    if "example" not in content:
        return f"<p>Body: <code>{escape(kind)}</code></p>"
    example = escape(json.dumps(content["example"], indent=2))
    return f"<p>Body: {_kind(content['schema'])}, for example</p><pre>{example}</pre>"


def _bodies(response: Mapping[str, Any]) -> Iterator[str]:
    for kind, content in response.get("content", {}).items():
        schema = content.get("schema", {})
        yield f"<code>{escape(kind)}</code>" if schema.get("format") == "binary" else _kind(schema)


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = (
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}</td>"
        f"<td>{_kind(content)}</td>"
        f"<td>{_text(content.get('description', ''))}{_default(content)}</td></tr>"
        for field, content in schema.get("properties", {}).items()
    )
    about, name = _text(schema.get("description", "")), escape(name)
    table = f"<table>{''.join(rows)}</table>"
    return f'<section id="{name}"><h3>{name}</h3><p>{about}</p>{table}</section>'


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, linked where it has a section of its own."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "const" in schema or "enum" in schema:
        return " | ".join(escape(json.dumps(value)) for value in schema.get("enum", [schema.get("const")]))
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " | ".join(dict.fromkeys(_kind(option) for option in options))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    inner = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(inner, Mapping):
        return f"by name: {_kind(inner)}"
    return escape(str(schema.get("type", "any"))) + _range(schema)


def _range(schema: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[name]:g}" for name, sign in signs.items() if name in schema]
    return f" {escape(' and '.join(limits))}" if limits else ""


def _default(schema: Mapping[str, Any]) -> str:
    if schema.get("default") in (None, {}, []):
        return ""
    return f" Default: <code>{escape(json.dumps(schema['default']))}</code>."


def _text(text: str) -> str:
    """Words with `code` in them."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
