"""Prices as requests state them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mmm.errors import RequestError
from mmm.planning.prices.stated import price_key, price_of
from mmm.planning.request import BudgetRequest, parse_request

TIERS = [{"up_to": 100, "price": 0.5}, {"price": 0.8}]


def stated(prices: Any) -> BudgetRequest:
    return parse_request({"budget": 1.0, "prices": prices}, channels=("tv", "search"))


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ({"elasticity": 0.7}, "elasticity is 0.7; it must be within 0"),
        ({"elasticity": -0.1}, "State steeper prices as tiers"),
        ({"tiers": [{"up_to": 9, "price": 2.0}, {"price": 1.0}]}, "tiers fall from 2 to 1 per unit"),
        ({"tiers": [{"up_to": 9, "price": 1.0}]}, "must leave `up_to` open"),
        ({"tiers": [{"price": 1.0}, {"price": 2.0}]}, "put them in order"),
        ({"elasticity": 0.2, "tiers": TIERS}, "give one of `constant`"),
        ({}, "give one of `constant`"),
    ],
)
def test_one_message_says_what_is_wrong_and_the_way_out(price: Any, said: str) -> None:
    with pytest.raises(RequestError) as error:
        stated({"tv": price})
    (problem,) = error.value.problems
    assert problem.where.startswith("prices.tv")
    assert said in problem.message


@pytest.mark.parametrize("prices", ["dear", 3, {"radio": "estimated"}])
def test_other_words_and_channels_are_refused_once(prices: Any) -> None:
    with pytest.raises(RequestError) as error:
        stated(prices)
    assert len(error.value.problems) == 1


def test_prices_that_stay_are_one_key() -> None:
    """A plan at an elasticity of 0 asks the very response that a plan at constant prices does."""
    keys = [
        price_key(stated(one).prices) for one in ("constant", {"tv": "constant"}, {"tv": {"elasticity": 0}})
    ]

    assert keys == ["", "", ""]
    assert price_key(stated("estimated").prices) != price_key(stated({"tv": {"elasticity": 0.1}}).prices)


def test_a_channel_that_is_not_named_has_a_constant_price() -> None:
    prices = stated({"tv": {"tiers": TIERS}}).prices

    assert price_of(prices, "search").source == "constant"
    assert price_of(stated("estimated").prices, "search").source == "estimated"
