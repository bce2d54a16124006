"""Solved amounts: where they stand among limits and data, and what to warn of.

Shapes: X decision variables, Y those in the budget, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmm.planning.constraints import Decisions
from mmm.planning.plan import Side
from mmm.planning.request import BudgetRequest
from mmm.planning.response import AnyResponse, Floats, PlanContext
from mmm.planning.solve.limits import Limits

NEAR = 1e-6
"""Distance from a limit that counts as standing at it, relative to the plan's size."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Solved amounts with everything they are judged by.

    Attributes:
        response: KPI by amounts.
        request: What was asked.
        context: Status quo.
        chosen: Variables in the budget.
        amount_X: Planned amounts.
        money_Y: The same in money, for variables in the budget.
        stated: Limits of the request.
        proven: A global search bounds what a better plan could add.
        searched: Limits within which the solver looked.
    """

    response: AnyResponse
    request: BudgetRequest
    context: PlanContext
    chosen: Decisions
    amount_X: Floats
    money_Y: Floats
    stated: Limits
    proven: bool = False
    searched: Limits | None = None


def in_unit(outcome: Outcome, amount_X: Floats) -> Floats:
    """Amounts as they are stated: money where the budget covers them, else exposure."""
    stated_X = amount_X.copy()
    stated_X[outcome.chosen.moved_Y] = amount_X[outcome.chosen.moved_Y] * outcome.chosen.cost_Y
    return stated_X


def planned(outcome: Outcome) -> Floats:
    """Planned amounts as they are stated, to the cent where the plan is."""
    stated_X = outcome.amount_X.copy()
    stated_X[outcome.chosen.moved_Y] = outcome.money_Y
    return stated_X


def beyond(outcome: Outcome) -> Floats:
    """1 for channels planned beyond what was ever spent.

    If the budget exceeds all that was ever spent, no split of it stays within the data, so every
    channel it covers counts.
    """
    context, chosen = outcome.context, outcome.chosen
    over_X = outcome.amount_X > context.supported_X * (1 + 1e-9)
    seen_Y = context.supported_X[chosen.moved_Y] * chosen.cost_Y
    if float(outcome.money_Y.sum()) > float(seen_Y.sum()) * (1 + 1e-9):
        over_X[chosen.moved_Y] = True
    return context.by_channel(over_X.astype(np.float64))


def channel_limits(outcome: Outcome, c: int) -> tuple[float, float]:
    """Least and largest total of a channel in the budget, rows on it alone included."""
    stated, mine = outcome.stated, outcome.chosen.channel_Y == c
    lower, upper = float(stated.lower_X[mine].sum()), float(stated.upper_X[mine].sum())
    for name, low, high in zip(stated.row_names_R, stated.row_lower_R, stated.row_upper_R, strict=True):
        if name == outcome.chosen.channels[c]:
            lower, upper = max(lower, float(low)), min(upper, float(high))
    return lower, upper


def binding_limits(outcome: Outcome) -> dict[str, Side]:
    """Limits at which the plan stands."""
    stated, chosen = outcome.stated, outcome.chosen
    total = float(outcome.money_Y.sum())
    slack = max(NEAR * total, 0.011)
    binding: dict[str, Side] = {}
    for c, channel in enumerate(chosen.channels):
        lower, upper = channel_limits(outcome, c)
        _note(binding, channel, float(outcome.money_Y[chosen.channel_Y == c].sum()), lower, upper, slack)
    for r, name in enumerate(stated.row_names_R):
        if name not in chosen.channels:
            reached = float(stated.rows_RX[r] @ outcome.money_Y)
            _note(binding, name, reached, float(stated.row_lower_R[r]), float(stated.row_upper_R[r]), slack)
    if stated.least < stated.most and total >= stated.most - slack:
        binding["budget"] = "max"
    return binding


def _note(
    binding: dict[str, Side], name: str, reached: float, lower: float, upper: float, slack: float
) -> None:
    if upper - lower <= slack:
        binding[name] = "fixed"
    elif reached >= upper - slack:
        binding[name] = "max"
    elif reached <= lower + slack and (lower > 0 or reached <= slack):
        binding[name] = "min"


def warnings_of(outcome: Outcome, extrapolated: tuple[str, ...]) -> tuple[str, ...]:
    """What to keep in mind before acting on the plan."""
    return tuple(_warnings(outcome, extrapolated))


def _warnings(outcome: Outcome, extrapolated: tuple[str, ...]) -> Iterator[str]:
    request, chosen, periods = outcome.request, outcome.chosen, outcome.request.horizon
    if extrapolated:
        yield (
            f"{', '.join(extrapolated)}: planned beyond what was ever spent over {periods} periods; the "
            "response there is the curve's shape, not data."
        )
    for c, channel in enumerate(chosen.channels):
        if channel not in request.fixed and channel_limits(outcome, c)[1] == 0:
            yield (
                f"{channel}: nothing was spent in the last {periods} periods, so its relative bounds hold "
                "it at 0; give absolute bounds to plan it."
            )
    for channel in chosen.aside:
        yield (
            f"{channel}: has exposure but no spend, so the budget does not cover it; it is planned in "
            f"{outcome.context.units[channel]}. Give unit_costs.{channel} to plan it in money."
        )
    if request.risk != "mean" and len(outcome.context.baseline_M) < 2:
        yield "The model has one member, so risk cannot be judged; the plan goes by its only gain."
    if _at_search_end(outcome):
        yield (
            "The plan stands at the end of the range searched (ten times what was ever spent in some "
            "channel); give a budget or upper bounds."
        )


def _at_search_end(outcome: Outcome) -> bool:
    if outcome.searched is None:
        return False
    open_Y = ~np.isfinite(outcome.stated.upper_X) & ~np.isfinite(outcome.stated.most)
    near_Y = outcome.money_Y >= outcome.searched.upper_X * (1 - 1e-6)
    return bool(np.any(open_Y & near_Y))
