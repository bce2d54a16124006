"""Cells as days: every form that people write, and none that could be another day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.tabular.dates import CANDIDATE_FORMATS, fitting_formats, parse_dates, read_words
from tests.tabular.cells import column

DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2060, 12, 31))
WITH_A_DAY = [form for form in CANDIDATE_FORMATS if "%d" in form and "%y" not in form]


def days(cells: list[str | None], form: str | None = None) -> list[str]:
    return [str(day) for day in parse_dates(column(cells, pa.string()), form).values_N]


# --- forms that are read without being told ------------------------------------------------------


@given(st.lists(DAYS, min_size=1, max_size=6))
def test_iso_dates_are_read_in_every_dress(given_days: list[dt.date]) -> None:
    expected = [day.isoformat() for day in given_days]
    for cells in (
        expected,
        [f" {day.isoformat()} " for day in given_days],
        [f"{day.isoformat()}T23:59:59Z" for day in given_days],
        [f"{day.isoformat()} 00:00:00" for day in given_days],
        [day.strftime("%Y%m%d") for day in given_days],
        ["{}-W{:02}-{}".format(*day.isocalendar()) for day in given_days],
        ["{}W{:02}{}".format(*day.isocalendar()) for day in given_days],
    ):
        assert days(list(cells)) == expected


@given(DAYS)
def test_weeks_and_quarters_begin_on_their_first_day(day: dt.date) -> None:
    year, week, _ = day.isocalendar()
    quarter = (day.month + 2) // 3
    monday = dt.date.fromisocalendar(year, week, 1).isoformat()
    first = dt.date(day.year, 3 * quarter - 2, 1).isoformat()

    assert days([f"{year}-W{week:02}", f"{day.year}-Q{quarter}", f"{day.year}Q{quarter}"]) == [
        monday,
        first,
        first,
    ]


@pytest.mark.parametrize(
    ("cells", "kind", "expected"),
    [
        ([dt.date(2024, 1, 31), None], pa.date32(), ["2024-01-31", "NaT"]),
        ([dt.date(2024, 1, 31)], pa.date64(), ["2024-01-31"]),
        ([dt.datetime(2024, 1, 31, 23, 59)], pa.timestamp("us"), ["2024-01-31"]),  # noqa: DTZ001
        ([20240131, 20240207], pa.int64(), ["2024-01-31", "2024-02-07"]),
        (["2024-01-31"] * 2, pa.dictionary(pa.int8(), pa.string()), ["2024-01-31"] * 2),
    ],
)
def test_dates_of_other_types_are_taken_as_they_are(
    cells: list[Any], kind: pa.DataType, expected: list[str]
) -> None:
    assert [str(day) for day in parse_dates(column(cells, kind), None).values_N] == expected


def test_a_time_zone_is_that_of_the_wall() -> None:
    """23:30 UTC on the 30th is half past midnight on the 31st in Berlin."""
    moment = dt.datetime(2024, 1, 30, 23, 30, tzinfo=dt.UTC)
    for zone, day in (("Europe/Berlin", "2024-01-31"), ("UTC", "2024-01-30"), ("America/Lima", "2024-01-30")):
        found = parse_dates(column([moment], pa.timestamp("s", zone)), None)
        assert str(found.values_N[0]) == day


# --- forms that are told -------------------------------------------------------------------------


@given(day=DAYS, form=st.sampled_from(WITH_A_DAY))
def test_a_format_reads_what_it_writes(day: dt.date, form: str) -> None:
    written = day.strftime(form)

    assert days([written], form) == [day.isoformat()]
    assert form in fitting_formats([written])


@given(day=DAYS, form=st.sampled_from([form for form in CANDIDATE_FORMATS if "%V" in form]))
def test_a_format_of_weeks_reads_their_monday(day: dt.date, form: str) -> None:
    year, week, _ = day.isocalendar()

    assert days([day.strftime(form)], form) == [dt.date.fromisocalendar(year, week, 1).isoformat()]


def test_a_week_may_name_its_day() -> None:
    assert days(["2024-05-7"], "%G-%V-%u") == ["2024-02-04"]
    assert days(["2024-60"], "%G-%V") == ["NaT"]
    assert days(["2023-W53", "2024-W00"]) == ["NaT", "NaT"]


def test_iso_is_taken_where_no_cell_has_the_format_and_every_one_is_iso() -> None:
    assert days(["2024-01-31", "2024-02-07"], "%d.%m.%Y") == ["2024-01-31", "2024-02-07"]
    assert days(["2024-01-31", "soon"], "%d.%m.%Y") == ["NaT", "NaT"]
    assert days(["2024-01-31", "07.02.2024"], "%d.%m.%Y") == ["NaT", "2024-02-07"]


# --- what is refused, and why --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "setting", "hint"),
    [
        (["2024-01-31", ""], "data.date_format", "the cell is empty; every row needs a date"),
        (["2024-01-31", None], "data.date_format", "the cell is empty"),
        (["31.12.2024", "24.12.2024"], "data.date_format", "set data.date_format: '%d.%m.%Y'"),
        (
            ["01/02/2024", "03/04/2024"],
            "data.date_format",
            "read in 2 ways; set data.date_format",
        ),
        (["13/02/2024", "03/04/2024"], "data.date_format", "set data.date_format: '%d/%m/%Y' if that"),
        (["01/02/2024"], None, "it is not ISO; write 2024-01-02 or 2024-02-01, whichever it means"),
        (["13/02/2024"], None, "it is not ISO; write 2024-02-13, whichever it means"),
        (["45321", "45328"], "data.date_format", "it is a number and no date"),
        (["soon"], "data.date_format", "it is no ISO date; write 2024-01-31, or give data.date_format"),
        (["soon"], None, "it is no ISO date; write 2024-01-31"),
        (["2024-02-30"], "data.date_format", "it is no ISO date"),
    ],
)
def test_a_date_of_two_readings_is_refused_with_both(
    cells: list[str | None], setting: str | None, hint: str
) -> None:
    parsed = parse_dates(column(cells, pa.string()), None, setting=setting)

    assert parsed.bad_N.any()
    assert np.isnat(parsed.values_N[parsed.bad_N]).all()
    assert hint in parsed.hint


def test_a_cell_that_breaks_the_format_is_told_by_its_setting() -> None:
    parsed = parse_dates(column(["31.12.2024", "12/24/2024"], pa.string()), "%d.%m.%Y")
    assert parsed.hint == "it does not fit data.date_format '%d.%m.%Y'; correct the cell or the format"

    alone = parse_dates(column(["31.12.2024", "12/24/2024"], pa.string()), "%d.%m.%Y", setting=None)
    assert alone.hint == "it does not fit the format '%d.%m.%Y'; correct the cell"


@given(st.lists(DAYS, min_size=1, max_size=5), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y"]))
def test_day_and_month_are_told_apart_only_where_the_whole_column_does(
    given_days: list[dt.date], form: str
) -> None:
    words = [day.strftime(form) for day in given_days]
    fitting = [found for found in fitting_formats(words) if found in ("%d/%m/%Y", "%m/%d/%Y")]
    swaps = all(day.day <= 12 for day in given_days)

    assert form in fitting
    assert len(fitting) == (2 if swaps else 1)
    assert parse_dates(column(words, pa.string()), None).bad_N.all()


@pytest.mark.parametrize("kind", [pa.float64(), pa.bool_(), pa.list_(pa.date32())])
def test_columns_that_cannot_be_dates_are_refused_by_type(kind: pa.DataType) -> None:
    cell = {pa.float64(): 1.5, pa.bool_(): True}.get(kind, [dt.date(2024, 1, 31)])
    parsed = parse_dates(pa.chunked_array([pa.array([cell], kind)]), None)

    assert parsed.bad_N.tolist() == [True]
    assert str(kind) in parsed.hint


def test_no_words_have_no_format() -> None:
    assert fitting_formats([]) == []
    assert read_words([], None).tolist() == []
