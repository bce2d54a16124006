"""What a delimited text file does not say of itself: its encoding, its separator, its decimal mark.

Each is told by what the whole file allows, never guessed: where two readings are left, callers refuse.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal[".", ","]

SNIFFED_BYTES = 65_536
CHUNK_BYTES = 1 << 20
WESTERN = "cp1252"
WESTERN_MARKS = frozenset(
    "àâäãåáæçèéêëìíîïñòóôöõøùúûüýÿßÀÂÄÃÅÁÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØÙÚÛÜ€£¥§°²³ºª«»…·®©™"
    "\u00a0\u00b4\u2018\u2019\u201c\u201d\u2013\u2014"
)
"""Characters beyond ASCII that files of western European programs hold."""


def _certain(mark: str, other: str) -> str:
    """Numbers with one mark and not three digits after it, or with both marks, or with the other twice."""
    return (
        rf"^[+-]?(\d*{mark}(\d{{1,2}}|\d{{4,}})|0?{mark}\d+|\d{{4,}}{mark}\d+"
        rf"|\d{{1,3}}({other}\d{{3}})+{mark}\d+|\d{{1,3}}({other}\d{{3}}){{2,}})$"
    )


CERTAIN = {".": _certain("[.]", ","), ",": _certain(",", "[.]")}
"""Numbers that can be read with one decimal mark only; the mark that is left out separates thousands."""
GROUPED = {
    ".": r"^([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?$",
    ",": r"^([+-]?)(\d{1,3}(?:\.\d{3})+|\d+)(?:,(\d+))?$",
}
"""Numbers of each decimal mark, with or without marks for thousands."""
TWO_WAYS = r"^[+-]?(0|[1-9]\d{0,2}([.,]\d{3})*)$"
"""Whole numbers up to 999, or numbers in which a mark stands before three digits: thousands or decimals."""


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written.

    Attributes:
        header: Names of its columns.
        delimiter: What stands between cells.
        encoding: Name of its encoding.
        assumed: The encoding was told by its contents only.
    """

    header: list[str]
    delimiter: str
    encoding: str
    assumed: bool


def encoding_of(chunks: Iterable[bytes], given: str | None = None) -> tuple[str, bool]:
    """The encoding of a text, and whether it was told by its contents.

    Other than UTF-8 only Windows-1252 is believed, where every character beyond ASCII is one that western
    European files hold.

    Args:
        chunks: The bytes, in order.
        given: An encoding that is known.

    Raises:
        ValueError: No encoding is sure; the message says what to do.
    """
    if given is not None:
        return given, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    high = bytearray()
    utf8, first = True, True
    for chunk in chunks:
        if first and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ValueError(
                "it is not text in UTF-8 but in UTF-16. Save it as CSV UTF-8, or name its encoding"
            )
        if b"\x00" in chunk:
            raise ValueError("it is not text in UTF-8. Save it as CSV in UTF-8")
        first = False
        if utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                utf8 = False
        if not chunk.isascii():
            high += chunk
    if utf8 and not _is_cut(decoder):
        return "utf-8", False
    if _is_western(bytes(high)):
        return WESTERN, True
    raise ValueError(
        "it is not UTF-8, and its encoding cannot be told. Save it as 'CSV UTF-8', or name its encoding"
    )


def _is_cut(decoder: codecs.IncrementalDecoder) -> bool:
    """Whether the text ended within a character."""
    return bool(decoder.getstate()[0])


def _is_western(text: bytes) -> bool:
    try:
        marks = [mark for mark in text.decode(WESTERN) if not mark.isascii()]
        words = re.findall(r"[^\x00-\x7f]{3,}", text.decode(WESTERN))
    except UnicodeDecodeError:
        return False
    return not words and all(mark in WESTERN_MARKS for mark in marks)


def dialect_of(head: bytes, encoding: str, *, assumed: bool = False) -> Dialect:
    """Header and separator from the first bytes of a file.

    Raises:
        ValueError: There is no header line.
    """
    text = codecs.getincrementaldecoder(encoding)(errors="ignore").decode(head).removeprefix("\ufeff")
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        raise ValueError("it has no header line. The first line must name the columns")
    delimiter = max(",;\t|", key=lambda mark: len(next(csv.reader([lines[0]], delimiter=mark))))
    header = next(csv.reader(io.StringIO(text), delimiter=delimiter))
    return Dialect(header, delimiter, encoding, assumed)


def decimal_mark(certain: Sequence[str], delimiter: str) -> Mark | None:
    """The decimal mark of a file, if all of it allows one only.

    Args:
        certain: Marks of which numbers were found that can be read with that mark alone.
        delimiter: What stands between cells; a comma leaves the point.
    """
    if delimiter == ",":
        return None if "," in certain else "."
    if len(set(certain)) != 1:
        return None
    return "." if certain[0] == "." else ","


def certain_marks(cells: Iterable[str]) -> tuple[str, ...]:
    """Decimal marks of which the cells hold numbers that can be read with that mark alone."""
    cells = [cell.strip() for cell in cells]
    return tuple(mark for mark, form in CERTAIN.items() if any(re.fullmatch(form, cell) for cell in cells))


def both_readings(cell: str) -> str:
    """A number that can be read in two ways, in both of them, e.g. ``1.012 or 1012``."""
    bare = cell.lstrip("+-")
    parts = re.split(r"[.,]", bare)
    return f"{parts[0]}.{''.join(parts[1:])} or {''.join(parts)}"
