"""Where a panel lies and how its cells are read: the ``data:`` and ``regions:`` sections of a spec."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from mmm.config.base import Region, Spec

DIRECTIVES = frozenset("aAbBdfGHIjmMpSuUVwWyYzZ%")
"""Letters after ``%`` that a date format may have."""


def format_problem(date_format: str) -> str | None:
    """What keeps a date format from telling days, and the way out; None if nothing does."""
    marks = [mark for mark in re.findall(r"%(.?)", date_format, re.DOTALL) if mark != "%"]
    used = set(marks)
    week = used & set("GV")
    rules = (
        (bool(used - DIRECTIVES), "it has a directive that does not exist; write e.g. '%d/%m/%Y'"),
        (len(used) < len(marks), "a directive stands in it twice; write e.g. '%d/%m/%Y'"),
        (
            bool(week) and (len(week) < 2 or bool(used & set("YymbBdjUW"))),
            "an ISO week is the year %G with the week %V; write e.g. '%G-W%V', read as its Monday",
        ),
        (bool(used & set("UW")), "weeks are those of ISO 8601; write e.g. '%G-W%V', or give dates"),
        (not week and not used & set("Yy"), "it names no year (%Y or %y); write e.g. '%d/%m/%Y'"),
        (not week and not used & set("mbBj"), "it names no month (%m or %b); write e.g. '%d/%m/%Y'"),
    )
    return next((problem for broken, problem in rules if broken), None)


class FillSpec(Spec):
    """What an empty cell means, where the panel's owner knows it. Nothing is filled unless asked."""

    media: Literal["refuse", "zero"] = "refuse"
    """Empty spend or exposure: ``refuse`` the panel, or ``zero``: nothing ran."""
    controls: Literal["refuse", "previous", "mean", "zero"] = "refuse"
    """Empty control: ``refuse``, take the region's ``previous`` value, its ``mean``, or ``zero``."""


class DataSpec(Spec):
    """Where the panel lies and how its cells are read."""

    path: Annotated[str, Field(min_length=1)]
    """CSV, Parquet file or Hive-partitioned directory; relative to the spec's file, or any URI."""
    date_format: str | None = None
    """Format of text dates, e.g. ``%d/%m/%Y``, or ``%G-W%V`` for ISO weeks, read as their Mondays; None
    expects ISO dates such as 2024-01-31 or weeks such as 2024-W05."""
    encoding: str | None = None
    """Encoding of a CSV, e.g. ``cp1252``; None expects UTF-8, and reads others where they can be told."""
    decimal: Literal[".", ","] | None = None
    """Decimal mark of a CSV; the other one then separates thousands. None takes what the file allows in one
    way only, and refuses columns that can be read in two."""
    closed: Literal["leave_out", "keep"] = "leave_out"
    """Periods in which a region was closed: the KPI exactly 0, in a way that chance does not bring. They are
    left out of fit, scores and totals (``leave_out``), or count as sales of 0 (``keep``)."""
    fill: FillSpec = FillSpec()
    """What empty cells of media and controls mean; by default they are refused."""

    @field_validator("date_format")
    @classmethod
    def _tells_a_day(cls, value: str | None) -> str | None:
        if value is not None and (problem := format_problem(value)):
            raise ValueError(f"{value!r} cannot be read as a date format: {problem}")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                codecs.lookup(value)
        except LookupError as error:
            raise ValueError(f"{value!r} is no encoding; write e.g. utf-8, cp1252 or utf-16") from error
        return value


class RegionsSpec(Spec):
    """Which regions of the panel are modelled."""

    exclude: tuple[Region, ...] = ()
    """Regions to leave out, by their names in the panel."""
