"""Events as text in one column, as calendars write them, as one column of 0 and 1 for each name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from mmm.tabular.numbers import Bools, decoded, is_text, parse_numbers

NONE_WORDS = frozenset(("", "none", "no", "na", "n/a", "nan", "null", "-", "--", "no event", "normal"))
MOST_EVENTS = 60
"""Names in one column beyond which it holds something else than events."""


def event_names(column: pa.ChunkedArray) -> tuple[str, ...]:
    """Names of the events of a column of text, in the order of their first row.

    Words such as ``none`` and empty cells are no event; where there are neither, the commonest name is none.
    A column of numbers, or of more names than a calendar has, gives none.
    """
    words = _words(column)
    if words is None:
        return ()
    plain = [word.casefold() for word in words]
    if not any(word in NONE_WORDS for word in plain):
        commonest = Counter(plain).most_common(1)[0][0]
        plain = ["" if word == commonest else word for word in plain]
    first = {key: word for word, key in zip(reversed(words), reversed(plain), strict=True)}
    names = tuple(first[key] for key in dict.fromkeys(plain) if key not in NONE_WORDS)
    return names if len(names) <= MOST_EVENTS else ()


def event_column(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """1 in the rows of an event, else 0."""
    wanted = name.casefold()
    words = [" ".join(str(cell or "").split()) for cell in decoded(column).to_pylist()]
    return pa.chunked_array([pa.array([float(word.casefold() == wanted) for word in words], pa.float64())])


def _words(column: pa.ChunkedArray) -> list[str] | None:
    """The cells of a column of text; None if it is one of numbers, or of numbers with a few texts among."""
    array = decoded(column)
    if not is_text(array.type):
        return None
    cells = [" ".join((cell or "").split()) for cell in array.to_pylist()]
    bad_N: Bools = parse_numbers(column).bad_N
    known = [cell for cell, bad in zip(cells, bad_N, strict=True) if not bad]
    numbers = [cell for cell in known if cell.casefold() not in NONE_WORDS]
    if not np.any(bad_N) or any(cell not in ("0", "0.0") for cell in numbers):
        return None
    return ["" if cell in ("0", "0.0") else cell for cell in cells]
