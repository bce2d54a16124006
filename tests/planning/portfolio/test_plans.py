from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.errors import RequestError
from mmm.model.future import Response
from mmm.planning.response import StatusQuo
from tests.planning.hills import Summed, portfolio_of, random_context, random_hills

HALF = {"min_change": -0.5, "max_change": 0.5}


def brands(count: int = 3, channels: int = 3) -> dict[str, tuple[Response, StatusQuo]]:
    models: dict[str, tuple[Response, StatusQuo]] = {}
    for i in range(count):
        rng = np.random.default_rng(i)
        members = 4 + i
        context = random_context(rng, channels, members=members, kpi_value=50.0 * (i + 1))
        models[f"b{i}/us"] = (random_hills(rng, channels, members), context)
    return models


def test_money_moves_between_brands_until_it_earns_the_same() -> None:
    result = portfolio_of(brands(), {"budget": "current", "default_bounds": HALF})
    assert result.plan.status == "optimal"
    assert result.plan.gain is not None and result.plan.gain.mean > 0
    free = [r for c, r in result.plan.marginal_roi.items() if c not in result.plan.binding]
    assert free == pytest.approx([free[0]] * len(free), rel=2e-3)
    budgets = [plan.budget or 0.0 for plan in result.models.values()]
    assert sum(budgets) == pytest.approx(result.plan.budget, abs=1e-4)
    assert any(p.budget != pytest.approx(p.current_budget, rel=0.01) for p in result.models.values())
    value = sum(50.0 * (i + 1) * plan.gain.mean for i, plan in enumerate(result.models.values()) if plan.gain)
    # ensembles differ in length, so the joint mean repeats some members
    assert value == pytest.approx(result.plan.gain.mean, rel=0.2)


def test_limits_of_models_and_of_their_channels() -> None:
    models = brands()
    request = {
        "budget": "current",
        "default_bounds": HALF,
        "bounds": {"b0/us": {"max_change": 0.0, "min_change": 0.0}, "b1/us/c1": {"max": 100000}},
        "fixed": ["b2/us"],
    }
    plan = portfolio_of(models, request)
    first, third = plan.models["b0/us"], plan.models["b2/us"]
    assert first.budget == pytest.approx(first.current_budget, rel=1e-6)
    assert third.spend == pytest.approx(third.current_spend)
    assert plan.plan.spend["b1/us/c1"] <= 100000 + 1e-2


def test_models_whose_response_is_no_sum() -> None:
    models = brands()
    hills, context = models["b1/us"]
    mixed = {**models, "b1/us": (Summed(hills), context)}  # type: ignore[arg-type]
    plain = portfolio_of(models, {"budget": "current", "default_bounds": HALF})
    result = portfolio_of(mixed, {"budget": "current", "default_bounds": HALF})
    assert plain.plan.gain is not None and result.plan.gain is not None
    assert result.plan.gain.mean == pytest.approx(plain.plan.gain.mean, rel=5e-3)


def test_an_impossible_portfolio_is_said() -> None:
    result = portfolio_of(brands(), {"budget": 1, "default_bounds": HALF})
    assert result.plan.status == "infeasible"
    assert result.models == {}


def test_bad_portfolios_are_refused() -> None:
    models = brands()
    response, context = models["b1/us"]
    euros = {**models, "b1/us": (response, replace(context, currency="EUR"))}
    with pytest.raises(RequestError, match="EUR, USD"):
        portfolio_of(euros, {"budget": 1})
    with pytest.raises(RequestError, match="names no model"):
        portfolio_of({}, {"budget": 1})
    with pytest.raises(RequestError, match="Did you mean 'b0/us'"):
        portfolio_of(models, {"budget": 1, "bounds": {"b0/uk": {}}})
    unpriced = {**models, "b1/us": (response, replace(context, units=dict.fromkeys(context.channels, "GRP")))}
    with pytest.raises(RequestError, match="b1/us has no spend"):
        portfolio_of(unpriced, {"budget": 1, "by_region": True})
