"""What a plan moves: ends, chance, and no dust."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mmm.report.moves import Between, gain_of, moves_of


def plan(**changes: Any) -> dict[str, Any]:
    """Ten from radio to TV, gaining 100 of 1000."""
    return {
        "status": "optimal",
        "current_spend": {"tv": 50.0, "radio": 30.0, "print": 20.0},
        "spend": {"tv": 60.0, "radio": 20.0, "print": 20.0},
        "current_kpi": {"mean": 1000.0, "lower": 900.0, "upper": 1100.0},
        "gain": {"mean": 100.0, "lower": 20.0, "upper": 180.0},
        "profit_gain": None,
        "kpi_value": 2.0,
    } | changes


def test_the_ends_of_a_move() -> None:
    moves = moves_of(plan())

    assert moves is not None
    assert moves.changes == {"tv": 10.0, "radio": -10.0, "print": 0.0}
    assert moves.ends() == (["radio"], ["tv"])
    assert moves.moved == 10.0


def test_the_chance_of_a_gain_is_the_plans_own() -> None:
    told, untold = moves_of(plan(chance_of_gain=0.83)), moves_of(plan())

    assert told is not None and told.chance == 0.83
    assert untold is not None and math.isnan(untold.chance), "one member, or a plan of an older program"


def test_rounding_is_no_change_at_all() -> None:
    """The status quo's own answer: what is left of adding up is not a gain."""
    same = plan()["current_spend"]
    spend = same | {"tv": 50.0 + 1e-9}
    moves = moves_of(plan(spend=spend, gain={"mean": -3e-9, "lower": -4e-9, "upper": 2e-9}))

    assert moves is not None
    assert moves.gain == Between(0.0, 0.0, 0.0)
    assert set(moves.changes.values()) == {0.0}


def test_a_small_gain_of_a_small_kpi_is_kept() -> None:
    assert gain_of({"mean": 1e-4, "lower": 0.0, "upper": 2e-4}, 0.1) == Between(1e-4, 0.0, 2e-4)


@pytest.mark.parametrize("none", [None, {"status": "infeasible"}, plan(spend={})])
def test_no_plan_has_no_moves(none: Any) -> None:
    assert moves_of(none) is None
