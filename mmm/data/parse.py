"""Cells of any type as numbers, dates and region names; what cannot be read is located, never guessed.

Shapes: N rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mmm.data.panel import Bools, Dates, Floats

EMPTY_WORDS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "none")
NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|Inf|Infinity)$"
ISO_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
COMPACT_DATE = r"^(19|20|21)\d{6}$"
CANDIDATE_FORMATS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y.%m.%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%Y-%m",
    "%Y/%m",
    "%d %b %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
)


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


def _decoded(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _mask(array: pa.Array) -> Bools:
    mask: Bools = np.asarray(array.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return mask


def _plain(array: pa.Array) -> Floats:
    return np.array(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def parse_numbers(column: pa.ChunkedArray) -> Parsed:
    """A column as float64; text is read only if it is a plain number such as ``-12.5`` or ``3e4``.

    Thousands separators, currency signs, per cent signs and decimal commas are not guessed at.
    """
    array = _decoded(column)
    kind = array.type
    if pa.types.is_null(kind):
        return Parsed(np.full(len(array), np.nan), np.zeros(len(array), dtype=np.bool_))
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    elif _is_text(kind):
        return _numbers_from_text(array.cast(pa.string()))
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        empty_N = np.full(len(array), np.nan)
        shown = tuple(str(value) for value in array.drop_null()[:3].to_pylist())
        hint = f"the column holds values of type {kind}; give plain numbers"
        return Parsed(empty_N, _mask(array.is_valid()), shown, hint)
    return Parsed(_plain(array), np.zeros(len(array), dtype=np.bool_))


def _numbers_from_text(array: pa.Array) -> Parsed:
    text = pc.utf8_trim_whitespace(array)
    text = pc.if_else(pc.is_in(text, pa.array(EMPTY_WORDS)), pa.scalar(None, pa.string()), text)
    truth = pc.index_in(pc.utf8_lower(text), pa.array(("false", "true")))
    if truth.null_count == text.null_count:
        return Parsed(_plain(truth), np.zeros(len(text), dtype=np.bool_))
    good = pc.match_substring_regex(text, NUMBER)
    bad_N = _mask(pc.invert(good))
    values_N = _plain(pc.if_else(good, text, pa.scalar(None, pa.string())))
    samples = tuple(text.filter(pa.array(bad_N))[:3].to_pylist())
    return Parsed(values_N, bad_N, samples, _number_hint(samples[0]) if samples else "")


def _number_hint(sample: str) -> str:
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", sample):
        return f"the comma looks like a thousands separator; write {sample.replace(',', '')}"
    if re.fullmatch(r"[+-]?\d+,\d+", sample):
        return f"the comma looks like a decimal comma; write {sample.replace(',', '.')}"
    if re.search(r"[$€£¥₹]", sample):
        rest = re.sub(r"[$€£¥₹\s]", "", sample)
        return f"it has a currency sign; write {rest if re.fullmatch(NUMBER, rest) else 'the plain number'}"
    if sample.endswith("%"):
        return "it has a per cent sign; write the plain number"
    return "it is not a number; write plain numbers such as 12623.5, and leave unknown cells empty"


def parse_regions(
    column: pa.ChunkedArray,
) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Region names as written, sorted, and each row's index into them; -1 where the cell is empty."""
    array = _decoded(column)
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


def parse_dates(column: pa.ChunkedArray, date_format: str | None) -> Parsed:
    """A column as days.

    Dates and timestamps are taken as they are, with a time zone as the date on the wall there. Text
    must be ISO (``2024-01-31``, a time after it is dropped, or ``20240131``) unless ``date_format``
    says otherwise: a date that could be read in two ways is never guessed.
    """
    array = _decoded(column)
    kind = array.type
    if pa.types.is_null(kind) or array.null_count == len(array):
        array, kind = array.cast(pa.string()), pa.string()
    if pa.types.is_integer(kind):
        array, kind = array.cast(pa.string()), pa.string()
    if pa.types.is_timestamp(kind):
        local = pc.local_timestamp(array) if kind.tz is not None else array
        array = pc.floor_temporal(local, unit="day").cast(pa.timestamp("s")).cast(pa.date32())
    elif _is_text(kind):
        return _dates_from_text(array.cast(pa.string()), date_format)
    elif not pa.types.is_date(kind):
        shown = tuple(str(value) for value in array.drop_null()[:3].to_pylist())
        bad_N = np.ones(len(array), dtype=np.bool_)
        hint = f"the column holds values of type {kind}; give dates such as 2024-01-31"
        return Parsed(np.full(len(array), np.datetime64("NaT", "D")), bad_N, shown, hint)
    values_N = array.cast(pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    return Parsed(
        values_N, np.isnat(values_N), ("",) if np.isnat(values_N).any() else (), "the cell is empty"
    )


def _dates_from_text(array: pa.Array, date_format: str | None) -> Parsed:
    encoded = pc.utf8_trim_whitespace(array).dictionary_encode()
    words = [str(word) for word in encoded.dictionary.to_pylist()]
    parsed = np.array([*_parse_words(words, date_format), np.datetime64("NaT", "D")], dtype="datetime64[D]")
    codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    values_N = parsed[codes]
    bad_N = np.isnat(values_N)
    samples = tuple(words[code] if code >= 0 else "" for code in codes[bad_N][:3])
    return Parsed(values_N, bad_N, samples, _date_hint(words, samples, date_format) if samples else "")


def _parse_words(words: list[str], date_format: str | None) -> Dates:
    series = pd.Series(words, dtype="str")
    if date_format is not None:
        found = pd.to_datetime(series, format=date_format, errors="coerce")
        if found.dt.tz is not None:
            found = found.dt.tz_localize(None)
    else:
        compact = series.str.fullmatch(COMPACT_DATE)
        dashed = series.str[:4] + "-" + series.str[4:6] + "-" + series.str[6:]
        iso = series.where(~compact, dashed)
        found = pd.to_datetime(
            iso.where(iso.str.match(ISO_DATE)).str[:10], format="%Y-%m-%d", errors="coerce"
        )
    days: Dates = found.to_numpy().astype("datetime64[D]")
    return days


def _date_hint(words: list[str], samples: tuple[str, ...], date_format: str | None) -> str:
    if samples[0] in EMPTY_WORDS:
        return "the cell is empty; every row needs a date"
    if date_format is not None:
        return f"it does not fit data.date_format {date_format!r}; correct the cell or the format"
    if samples[0].isdigit():
        return "it is a number and no date; give the first day of each period, e.g. 2024-01-31"
    fitting = [form for form in CANDIDATE_FORMATS if not np.isnat(_parse_words(words, form)).any()]
    if not fitting:
        return "it is no ISO date; write 2024-01-31, or give data.date_format"
    if len(fitting) == 1:
        return f"it is not ISO (2024-01-31); set data.date_format: '{fitting[0]}' if that is what it means"
    options = " or ".join(f"'{form}'" for form in fitting)
    return f"it can be read in {len(fitting)} ways; set data.date_format: {options}"
