"""What two panels say of the same periods: spend, exposure and KPI that are told otherwise now.

A feed that changes its unit, its currency or its past moves ROI and leaves shares and scores as they were.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Dates, Floats, Panel

SAME = 1e-9
"""Relative change up to which two amounts are the same but for rounding."""
RESTATED = 0.1
"""Part of a history that may be told otherwise later: late orders and corrected bills are usual."""


@dataclass(frozen=True)
class Restatement:
    """A series whose past is told otherwise.

    Attributes:
        what: ``KPI``, ``spend``, ``exposure`` or ``frequency``.
        where: The channel; ``kpi`` for the KPI.
        old: Sum over the periods and regions that both panels have, as it was.
        new: The same as it is now.
        moved: Sum of the absolute changes cell by cell, relative to the larger of the sums.
        first: First of these periods.
        last: Last of these periods.
        periods: How many they are.
    """

    what: str
    where: str
    old: float
    new: float
    moved: float
    first: str
    last: str
    periods: int

    @property
    def name(self) -> str:
        """The series for people, e.g. ``spend of tv``."""
        return "KPI" if self.what == "KPI" else f"{self.what} of {self.where}"

    @property
    def text(self) -> str:
        """What changed, in words."""
        times = f", {self.new / self.old:.3g} times as much" if self.old > 0 else ""
        return (
            f"{self.name} of {self.first} to {self.last} was {self.old:.6g} and is {self.new:.6g} now{times}"
        )


def restatements(
    old: Panel, new: Panel, renamed: Mapping[str, str] | None = None, *, beyond: float = SAME
) -> list[Restatement]:
    """Series that differ over the periods and regions that both panels have.

    Args:
        old: The panel before.
        new: The panel after.
        renamed: Channels that had another name before: new name to old name.
        beyond: Part of a series that may differ.

    Returns:
        KPI first, then channels in the order of ``new``; channels of one panel alone are left out. Empty if
        the panels have no period or no region in common.
    """
    found = (_compared(*series) for series in _series(old, new, renamed or {}))
    return [item for item in found if item is not None and item.moved > beyond]


_Series = tuple[str, str, Floats, Floats, Dates]


def _series(old: Panel, new: Panel, renamed: Mapping[str, str]) -> Iterator[_Series]:
    """Name, cells of both panels and dates of every series that both have."""
    regions = [name for name in old.regions if name in new.regions]
    dates = np.intersect1d(old.dates, new.dates)
    if not regions or not len(dates) or old.frequency != new.frequency:
        return
    before, after = (
        np.ix_(np.array([panel.regions.index(name) for name in regions]), np.searchsorted(panel.dates, dates))
        for panel in (old, new)
    )
    known_GT = old.present_GT[before] & new.present_GT[after]
    empty_GT = np.full(known_GT.shape, np.nan)
    yield "KPI", "kpi", old.kpi_GT[before], new.kpi_GT[after], dates
    for c, channel in enumerate(new.channels):
        name = renamed.get(channel, channel) if channel not in old.channels else channel
        if name not in old.channels:
            continue
        b = old.channels.index(name)
        pairs = {
            "spend": (old.has_spend_C[b], new.has_spend_C[c], old.spend_GTC, new.spend_GTC),
            "exposure": (old.has_exposure_C[b], new.has_exposure_C[c], old.media_GTC, new.media_GTC),
        }
        if old.contacts_GTC is not None and new.contacts_GTC is not None:
            had_each, has_each = bool(old.has_reach_C[b]), bool(new.has_reach_C[c])
            pairs["frequency"] = (had_each, has_each, old.contacts_GTC, new.contacts_GTC)
        for what, (had, has, was_GTC, is_GTC) in pairs.items():
            if had and has:
                was_GT = np.where(known_GT, was_GTC[..., b][before], empty_GT)
                is_GT = np.where(known_GT, is_GTC[..., c][after], empty_GT)
                yield what, channel, was_GT, is_GT, dates


def _compared(what: str, where: str, old_GT: Floats, new_GT: Floats, dates: Dates) -> Restatement | None:
    """One series over the cells known in both; None if none is."""
    known_GT = np.isfinite(old_GT) & np.isfinite(new_GT)
    if not known_GT.any():
        return None
    before, after = old_GT[known_GT], new_GT[known_GT]
    largest = max(float(np.abs(before).sum()), float(np.abs(after).sum()))
    moved = float(np.abs(after - before).sum()) / largest if largest > 0 else 0.0
    return Restatement(
        what=what,
        where=where,
        old=float(before.sum()),
        new=float(after.sum()),
        moved=moved,
        first=str(dates[0]),
        last=str(dates[-1]),
        periods=len(dates),
    )
