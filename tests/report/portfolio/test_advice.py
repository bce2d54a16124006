"""What to do next, market by market: money with currency, intervals and moves out of a market's files."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from mmm.report.portfolio.outcome import ALL, Outcome, outcome_of
from mmm.report.portfolio.page import render_portfolio
from mmm.report.portfolio.records import market_records
from tests.report.portfolio.portfolios import fitted

PLAN: dict[str, Any] = {
    "status": "optimal", "unit": "EUR", "kpi_value": 2.0, "horizon": 13,
    "current_spend": {"tv": 600_000.0, "search": 400_000.0}, "spend": {"tv": 500_000.0, "search": 500_000.0},
    "current_kpi": {"mean": 1e6, "lower": 9e5, "upper": 1.1e6},
    "gain": {"mean": 20_000.0, "lower": 5_000.0, "upper": 35_000.0}, "chance_of_gain": 0.97,
    "profit_gain": {"mean": 40_000.0, "lower": 10_000.0, "upper": 70_000.0},
}  # fmt: skip


def returns(*, priced: bool = True, scale: float = 1.0) -> pd.DataFrame:
    """TV brings 100 k for 2 M, search 50 k for 1 M; half as much and twice as much may be."""
    rows = []
    for window, factor in (("training", scale), ("2024 Q1", 0.2 * scale)):
        for channel, spend, effect in (("tv", 2e6, 1e5), ("search", 1e6, 5e4), (ALL, 3e6, 1.5e5)):
            row = {"window": window, "channel": channel, "spend": factor * spend, "effect": factor * effect}
            value = factor * effect * 2.0 if priced else float("nan")
            for name, mean in (
                ("effect", factor * effect),
                ("value", value),
                ("roi", value / spend / factor),
            ):
                row |= {name: mean, f"{name}_lower": 0.5 * mean, f"{name}_upper": 2.0 * mean}
            rows.append(row)
    return pd.DataFrame(rows)


def page(outcome: Outcome, **row: Any) -> str:
    text = render_portfolio(market_records([fitted("acme", "de", **row)], None, {("acme", "de"): outcome}))
    return text.replace("\u00a0", " ")


def card(text: str) -> list[str]:
    """Cells of the only market's row."""
    body = text.partition("id='advice'")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        re.sub(r"<small>|</small>", "|", cell).strip("|") for cell in re.findall(r"<td[^>]*>(.*?)</td>", body)
    ]


def test_a_market_s_row_tells_money_intervals_and_the_move() -> None:
    text = page(outcome_of(returns(), PLAN))

    assert card(text) == [
        "acme / de", "3 M EUR", "300 k EUR|150 k to 600 k", "0.1|0.05 to 0.2",
        "Move 100 k EUR from TV to search", "+40 k EUR|10 k to 70 k", "97 %",
    ]  # fmt: skip
    assert "1 of 1 recommended move is above zero with the whole interval of the gain" in text


def test_without_a_price_the_kpi_is_told() -> None:
    plan = {**PLAN, "kpi_value": None, "profit_gain": None}

    assert card(page(outcome_of(returns(priced=False), plan), roi={})) == [
        "acme / de", "3 M EUR", "150 k of the KPI|75 k to 300 k", "\u2013",
        "Move 100 k EUR from TV to search", "+20 k of the KPI|5 k to 35 k", "97 %",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "move", "gain"),
    [
        (None, "\u2013", "\u2013"),
        ({**PLAN, "spend": PLAN["current_spend"], "gain": 0, "profit_gain": 0, "chance_of_gain": 0.0},
         "Leave the split of the budget as it is", "+0 EUR"),
    ],
)  # fmt: skip
def test_markets_without_a_move_say_so(plan: Any, move: str, gain: str) -> None:
    found = card(page(outcome_of(returns(), plan)))

    assert found[4].startswith(move)
    assert found[5].startswith(gain)
    assert found[6] == "\u2013"


def test_shares_and_returns_have_their_intervals_in_views_and_tables() -> None:
    text = page(
        outcome_of(returns(), PLAN), shares={"tv": 0.2, "search": 0.1}, roi={"tv": 0.1, "search": 0.1}
    )

    assert "TV: 0.1 (0.05 to 0.2) back for each EUR spent" in text
    assert "returned by media for each EUR spent" in text
    assert "search: 10 % (5 % to 20 %) of the KPI" in text
    assert "30 % (15 % to 60 %)" in text


def test_models_of_older_refits_leave_the_card_out() -> None:
    assert "id='advice'" not in page(outcome_of(None, None))
