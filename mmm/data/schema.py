"""What a panel's columns mean, and how remarks on data or models are written down.

Shapes: N rows of the long table, G regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from mmm.config import MarketSpec
from mmm.data.panel import NATIONAL, Bools, Dates, Floats

Severity = Literal["info", "warning", "error"]
RoleKind = Literal[
    "kpi",
    "spend",
    "exposure",
    "reach",
    "contacts",
    "impressions",
    "treatment",
    "control",
    "event",
    "population",
    "kpi_value",
]
AS_CONTROLS: tuple[RoleKind, ...] = ("control", "event", "treatment")
"""Roles of columns that enter as controls do."""

VALUE_NOT_STATED = "value_not_stated"
"""Code of the finding that a spec does not say what a KPI unit is worth."""
EXAMPLES = 3
"""Cells named for each problem; the rest are counted."""


@dataclass(frozen=True)
class Finding:
    """A remark on data or on a fitted model that does not stop the work; a row of ``diagnostics.json``.

    Attributes:
        severity: ``info``, ``warning`` or ``error``.
        code: Stable identifier, e.g. ``absent_periods``.
        where: Coordinates: column, channel, region, date.
        what: What was seen, with its numbers.
        why: Why it matters.
        what_to_do: The way out.
    """

    severity: Severity
    code: str
    where: str
    what: str
    why: str
    what_to_do: str

    def as_row(self) -> dict[str, str]:
        """The finding as plain data, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what} {self.why} {self.what_to_do}"


@dataclass(frozen=True)
class Role:
    """A numeric column and what it stands for.

    Attributes:
        kind: Its part in the model.
        column: Its name in the panel.
        label: How messages call it, e.g. ``spend of 'tv'``.
        channel: The channel it belongs to, for spend, exposure, reach and frequency.
    """

    kind: RoleKind
    column: str
    label: str
    channel: str | None = None


@dataclass(frozen=True, eq=False)
class LongTable:
    """The rows of a panel's source with cells parsed, before they are laid out.

    Attributes:
        source: What was read, for messages.
        regions: G names, sorted.
        region_N: Index into ``regions``; -1 where the cell is empty.
        date_N: ``datetime64[D]``, NaT where the cell is no date.
        numbers: Column to N values; NaN where empty or unreadable.
    """

    source: str
    regions: tuple[str, ...]
    region_N: np.ndarray[tuple[int], np.dtype[np.int64]]
    date_N: Dates
    numbers: dict[str, Floats]

    def cell(self, row: int, column: str | None = None) -> str:
        """Coordinates of a row for messages, with the value of ``column`` if given."""
        code = self.region_N[row]
        parts = [] if self.regions == (NATIONAL,) else [f"region {self.regions[code]!r}" if code >= 0 else ""]
        date = self.date_N[row]
        parts.append(f"row {row + 1}" if np.isnat(date) else str(date))
        value = "" if column is None else f" ({self.numbers[column][row]:g})"
        return ", ".join(part for part in parts if part) + value

    def cells(self, bad_N: Bools, column: str | None = None) -> str:
        """The first rows of a mask as coordinates, and how many more there are."""
        rows = np.flatnonzero(bad_N)
        return named([self.cell(int(row), column) for row in rows[:EXAMPLES]], len(rows), sep="; ")


def named(examples: Sequence[str], count: int | None = None, *, sep: str = ", ", most: int = EXAMPLES) -> str:
    """Examples in a row, then how many more there are in all.

    Args:
        examples: Texts, of which the first few are shown.
        count: How many there are; by default the length of ``examples``.
        sep: What stands between them.
        most: How many are shown.
    """
    count = len(examples) if count is None else count
    shown = sep.join(examples[:most])
    more = count - min(len(examples), most)
    return f"{shown} and {more} more" if more > 0 else shown


def event_label(column: str, name: str) -> str:
    """What the model calls one event of a column of names, e.g. ``calendar: black friday``."""
    return f"{column}: {name}"


def number_roles(spec: MarketSpec) -> tuple[Role, ...]:
    """Every numeric column of a spec with its role, in the order of the spec."""
    columns = spec.columns
    roles = [Role("kpi", columns.kpi, f"KPI {columns.kpi!r}")]
    for name, channel in columns.media.items():
        if channel.spend is not None:
            roles.append(Role("spend", channel.spend, f"spend of {name!r}", name))
        if channel.exposure is not None:
            roles.append(Role("exposure", channel.exposure, f"exposure of {name!r}", name))
        if channel.reach is not None:
            roles.append(Role("reach", channel.reach, f"reach of {name!r}", name))
        if channel.frequency is not None:
            roles.append(Role("contacts", channel.frequency, f"frequency of {name!r}", name))
        if channel.impressions is not None:
            roles.append(Role("impressions", channel.impressions, f"impressions of {name!r}", name))
    roles += [Role("control", column, f"control {column!r}") for column in columns.controls]
    roles += [Role("event", column, f"event {column!r}") for column in columns.events]
    treated = columns.treatment_columns()
    roles += [Role("treatment", column, f"treatment {name!r}") for name, column in treated.items()]
    if columns.population is not None:
        roles.append(Role("population", columns.population, f"population {columns.population!r}"))
    if isinstance(spec.kpi_value, str) and spec.kpi_value not in (*columns.controls, *treated.values()):
        roles.append(Role("kpi_value", spec.kpi_value, f"KPI value {spec.kpi_value!r}"))
    return tuple(roles)
