"""The price of a request before any work: what multiplies is counted, too much is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mmm.planning.request import parse_request
from mmm.planning.scenario.request import parse_scenario
from serve.http.work import budget_price, scenario_price
from serve.models.source import ModelEntry
from serve.planner.protocol import SLOW, ModelCard
from serve.problems import RequestProblem
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
        price(risk={"regret": "max"}),
        price(120, by_region=True, risk={"cvar": 0.1}),
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


# --- the reckoning, by hand ----------------------------------------------------------------------


def refused(limits: Limits, variables: int, **fields: Any) -> tuple[str, str]:
    """Field and message of the one problem of a request that asks for too much."""
    with pytest.raises(RequestProblem) as caught:
        budget_price(parse_request({**HALF, **fields}), variables, limits)
    assert caught.value.status == 422
    (problem,) = caught.value.errors
    assert problem.code == "too_complex"
    return problem.where, problem.message


def test_seconds_add_up_from_what_is_asked() -> None:
    assert price(100) == pytest.approx(0.02 + 0.03)
    assert price(100, groups=groups(5)) == pytest.approx(0.02 + 0.03 + 0.05)
    assert price(100, objective="profit", groups=groups(5)) == pytest.approx(4 * 0.1)
    assert price(100, risk=0.1) == pytest.approx(4 * 0.05)
    assert price(100, risk={"cvar": 0.1}) == price(100, risk=0.1)
    assert price(100, by_region=True, risk={"cvar": 0.1}) == pytest.approx(4 * 0.05 + 0.15)
    assert price(100, risk={"regret": "max"}) == pytest.approx(3 * 4 * 0.05)
    assert price(100, frontier=5) == pytest.approx(4 * 0.05 + 5 * 4 * 0.05)
    assert price(50, method="trust-constr") == pytest.approx(0.02 + 0.015 + 0.5)
    assert price(50, by_region=True, effects="total") == price(50, method="trust-constr")
    assert price(50, effects="total") == price(50)
    assert price(10, method="hybrid") == price(10, method="differential_evolution")
    assert price(10, method="hybrid") == pytest.approx(0.02 + 0.003 + 3.0)


LIMITS = Limits(variables=40, aimed_variables=30, slow_variables=20, evolved_variables=10)


@pytest.mark.parametrize(
    ("fields", "most", "field"),
    [
        ({}, 40, "models"),
        ({"by_region": True}, 40, "by_region"),
        ({"objective": "profit"}, 30, "models"),
        ({"objective": "profit", "by_region": True}, 30, "by_region"),
        ({"risk": 0.1}, 30, "models"),
        ({"risk": {"regret": "max"}}, 30, "models"),
        ({"frontier": 3}, 30, "models"),
        ({"method": "trust-constr"}, 20, "method"),
        ({"effects": "total"}, 40, "models"),
        ({"effects": "total", "by_region": True}, 20, "method"),
        ({"method": "hybrid"}, 10, "method"),
        ({"method": "hybrid", "objective": "profit"}, 10, "method"),
    ],
)
def test_each_kind_of_plan_has_its_own_largest_size(fields: dict[str, Any], most: int, field: str) -> None:
    assert budget_price(parse_request({**HALF, **fields}), most, LIMITS) > 0
    where, message = refused(LIMITS, most + 1, **fields)

    assert where == field
    assert f"asks for {most + 1} amounts; at most {most}" in message


def test_no_kind_of_plan_may_be_larger_than_any() -> None:
    limits = Limits(variables=5, aimed_variables=30, slow_variables=20, evolved_variables=10)

    for fields in ({"method": "hybrid"}, {"method": "trust-constr"}, {"objective": "profit"}):
        assert "at most 5" in refused(limits, 6, **fields)[1]


def test_names_of_groups_are_counted_with_those_they_are_relative_to() -> None:
    three = [{"channels": ["tv", "search"], "max_ratio": 0.5, "relative_to": ["radio"]}]

    assert budget_price(parse_request({**HALF, "groups": three}), 3, Limits(group_names=3)) > 0
    where, message = refused(Limits(group_names=2), 3, groups=three)
    assert (where, "names 3 channels in all groups" in message) == ("groups", True)


CARD = ModelCard(
    ModelEntry("acme", "us", "1", "models/acme"), {}, b"", b"", "",
    ("tv", "search"), ("north", "south", "east"), "USD", 104, 5, 0.1,
)  # fmt: skip
"""Two channels, three regions and five members: 30 cells a period."""


@pytest.mark.parametrize(
    ("plans", "horizon", "periods"),
    [
        ({"a": {"spend": {"tv": 9.0}}}, None, 13),
        ({"a": {"spend": {"tv": 9.0}}}, 4, 13),
        ({"a": {"spend": {"tv": 9.0}}}, 20, 20),
        ({"a": {"spend": {"tv": [1.0] * 26, "search": [1.0] * 3}}}, None, 26),
        ({"a": {"spend": {"tv": {"north": [1.0] * 52, "south": 2.0}}}}, None, 52),
        ({"a": {"rows": [{"date": "2024-01-01", "channel": "tv", "spend": 1.0}] * 30}}, None, 30),
        ({"a": {"spend": {"tv": [1.0] * 26}}, "b": {"spend": {"tv": 1.0}}}, None, 2 * 26),
    ],
)
def test_a_scenario_costs_what_its_longest_plan_covers_for_each_plan(
    plans: dict[str, dict[str, Any]], horizon: int | None, periods: int
) -> None:
    asked = {"plans": {name: {"others": "current", **plan} for name, plan in plans.items()}}
    request = parse_scenario({**asked, "horizon": horizon})

    assert scenario_price(request, CARD, Limits()) == pytest.approx(0.02 + 1e-7 * 30 * periods)
    assert scenario_price(request, CARD, Limits(cells=30 * periods)) > 0
    with pytest.raises(RequestProblem) as caught:
        scenario_price(request, CARD, Limits(cells=30 * periods - 1))
    assert f"asks for {30 * periods} cells" in caught.value.errors[0].message
