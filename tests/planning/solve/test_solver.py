from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad

from mmm.data.panel import Floats
from mmm.planning.solve.by_region import climb_blocks
from mmm.planning.solve.limits import Limits, repair
from mmm.planning.solve.objective import MEAN, Objective, Risk, refine
from mmm.planning.solve.random_starts import allowed_plans, evolve
from mmm.planning.solve.solver import Method, Solver
from tests.planning.hills import Summed, random_hills


def problem(seed: int, variables: int | None = None, members: int = 4) -> tuple[Objective, Limits, Floats]:
    """A random problem of 4 to 12 S-shaped curves; every other one within half of the status quo."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 13)) if variables is None else variables
    hills = random_hills(rng, count, members, scale=1.0)
    total = count * rng.uniform(0.1, 1.2)
    current_X = rng.dirichlet(np.full(count, 3.0)) * total
    lower_X, upper_X = np.zeros(count), np.full(count, total)
    if seed % 2:
        lower_X, upper_X = 0.5 * current_X, 1.5 * current_X
    nothing = np.zeros(0)
    limits = Limits(
        lower_X, upper_X, total, total, np.zeros((0, count)), nothing, nothing, (), ("c",) * count
    )
    objective = Objective(
        hills, current_X, np.arange(count), np.ones(count), hills.values_MX(current_X).sum(axis=1)
    )
    return objective, limits, current_X


def solver(objective: Objective, limits: Limits, current_X: Floats, method: Method = "slsqp") -> Solver:
    return Solver(objective, limits, current_X, current_X, np.arange(len(current_X)), method)


@pytest.mark.parametrize("seed", range(12))
def test_a_long_global_search_finds_nothing_better(seed: int) -> None:
    objective, limits, current_X = problem(seed)
    solution = solver(objective, limits, current_X).solve()
    assert solution is not None
    assert limits.violation(solution.money_Y) <= 1e-9 * limits.size
    start = evolve(objective, limits, seed, generations=200)[0]
    rival = objective.kpi(refine(objective, limits, start, "slsqp")).mean()
    assert objective.kpi(solution.money_Y).mean() >= rival * (1 - 1e-4)


def test_local_search_alone_is_not_enough() -> None:
    """The control: SLSQP from the status quo misses the optimum on problems the solver solves."""
    misses = 0
    for seed in range(0, 20, 2):
        objective, limits, current_X = problem(seed)
        solution = solver(objective, limits, current_X).solve()
        assert solution is not None
        local = objective.kpi(refine(objective, limits, current_X, "slsqp")).mean()
        misses += local < objective.kpi(solution.money_Y).mean() * 0.99
    assert misses >= 2


@pytest.mark.parametrize("method", ["trust-constr", "differential_evolution", "hybrid"])
def test_every_method_comes_near_the_optimum(method: Method) -> None:
    objective, limits, current_X = problem(1, variables=5)
    best = solver(objective, limits, current_X).solve()
    other = solver(objective, limits, current_X, method).solve()
    assert best is not None
    assert other is not None
    assert limits.holds(other.money_Y)
    assert other.score == pytest.approx(best.score, rel=1e-3)


@pytest.mark.parametrize(
    "risk", [MEAN, Risk("quantile", 0.1), Risk("cvar", 0.1), Risk("mean_sd", 1.0), Risk("worst")]
)
@pytest.mark.parametrize("members", [4, 60])
def test_gradients(risk: Risk, members: int) -> None:
    objective, _, current_X = problem(3, members=members)
    objective = replace(objective, risk=risk, value=3.0, price=1.0)
    place_X = 1.1 * current_X
    error = check_grad(objective.score, lambda z: objective.score_and_gradient(z)[1], place_X, epsilon=1e-7)
    assert error <= 1e-4 * np.linalg.norm(objective.score_and_gradient(place_X)[1])


def test_a_cautious_plan_gains_more_in_bad_members() -> None:
    objective, limits, current_X = problem(7, variables=8, members=8)
    cautious = replace(objective, risk=Risk("quantile", 0.05))
    mean_plan = solver(objective, limits, current_X).solve()
    safe_plan = solver(cautious, limits, current_X).solve()
    assert mean_plan is not None
    assert safe_plan is not None
    assert safe_plan.score >= cautious.score(mean_plan.money_Y)


@pytest.mark.parametrize("interaction", [0.0, 2e-4])
def test_responses_that_are_no_sum(interaction: float) -> None:
    objective, limits, current_X = problem(5, variables=6)
    summed = replace(objective, response=Summed(objective.response, interaction))  # type: ignore[arg-type]
    solution = solver(summed, limits, current_X).solve()
    proxied = replace(solver(summed, limits, current_X), proxy=objective).solve()
    assert solution is not None
    assert proxied is not None
    rival = max(
        summed.score(refine(summed, limits, start, "slsqp")) for start in allowed_plans(limits, 30, seed=3)
    )
    assert solution.score >= rival - 1e-3 * abs(rival)
    assert proxied.score >= rival - 1e-3 * abs(rival)


def test_thousands_of_curves_are_climbed_to_equal_slopes() -> None:
    objective, limits, current_X = problem(2, variables=400)
    free = replace(limits, upper_X=np.full(400, 2.0))
    solution = solver(objective, free, current_X).solve()
    assert solution is not None
    _, slope_X = objective.score_and_gradient(solution.money_Y)
    inside_X = (solution.money_Y > 1e-3) & (solution.money_Y < 2.0 - 1e-3)
    assert inside_X.sum() > 50
    assert slope_X[inside_X] == pytest.approx(float(np.median(slope_X[inside_X])), rel=1e-3)


def test_climbing_keeps_the_sum_of_every_block() -> None:
    objective, _, current_X = problem(4, variables=60)
    block_X = np.arange(60) // 20
    weight_M = np.full(4, 0.25)
    plan_X = climb_blocks(
        lambda z: objective.pieces(z, weight_M),
        lambda z: objective.slopes(z, weight_M),
        current_X,
        0.5 * current_X,
        2.0 * current_X,
        block_X,
        current_X,
    )
    sums = np.bincount(block_X, weights=plan_X)
    assert sums == pytest.approx(np.bincount(block_X, weights=current_X), rel=1e-12)
    assert objective.score(plan_X) > objective.score(current_X)


def test_repair_is_the_nearest_plan() -> None:
    _, limits, _ = problem(0, variables=4)
    limits = replace(limits, upper_X=np.array([1.0, 1.0, 1.0, 0.2])).with_total(2.0, 2.0)
    repaired = repair(limits, np.array([1.0, 0.5, 0.0, 0.2]))
    # 0.3 is missing; the third takes as much as the second, the others are full
    assert repaired == pytest.approx([1.0, 0.65, 0.15, 0.2])
