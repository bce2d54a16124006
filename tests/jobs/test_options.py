from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from jobs.options import add_address, add_set, count, job_parser, not_negative, positive, time_limit


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90.0), ("30m", 1800.0), ("1h30m", 5400.0), ("1.5h", 5400.0), ("2", 120.0)]
)
def test_lengths_of_time(text: str, expected: float) -> None:
    assert time_limit(text) == expected


@pytest.mark.parametrize("text", ["0m", "half an hour", "30 m", "m", ""])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 90s, 30m or 1h30m"):
        time_limit(text)


def test_numbers_are_read() -> None:
    assert (count("3"), positive("0.5"), not_negative("0"), not_negative("1e3")) == (3, 0.5, 0.0, 1000.0)


@pytest.mark.parametrize(
    ("read", "texts", "rule"),
    [
        (count, ("0", "-1", "two", "1.5", "", "\u00b2"), "a whole number of at least 1"),
        (positive, ("0", "-1", "nan", "inf", "x"), "a number above 0"),
        (not_negative, ("-0.1", "nan", "inf", "x"), "a number of at least 0"),
    ],
)
def test_other_numbers_are_refused_with_the_rule(
    read: Callable[[str], float], texts: tuple[str, ...], rule: str
) -> None:
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError, match=f"^{text!r} is not {rule}$"):
            read(text)


def test_options_are_read_as_often_as_given_and_never_abbreviated() -> None:
    parser = job_parser("jobs.x", "Does x.")
    add_set(parser)
    add_address(parser)

    options = parser.parse_args(["--set", "a.b=1", "--set", "c=2"])

    assert (options.set, options.address) == (["a.b=1", "c=2"], None)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--addr", "auto"])
