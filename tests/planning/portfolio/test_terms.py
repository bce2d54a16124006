"""A portfolio in one currency: converting changes the unit of every amount and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.errors import RequestError
from mmm.model.future import Response
from mmm.planning.portfolio import in_terms, plan_budgets
from mmm.planning.request import PortfolioTerms
from mmm.planning.response import StatusQuo
from tests.planning.hills import Summed, portfolio_of, random_context, random_hills
from tests.small import sketch

HALF = {"budget": "current", "default_bounds": {"min_change": -0.5, "max_change": 0.5}}
EUROS = PortfolioTerms(currency="EUR", exchange_rates={"USD": 0.5})


def part(seed: int, *, summed: bool = False) -> tuple[Response, StatusQuo]:
    rng = np.random.default_rng(seed)
    hills = random_hills(rng, 3, 4)
    return Summed(hills) if summed else hills, random_context(rng, 3, members=4, kpi_value=50.0)


@pytest.mark.parametrize("summed", [False, True])
def test_a_plan_in_another_currency_is_the_same_plan(summed: bool) -> None:
    parts = {"a": part(1, summed=summed), "b": part(2, summed=summed)}
    dollars = portfolio_of(parts, HALF).plan
    euros = portfolio_of({name: in_terms(EUROS, name, *one) for name, one in parts.items()}, HALF).plan

    assert euros.unit == "EUR"
    assert euros.budget == pytest.approx(0.5 * (dollars.budget or 0.0))
    for channel, spend in dollars.spend.items():
        assert euros.spend[channel] == pytest.approx(0.5 * spend, rel=2e-3, abs=1.0)
        assert euros.marginal_roi[channel] == pytest.approx(dollars.marginal_roi[channel], rel=1e-2)
    assert euros.gain is not None and dollars.gain is not None
    assert euros.gain.mean == pytest.approx(0.5 * dollars.gain.mean, rel=1e-3)


def test_what_runs_after_the_horizon_and_exposure_are_converted_too() -> None:
    response, context = part(3)
    context = replace(context, units={"c0": "exposure"}, after_horizon=lambda amount_X: amount_X[:1])
    _, converted = in_terms(EUROS, "a", response, context)

    np.testing.assert_allclose(converted.current_X / context.current_X, [1.0, 0.5, 0.5])
    assert converted.after_horizon is not None
    np.testing.assert_allclose(converted.after_horizon(np.array([8.0, 1.0, 1.0])), [8.0])


def test_money_goes_where_a_unit_of_kpi_is_worth_more() -> None:
    models = {"a": sketch(), "b": sketch()}
    even = plan_budgets(models, HALF)
    tilted = plan_budgets(models, HALF, PortfolioTerms(kpi_values={"a": 20.0}))

    assert even.models["a"].budget == pytest.approx(even.models["b"].budget, rel=1e-3)
    assert (tilted.models["a"].budget or 0.0) > 1.2 * (tilted.models["b"].budget or 0.0)


def test_every_gap_of_the_terms_is_told() -> None:
    terms = PortfolioTerms(currency="EUR", kpi_values={"acme/uk": 1.0})
    with pytest.raises(RequestError) as caught:
        terms.check({"acme/us": "USD", "acme/de": "EUR"})

    assert [problem.where for problem in caught.value.problems] == [
        "kpi_values.acme/uk",
        "exchange_rates.USD",
    ]
    with pytest.raises(RequestError, match="currency: is missing"):
        PortfolioTerms(exchange_rates={"USD": 2.0}).check({"acme/us": "USD"})
