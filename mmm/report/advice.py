"""What to do with the budget, in one sentence."""

from __future__ import annotations

from collections.abc import Callable

from mmm import words
from mmm.report.moves import Between, Moves, moves_of
from mmm.report.tables import Tables
from mmm.report.trust import light

NAMED = 2
"""Channels that the advice names; the rest it counts."""
STILL = 0.005
"""Part of the budget under which a plan leaves everything as it is."""
STAY = "Leave the split of the budget as it is: no move is expected to gain anything."


def advice(
    tables: Tables, *, named: int = NAMED, name: Callable[[str], str] = words.label
) -> tuple[str, str] | None:
    """What to move from where to where, and what that gains with its interval and chance.

    Args:
        tables: The model's files.
        named: Channels named at either end; the rest are counted.
        name: What a channel is called.

    Returns:
        The move and its gain, the second empty where nothing is to be moved; None without a plan.
    """
    plan = moves_of(tables.plan)
    if plan is None:
        return None
    about = tables.about
    horizon = tables.plan.get("horizon")
    over = f" over {words.count(horizon, about.period)}" if isinstance(horizon, int) else ""
    unit = str(tables.plan.get("unit") or about.currency)
    move = move_words(plan, words.money(plan.moved, unit) + over, named=named, name=name)
    if move == STAY:
        return STAY, ""
    move += ":"
    if light(tables).colour == "red":
        move = f"Could this model be relied on: {move[:1].lower()}{move[1:]}"
    gain = _gained(plan.gain, about.kpi)
    if about.priced and words.known(plan.money.mean):
        gain += f", worth {_gained(plan.money, about.currency)}"
    if words.known(plan.chance):
        gain += f"; the chance that it gains at all is {words.chance(plan.chance)}"
    return move, f"{gain}."


def move_words(
    plan: Moves, amount: str, *, named: int = NAMED, name: Callable[[str], str] = words.label
) -> str:
    """``Move 1.2 M USD from display to TV and search``, or that the split should stay.

    Args:
        plan: What is to be moved.
        amount: How much that is, in words.
        named: Channels named at either end; the rest are counted.
        name: What a channel is called.
    """
    givers, takers = (_named(names, named, name) for names in plan.ends())
    if plan.moved <= STILL * sum(plan.current.values()) or not takers:
        return STAY
    return f"Move {amount} {f'from {givers} to' if givers else 'more to'} {takers}"


def _named(names: list[str], most_named: int, name: Callable[[str], str]) -> str:
    """Channels in words, the smaller ones counted where they are many."""
    most = [name(one) for one in names[:most_named]]
    left = len(names) - most_named
    return words.listing([*most, words.count(left, "other")] if left > 0 else most)


def _gained(gain: Between, unit: str) -> str:
    """``1.2 k visits more (400 to 2 k)``."""
    if not words.known(gain.mean):
        return "what it gains is not said"
    told = f"{words.number(abs(gain.mean))} {unit} {'more' if gain.mean >= 0 else 'less'}"
    return f"{told} ({words.span(gain.lower, gain.upper)})"
