"""What the plan would move from where to where, and what that would gain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmm import words

DUST = 1e-6
"""Part of the KPI, or of the budget, below which a change is rounding and counts as none."""


class Between(NamedTuple):
    """An estimate with its 90 % interval, NaN where unknown."""

    mean: float = math.nan
    lower: float = math.nan
    upper: float = math.nan


def gain_of(value: Any, whole: float = float("nan")) -> Between:
    """A gain out of ``plan.json``; what is dust beside ``whole`` is no change at all: exactly 0."""
    fields = value if isinstance(value, Mapping) else {"mean": value}
    numbers = [fields.get(key) for key in ("mean", "lower", "upper")]
    mean, low, high = (float(v) if isinstance(v, (int, float)) else float("nan") for v in numbers)
    known = [abs(v) for v in (mean, low, high) if words.known(v)]
    if words.known(whole) and known and max(known) < DUST * abs(whole):
        return Between(0.0, 0.0, 0.0)
    return Between(mean, low, high)


def amounts(value: Any) -> dict[str, float]:
    """Spend per channel: the finite numbers of a mapping."""
    pairs = value.items() if isinstance(value, Mapping) else ()
    known = {str(name): float(amount) for name, amount in pairs if isinstance(amount, (int, float))}
    return {name: amount for name, amount in known.items() if words.known(amount)}


@dataclass(frozen=True)
class Moves:
    """A plan against the amounts that ran.

    Attributes:
        current: Amount by channel now.
        planned: Amount by channel in the plan.
        gain: KPI units more than now.
        money: Value of that less what the budget changes; NaN where not told.
        chance: Chance that the gain is above 0, by the model's members; NaN where not told.
    """

    current: dict[str, float]
    planned: dict[str, float]
    gain: Between
    money: Between
    chance: float

    @property
    def changes(self) -> dict[str, float]:
        """What each channel gets more, in the plan's unit; dust is none."""
        least = DUST * max(sum(self.current.values()), 1.0)
        moved = {
            name: self.planned[name] - self.current[name] for name in self.current if name in self.planned
        }
        return {name: change if abs(change) > least else 0.0 for name, change in moved.items()}

    @property
    def moved(self) -> float:
        """Amount that the plan gives to channels that get more."""
        return sum(max(0.0, change) for change in self.changes.values())

    def ends(self) -> tuple[list[str], list[str]]:
        """Channels that give and channels that get, each the largest move first."""
        order = sorted(self.changes.items(), key=lambda item: item[1])
        givers = [name for name, change in order if change < 0]
        return givers, [name for name, change in reversed(order) if change > 0]


def moves_of(plan: Any) -> Moves | None:
    """The moves of ``plan.json``; None where it holds no plan."""
    if not isinstance(plan, Mapping) or plan.get("status") not in ("optimal", "feasible"):
        return None
    current, planned = amounts(plan.get("current_spend")), amounts(plan.get("spend"))
    if not set(current) & set(planned):
        return None
    kpi = plan.get("current_kpi")
    whole = float(kpi["mean"]) if isinstance(kpi, Mapping) and kpi.get("mean") is not None else float("nan")
    value = plan.get("kpi_value")
    worth = whole * float(value) if isinstance(value, (int, float)) else float("nan")
    gain, money = gain_of(plan.get("gain"), whole), gain_of(plan.get("profit_gain"), worth)
    return Moves(current, planned, gain, money, words.real(plan.get("chance_of_gain")))
