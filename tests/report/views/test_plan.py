"""The picture of the plan: the planner's format, and no claim beyond its interval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mmm.planning.plan import Plan
from mmm.report import MissingTableError, Tables
from mmm.report.views import plan
from tests.report.views.figures import statement


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ({"mean": 1200.0, "lower": 800.0, "upper": 1600.0}, "would bring 1.2 k more visits (800 to 1.6 k)"),
        ({"mean": 1200.0, "lower": -300.0, "upper": 2000.0}, "or nothing"),
        ({"mean": 1200.0, "lower": None, "upper": None}, "its uncertainty is not known"),
        (None, "what it gains is not said"),
    ],
)
def test_the_plan_claims_no_more_than_its_interval(gain: Any, said: str, tables: Tables) -> None:
    assert said in statement(plan.plan(replace(tables, plan=tables.plan | {"gain": gain})))


def test_a_plan_that_was_not_found_is_left_out(tables: Tables) -> None:
    with pytest.raises(MissingTableError, match="infeasible"):
        plan.plan(replace(tables, plan={"status": "infeasible"}))


def test_the_plan_drawn_is_the_planners_format(tables: Tables, lone_tables: Tables) -> None:
    """The fixture's plan is one the budget planner could have written."""
    for found in (tables, lone_tables):
        assert Plan.model_validate(found.plan).feasible


def test_another_budget_is_said_to_be_one(tables: Tables) -> None:
    more = {name: 1.2 * amount for name, amount in tables.plan["current_spend"].items()}

    assert statement(plan.plan(replace(tables, plan=tables.plan | {"spend": more}))).startswith("A budget of")


def test_warnings_and_limits_of_the_plan_are_noted(tables: Tables) -> None:
    notes = plan.plan(replace(tables, plan=tables.plan | {"status": "feasible"})).layout.meta["notes"]

    assert "Limits that bind: TV (max)." in notes
    assert any("a better plan may exist" in note for note in notes)
    assert any("last 13 weeks" in note for note in notes)
