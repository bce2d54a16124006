"""The price of a request before any work: what multiplies is counted, too much is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mmm.planning.request import parse_request
from serve.http.work import budget_price
from serve.planner.protocol import SLOW
from serve.settings import Limits
from tests.serve.fitted_models import HALF

ACME = "/v1/models/acme/us"


def price(variables: int = 8, **fields: Any) -> float:
    return budget_price(parse_request({**HALF, **fields}), variables, Limits())


def groups(count: int) -> list[dict[str, Any]]:
    """Groups that bind: each a little narrower than the one before."""
    pairs = (["tv", "search"], ["search", "radio"], ["tv", "radio"], ["tv", "search", "radio"])
    return [{"channels": pairs[n % 4], "max": 1e6 - n} for n in range(count)]


def test_plain_plans_are_quick_and_those_that_take_seconds_are_not() -> None:
    assert price() < SLOW
    assert price(200) < SLOW
    for slow in (
        price(method="hybrid"),
        price(16, method="differential_evolution"),
        price(64, method="trust-constr"),
        price(600, objective="profit", by_region=True),
        price(3000, by_region=True),
        price(64, by_region=True, effects="total"),
        price(groups=groups(64)),
    ):
        assert slow > SLOW


@pytest.mark.parametrize(
    "extra", [{}, {"by_region": True}, {"objective": "profit"}, {"method": "trust-constr"}]
)
def test_thousands_of_groups_are_refused_at_once(client: TestClient, extra: dict[str, Any]) -> None:
    began = time.perf_counter()
    answer = client.post(f"{ACME}/optimize", json={**HALF, **extra, "groups": groups(8000)})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "groups"
    assert "at most 64" in answer.json()["errors"][0]["message"]
    assert time.perf_counter() - began < 5.0
    assert client.post(f"{ACME}/optimize", json={**HALF, **extra, "groups": groups(20)}).status_code == 200


def test_scenarios_are_counted_in_cells(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"horizon": 4, "plans": {"a": {"spend": {"tv": 9.0}, "others": "current"}}}
    assert client.post(f"{ACME}/scenario", json=body).status_code == 200
    directory = client.app.state.directory  # type: ignore[attr-defined]
    few = directory.settings.model_copy(update={"limits": Limits(cells=50)})
    monkeypatch.setattr(directory, "settings", few)
    answer = client.post(f"{ACME}/scenario", json=body)

    assert answer.status_code == 422
    assert "cells" in answer.json()["errors"][0]["message"]
