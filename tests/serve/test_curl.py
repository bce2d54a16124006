"""The requests that docs/serve.md shows for a shell are answered."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from fastapi.testclient import TestClient


def requests_shown(root: Path) -> list[tuple[str, dict[str, object] | None]]:
    """Route and body of every ``curl`` of the first block for a shell."""
    page = (root / "docs" / "serve.md").read_text(encoding="utf-8")
    _, _, after = page.partition("From a shell")
    (block, *_) = re.findall(r"```sh\n(.*?)```", after, re.DOTALL)
    found = []
    for line in re.findall(r"^curl .*$", block.replace("\\\n", " "), re.MULTILINE):
        words = shlex.split(line)
        (route,) = (word for word in words if word.startswith("localhost:8000"))
        body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
        found.append((route.removeprefix("localhost:8000"), body))
    return found


def test_every_request_of_the_page_is_answered(repository: Path, client: TestClient) -> None:
    shown = requests_shown(repository)

    assert len(shown) == 5
    for route, body in shown:
        answer = client.get(route) if body is None else client.post(route, json=body)
        assert answer.status_code == 200, (route, answer.text)
        assert answer.json()


@pytest.mark.parametrize("route", ["/v1/models/acme/us/optimize", "/v1/portfolio/optimize"])
def test_plans_asked_for_are_plans(route: str, repository: Path, client: TestClient) -> None:
    body = dict(requests_shown(repository))[route]
    answer = client.post(route, json=body).json()
    plan = answer.get("plan", answer)

    assert plan["status"] == "optimal" and plan["horizon"] == 13
