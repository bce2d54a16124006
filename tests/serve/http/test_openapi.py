"""The documentation: every operation and field is described, and hostile requests never break the service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from tests.serve.fitted_models import HALF, MORE_TV
from tests.serve.hostile import CHECKS, from_documentation, garbage
from tests.serve.page.site import serving

FEW = int(os.environ.get("HOSTILE_EXAMPLES", "150"))


@pytest.fixture(scope="module")
def document(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_every_operation_is_described_with_its_problems(document: Any) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            if path.startswith("/v1"):
                assert operation["security"] == [{"bearer": []}]
                assert {"401", "403", "429"} <= set(operation["responses"])


def test_every_field_is_described(document: Any) -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, content in schema.get("properties", {}).items()
        if not content.get("description") and "$ref" not in content
    ]

    assert not silent


def test_the_page_of_the_documentation_needs_no_other_machine(client: TestClient, document: Any) -> None:
    page = client.get("/docs").text

    assert "http://" not in page and "https://" not in page and "<script" not in page
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert "default_bounds" in page and "Total over the horizon" in page


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("ModelList", "/v1/models", None),
        ("ModelDetail", "/v1/models/acme/us", None),
        ("Curves", "/v1/models/acme/us/curves", None),
        ("Contributions", "/v1/models/acme/us/contributions", None),
        ("Plan", "/v1/models/acme/us/optimize", HALF),
        ("Scenario", "/v1/models/acme/us/scenario", MORE_TV),
        ("PortfolioPlan", "/v1/portfolio/optimize", HALF),
        ("Health", "/healthz", None),
        ("ProblemBody", "/v1/models/acme/mars", None),
    ],
)
def test_answers_are_as_documented(
    client: TestClient, document: Any, name: str, path: str, body: Any
) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    answer = client.get(path) if body is None else client.post(path, json=body)

    Draft202012Validator(schema).validate(answer.json())


def test_requests_made_from_the_documentation_never_break_it(models: Path) -> None:
    asked = []

    def call(case: Any) -> None:
        asked.append(case.path)
        case.validate_response(case.call(timeout=60), checks=CHECKS)

    with serving(models) as url:
        from_documentation(schemathesis.openapi.from_url(f"{url}openapi.json"), FEW, call)

    assert len(asked) > FEW // 2


@pytest.mark.parametrize("seed", range(3))
def test_garbage_is_never_a_fault_of_the_service(client: TestClient, seed: int) -> None:
    for method, path, headers, body in garbage(seed, 60):
        answer = client.request(method, path, headers=headers, content=body)
        assert answer.status_code < 500, (method, path, body[:200], answer.text)
