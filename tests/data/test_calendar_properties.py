"""Calendars of any frequency, start and length: found again from rows with gaps, continued, indexed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mmm.config import HolidaysSpec
from mmm.data.calendar import Calendar, holiday_counts, infer_calendar
from mmm.data.panel import Dates, Frequency
from tests.data.test_calendar import table


class Grid(NamedTuple):
    """Dates of a frequency."""

    frequency: Frequency
    dates: Dates


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Twelve to ninety periods from any day of this century; months by their first, a middle or last day."""
    frequency: Frequency = draw(st.sampled_from(["daily", "weekly", "monthly", "quarterly"]))
    count = draw(st.integers(12, 90))
    start = np.datetime64("2001-01-01") + draw(st.integers(0, 9000))
    if frequency in ("daily", "weekly"):
        return Grid(frequency, start + np.arange(count) * (7 if frequency == "weekly" else 1))
    step = 3 if frequency == "quarterly" else 1
    months = start.astype("datetime64[M]") + np.arange(count + 1) * step
    day = draw(st.integers(0, 28))
    if day == 28:
        return Grid(frequency, (months[:-1] + 1).astype("datetime64[D]") - np.timedelta64(1, "D"))
    return Grid(frequency, months[:-1].astype("datetime64[D]") + day)


FROM_FEBRUARY = Grid("quarterly", (np.datetime64("2001-02") + 3 * np.arange(12)).astype("datetime64[D]"))


@example(grid=FROM_FEBRUARY, regions=1, seed=106)
@given(grid=grids(), regions=st.integers(1, 3), seed=st.integers(0, 999))
def test_a_grid_with_gaps_is_found_again(grid: Grid, regions: int, seed: int) -> None:
    kept = np.random.default_rng(seed).random(len(grid.dates)) > 0.2
    kept[[0, 1, 2, -2, -1]] = True
    # The frequency is that of most steps: with more gaps than that nobody could tell it.
    assume(2 * np.count_nonzero(kept[1:] & kept[:-1]) > np.count_nonzero(kept) - 1)
    calendar, problems = infer_calendar(table(grid.dates[kept], regions))

    assert problems == []
    assert calendar is not None
    assert calendar.frequency == grid.frequency
    np.testing.assert_array_equal(calendar.dates_T, grid.dates)


@given(grid=grids(), cut=st.integers(1, 11))
def test_periods_after_a_calendar_are_those_that_would_follow(grid: Grid, cut: int) -> None:
    shorter = Calendar(grid.dates[:-cut], grid.frequency)

    np.testing.assert_array_equal(shorter.after(cut), grid.dates[-cut:])
    assert len(shorter.after(0)) == 0


@given(grid=grids(), seed=st.integers(0, 999))
def test_every_date_of_a_calendar_is_at_its_place_and_no_other_is(grid: Grid, seed: int) -> None:
    calendar = Calendar(grid.dates, grid.frequency)
    place = np.random.default_rng(seed).permutation(len(grid.dates))
    every = np.arange(grid.dates[0] - 40, grid.dates[-1] + 40)
    others = every[~np.isin(every, grid.dates)]

    np.testing.assert_array_equal(calendar.index(grid.dates[place]), place)
    assert (calendar.index(others) == -1).all()


@given(grid=grids(), country=st.sampled_from(["US", "DE", "GB", "IN"]))
def test_every_holiday_is_counted_once_whatever_the_periods(grid: Grid, country: str) -> None:
    """Days of a holiday in all periods together are those of the same years day by day."""
    # Those of India, which follow the moon, are known until 2035.
    assume(country != "IN" or Calendar(grid.dates, grid.frequency).after(1)[0] < np.datetime64("2035-01-01"))
    spec = HolidaysSpec(country=country)
    names, counts_TH = holiday_counts(grid.dates, grid.frequency, spec)
    end = Calendar(grid.dates, grid.frequency).after(1)[0]
    by_day, daily_DH = holiday_counts(np.arange(grid.dates[0], end), "daily", spec)

    assert names == by_day
    np.testing.assert_array_equal(counts_TH.sum(0), daily_DH.sum(0))
    ahead, counts = holiday_counts(grid.dates, grid.frequency, spec, names[::-1])
    assert ahead == names[::-1]
    np.testing.assert_array_equal(counts, counts_TH[:, ::-1])
