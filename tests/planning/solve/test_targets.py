"""Totals that meet a target, against closed forms and against every total of a grid."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits
from mmm.planning.solve.objective import Objective
from mmm.planning.solve.solver import Solution, Solver
from mmm.planning.solve.targets import Unreachable, largest_total, least_total
from tests.planning.hills import Hills
from tests.planning.solve.polytopes import Row, polytope

TOP, HALF = np.array([400.0, 900.0, 250.0]), np.array([20.0, 80.0, 10.0])


def solver(
    slope: Floats, least: float = 0.0, most: float = 600.0, rows: list[Row] | None = None, lower: float = 0.0
) -> Solver:
    hills = Hills(TOP[None], HALF[None], slope[None])
    objective = Objective(hills, np.zeros(3), np.arange(3), np.ones(3), np.zeros(1))
    limits = polytope([lower] * 3, [most] * 3, (least, most), rows or [])
    return Solver(objective, limits, HALF, np.full(3, max(lower, 20.0)), np.arange(3))


def concave_best(total: float) -> tuple[Floats, float]:
    """Best split of a total over Hill curves of slope 1 that all get some, and what it brings."""
    root = np.sqrt(TOP * HALF)
    money = root * (total + HALF.sum()) / root.sum() - HALF
    assert (money > 0).all()
    return money, float((TOP * money / (HALF + money)).sum())


def best_by_grid(slope: Floats, totals: Floats, steps: int = 60) -> Floats:
    """Score of the best split of each total, all splits in sixtieths tried."""
    parts = np.array([(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]) / steps
    ratio = (totals[:, None, None] * parts / HALF) ** slope
    return np.asarray((TOP * ratio / (1 + ratio)).sum(-1).max(-1))


CONCAVE, STEEP = np.ones(3), np.array([3.0, 2.5, 4.0])


@pytest.mark.parametrize("total", [60.0, 150.0, 420.0])
def test_the_cheapest_plan_for_a_kpi_is_the_best_plan_of_its_total(total: float) -> None:
    money, target = concave_best(total)
    found = least_total(solver(CONCAVE), target)
    assert isinstance(found, Solution)

    assert found.score == pytest.approx(target, rel=1e-8)
    assert found.score >= target * (1 - 1e-9)
    assert found.money_Y.sum() == pytest.approx(total, rel=1e-6)
    np.testing.assert_allclose(found.money_Y, money, rtol=2e-3)


@pytest.mark.parametrize("target", [200.0, 600.0, 1100.0])
def test_no_smaller_total_brings_the_kpi_on_steep_curves_either(target: float) -> None:
    totals = np.linspace(1.0, 600.0, 400)
    enough = totals[best_by_grid(STEEP, totals) >= target][0]
    found = least_total(solver(STEEP), target)
    assert isinstance(found, Solution)

    assert found.score >= target * (1 - 1e-9)
    assert found.money_Y.sum() <= enough + 1e-9


def test_a_kpi_that_the_bounds_bring_anyway_costs_what_they_cost() -> None:
    found = least_total(solver(CONCAVE, lower=30.0), 300.0)
    assert isinstance(found, Solution)

    assert found.money_Y.tolist() == pytest.approx([30.0] * 3)


def test_a_kpi_out_of_reach_says_the_highest_and_its_total() -> None:
    found = least_total(solver(CONCAVE), 2000.0)
    assert isinstance(found, Unreachable)

    assert found.highest == pytest.approx(concave_best(600.0)[1], rel=1e-6)
    assert found.total == 600.0


def test_a_group_makes_the_target_dearer_and_is_kept() -> None:
    capped: Row = ([1.0, 0.0, 1.0], -np.inf, 40.0)
    _, target = concave_best(200.0)
    found = least_total(solver(CONCAVE, rows=[capped]), target)
    assert isinstance(found, Solution)

    assert found.money_Y[0] + found.money_Y[2] <= 40.0 + 1e-6
    assert found.money_Y.sum() > 201.0
    assert found.score >= target * (1 - 1e-9)


# --- the largest total at a ratio ----------------------------------------------------------------


@pytest.mark.parametrize("total", [80.0, 200.0, 450.0])
def test_the_largest_total_at_a_ratio_has_exactly_that_ratio(total: float) -> None:
    _, brought = concave_best(total)
    found = largest_total(solver(CONCAVE), brought / total)
    assert isinstance(found, Solution)

    assert found.money_Y.sum() == pytest.approx(total, rel=1e-5)
    assert found.score / found.money_Y.sum() == pytest.approx(brought / total, rel=1e-6)
    assert found.score / found.money_Y.sum() >= brought / total * (1 - 1e-7)


@pytest.mark.parametrize("target", [3.0, 5.0, 6.5])
def test_no_larger_total_of_a_grid_has_the_ratio(target: float) -> None:
    totals = np.linspace(1.0, 600.0, 1200)
    enough = totals[best_by_grid(STEEP, totals) >= target * totals]
    found = largest_total(solver(STEEP), target)
    assert isinstance(found, Solution)

    assert found.money_Y.sum() >= enough[-1] * (1 - 1e-6)
    assert found.score >= target * found.money_Y.sum() * (1 - 1e-7)


def test_where_every_total_has_the_ratio_all_is_spent() -> None:
    found = largest_total(solver(CONCAVE), 0.5 * concave_best(600.0)[1] / 600.0)
    assert isinstance(found, Solution)

    assert found.money_Y.sum() == pytest.approx(600.0)


def test_a_ratio_out_of_reach_says_the_peak() -> None:
    """Steep curves earn nothing at first, so the highest ratio is that of a total in between."""
    totals = np.linspace(1.0, 600.0, 3000)
    ratio = best_by_grid(STEEP, totals) / totals
    found = largest_total(solver(STEEP), 40.0)
    assert isinstance(found, Unreachable)

    assert found.highest == pytest.approx(ratio.max(), rel=0.01)
    assert found.highest >= ratio.max() * (1 - 1e-3)
    assert found.total == pytest.approx(totals[ratio.argmax()], rel=0.05)
    assert isinstance(largest_total(solver(STEEP), 0.999 * found.highest), Solution)


def test_a_least_total_beyond_the_peak_makes_the_target_unreachable() -> None:
    found = largest_total(solver(CONCAVE, least=500.0), concave_best(400.0)[1] / 400.0)
    assert isinstance(found, Unreachable)

    assert found.total == pytest.approx(500.0)
    assert found.highest == pytest.approx(concave_best(500.0)[1] / 500.0, rel=1e-5)


def test_no_money_meets_no_ratio() -> None:
    nothing = solver(CONCAVE)
    empty: Limits = polytope([0] * 3, [0] * 3, (0.0, 0.0))

    assert largest_total(Solver(nothing.objective, empty, HALF, np.zeros(3), np.arange(3)), 1.0) == (
        Unreachable(0.0, 0.0)
    )
