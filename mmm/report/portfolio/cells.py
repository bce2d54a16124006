"""Numbers of brand-markets as text, and the tables of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mmm import words
from mmm.report import theme
from mmm.report.portfolio.outcome import ALL
from mmm.report.portfolio.records import MarketRecord, known

Records = Sequence[MarketRecord]
ESTIMATES = "In brackets 90 % intervals; models of older refits tell none here, but in their reports."


def channels(records: Records, kind: str) -> list[str]:
    """Every channel any record tells a ``roi`` or ``shares`` of, sorted."""
    return sorted({name for record in records for name in getattr(record, kind)})


def sortable_heads(labels: Iterable[str]) -> str:
    """Headings by which a table is sorted, as HTML."""
    return "".join(
        f"<th scope='col' aria-sort='none'><button type='button'>{label}</button></th>" for label in labels
    )


def cell(record: MarketRecord, kind: str, channel: str = ALL) -> str:
    """A channel's ``roi`` or ``shares`` as text with its interval; of all media without a channel."""
    text, bounds = apart(record, kind, channel)
    return f"{text} ({bounds})" if bounds else text


def apart(record: MarketRecord, kind: str, channel: str = ALL) -> tuple[str, str]:
    """The same with the interval beside it, empty where it is not known."""
    show = plain if kind == "roi" else percent
    found = record.between(kind, channel)
    return show(found.mean), f"{show(found.lower)} to {show(found.upper)}" if known(found.lower) else ""


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
