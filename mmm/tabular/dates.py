"""Cells of any type as days: what cannot be read, or in two ways, is located, never guessed.

Shapes: N rows.
"""

from __future__ import annotations

import datetime as dt
import re
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mmm.tabular.numbers import EMPTY_WORDS, Dates, Parsed, decoded, is_text

ISO_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
COMPACT_DATE = r"^(19|20|21)\d{6}$"
YEARS = (1900, 2200)
"""First year that a format may give a text, and the first beyond them."""
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
    "%b-%y",
    "%b %Y",
    "%B %Y",
    "%m/%Y",
    "%m.%Y",
    "%Y%m",
    "%G%V",
    "%G-%V",
    "%G/%V",
    "%V/%G",
    "%V-%G",
    "W%V/%G",
    "W%V-%G",
    "W%V %G",
    "%G W%V",
    "%G/W%V",
    "%G KW%V",
    "%G-KW%V",
    "KW%V/%G",
    "KW%V %G",
    "KW %V/%G",
)
ISO_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})(?:-?([1-7]))?")
QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])")


def parse_dates(
    column: pa.ChunkedArray, date_format: str | None, *, setting: str | None = "data.date_format"
) -> Parsed:
    """A column as days.

    Dates and timestamps are taken as they are, with a time zone as the date on the wall there. Text
    must be ISO (``2024-01-31``, a time after it is dropped, ``20240131``, or a week ``2024-W05`` as its
    Monday, a quarter ``2024-Q1`` as its first day) unless ``date_format`` says otherwise; where no cell fits
    it, ISO is taken still. A date that could be read in two ways is never guessed.

    Args:
        column: The cells.
        date_format: As ``data.date_format``.
        setting: Where the user can give a format, for advice; None where there is no such place.
    """
    array = decoded(column)
    kind = array.type
    if pa.types.is_null(kind) or array.null_count == len(array):
        array, kind = array.cast(pa.string()), pa.string()
    if pa.types.is_integer(kind):
        array, kind = array.cast(pa.string()), pa.string()
    if pa.types.is_timestamp(kind):
        local = pc.local_timestamp(array) if kind.tz is not None else array
        array = pc.floor_temporal(local, unit="day").cast(pa.timestamp("s")).cast(pa.date32())
    elif is_text(kind):
        return _dates_from_text(array.cast(pa.string()), date_format, setting)
    elif not pa.types.is_date(kind):
        shown = tuple(str(value) for value in array.drop_null()[:3].to_pylist())
        bad_N = np.ones(len(array), dtype=np.bool_)
        hint = f"the column holds values of type {kind}; give dates such as 2024-01-31"
        return Parsed(np.full(len(array), np.datetime64("NaT", "D")), bad_N, shown, hint)
    values_N = array.cast(pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    return Parsed(
        values_N, np.isnat(values_N), ("",) if np.isnat(values_N).any() else (), "the cell is empty"
    )


def _dates_from_text(array: pa.Array, date_format: str | None, setting: str | None) -> Parsed:
    encoded = pc.utf8_trim_whitespace(array).dictionary_encode()
    words = [str(word) for word in encoded.dictionary.to_pylist()]
    days = read_words(words, date_format)
    if date_format is not None and np.isnat(days).all():
        iso = read_words(words, None)
        days = days if np.isnat(iso).any() else iso
    parsed = np.array([*days, np.datetime64("NaT", "D")], dtype="datetime64[D]")
    codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    values_N = parsed[codes]
    bad_N = np.isnat(values_N)
    samples = tuple(words[code] if code >= 0 else "" for code in codes[bad_N][:3])
    hint = _date_hint(words, samples[0], date_format, setting) if samples else ""
    return Parsed(values_N, bad_N, samples, hint)


def read_words(words: list[str], date_format: str | None) -> Dates:
    """Texts as days, NaT where one cannot be read."""
    if date_format is not None and "%G" in date_format:
        return np.array([_week(word, date_format) for word in words], dtype="datetime64[D]")
    series = pd.Series(words, dtype="str")
    if date_format is not None:
        found = pd.to_datetime(series, format=date_format, errors="coerce")
        if found.dt.tz is not None:
            found = found.dt.tz_localize(None)
        days: Dates = found.to_numpy().astype("datetime64[D]")
        return days
    compact = series.str.fullmatch(COMPACT_DATE)
    dashed = series.str[:4] + "-" + series.str[4:6] + "-" + series.str[6:]
    iso = series.where(~compact, dashed)
    found = pd.to_datetime(iso.where(iso.str.match(ISO_DATE)).str[:10], format="%Y-%m-%d", errors="coerce")
    days = found.to_numpy().astype("datetime64[D]")
    for index in np.flatnonzero(np.isnat(days)):
        days[index] = _named_period(words[index])
    return days


def _week(word: str, date_format: str) -> np.datetime64:
    """A day of an ISO week, by default its Monday."""
    if "%u" not in date_format:
        word, date_format = f"{word} 1", f"{date_format} %u"
    try:
        return np.datetime64(dt.date(*time.strptime(word, date_format)[:3]), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _named_period(word: str) -> np.datetime64:
    """The first day of a week such as ``2024-W05`` or of a quarter such as ``2024-Q1``."""
    if quarter := QUARTER.fullmatch(word):
        return np.datetime64(f"{quarter[1]}-{3 * int(quarter[2]) - 2:02}-01", "D")
    if week := ISO_WEEK.fullmatch(word):
        try:
            return np.datetime64(dt.date.fromisocalendar(int(week[1]), int(week[2]), int(week[3] or 1)), "D")
        except ValueError:
            return np.datetime64("NaT", "D")
    return np.datetime64("NaT", "D")


def _date_hint(words: list[str], sample: str, date_format: str | None, setting: str | None) -> str:
    if sample in EMPTY_WORDS:
        return "the cell is empty; every row needs a date"
    if date_format is not None:
        way_out = "correct the cell or the format" if setting else "correct the cell"
        return f"it does not fit {setting or 'the format'} {date_format!r}; {way_out}"
    fitting = fitting_formats(words)
    if not fitting and sample.isdigit():
        return "it is a number and no date; give the first day of each period, e.g. 2024-01-31"
    if not fitting:
        return "it is no ISO date; write 2024-01-31" + (f", or give {setting}" if setting else "")
    return _fitting_hint(sample, fitting, setting)


def _fitting_hint(sample: str, fitting: list[str], setting: str | None) -> str:
    if setting is None:
        readings = sorted({str(read_words([sample], form)[0]) for form in fitting})
        return f"it is not ISO; write {' or '.join(readings)}, whichever it means"
    if len(fitting) == 1:
        return f"it is not ISO (2024-01-31); set {setting}: '{fitting[0]}' if that is what it means"
    options = " or ".join(f"'{form}'" for form in fitting)
    return f"it can be read in {len(fitting)} ways; set {setting}: {options}"


def fitting_formats(words: list[str]) -> list[str]:
    """Formats that read every one of the texts, from the common ones, as days of our time."""
    return [form for form in CANDIDATE_FORMATS if words and _are_of_our_time(read_words(words, form))]


def _are_of_our_time(days: Dates) -> bool:
    """Whether all are days of ``YEARS``: 45321, a day's number in a workbook, is no month of 4532."""
    first, end = (np.datetime64(f"{year}-01-01") for year in YEARS)
    return bool(((days >= first) & (days < end)).all())
