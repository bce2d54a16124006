"""Cells as numbers and as names of regions: what is written comes back, what is not sure is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.tabular.delimited import Mark, both_readings, certain_marks, decimal_mark
from mmm.tabular.numbers import is_left_open, is_plain_kind, parse_numbers, parse_regions, reads_two_ways
from tests.tabular.cells import column

MARKS: dict[Mark, Mark] = {".": ",", ",": "."}
AMOUNTS = st.integers(-(10**11), 10**11).map(lambda cents: cents / 100)


def written(value: float, mark: Mark, *, grouped: bool) -> str:
    """A number of two decimals in the manner of a decimal mark."""
    text = f"{value:,.2f}" if grouped else f"{value:.2f}"
    return text.translate(str.maketrans(".,", mark + MARKS[mark]))


# --- plain numbers -------------------------------------------------------------------------------


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=8))
def test_numbers_and_their_texts_are_read_back(values: list[float | None]) -> None:
    expected = [math.nan if value is None else value for value in values]
    for cells, kind in (
        (values, pa.float64()),
        ([None if value is None else repr(value) for value in values], pa.string()),
        (["" if value is None else f" {value!r} " for value in values], pa.large_string()),
    ):
        parsed = parse_numbers(column(cells, kind))
        np.testing.assert_array_equal(parsed.values_N, np.array(expected, dtype=float))
        assert not parsed.bad_N.any()
        assert parsed.hint == ""


@pytest.mark.parametrize(
    ("cells", "kind", "expected"),
    [
        ([3, None, -7], pa.int32(), [3.0, math.nan, -7.0]),
        ([True, False, None], pa.bool_(), [1.0, 0.0, math.nan]),
        (["TRUE", "false", " True "], pa.string(), [1.0, 0.0, 1.0]),
        ([decimal.Decimal("1.25"), decimal.Decimal("-3.50")], pa.decimal128(8, 2), [1.25, -3.5]),
        ([None, None], pa.null(), [math.nan] * 2),
        (["NA", "N/A", "#N/A", "null"], pa.string(), [math.nan] * 4),
        (["+5", "-.5", "2.", "3e4", "1E-3"], pa.string(), [5.0, -0.5, 2.0, 3e4, 1e-3]),
        (["inf", "-Infinity"], pa.string(), [math.inf, -math.inf]),
        (["7", "8", "7"], pa.dictionary(pa.int8(), pa.string()), [7.0, 8.0, 7.0]),
    ],
)
def test_every_type_of_cells_is_read(cells: list[Any], kind: pa.DataType, expected: list[float]) -> None:
    parsed = parse_numbers(column(cells, kind))

    np.testing.assert_array_equal(parsed.values_N, expected)
    assert not parsed.bad_N.any()


@pytest.mark.parametrize(
    ("cell", "kind"),
    [(dt.date(2024, 1, 31), pa.date32()), ([3], pa.list_(pa.int64())), (3, pa.duration("s"))],
)
def test_columns_of_other_types_are_refused_by_name(cell: object, kind: pa.DataType) -> None:
    parsed = parse_numbers(column([None, cell], kind))

    assert parsed.bad_N.tolist() == [False, True]
    assert np.isnan(parsed.values_N).all()
    assert str(kind) in parsed.hint
    assert len(parsed.samples) == 1


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("$1200", "currency sign; write 1200"),
        ("1 200 EUR", "currency sign; write 1200"),
        ("€ 1,200", "currency sign; write 1200"),
        ("$ a lot of 9s", "currency sign; write the plain number"),
        ("1.234.567", "the dots look like thousands separators; write 1234567"),
        ("1.234,50", "the dot looks like a thousands separator, the comma decimal; write 1234.50"),
        ("1 234,5", "a space or an apostrophe separates thousands; write 1234.5"),
        ("1'234'567", "a space or an apostrophe separates thousands; write 1234567"),
        ("1\u2019234", "a space or an apostrophe separates thousands; write 1234"),
        ("1\u00a0234", "a space or an apostrophe separates thousands; write 1234"),
        ("12,345.6", "the comma looks like a thousands separator; write 12345.6"),
        ("12,5", "the comma looks like a decimal comma; write 12.5"),
        ("-12,5", "the comma looks like a decimal comma; write -12.5"),
        ("12 %", "per cent sign; write the plain number"),
        ("twelve", "it is not a number; write plain numbers such as 12623.5"),
        ("0x1F", "it is not a number"),
    ],
)
def test_the_hint_says_what_a_cell_looks_like_and_what_to_write(cell: str, hint: str) -> None:
    parsed = parse_numbers(column(["1.5", cell, "2.5", None]))

    assert parsed.bad_N.tolist() == [False, True, False, False]
    assert parsed.samples == (cell,)
    assert hint in parsed.hint
    assert parsed.values_N[[0, 2]].tolist() == [1.5, 2.5]


def test_the_first_three_bad_cells_are_shown_in_their_order() -> None:
    parsed = parse_numbers(column(["a", "1", "b", "c", "d"]))

    assert parsed.samples == ("a", "b", "c")
    assert parsed.bad_N.sum() == 4


# --- marks ---------------------------------------------------------------------------------------


@given(
    values=st.lists(AMOUNTS, min_size=1, max_size=8), mark=st.sampled_from([".", ","]), grouped=st.booleans()
)
def test_a_known_mark_reads_what_was_written_with_it(values: list[float], mark: Mark, grouped: bool) -> None:
    cells = [written(value, mark, grouped=grouped) for value in values]
    parsed = parse_numbers(column(cells), mark)

    assert parsed.values_N.tolist() == values
    assert not parsed.bad_N.any()
    assert set(certain_marks(cells)) == {mark}
    assert decimal_mark(certain_marks(cells), ";") == mark


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8), st.sampled_from([".", ","]))
def test_thousands_alone_are_never_taken_for_decimals(values: list[int], mark: Mark) -> None:
    """Either no cell has a mark, or one shows which it is, or the column is refused with both readings."""
    cells = [f"{value:,}".replace(",", mark) for value in values]
    marked = any(mark in cell for cell in cells)
    certain = set(certain_marks(cells))
    parsed = parse_numbers(column(cells), decimal_mark(tuple(certain), ";"))

    if not marked or certain:
        assert parsed.values_N.tolist() == values
    else:
        assert parsed.bad_N.any()
        assert both_readings(next(cell for cell in cells if mark in cell)) in parsed.hint
        assert f"the {'comma' if mark == ',' else 'dot'} stands before three digits" in parsed.hint


@pytest.mark.parametrize(
    ("cells", "two"),
    [
        (["398", "1.012"], True),
        (["398", "1,012"], True),
        (["1.012", None], True),
        (["0", "1.012"], True),
        (["398", "1012"], False),
        (["398.5", "1.012"], False),
        (["0.125", "0.250"], False),
        (["1,012.500"], False),
        (["398", "20"], False),
        (["1.0125"], False),
    ],
)
def test_columns_that_can_be_read_in_two_ways(cells: list[str | None], two: bool) -> None:
    array = pa.array(cells, pa.string())

    assert reads_two_ways(array) == two
    assert is_left_open(array, None, commas=False) == two
    assert not is_left_open(array, ",", commas=False)


def test_whole_numbers_beside_three_decimals_stay_open_even_in_a_file_with_points() -> None:
    mixed, plain = pa.array(["398", "1.012"]), pa.array(["2.398", "1.012"])

    assert is_left_open(mixed, ".", commas=True)
    assert not is_left_open(plain, ".", commas=True)
    assert is_left_open(plain, None, commas=False)
    assert not is_left_open(plain, None, commas=True)


@pytest.mark.parametrize(
    ("certain", "delimiter", "mark"),
    [
        ((), ";", None),
        ((".",), ";", "."),
        ((",",), ";", ","),
        ((".", ","), ";", None),
        ((), ",", "."),
        ((".",), ",", "."),
        ((",",), ",", None),
    ],
)
def test_the_mark_of_a_file(certain: tuple[str, ...], delimiter: str, mark: Mark | None) -> None:
    assert decimal_mark(certain, delimiter) == mark


# --- regions -------------------------------------------------------------------------------------


@given(st.lists(st.none() | st.sampled_from(["", "b", "B", "a b", "ä", "10", "9"]), max_size=12))
def test_regions_are_sorted_and_every_row_finds_its_own(cells: list[str | None]) -> None:
    names, index_N = parse_regions(column(cells, pa.string()))

    assert list(names) == sorted({cell for cell in cells if cell})
    assert [names[n] if n >= 0 else "" for n in index_N] == [cell or "" for cell in cells]


def test_regions_may_be_numbers_even_those_that_a_gap_made_decimals() -> None:
    assert parse_regions(column([11.0, 2.0, 11.0]))[0] == ("11", "2")
    names, index_N = parse_regions(column([11.0, None, 2.0]))
    assert (names, index_N.tolist()) == (("11", "2"), [0, -1, 1])
    assert parse_regions(column([1.5, 2.0]))[0] == ("1.5", "2")


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (pa.string(), True),
        (pa.float64(), True),
        (pa.date32(), True),
        (pa.dictionary(pa.int8(), pa.string()), True),
        (pa.list_(pa.string()), False),
        (pa.struct([("a", pa.int8())]), False),
        (pa.binary(), False),
        (pa.large_binary(), False),
        (pa.dictionary(pa.int8(), pa.binary()), False),
    ],
)
def test_cells_of_one_value(kind: pa.DataType, plain: bool) -> None:
    assert is_plain_kind(kind) == plain
