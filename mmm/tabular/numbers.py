"""Cells of any type as numbers and region names; what cannot be read is located, never guessed.

Shapes: N rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mmm.tabular.delimited import GROUPED, TWO_WAYS, Mark, both_readings

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]

EMPTY_WORDS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "none")
NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|Inf|Infinity)$"


@dataclass(frozen=True, eq=False)
class Parsed:
    """A column read cell by cell.

    Attributes:
        values_N: float64, or ``datetime64[D]`` for dates; NaN or NaT where empty or unreadable.
        bad_N: The cell holds something that cannot be read.
        samples: The texts of the first unreadable cells, in row order.
        hint: What they look like and the way out; empty if nothing is bad.
    """

    values_N: Floats | Dates
    bad_N: Bools
    samples: tuple[str, ...] = ()
    hint: str = ""


def decoded(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array of its values, not of codes."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _mask(array: pa.Array) -> Bools:
    mask: Bools = np.asarray(array.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return mask


def _plain(array: pa.Array) -> Floats:
    return np.array(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def parse_numbers(column: pa.ChunkedArray, decimal: Mark | None = None) -> Parsed:
    """A column as float64; text is read only if it is a plain number such as ``-12.5`` or ``3e4``.

    Currency signs and per cent signs are not read, and marks for thousands and decimal commas only where
    ``decimal`` says which is which. A column of text whose marks can be read in two ways is refused.

    Args:
        column: The cells.
        decimal: The decimal mark, where the user has said it or the file has told it.
    """
    array = decoded(column)
    kind = array.type
    if pa.types.is_null(kind):
        return Parsed(np.full(len(array), np.nan), np.zeros(len(array), dtype=np.bool_))
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    elif is_text(kind):
        return _numbers_from_text(array.cast(pa.string()), decimal)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        empty_N = np.full(len(array), np.nan)
        shown = tuple(str(value) for value in array.drop_null()[:3].to_pylist())
        hint = f"the column holds values of type {kind}; give plain numbers"
        return Parsed(empty_N, _mask(array.is_valid()), shown, hint)
    return Parsed(_plain(array), np.zeros(len(array), dtype=np.bool_))


def _numbers_from_text(array: pa.Array, decimal: Mark | None) -> Parsed:
    text = pc.utf8_trim_whitespace(array)
    text = pc.if_else(pc.is_in(text, pa.array(EMPTY_WORDS)), pa.scalar(None, pa.string()), text)
    if decimal is not None:
        text = plain_text(text, decimal)
    elif reads_two_ways(text):
        return _ambiguous(text)
    truth = pc.index_in(pc.utf8_lower(text), pa.array(("false", "true")))
    if truth.null_count == text.null_count:
        return Parsed(_plain(truth), np.zeros(len(text), dtype=np.bool_))
    good = pc.match_substring_regex(text, NUMBER)
    bad_N = _mask(pc.invert(good))
    values_N = _plain(pc.if_else(good, text, pa.scalar(None, pa.string())))
    samples = tuple(text.filter(pa.array(bad_N))[:3].to_pylist())
    return Parsed(values_N, bad_N, samples, _number_hint(samples[0]) if samples else "")


def plain_text(text: pa.Array, decimal: Mark) -> pa.Array:
    """Numbers with a known decimal mark as plain ones: ``1.012,5`` becomes ``1012.5``; other cells stay."""
    good = pc.match_substring_regex(text, GROUPED[decimal])
    bare = pc.replace_substring_regex(text, "[.]" if decimal == "," else ",", "")
    if decimal == ",":
        bare = pc.replace_substring(bare, ",", ".")
    return pc.if_else(good, bare, text)


def reads_two_ways(text: pa.Array) -> bool:
    """Whether every number of a column can be read with a mark for decimals and with one for thousands.

    Each is a whole number up to 999 or has the same mark before three digits: ``398`` and ``1.012``.
    """
    marks = [pc.any(pc.match_substring(text, mark)).as_py() for mark in (".", ",")]
    if marks.count(True) != 1:
        return False
    return bool(pc.all(pc.match_substring_regex(text, TWO_WAYS)).as_py())


def is_left_open(column: pa.Array, mark: Mark | None, *, commas: bool) -> bool:
    """Whether a column can be read in two ways, after all that the rest of the file tells.

    Whole numbers beside numbers of exactly three decimals are no decimals that somebody wrote: even in a
    file with a decimal point.
    """
    if mark == "," or not reads_two_ways(column):
        return False
    bare = pc.any(pc.match_substring_regex(column, r"^[+-]?[1-9]\d{0,2}$")).as_py()
    return bool(bare) or (mark is None and not commas)


def _ambiguous(text: pa.Array) -> Parsed:
    bad_N = _mask(pc.match_substring_regex(text, "[.,]"))
    sample = str(text.filter(pa.array(bad_N))[0].as_py())
    name = "comma" if "," in sample else "dot"
    hint = (
        f"the {name} stands before three digits in every such cell, for decimals or for thousands: "
        f"{both_readings(sample)}. Write plain numbers, or set data.decimal to '.' or ',' as the file has it"
    )
    samples = tuple(text.filter(pa.array(bad_N))[:3].to_pylist())
    return Parsed(np.full(len(text), np.nan), bad_N, samples, hint)


def _number_hint(sample: str) -> str:
    bare = sample.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")
    without = re.sub(r"[$€£¥₹]|\b[A-Z]{3}\b", "", bare).strip()
    if without != bare and re.search(r"\d", without):
        way_out = without if re.fullmatch(NUMBER, without) else re.sub(r"[ ',](?=\d{3}\b)", "", without)
        plain = way_out if re.fullmatch(NUMBER, way_out) else "the plain number"
        return f"it has a currency sign; write {plain}"
    forms = (
        (r"\d{1,3}(\.\d{3}){2,}", "the dots look like thousands separators", "."),
        (r"\d{1,3}(\.\d{3})+,\d+", "the dot looks like a thousands separator, the comma decimal", "."),
        (r"\d{1,3}([ ']\d{3})+([.,]\d+)?", "a space or an apostrophe separates thousands", " '"),
        (r"\d{1,3}(,\d{3})+(\.\d+)?", "the comma looks like a thousands separator", ","),
        (r"\d+,\d+", "the comma looks like a decimal comma", ""),
    )
    for form, looks, dropped in forms:
        if re.fullmatch(rf"[+-]?{form}", bare):
            plain = re.sub(f"[{dropped}]", "", bare) if dropped else bare
            return f"{looks}; write {plain.replace(',', '.')}"
    if sample.endswith("%"):
        return "it has a per cent sign; write the plain number"
    return "it is not a number; write plain numbers such as 12623.5, and leave unknown cells empty"


def is_plain_kind(kind: pa.DataType) -> bool:
    """Whether cells of a type hold one value each, such as text, a number or a date, not lists or records."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not (pa.types.is_nested(value) or pa.types.is_binary(value) or pa.types.is_large_binary(value))


def parse_regions(
    column: pa.ChunkedArray,
) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Region names as written, sorted, and each row's index into them; -1 where the cell is empty."""
    array = decoded(column)
    if pa.types.is_floating(array.type) and pc.all(pc.equal(pc.floor(array), array)).as_py():
        array = array.cast(pa.int64())
    array = array.cast(pa.string())
    encoded = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array).dictionary_encode()
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order] = np.arange(len(names))
    rank[-1] = -1
    codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    return tuple(names[index] for index in order), rank[codes]
