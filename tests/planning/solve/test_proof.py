"""Bounds: no allowed plan exceeds them, concave curves meet them, hindsight is what brute force finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits
from mmm.planning.solve.objective import MEAN, Objective, Risk
from mmm.planning.solve.proof import proven
from mmm.planning.solve.random_starts import allowed_plans
from mmm.planning.solve.solver import Solution, Solver
from tests.planning.hills import Hills, random_hills
from tests.planning.solve.polytopes import polytope
from tests.planning.solve.test_solver import problem, solver

MEASURES = [MEAN, Risk("cvar", 0.1), Risk("cvar", 0.1, 0.5), Risk("mean_sd", 1.0), Risk("worst")]


def posed(seed: int, risk: Risk, members: int, **changes: object) -> tuple[Solver, Limits]:
    """A random problem of S-shaped curves, judged by a measure of risk."""
    objective, limits, current_X = problem(seed, variables=6, members=members)
    return solver(replace(objective, risk=risk, **changes), limits, current_X), limits  # type: ignore[arg-type]


def concave(posed_solver: Solver) -> Solver:
    """The same with curves that are concave from the first unit."""
    hills = posed_solver.objective.response
    assert isinstance(hills, Hills)
    gentle = Hills(hills.top_MX, hills.half_MX, np.full_like(hills.slope_MX, 0.9))
    reference_M = gentle.values_MX(posed_solver.status_quo_Y).sum(axis=1)
    objective = replace(posed_solver.objective, response=gentle, reference_M=reference_M)
    return replace(posed_solver, objective=objective)


def bounded(own: Solver, solution: Solution, limits: Limits) -> Solution:
    """As plans are bounded: a mean by its search, other measures by cutting planes."""
    if own.objective.is_mean:
        return own.bounded(solution, limits)
    return proven(own, solution, limits, own.hindsight_M(limits))


def solved(own: Solver, limits: Limits) -> tuple[Solution, Solution]:
    solution = own.solve()
    assert solution is not None
    return solution, bounded(own, solution, limits)


@pytest.mark.parametrize("risk", [*MEASURES, Risk("quantile", 0.1)])
@pytest.mark.parametrize("members", [8, 60])
def test_no_allowed_plan_exceeds_the_bound_and_none_found_is_lost(risk: Risk, members: int) -> None:
    own, limits = posed(3, risk, members)
    solution, proof = solved(own, limits)

    assert proof.bound is not None
    assert proof.score == own.objective.score(proof.money_Y) >= solution.score
    assert limits.holds(proof.money_Y)
    assert proof.bound >= proof.score
    slack = 1e-4 * abs(proof.bound)  # curves are read off a table
    for plan_Y in allowed_plans(limits, 200, seed=1):
        assert own.objective.score(plan_Y) <= proof.bound + slack


@pytest.mark.parametrize("risk", MEASURES)
@pytest.mark.parametrize("members", [8, 60])
@pytest.mark.parametrize("seed", [0, 1])
def test_concave_curves_are_proved_under_every_measure_that_weights_bound(
    risk: Risk, members: int, seed: int
) -> None:
    own, limits = posed(seed, risk, members)
    own = concave(own)
    _, proof = solved(own, limits)
    gap = proof.gap(own.objective, proof.money_Y)

    assert gap is not None
    assert gap <= own.tolerance(proof.money_Y)


@pytest.mark.parametrize(("risk", "members", "seed"), [("cvar", 8, 0), ("worst", 8, 1), ("worst", 60, 1)])
def test_cutting_planes_find_cautious_plans_that_the_search_before_misses(
    risk: Literal["cvar", "worst"], members: int, seed: int
) -> None:
    own, limits = posed(seed, Risk(risk, 0.1), members)
    hills = random_hills(np.random.default_rng(seed), 6, members, scale=1.0, spread=0.3)
    reference_M = hills.values_MX(own.status_quo_Y).sum(axis=1)
    own = replace(own, objective=replace(own.objective, response=hills, reference_M=reference_M))
    solution, proof = solved(own, limits)

    assert proof.score > solution.score + 5 * own.tolerance(proof.money_Y)


def test_a_price_and_fixed_amounts_are_part_of_the_bound() -> None:
    """One of three amounts is left alone; profit less money is bounded as well."""
    rng = np.random.default_rng(2)
    hills = Hills(*(rng.uniform(low, high, (60, 3)) for low, high in ((5.0, 9.0), (1.0, 2.0), (0.8, 0.9))))
    amount_X = np.array([1.0, 2.0, 1.0])
    reference_M = hills.values_MX(amount_X).sum(axis=1)
    for risk in (MEAN, Risk("cvar", 0.1)):
        objective = Objective(
            hills, amount_X, np.array([0, 2]), np.array([1.0, 2.0]), reference_M, risk, value=2.0, price=1.0
        )
        limits = polytope([0.0, 0.0], [5.0, 5.0], (0.0, 8.0))
        own = Solver(objective, limits, np.ones(2), np.array([1.0, 2.0]), np.arange(2))
        _, proof = solved(own, limits)
        grid = np.stack(np.meshgrid(*[np.linspace(0, 5, 60)] * 2), -1).reshape(-1, 2)
        best = objective.scores(grid[grid.sum(1) <= 8.0]).max()

        assert proof.bound is not None
        assert best - 1e-9 <= proof.bound <= best + 0.01
        assert proof.score == pytest.approx(best, abs=0.01)


def brute_force_M(objective: Objective, total: float) -> Floats:
    """Best gain of each draw over a fine grid of three amounts of one total."""
    side = np.linspace(0.0, total, 101)
    first, second = np.meshgrid(side, side)
    plans = np.stack([first, second, total - first - second], -1).reshape(-1, 3)
    plans = plans[plans[:, 2] >= -1e-12].clip(min=0.0)
    kpi_MS = objective.curves.table_MPX(plans).sum(axis=2)
    return np.asarray(kpi_MS.max(axis=1) - objective.reference_M)


@pytest.mark.parametrize("slope", [0.9, 2.5])
def test_the_best_plan_of_each_draw_is_what_brute_force_finds(slope: float) -> None:
    objective, limits, current_X = problem(0, variables=3, members=60)
    hills = objective.response
    assert isinstance(hills, Hills)
    hills = Hills(hills.top_MX, hills.half_MX, np.full((60, 3), slope))
    objective = replace(objective, response=hills, reference_M=hills.values_MX(current_X).sum(axis=1))
    own = solver(objective, limits, current_X)
    best_M, brute_M = own.hindsight_M(limits), brute_force_M(objective, limits.most)

    assert best_M is not None
    if slope < 1:
        np.testing.assert_allclose(best_M, brute_M, rtol=2e-3, atol=0.01 * np.ptp(brute_M))
    else:  # a bound: never below the truth
        assert np.all(best_M >= brute_M - 2e-3 * np.abs(brute_M))
    missed_M = own.regret_M(current_X, best_M)
    assert missed_M is not None
    np.testing.assert_allclose(missed_M, best_M, atol=1e-9)  # the status quo gains 0


def test_what_does_not_add_up_has_no_bound() -> None:
    own, limits = posed(1, MEAN, 8)
    summed = replace(own, method="differential_evolution")

    assert bounded(summed, Solution(own.status_quo_Y, 0.0), limits).bound is None
