"""Numbers and sentences as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm import words

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1_234_567, 2, "1.2 M"),
        (999_999, 2, "1 M"),
        (34_000, 2, "34 k"),
        (123_456, 2, "123 k"),
        (948.2, 3, "948"),
        (0.0561, 2, "0.056"),
        (-0.5, 2, "\u22120.5"),
        (0, 2, "0"),
        (2.5e9, 2, "2.5 B"),
        (NAN, 2, "unknown"),
    ],
)
def test_number(value: float, digits: int, text: str) -> None:
    assert words.number(value, digits).replace(words.NBSP, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_209_833.0, "1,209,833 USD"),
        (174_533.68000000002, "174,533.68 USD"),
        (12.5, "12.5 USD"),
        (0.1 + 0.2, "0.3 USD"),
        (0, "0 USD"),
        (-1234.5, "-1,234.5 USD"),
    ],
)
def test_an_exact_amount(value: float, text: str) -> None:
    assert words.amount(value, "USD") == text


def test_an_amount_at_a_glance() -> None:
    assert words.money(1_209_833, "USD").replace(words.NBSP, " ") == "1.2 M USD"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.34, "34 %"),
        (1.0, "100 %"),
        (0.9996, "99.9 %"),
        (0.9964, "99.6 %"),
        (0.073, "7.3 %"),
        (0.07, "7 %"),
        (0.0004, "under 0.1 %"),
        (0, "0 %"),
        (-0.117, "\u221212 %"),
        (12.34, "1234 %"),
        (NAN, "unknown"),
    ],
)
def test_percent(fraction: float, text: str) -> None:
    assert words.percent(fraction).replace(words.NBSP, " ") == text


@given(st.floats(1e-6, 1e13))
def test_a_number_reads_back_to_what_it_was(value: float) -> None:
    text = words.number(value, 3)
    factor = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)

    assert float(text.rstrip("kMBT").strip(words.NBSP)) * factor == pytest.approx(value, rel=0.006)


def test_give_or_take_speaks_of_half_the_interval() -> None:
    assert words.give_or_take(0.09, 0.15) == ", give or take 3 points"
    assert words.give_or_take(0.11, 0.13) == ", give or take 1 point"
    assert words.give_or_take(0.119, 0.121) == ", give or take 0.1 points"
    assert words.give_or_take(0.1, 0.116) == ", give or take 0.8 points"
    assert words.give_or_take(0.12, 0.1201) == ", give or take less than 0.1 points"
    assert words.give_or_take(NAN, 0.15) == ""


def test_no_interval_is_said_not_shown_as_nan() -> None:
    assert words.span(NAN, 1.0) == "no interval"
    assert words.span(0.5, 1.25) == "0.5 to 1.2"


def test_small_words() -> None:
    assert words.count(1, "week") == "1 week"
    assert words.count(1300, "country") == "1,300 countries"
    assert words.count(2, "day") == "2 days"
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.listing(["a"]) == "a"
    assert words.day("2024-03-04").replace(words.NBSP, " ") == "4 Mar 2024"
    assert (words.subject("tv"), words.subject("direct_mail"), words.label("Paid_Search")) == (
        "TV",
        "Direct mail",
        "Paid Search",
    )


def test_wrapping_keeps_every_word_and_the_width() -> None:
    text = "TV brings 12\u00a0% of visits, give or take 3 points; search may bring as much"
    lines = words.wrap(text, 24)

    assert " ".join(lines) == text
    assert max(map(len, lines)) <= 24


def test_a_chance_is_never_certain() -> None:
    assert words.chance(0.834) == "83\u00a0%"
    assert words.chance(1.0) == "99\u00a0%"
    assert words.chance(0.0) == "1\u00a0%"
