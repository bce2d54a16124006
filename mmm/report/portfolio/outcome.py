"""What a market's fitted model tells in money, with intervals, and what it would move next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from mmm import words
from mmm.report.advice import move_words
from mmm.report.moves import Between, Moves, moves_of

ALL = ""
"""Name under which all media stand in ``returns.parquet``."""
WINDOW = "training"


UNKNOWN = Between()
UNIT_OF_MONEY = "unit of currency"
"""One of a currency that is not known, or of several."""


@dataclass(frozen=True)
class Outcome:
    """What a fitted directory tells of its market over the training window.

    Attributes:
        currency: Of money; empty where it is not known.
        spend: On all media.
        value: Money that media brought; NaN where a KPI unit has no stated value.
        effect: KPI units by channel.
        roi: Value per unit of currency by channel; of all media under :data:`ALL`.
        moves: What the first plan would move; None without a plan.
    """

    currency: str = ""
    spend: float = math.nan
    value: Between = UNKNOWN
    effect: Mapping[str, Between] = field(default_factory=dict)
    roi: Mapping[str, Between] = field(default_factory=dict)
    moves: Moves | None = None

    @property
    def unit_of_money(self) -> str:
        """One of the currency, or what it is called where nobody said which."""
        return self.currency or UNIT_OF_MONEY

    def money(self, value: float) -> str:
        """An amount with its currency."""
        return words.money(value, self.currency) if self.currency else words.number(value)

    @property
    def unpriced(self) -> Outcome:
        """Without what counts KPI units as money: nobody said what one is worth."""
        return replace(self, value=UNKNOWN, roi={})

    @property
    def gain(self) -> Between:
        """What the moves would gain: money where that is told, else KPI units; NaN without any."""
        if self.moves is None:
            return UNKNOWN
        return self.moves.money if words.known(self.moves.money.mean) else self.moves.gain

    @property
    def gain_text(self) -> str:
        """The gain in its unit, without its interval."""
        if self.moves is not None and words.known(self.moves.money.mean):
            return words.signed(self.money(self.gain.mean))
        return f"{words.signed(words.number(self.gain.mean))} of the KPI"

    @property
    def advice(self) -> str:
        """The recommended move in words; empty without a plan."""
        return move_words(self.moves, self.money(self.moves.moved)) if self.moves else ""


def outcome_of(returns: pd.DataFrame | None, plan: Any) -> Outcome:
    """The outcome out of ``returns.parquet`` and ``plan.json``; either may be missing in older models."""
    moves = moves_of(plan)
    unit = plan.get("unit") if isinstance(plan, Mapping) else None
    currency = str(unit) if unit else ""
    if returns is None:
        return Outcome(currency=currency, moves=moves)
    rows = returns[returns["window"] == WINDOW].to_dict("records")
    whole = next((row for row in rows if row["channel"] == ALL), None)
    return Outcome(
        currency=currency,
        spend=words.real(whole["spend"]) if whole else math.nan,
        value=_between(whole, "value") if whole else UNKNOWN,
        effect={str(row["channel"]): _between(row, "effect") for row in rows},
        roi={
            str(row["channel"]): _between(row, "roi") for row in rows if words.known(words.real(row["roi"]))
        },
        moves=moves,
    )


def _between(row: Mapping[Any, Any], name: str) -> Between:
    return Between(*(words.real(row.get(f"{name}{side}")) for side in ("", "_lower", "_upper")))
