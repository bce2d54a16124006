from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from mmm.report.portfolio.learned import Learned, classes, forecast_errors, forecasts
from mmm.report.portfolio.page import render_portfolio
from mmm.report.portfolio.records import market_records
from mmm.report.tables import MissingTableError

WEEK = date(2025, 1, 6)


def judged(brand: str, market: str, horizon: int, error: float, role: str = "champion") -> dict[str, object]:
    """A promise of 100 and what came."""
    return {
        "brand": brand,
        "market": market,
        "period": WEEK,
        "horizon": horizon,
        "actual": 100.0,
        "error": error,
        "covered": abs(error) < 10,
        "role": role,
    }


LEDGER = pd.DataFrame(
    [
        judged("acme", "us", 1, 5.0),
        judged("acme", "us", 4, 50.0),
        judged("acme", "de", 1, -15.0),
        judged("acme", "de", 1, 90.0, role="challenger"),
        judged("borealis", "us", 1, 2.0),
    ]
)
POOL = pd.DataFrame(
    {
        "quantity": ["roi"] * 3 + ["retention"],
        "class": ["tv"] * 4,
        "brand": ["acme", "borealis", "cirrus", "acme"],
        "market": "us",
        "channel": "tv",
        "against": [3.0, -0.5, 0.2, 9.0],
        "value": [4.0, 1.5, 2.0, 0.5],
        "prior": [2.0, 2.0, 2.0, 0.5],
        "pooled": [3.5, 1.8, 2.0, 0.5],
    }
)


def test_the_shortest_promise_of_a_champion_counts() -> None:
    table = forecast_errors(LEDGER).set_index("brand")

    # acme: 5 % in one market, 15 % in the other; of the two one lay within.
    assert table.loc["acme", "error"] == pytest.approx(0.10)
    assert table.loc["acme", "covered"] == 0.5
    assert table["markets"].tolist() == [2, 1]


def test_views_say_what_is_to_be_seen() -> None:
    learned = Learned(LEDGER, POOL)

    assert forecasts(learned).layout.meta["title"].startswith("67\u00a0% of weekly KPIs came within")
    assert classes(learned).layout.meta["title"].startswith("1 return of 3 stands more than 2 spreads")
    assert list(classes(learned).data[0].y) == ["acme / us", "borealis / us", "cirrus / us"]


def test_maps_have_room_for_names_of_two_lines_and_write_dates_as_the_page_does() -> None:
    """Nine rows of cut names lay on each other, and names below took the height of the map."""
    brands = ("Grand Continental Beverages", "Grand Continental Breweries")
    pool = pd.concat([POOL[:3].assign(brand=brand, market=m) for brand in brands for m in ("uk", "Ireland")])
    figure = classes(Learned(pool=pool))
    labels = figure.layout.yaxis.ticktext

    assert len(set(labels)) == 4 and all(label.count("<br>") == 1 for label in labels)
    assert figure.layout.meta["height"] - figure.layout.meta["top"] >= 30 * len(labels)
    assert list(forecasts(Learned(LEDGER)).layout.xaxis.ticktext) == ["6\u00a0Jan\u00a02025"]


@pytest.mark.parametrize("learned", [Learned(), Learned(LEDGER.iloc[:0], POOL.iloc[:0])])
def test_without_tables_there_is_no_view(learned: Learned) -> None:
    for view in (forecasts, classes):
        with pytest.raises(MissingTableError):
            view(learned)


def test_the_page_has_the_views_where_there_are_tables() -> None:
    records = market_records([{"brand": "acme", "market": "us", "status": "done", "holdout_skill": 0.4}])

    page = render_portfolio(records, tables=Learned(LEDGER, POOL))

    assert "What did the portfolio learn?" in page
    assert "What did the portfolio learn?" not in render_portfolio(records)
