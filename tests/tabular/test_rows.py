"""Small tables are read with the manners of panels: separators, marks, encodings, dates."""

from __future__ import annotations

import pytest

from mmm.tabular.rows import read_rows, with_dates, with_numbers

NUMBERS = ("lift", "spend_change")


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_the_separator_is_found(sep: str) -> None:
    table = read_rows(sep.join(["channel", "lift"]).encode() + b"\n" + sep.join(["tv", "9.5"]).encode())

    assert table.rows == ({"channel": "tv", "lift": "9.5"},)


def test_decimal_commas_and_thousands_are_read_where_the_table_tells_them() -> None:
    table = read_rows("channel;lift;spend_change\ntv;900,5;60.000\nooh;1.200,25;8.500\n".encode("cp1252"))
    found, problems = with_numbers(table, NUMBERS, None, "experiments")

    assert problems == []
    assert [(row["lift"], row["spend_change"]) for row in found.rows] == [
        ("900.5", "60000.0"),
        ("1200.25", "8500.0"),
    ]


def test_numbers_of_two_readings_are_refused() -> None:
    table = read_rows(b"channel;lift;spend_change\ntv;900;60.000\n")
    _, problems = with_numbers(table, NUMBERS, None, "experiments")

    assert [problem.where for problem in problems] == ["experiments[0].spend_change"]
    assert "60.000 or 60000" in problems[0].message
    assert with_numbers(table, NUMBERS, ",", "experiments")[0].rows[0]["spend_change"] == "60000.0"


def test_dates_follow_the_format_or_iso() -> None:
    table = read_rows(b"start,end\n06.03.2023,24.04.2023\n")

    assert "data.date_format: '%d.%m.%Y'" in with_dates(table, ("start", "end"), None, "e")[1][0].message
    read, problems = with_dates(table, ("start", "end"), "%d.%m.%Y", "e")
    assert problems == []
    assert read.rows == ({"start": "2023-03-06", "end": "2023-04-24"},)
    iso = read_rows(b"start,end\n2023-03-06,2023-04-24\n")
    assert with_dates(iso, ("start", "end"), "%d.%m.%Y", "e")[1] == []


def test_letters_of_western_europe_are_read() -> None:
    assert read_rows("channel,regions\ntv,Köln\n".encode("cp1252")).rows[0]["regions"] == "Köln"
