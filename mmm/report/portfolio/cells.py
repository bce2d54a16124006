"""Numbers of brand-markets as text, and the tables of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mmm import words
from mmm.report import theme
from mmm.report.portfolio.records import MarketRecord, known

Records = Sequence[MarketRecord]
ESTIMATES = "Estimates without their intervals: those are in each report."


def channels(records: Records, kind: str) -> list[str]:
    """Every channel any record tells a ``roi`` or ``shares`` of, sorted."""
    return sorted({name for record in records for name in getattr(record, kind)})


def of_channel(record: MarketRecord, kind: str, channel: str) -> float:
    """One channel's ``roi`` or ``shares``; NaN where unknown."""
    return float(getattr(record, kind).get(channel, math.nan))


def cell(record: MarketRecord, kind: str, channel: str) -> str:
    """The same as text."""
    found = of_channel(record, kind, channel)
    return plain(found) if kind == "roi" else percent(found)


def percent(value: float) -> str:
    """A share as text, a dash where unknown."""
    return words.percent(value) if known(value) else "\u2013"


def plain(value: float) -> str:
    """A number as text, a dash where unknown."""
    return words.number(value) if known(value) else "\u2013"


def table(records: Records, columns: dict[str, Callable[[MarketRecord], str]]) -> theme.Layout:
    """Every record as a row of text; headings to what they say of a record."""

    def row(record: MarketRecord) -> list[str]:
        told = ["failed" if record.failed else say(record) for say in columns.values()]
        return [record.brand, record.market, *told]

    return {"columns": ["Brand", "Market", *columns], "rows": [row(record) for record in records]}
