"""A budget of tests over markets: sums that a reader can check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.design.markets import ERRORS, Designed, Model
from jobs.design.spend import Class, classes_of, joined_tests, market_rates, spend


def market(name: str, *tests: tuple[float, float], channel: str = "tv", **columns: Any) -> Designed:
    """A market with tests of one channel, each with its value and its cost."""
    rows = [
        {
            "test": f"test-{place}",
            "channel": channel,
            "value": value,
            "cost": cost,
            "power": 0.9,
            "effect_sd": 1.0,
            "effect_sd_after": 0.5,
            "currency": "USD",
            "net": value - cost,
            **columns,
        }
        for place, (value, cost) in enumerate(tests)
    ]
    return Designed(
        Model(name, "us", f"/{name}"), pd.DataFrame(rows), {channel: (100.0, 60.0, 30.0, 10.0, 3.0)}
    )


def taken(table: pd.DataFrame) -> list[str]:
    return [f"{row.brand} {row.test}" for row in table[table["order"] > 0].itertuples()]


def test_what_gains_most_for_its_cost_is_taken_first_until_the_money_is_spent() -> None:
    markets = [market("a", (30.0, 10.0), (100.0, 60.0)), market("b", (50.0, 40.0)), market("c", (9.0, 20.0))]
    table = joined_tests(markets, {"USD": 1.0})

    # Net per cost: 2 and 0.67 in a, 0.25 in b; c never pays.
    assert taken(spend(table, [])) == ["a test-0", "b test-0"]
    assert taken(spend(table, [], budget=45.0)) == ["a test-0"]
    assert taken(spend(table, [], budget=9.0)) == []
    assert len(spend(table, [], budget=9.0)) == 4


def test_money_of_another_currency_counts_by_its_rate_and_weak_tests_not_at_all() -> None:
    markets = [
        market("a", (30.0, 10.0), currency="EUR"),
        market("b", (30.0, 10.0)),
        market("c", (90.0, 1.0), power=0.2),
        market("d", (np.nan, np.nan), currency=""),
    ]
    table = spend(joined_tests(markets, {"USD": 1.0, "EUR": 2.0}), [], budget=20.0)

    assert taken(table) == ["b test-0"] or taken(table) == ["a test-0"]
    assert table.set_index("brand").loc["a", "total_net"] == pytest.approx(2.0 * 20.0)


def pooled(errors: list[float], between: float = 0.3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": "all",
            "class": "tv",
            "quantity": "roi",
            "brand": [f"b{n}" for n in range(len(errors))],
            "market": "us",
            "channel": "tv",
            "between_sd": between,
            "standard_error": errors,
        }
    )


def test_a_test_is_worth_more_where_sisters_learn_from_it() -> None:
    markets = [market(f"b{n}", (10.0, 20.0)) for n in range(6)]
    table = joined_tests(markets, {"USD": 1.0})
    rate = market_rates(table)

    alone = spend(table, [])
    together = spend(table, classes_of(pooled([0.6] * 6), markets, rate))
    strangers = spend(table, classes_of(pooled([0.6] * 6, between=20.0), markets, rate))

    assert taken(alone) == []
    assert (together["sister_value"] > 1.0).all()
    assert (strangers["sister_value"] < 0.1).all()


def test_the_second_test_of_a_class_teaches_sisters_less() -> None:
    error_N = np.full(8, 0.6)
    keys = tuple((f"b{n}", "us", "tv") for n in range(8))
    worth_NE = np.tile([100.0, 60.0, 30.0, 10.0, 3.0], (8, 1))
    own = Class(keys, 0.3, error_N, error_N.copy(), worth_NE)

    first = own.sister_values(np.array([0]), np.array([0.2]))
    again = own.sister_values(np.array([0]), np.array([0.6]))
    own.tested_N[1] = 0.2
    second = own.sister_values(np.array([0]), np.array([0.2]))

    assert again == pytest.approx([0.0])
    assert 0 < second[0] < first[0]


def test_news_is_what_the_textbook_says_of_random_effects() -> None:
    error_N = np.array([0.5, 0.8])
    keys = (("a", "us", "tv"), ("b", "us", "tv"))
    own = Class(keys, 0.3, error_N, error_N.copy(), np.tile([100.0, 60.0, 30.0, 10.0, 3.0], (2, 1)))

    found = own.sister_values(np.array([0]), np.array([0.1]))

    # b expects of a: variance 2 x 0.09 + 0.25 before, 2 x 0.09 + 0.01 after.
    precision = (1 / 0.19 - 1 / 0.43) * 0.8**2
    grid = [0.0, *(error**-2 for error in reversed(ERRORS))]
    assert found == pytest.approx([np.interp(precision, grid, [0.0, 3.0, 10.0, 30.0, 60.0, 100.0])])


def test_no_tests_at_all() -> None:
    assert spend(joined_tests([Designed(Model("a", "us", "/a"), problem="gone")], {}), []).empty
