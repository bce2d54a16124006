"""Plans by the month for a weekly model: amounts by days, checked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.data.calendar import Calendar
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.months import SPREAD, by_period, is_monthly
from mmm.planning.scenario.rows import SpendRows
from tests.small import sketch, small_panel

WEEKLY = Calendar(np.datetime64("2023-01-02", "D") + 7 * np.arange(48), "weekly")
"""Mondays until 2023-11-27; the first week after them begins on 2023-12-04."""


def months(*dates: str, spend: float = 310.0, region: str | None = None) -> SpendRows:
    return SpendRows(
        "rows",
        np.array(dates, dtype="datetime64[D]"),
        np.array(["tv"] * len(dates), dtype=object),
        None if region is None else np.array([region] * len(dates), dtype=object),
        np.full(len(dates), spend),
    )


def test_a_month_falls_on_weeks_by_their_days() -> None:
    """January 2024 begins on a Monday: four weeks of 7 days and 3 days of the week of 29 January."""
    found = by_period(months("2024-01-01"), WEEKLY, 20)

    assert found.date_N.astype(str).tolist() == [
        "2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29",
    ]  # fmt: skip
    assert found.spend_N.tolist() == pytest.approx([70, 70, 70, 70, 30])


def test_a_week_of_two_months_has_days_of_both() -> None:
    """29 January to 4 February: 3 days at 10 and 4 days at 290 / 29."""
    rows = months("2024-01-01", "2024-02-01")
    rows.spend_N[1] = 290.0
    found = by_period(rows, WEEKLY, 20)

    assert found.spend_N.sum() == pytest.approx(600)
    assert found.spend_N[4] == pytest.approx(3 * 10 + 4 * 10)
    assert len(found.spend_N) == len(np.unique(found.date_N)) == 9


def test_days_of_a_daily_model_have_a_part_each_and_regions_stay_apart() -> None:
    daily = Calendar(np.datetime64("2023-01-01", "D") + np.arange(365), "daily")
    found = by_period(months("2024-02-01", spend=29.0, region="north"), daily, 100)

    assert found.spend_N.tolist() == pytest.approx([1.0] * 29)
    assert found.region_N is not None and set(found.region_N) == {"north"}


@pytest.mark.parametrize(
    ("dates", "monthly"),
    [
        (("2024-01-01",), False),  # a Monday on which a week begins: a plan of one week
        (("2024-02-01",), True),
        (("2024-01-01", "2024-02-01"), True),
        (("2024-01-01", "2024-01-08"), False),
        (("2024-02-02", "2024-03-01"), False),
        ((), False),
    ],
)
def test_what_counts_as_rows_by_month(dates: tuple[str, ...], monthly: bool) -> None:
    assert is_monthly(months(*dates), WEEKLY, 20) == monthly
    quarterly = Calendar(np.array(["2023-01-01", "2023-04-01"], dtype="datetime64[D]"), "quarterly")
    assert not is_monthly(months(*dates), quarterly, 2)


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2023-12-01", "2023-12 began before 2023-12-04, where plans can begin"),
        ("2025-12-01", "2025-12: ends after 2024-04-22, further ahead than history goes back"),
    ],
)
def test_months_that_are_history_or_too_far_ahead_are_refused(date: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        by_period(months(date), WEEKLY, 20)

    assert said in str(caught.value)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch(small_panel(regions=1))


def test_a_monthly_plan_is_the_weekly_one_and_says_so(fitted: Fitted) -> None:
    """January for all channels: the plan begins on its first day, after a gap of four weeks."""
    amounts: list[Any] = [
        {"date": "2024-01-01", "channel": "tv", "spend": 310.0},
        {"date": "2024-02-01", "channel": "tv", "spend": 0.0},
    ]
    monthly = evaluate_scenario(fitted, {"rows": amounts, "others": "none"})
    weeks = {"tv": [70.0, 70.0, 70.0, 70.0, 30.0, 0.0, 0.0, 0.0, 0.0]}
    weekly = evaluate_scenario(fitted, {"spend": weeks, "others": "none", "start": "2024-01-01"})

    assert monthly.dates == weekly.dates
    assert monthly.plans[0].kpi.mean == pytest.approx(weekly.plans[0].kpi.mean)
    assert SPREAD in monthly.assumptions and SPREAD not in weekly.assumptions


def test_a_channel_without_a_month_is_missing_periods(fitted: Fitted) -> None:
    rows = [
        {"date": date, "channel": channel, "spend": 10.0}
        for channel, dates in (("tv", ("2024-01-01", "2024-02-01")), ("search", ("2024-01-01",)))
        for date in dates
    ]
    with pytest.raises(RequestError, match="'search' misses 4 of 9 periods: 2024-02-05"):
        evaluate_scenario(fitted, {"rows": rows, "others": "none"})
