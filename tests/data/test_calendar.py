"""Frequencies, grids and holidays, with dates a reader can check."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.config import HolidaysSpec
from mmm.data.calendar import Calendar, holiday_counts, infer_calendar
from mmm.data.panel import Dates
from mmm.data.schema import LongTable
from mmm.errors import SpecError


def days(*texts: str) -> Dates:
    return np.array(texts, dtype="datetime64[D]")


def table(dates: Dates, regions: int = 1) -> LongTable:
    names = tuple(f"r{index}" for index in range(regions))
    return LongTable(
        "panel.csv", names, np.repeat(np.arange(regions), len(dates)), np.tile(dates, regions), {}
    )


MONTH_STARTS = np.arange("2023-01", "2024-07", dtype="datetime64[M]")
GRIDS = {
    "daily": ("daily", np.arange("2023-01-01", "2023-03-01", dtype="datetime64[D]")),
    "weekly": ("weekly", np.arange("2023-01-02", "2023-12-01", 7, dtype="datetime64[D]")),
    "monthly": ("monthly", MONTH_STARTS.astype("datetime64[D]")),
    "month ends": ("monthly", (MONTH_STARTS + 1).astype("datetime64[D]") - np.timedelta64(1, "D")),
    "mid-month": ("monthly", MONTH_STARTS.astype("datetime64[D]") + np.timedelta64(14, "D")),
    "quarterly": ("quarterly", MONTH_STARTS[::3].astype("datetime64[D]")),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_frequency_is_inferred_and_gaps_are_closed(kind: str) -> None:
    frequency, dates = GRIDS[kind]
    calendar, problems = infer_calendar(table(np.delete(dates, 3), regions=2))
    assert problems == []
    assert calendar is not None
    assert calendar.frequency == frequency
    np.testing.assert_array_equal(calendar.dates_T, dates)
    shorter = Calendar(dates[:-2], calendar.frequency)
    np.testing.assert_array_equal(shorter.after(2), dates[-2:])


def test_index_finds_dates_of_the_grid_only() -> None:
    calendar = Calendar(days("2024-01-01", "2024-01-08"), "weekly")
    assert calendar.index(days("2024-01-08", "2024-01-09", "NaT", "2024-01-01")).tolist() == [1, -1, -1, 0]


@pytest.mark.parametrize(
    ("dates", "code"),
    [
        (days("2024-01-01"), "too_few_periods"),
        (days("2020-01-01", "2021-01-01", "2022-01-01"), "unknown_frequency"),
        (days("2024-01-01", "2024-01-08", "2024-01-15", "2924-01-12"), "misaligned_dates"),
        (days("2024-01-01", "2024-02-01", "2024-03-01", "2024-04-02"), "misaligned_dates"),
        (days("2024-01-01", "2024-04-01", "2024-07-01", "2024-11-01"), "misaligned_dates"),
        (np.append(GRIDS["daily"][1], np.datetime64("2033-01-01")), "sparse_calendar"),
    ],
)
def test_dates_that_make_no_calendar(dates: Dates, code: str) -> None:
    _, problems = infer_calendar(table(dates))
    assert [problem.code for problem in problems] == [code]


def test_holidays_are_counted_in_the_period_they_fall_into() -> None:
    weeks = np.arange("2023-12-18", "2024-01-15", 7, dtype="datetime64[D]")
    names, counts_TH = holiday_counts(weeks, "weekly", HolidaysSpec(country="US"))
    assert names == ("holiday: Christmas Day", "holiday: New Year's Day")
    assert counts_TH.tolist() == [[0, 0], [1, 0], [0, 1], [0, 0]]


def test_future_periods_take_the_holidays_of_the_past() -> None:
    months = np.arange("2024-01", "2024-04", dtype="datetime64[M]").astype("datetime64[D]")
    names, counts_TH = holiday_counts(
        months,
        "monthly",
        HolidaysSpec(country="de", subdivision="BY"),
        names=("holiday: Epiphany", "holiday: X"),
    )
    assert names == ("holiday: Epiphany", "holiday: X")
    assert counts_TH.tolist() == [[1, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"country": "XX"}, "holidays.country"),
        ({"country": "US", "subdivision": "CAL"}, "holidays.subdivision"),
    ],
)
def test_unknown_country_is_refused(spec: dict[str, str], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        holiday_counts(days("2024-01-01", "2024-01-08"), "weekly", HolidaysSpec.model_validate(spec))
    assert caught.value.problems[0].where == path
