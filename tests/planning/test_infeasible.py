"""Why there is no plan: limits that exclude each other are named, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmm.planning.infeasible import clash, out_of_reach
from mmm.planning.request import parse_request
from mmm.planning.solve.limits import is_feasible
from mmm.planning.solve.targets import Unreachable
from mmm.words import amount
from tests.planning.solve.polytopes import Row, polytope, random_polytope


def test_a_total_beyond_the_bounds_is_told_with_their_range() -> None:
    text, parts = clash(polytope([10, 5], [30, 20], 80.0), "USD")

    assert text == (
        "Total budget 80 USD is outside 15 to 50 USD, the range the channel bounds allow. Change the "
        "total or widen the bounds."
    )
    assert parts == ("c0 at most 30 USD", "c1 at most 20 USD", "total at least 80 USD")


def test_a_total_below_bounds_that_are_open_above() -> None:
    text, parts = clash(polytope([10, 5], [np.inf, np.inf], 12.5), "EUR")

    assert text.startswith("Total budget 12.5 EUR is below 15 EUR, the least the channel bounds allow.")
    assert parts == ("c0 at least 10 EUR", "c1 at least 5 EUR", "total at most 12.5 EUR")


def test_only_the_limits_that_clash_are_named() -> None:
    rows: list[Row] = [([1, 1, 0], 50.0, np.inf), ([0, 0, 1], -np.inf, 9.0)]
    text, parts = clash(polytope([0, 0, 1], [20, 20, 90], (0.0, 200.0), rows), "USD")

    assert text == "The bounds and groups contradict each other, whatever the budget."
    assert parts == ("c0 at most 20 USD", "c1 at most 20 USD", "row 0 at least 50 USD")


def test_a_share_is_named_without_an_amount() -> None:
    """At most half of the whole, and at least 60 of 100."""
    text, parts = clash(polytope([60, 0], [90, 90], 100.0, [([0.5, -0.5], -np.inf, 0.0)]), "USD")

    assert text.startswith("Total budget 100 USD is outside 120 to 180 USD, the range the bounds and groups ")
    assert parts == ("c0 at least 60 USD", "row 0 at most its limit", "total at most 100 USD")


@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.3, 3.0))
def test_without_any_one_of_them_there_is_a_plan(seed: int, factor: float) -> None:
    limits, inside_X = random_polytope(np.random.default_rng(seed), 4)
    total = float(factor * inside_X.sum())
    limits = limits.with_total(total, total)
    assume(not is_feasible(limits))
    _, parts = clash(limits, "USD")
    named_X = np.array([any(part.startswith(f"c{x} at") for part in parts) for x in range(4)])

    assert f"total at {'least' if factor > 1 else 'most'} {amount(total)} USD" in parts
    assert len(parts) == named_X.sum() + 1
    if factor > 1:  # without an upper bound a channel takes all that is left
        assert named_X.all()
        assert limits.upper_X.sum() < total
    else:
        assert limits.lower_X[named_X].sum() > total
        assert (limits.lower_X[named_X].sum() - limits.lower_X[named_X] <= total).all()


@pytest.mark.parametrize(
    ("number", "text"),
    [(100.0, "100"), (12.5, "12.5"), (12.345, "12.35"), (0.0, "0"), (1e9, "1,000,000,000"), (2e16, "2e+16")],
)
def test_amounts_have_no_trailing_zeros(number: float, text: str) -> None:
    assert amount(number) == text


def test_a_target_out_of_reach_says_the_highest_and_where() -> None:
    roi = parse_request({"objective": "target_roi", "target": 5})
    kpi = parse_request({"objective": "kpi_target", "target": 90000})

    assert out_of_reach(roi, Unreachable(3.14159, 1234.5), "USD") == (
        "Target ROI 5 is above the highest reachable, 3.142 at a budget of 1,234.5 USD. Lower the target or "
        "widen the bounds."
    )
    assert out_of_reach(kpi, Unreachable(80000.4, 5e6), "USD") == (
        "KPI target 90,000 is above the highest reachable, 80,000.4 at a budget of 5,000,000 USD. "
        "Lower the target, raise the budget or widen the bounds."
    )
