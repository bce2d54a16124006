"""What to do next, market by market: what media cost and brought, and the recommended move with its gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mmm import words
from mmm.report import paging
from mmm.report.moves import Between
from mmm.report.paging import escape
from mmm.report.portfolio import cells
from mmm.report.portfolio.outcome import ALL, UNKNOWN
from mmm.report.portfolio.records import MarketRecord, known

Records = Sequence[MarketRecord]
Cell = tuple[float | str, str, str]
"""What to sort by, what to show, and in small print below."""


def advice(records: Records) -> str:
    """The card, with a sortable table; empty where no model of the refit tells of money or moves."""
    told = [record for record in records if record.outcome.moves or known(record.outcome.spend)]
    if not told:
        return ""
    heads = [label for label, _ in _COLUMNS]
    rows = [paging.Row([_shown(say(record)) for _, say in _COLUMNS]) for record in told]
    shown = paging.table(
        cells.sortable_heads(heads), rows, label="What to do next", looks="moves", sortable=True, heads=heads
    )
    return (
        "<div class='card index' id='advice'><p class='kind'>What to do next</p>"
        f"<h2>{escape(_title(told))}</h2>"
        "<p class='reading'>Spend and what it brought: the training window of each model, direct effects. "
        "The move: what the last quarter cost, in the quarter to come, each channel within 30 %; the planner "
        "takes other limits. In small print 90 % intervals.</p>"
        f"{shown}</div>"
    )


def _title(told: Records) -> str:
    """How many moves should gain, in one sentence."""
    planned = [record for record in told if record.outcome.moves]
    if not planned:
        return f"What media cost and brought in {words.count(len(told), 'brand-market')}"
    sure = sum(known(record.outcome.gain.lower) and record.outcome.gain.lower > 0 for record in planned)
    verb = "is" if sure == 1 else "are"
    moves = words.count(len(planned), "recommended move")
    return f"{words.whole(sure)} of {moves} {verb} above zero with the whole interval of the gain"


def _name(record: MarketRecord) -> Cell:
    return record.name, record.name, ""


def _spend(record: MarketRecord) -> Cell:
    found = record.outcome
    return found.spend, found.money(found.spend) if known(found.spend) else "\u2013", ""


def _brought(record: MarketRecord) -> Cell:
    found = record.outcome
    if known(found.value.mean):
        return found.value.mean, found.money(found.value.mean), _span(found.value)
    effect = found.effect.get(ALL, UNKNOWN)
    return (
        effect.mean,
        f"{words.number(effect.mean)} of the KPI" if known(effect.mean) else "\u2013",
        _span(effect),
    )


def _roi(record: MarketRecord) -> Cell:
    found = record.outcome.roi.get(ALL, UNKNOWN)
    return found.mean, words.number(found.mean) if known(found.mean) else "\u2013", _span(found)


def _move(record: MarketRecord) -> Cell:
    return record.outcome.advice, record.outcome.advice or "\u2013", ""


def _gain(record: MarketRecord) -> Cell:
    gain = record.outcome.gain
    if not known(gain.mean):
        return math.nan, "\u2013", ""
    return gain.mean, record.outcome.gain_text, _span(gain)


def _chance(record: MarketRecord) -> Cell:
    moves = record.outcome.moves
    if moves is None or not known(moves.chance) or moves.gain.mean == 0:
        return math.nan, "\u2013", ""
    return moves.chance, words.chance(moves.chance), ""


_COLUMNS: tuple[tuple[str, Callable[[MarketRecord], Cell]], ...] = (
    ("Market", _name),
    ("Spent on media", _spend),
    ("What it brought", _brought),
    ("Return", _roi),
    ("Recommended move", _move),
    ("Its gain", _gain),
    ("Chance of a gain", _chance),
)


def _span(found: Between) -> str:
    return words.span(found.lower, found.upper) if known(found.lower) and known(found.upper) else ""


def _shown(cell: Cell) -> paging.Cell:
    key, text, small = cell
    return paging.Cell(text, "" if isinstance(key, float) and not known(key) else key, small)
