"""Arrays, series and frames handed over in Python as one long table, its rows paired by index.

Shapes: N rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmm.data.schema import named
from mmm.errors import PanelError, Problem
from mmm.tabular.dates import fitting_formats, read_words

Table = pd.DataFrame | pd.Series | npt.NDArray[Any]

SOURCE = "the data given to fit"
KPI, DATES, REGIONS = "y", "dates", "regions"
"""Names of the arguments, and of their columns in the long table."""
FIRST_DATE = "2000-01-03"
"""Where the calendar starts if no dates are given; only distances count."""
PLACE_WORDS = ("region", "geo", "dma", "state", "store", "area", "market")
TIME_WORDS = ("date", "week", "month", "day", "period", "time", "year", "quarter", "ds")


@dataclass(frozen=True, eq=False)
class LongFrame:
    """Everything given, as one frame.

    Attributes:
        frame: A row for each region and period.
        channels: Names of channels to their columns.
        controls: Columns of controls.
        regional: There is a column of regions.
    """

    frame: pd.DataFrame
    channels: dict[str, str]
    controls: list[str]
    regional: bool


def long_frame(
    media: Table,
    kpi: Any,
    regions: Sequence[Any] | None,
    dates: Sequence[Any] | None,
    controls: Table | None,
) -> LongFrame:
    """One frame of everything, its rows paired by index where there is one.

    Dates and regions that stand in an index are used; labels that may be either and cannot be read as such
    are refused.

    Raises:
        PanelError: Lengths or indexes that do not fit, names twice, or an index that cannot be understood.
    """
    x = named_columns(media, "channel")
    others = named_columns(controls, "control") if controls is not None else pd.DataFrame(index=x.index)
    y = _single(kpi)
    given: dict[str, Any] = {KPI: y, REGIONS: regions, DATES: dates, "controls": others}
    problems = [*_lengths(given, len(x)), *_names(x, others)]
    if problems:
        raise PanelError(SOURCE, problems)
    paired = {name: _paired(value, x.index, name, problems) for name, value in given.items()}
    found = _from_index(x.index if _says_more(x.index) else _index_of(y), problems)
    if problems:
        raise PanelError(SOURCE, problems)
    columns: dict[Any, Any] = {f"media:{name}": x[name].to_numpy() for name in x}
    columns[KPI] = paired[KPI]
    place = paired[REGIONS] if regions is not None else found.get(REGIONS)
    if place is not None:
        columns[REGIONS] = place
    columns |= {str(name): paired["controls"][name].to_numpy() for name in others}
    frame = pd.DataFrame(columns)
    when = paired[DATES] if dates is not None else found.get(DATES)
    frame[DATES] = _consecutive_weeks(frame) if when is None else when
    channels = {str(name): f"media:{name}" for name in x}
    return LongFrame(frame, channels, [str(name) for name in others], place is not None)


def named_columns(values: Table, kind: str) -> pd.DataFrame:
    """A frame whose columns have names as text."""
    if isinstance(values, pd.Series):
        return values.to_frame(values.name if values.name is not None else f"{kind}_1").rename(columns=str)
    if isinstance(values, pd.DataFrame):
        return values.rename(columns=str)
    array = np.asarray(values)
    array = array[:, None] if array.ndim == 1 else array
    return pd.DataFrame(array, columns=[f"{kind}_{index + 1}" for index in range(array.shape[1])])


def _single(kpi: Any) -> Any:
    """The KPI as a series if it has an index, else as an array."""
    if isinstance(kpi, pd.DataFrame) and kpi.shape[1] == 1:
        return kpi.iloc[:, 0]
    return kpi if isinstance(kpi, pd.Series) else np.asarray(kpi).ravel()


def _lengths(given: dict[str, Any], rows: int) -> Iterable[Problem]:
    for name, value in given.items():
        if value is not None and len(value) != rows:
            message = f"has {len(value)} rows, X has {rows}; give one value per row of X."
            yield Problem("length", name, message)


def _names(x: pd.DataFrame, controls: pd.DataFrame) -> Iterable[Problem]:
    for where, table in (("X", x), ("controls", controls)):
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        if twice:
            yield Problem("duplicate_column", where, f"has two columns named {named(twice)}. Rename one.")
    taken = sorted({KPI, DATES, REGIONS} & set(controls.columns))
    if taken:
        message = f"has a column named {named(taken)}, which is an argument of its own. Rename it."
        yield Problem("duplicate_column", "controls", message)


def _index_of(value: Any) -> pd.Index | None:
    return value.index if isinstance(value, pd.Series | pd.DataFrame) else None


def _is_plain(index: pd.Index | None) -> bool:
    """Whether an index only counts rows from 0."""
    return index is None or (index.nlevels == 1 and index.equals(pd.RangeIndex(len(index))))


def _says_more(index: pd.Index) -> bool:
    return not _is_plain(index) or index.name is not None


def _paired(value: Any, index: pd.Index, name: str, problems: list[Problem]) -> Any:
    """A value's rows in the order of X; by position where either has no index of its own."""
    own = _index_of(value)
    if own is None or own.equals(index):
        return value if own is None or isinstance(value, pd.DataFrame) else value.array
    if own.is_unique and index.is_unique and len(own.symmetric_difference(index)) == 0:
        ordered = value.reindex(index)
        return ordered if isinstance(value, pd.DataFrame) else ordered.array
    numbered = pd.api.types.is_integer_dtype(own) and pd.api.types.is_integer_dtype(index)
    if (_is_plain(own) or _is_plain(index)) and not numbered:
        return value if isinstance(value, pd.DataFrame) else value.array
    message = (
        f"has other row labels ({own[0]!r} to {own[-1]!r}) than X ({index[0]!r} to {index[-1]!r}): "
        "nobody knows which rows belong together. Give both the same index, or arrays in the same order."
    )
    problems.append(Problem("index_differs", name, message))
    return value


def _from_index(index: pd.Index | None, problems: list[Problem]) -> dict[str, Any]:
    """Dates and regions that an index holds."""
    if index is None or not _says_more(index):
        return {}
    levels = [(index.get_level_values(level), index.names[level]) for level in range(index.nlevels)]
    roles: dict[str, Any] = {}
    for values, name in levels:
        role = _role_of(values, name, alone=len(levels) == 1)
        if role == "unclear" or role in roles:
            label = f"level {name!r} of the index" if name is not None else "the index"
            message = (
                f"{label} holds {values[0]!r} …, which may be dates or regions and cannot be read as such. "
                "Pass dates= and regions= instead (dates as dates or as ISO text), and reset the index."
            )
            problems.append(Problem("index_unclear", "X", message))
        elif role is not None:
            roles[role] = values.array
    if REGIONS not in roles and DATES in roles and pd.Index(roles[DATES]).has_duplicates:
        return {DATES: roles[DATES]}
    return roles


def _role_of(values: pd.Index, name: Any, *, alone: bool) -> str | None:
    """What a level of an index holds: dates, regions, only row labels (None), or nobody knows (unclear)."""
    if isinstance(values, pd.DatetimeIndex | pd.PeriodIndex):
        return DATES
    texts = [str(value) for value in values.unique()]
    if all(isinstance(value, dt.date) for value in values) or not np.isnat(read_words(texts, None)).any():
        return DATES
    word = str(name or "").casefold()
    place, time = _sounds(word, PLACE_WORDS), _sounds(word, TIME_WORDS)
    text = not pd.api.types.is_numeric_dtype(values)
    if time or fitting_formats(texts):
        return "unclear"
    if place or (text and not alone):
        return REGIONS
    return None if alone and (not text or values.is_unique) else "unclear"


def _sounds(name: str, words: tuple[str, ...]) -> bool:
    return any(word in name for word in words)


def _consecutive_weeks(frame: pd.DataFrame) -> pd.Series:
    """The rows of each region as weeks one after the other."""
    if REGIONS in frame:
        week = frame.groupby(REGIONS, dropna=False).cumcount()
    else:
        week = pd.Series(np.arange(len(frame)))
    dates: pd.Series = pd.Timestamp(FIRST_DATE) + pd.to_timedelta(week.to_numpy() * 7, unit="D").to_series(
        index=frame.index
    )
    return dates
