"""Views under their headings, and how those that can be drawn are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import plotly.graph_objects as go

from mmm.report.shell import Drawn, strip
from mmm.report.tables import MissingTableError

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A view and its place on a page."""

    key: str
    """Anchor in the page and name of pictures."""
    label: str
    """What the view shows, for the navigation."""
    draw: Callable[[T], go.Figure]
    optional: bool = False
    """Most models have nothing for it: left out without a note."""
    unpriced: str = ""
    """What it is called where nobody said what a KPI unit is worth; empty for its label."""


Sections = Mapping[str, Sequence[Entry[T]]]
"""Headings and their views, in order."""


def drawn(
    sections: Sections[T], told: T, *, priced: bool = True
) -> tuple[dict[str, list[Drawn]], dict[str, str]]:
    """Draw every view of ``told``.

    Args:
        sections: The views.
        told: What they are of.
        priced: Whether it is known what a KPI unit is worth.

    Returns:
        What could be drawn by heading, and the label of what could not to the reason.
    """
    found: dict[str, list[Drawn]] = {heading: [] for heading in sections}
    left_out: dict[str, str] = {}
    for heading, entries in sections.items():
        for entry in entries:
            label = entry.label if priced else entry.unpriced or entry.label
            try:
                figure, meta = strip(entry.draw(told))
            except MissingTableError as missing:
                left_out |= {} if entry.optional else {label: missing.reason}
                continue
            found[heading].append(Drawn(entry.key, label, figure, meta))
    return found, left_out
