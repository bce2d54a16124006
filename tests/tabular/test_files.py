"""Delimited text: encodings, separators, header, numbers of a whole file; and events in a column of text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from mmm.errors import PanelError
from mmm.storage import StoredFile
from mmm.tabular.delimited import Mark, certain_marks, dialect_of, encoding_of
from mmm.tabular.events import MOST_EVENTS, event_column, event_names
from mmm.tabular.files import READ_AS, read_delimited
from mmm.tabular.rows import read_rows
from tests.tabular.cells import column

LOCAL = fs.LocalFileSystem()
NAMES = st.text("abcäß 東.-_", min_size=1, max_size=8).filter(str.strip)


# --- encodings -----------------------------------------------------------------------------------


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00")), size=st.integers(1, 7))
def test_utf_8_is_told_however_the_file_is_cut(text: str, size: int) -> None:
    content = text.encode()
    chunks = [content[place : place + size] for place in range(0, len(content), size)]

    assert encoding_of(chunks) == ("utf-8", False)


def test_a_character_that_the_end_of_the_file_cuts_is_no_utf_8() -> None:
    with pytest.raises(ValueError, match="encoding cannot be told"):
        encoding_of(["Köln, 東京".encode()[:-1]])


@pytest.mark.parametrize("text", ["Köln", "São Paulo; 12 €", "“Zürich”", "§ 3 \u2013 Málaga"])
def test_letters_of_western_europe_are_told_from_their_contents(text: str) -> None:
    assert encoding_of([text.encode("cp1252")]) == ("cp1252", True)
    assert encoding_of([text.encode("cp1252")], "latin-1") == ("latin-1", False)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Köln".encode("utf-16"), "not text in UTF-8 but in UTF-16"),
        ("Köln".encode("utf-16-be"), "not text in UTF-8. Save it"),
        (b"PK\x03\x04\x00\x00", "not text in UTF-8. Save it"),
        ("Привет".encode("cp1251"), "encoding cannot be told"),
        ("東京".encode("shift-jis"), "encoding cannot be told"),
        (b"\x81\x8d", "encoding cannot be told"),
    ],
)
def test_other_encodings_are_refused_with_the_way_out(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match="Save it") as caught:
        encoding_of([content])
    assert said in str(caught.value)


# --- header and separator ------------------------------------------------------------------------


@given(st.lists(NAMES, min_size=2, max_size=6), st.sampled_from([",", ";", "\t", "|"]), st.booleans())
def test_the_header_is_read_with_the_separator_that_cuts_it(names: list[str], sep: str, mark: bool) -> None:
    content = (b"\xef\xbb\xbf" if mark else b"") + f"{sep.join(names)}\n1".encode()
    found = dialect_of(content, "utf-8")

    assert (found.delimiter, found.header) == (sep, names)


@pytest.mark.parametrize("content", [b"", b"\n1,2\n", b"   \nx", b"\xef\xbb\xbf"])
def test_a_file_without_a_header_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no header line"):
        dialect_of(content, "utf-8")


def test_quoted_names_may_hold_the_separator_and_a_line_end() -> None:
    found = dialect_of(b'"a,b","c\nd",e\n1,2,3\n', "utf-8")

    assert found.header == ["a,b", "c\nd", "e"]


# --- numbers of a file ---------------------------------------------------------------------------


def table_of(tmp_path: Path, text: str, decimal: Mark | None = None, *, keys: str = "") -> pa.Table:
    """Columns name, a and b of a file, ``name`` as text."""
    path = tmp_path / f"panel{len(list(tmp_path.iterdir()))}.csv"
    path.write_text(text, encoding="utf-8")
    stored = StoredFile(str(path), {"name": keys} if keys else {})
    return read_delimited(LOCAL, [stored], ("name", "a", "b"), text=("name",), decimal=decimal)


def test_numbers_with_points_are_read_at_once_and_nothing_is_said(tmp_path: Path) -> None:
    table = table_of(tmp_path, "name,b,other,a\n007,2.5,x,1000\n8,,y,-3e2\n")

    assert table.column_names == ["name", "a", "b"]
    assert table["name"].to_pylist() == ["007", "8"]
    assert table["a"].to_pylist() == [1000.0, -300.0]
    assert table["b"].to_pylist() == [2.5, None]
    assert table.schema.metadata is None or READ_AS not in table.schema.metadata


def test_decimal_commas_are_read_and_said_with_an_example(tmp_path: Path) -> None:
    table = table_of(tmp_path, "name;a;b\nx;1.012,5;3\ny;7,25;2.000\n")

    assert table["a"].to_pylist() == [1012.5, 7.25]
    assert table["b"].to_pylist() == [3.0, 2000.0]
    assert table.schema.metadata[READ_AS].decode().splitlines() == [
        "thousands\ta: '1.012,5' as 1012.5",
        "thousands\tb: '2.000' as 2000",
    ]


def test_a_mark_that_is_given_is_taken_and_not_said(tmp_path: Path) -> None:
    text = "name;a;b\nx;1.012;3\ny;7.250;2.000\n"
    european, plain = table_of(tmp_path, text, ","), table_of(tmp_path, text, ".")

    assert european["a"].to_pylist() == [1012.0, 7250.0]
    assert plain["a"].to_pylist() == [1.012, 7.25]
    for table in (european, plain):
        assert not (table.schema.metadata or {})


def test_a_column_of_two_readings_stays_text_for_the_cells_to_be_located(tmp_path: Path) -> None:
    table = table_of(tmp_path, "name;a;b\nx;398;1\ny;1.012;2\n")

    assert table["a"].to_pylist() == ["398", "1.012"]
    assert table["b"].to_pylist() == [1.0, 2.0]
    sure = table_of(tmp_path, "name;a;b\nx;398;1,5\ny;1.012;2\n")  # b tells the mark of the file
    assert sure["a"].to_pylist() == [398.0, 1012.0]


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        ("1.125 3.25", True),
        ("998.5 20", True),
        ("1000.5 20.125", True),
        ("0.125 0.5", True),
        ("20 1.0125", True),
        ("398 1.012", False),
        ("398 -1.012", False),
    ],
)
def test_only_whole_numbers_beside_three_decimals_are_suspicious(
    tmp_path: Path, cells: str, kept: bool
) -> None:
    """A decimal point in a file of commas is one, but for columns such as 398 and 1.012."""
    first, second = cells.split()
    table = table_of(tmp_path, f"name,a,b\nx,{first},1\ny,{second},2\n")

    assert table["a"].to_pylist() == ([float(first), float(second)] if kept else [first, second])


def test_a_text_in_a_column_of_numbers_leaves_it_text(tmp_path: Path) -> None:
    table = table_of(tmp_path, "name,a,b\nx,1.5,2\ny,none at all,3\n")

    assert table["a"].to_pylist() == ["1.5", "none at all"]
    assert table["b"].to_pylist() == [2.0, 3.0]


def test_keys_of_folders_stand_for_columns(tmp_path: Path) -> None:
    table = table_of(tmp_path, "a,b\n1,2\n3,4\n", keys="acme")

    assert table["name"].to_pylist() == ["acme", "acme"]
    assert table["a"].to_pylist() == [1.0, 3.0]


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="has two columns named 'a'"):
        table_of(tmp_path, "name,a,b,a\nx,1,2,3\n")


def test_cells_of_several_lines_are_one_cell(tmp_path: Path) -> None:
    table = table_of(tmp_path, 'name,a,b\n"x\ny",1,2\n')

    assert table["name"].to_pylist() == ["x\ny"]


# --- small tables --------------------------------------------------------------------------------


@given(st.lists(st.lists(NAMES.map(str.strip), min_size=2, max_size=2), min_size=1, max_size=5))
def test_rows_are_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([["first", "second"], *rows])

    assert [list(row.values()) for row in read_rows(text.getvalue().encode()).rows] == rows


def test_cells_beyond_the_header_and_rows_too_short_are_told_apart() -> None:
    table = read_rows(b"a,b\n1\n1,2,3,4\n")

    assert table.rows == ({"a": "1", "b": ""}, {"a": "1", "b": "2", "(no column)": "3, 4"})


def test_a_quote_that_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="unexpected end of data"):
        read_rows(b'a,b\n"1,2\n')


# --- events --------------------------------------------------------------------------------------


def test_names_of_events_are_those_of_the_calendar_in_their_order() -> None:
    cells = ["none", "Black  Friday", "", None, "easter", "black friday", "No"]

    assert event_names(column(cells)) == ("Black Friday", "easter")
    assert event_column(column(cells), "black Friday").to_pylist() == [0, 1, 0, 0, 0, 1, 0]


def test_without_a_word_for_none_the_commonest_name_is_none() -> None:
    assert event_names(column(["base", "sale", "base", "launch"])) == ("sale", "launch")


@pytest.mark.parametrize(
    "cells",
    [
        [1.5, 2.0],
        ["1.5", "2.0", "3"],
        ["1.5", "two", "3"],
        [f"event {n}" for n in range(MOST_EVENTS + 2)],
    ],
)
def test_columns_that_hold_no_events(cells: list[object]) -> None:
    assert event_names(column(cells)) == ()


def test_zeros_among_names_are_no_event() -> None:
    assert event_names(column(["0", "sale", "0.0", "launch"])) == ("sale", "launch")
    assert len(event_names(column(["none", *(f"event {n}" for n in range(MOST_EVENTS))]))) == MOST_EVENTS


@given(st.lists(st.sampled_from(["", "none", "Sale", "sale", " launch ", "x y"]), min_size=1, max_size=12))
def test_every_row_has_at_most_one_event_of_all(cells: list[str]) -> None:
    names = event_names(column(cells))
    rows = np.array([event_column(column(cells), name).to_pylist() for name in names]).reshape(-1, len(cells))

    assert (rows.sum(0) <= 1).all()
    assert (rows.sum(1) >= 1).all()


def test_marks_of_cells_are_those_that_one_reading_alone_has() -> None:
    assert certain_marks(["1.5", " 2 "]) == (".",)
    assert certain_marks(["1,5", "1.5"]) == (".", ",")
    assert certain_marks(["1.012", "398"]) == ()
    assert certain_marks(["1.234.567"]) == (",",)
    assert certain_marks(["1,234.5"]) == (".",)
    assert certain_marks(["0,125"]) == (",",)
