"""Random plans: all of them allowed, none of the allowed out of reach."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.planning.solve.objective import Objective
from mmm.planning.solve.random_starts import AllowedRays, allowed_plans, evolve
from tests.planning.hills import Hills
from tests.planning.solve.polytopes import polytope, random_polytope

KINDS = [(0, False), (0, True), (3, False), (3, True)]
"""Further sums, and whether the total is free."""


@pytest.mark.parametrize(("rows", "free"), KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_every_random_plan_is_allowed_and_they_differ(seed: int, rows: int, free: bool) -> None:
    limits, _ = random_polytope(np.random.default_rng(seed), 6, rows=rows, free_total=free)
    plans = np.stack(allowed_plans(limits, 40, seed))

    assert plans.shape == (41, 6)
    assert max(limits.violation(plan) for plan in plans) <= 1e-9 * limits.size
    assert np.linalg.matrix_rank(plans - plans.mean(0)) == (6 if free else 5)
    np.testing.assert_array_equal(plans, np.stack(allowed_plans(limits, 40, seed)))
    assert not np.array_equal(plans[1:], np.stack(allowed_plans(limits, 40, seed + 1))[1:])


@pytest.mark.parametrize(("rows", "free"), KINDS)
def test_an_allowed_plan_is_its_own_image(rows: int, free: bool) -> None:
    """So that a search over the box misses none."""
    limits, inside_X = random_polytope(np.random.default_rng(2), 5, rows=rows, free_total=free)
    rays = AllowedRays(limits)
    plans = np.stack([inside_X, *allowed_plans(limits, 30, 4)])
    place = (plans - limits.lower_X) / (limits.upper_X - limits.lower_X)

    np.testing.assert_allclose(rays.plans(place), plans, rtol=1e-7)


def test_the_inner_plan_has_room_everywhere() -> None:
    limits = polytope([0, 0, 0], [10, 10, 10], (0.0, 30.0), [([1, 1, 0], -np.inf, 12.0)])
    inner = AllowedRays(limits).inner_Y
    assert inner is not None
    # By s of the room of each: what two of them sum to lies between 20 s and 12 - 20 s.
    slack = 0.3

    assert inner.min() >= 10 * slack - 1e-6
    assert inner.max() <= 10 - 10 * slack + 1e-6
    assert inner[0] + inner[1] == pytest.approx(12.0 - 20 * slack)


def test_a_far_place_leads_to_the_edge_and_a_near_one_to_itself() -> None:
    limits = polytope([0, 0], [10, 10], (0.0, 12.0))
    rays = AllowedRays(limits)
    far, near = rays.plans(np.array([[1.0, 1.0], [0.5, 0.4]]))

    assert far.sum() == pytest.approx(12.0)
    assert near == pytest.approx([5.0, 4.0])


def test_a_variable_without_room_keeps_its_amount() -> None:
    limits = polytope([3, 0, 0], [3, 10, 10], (5.0, 15.0), [([0, 1, -1], -4.0, 4.0)])

    assert all(plan[0] == 3.0 for plan in allowed_plans(limits, 20, 0))


def test_no_allowed_plan_gives_no_start() -> None:
    limits = polytope([0, 0], [1, 1], 3.0)
    hills = Hills(np.ones((1, 2)), np.ones((1, 2)), np.ones((1, 2)))
    objective = Objective(hills, np.zeros(2), np.arange(2), np.ones(2), np.zeros(1))

    assert allowed_plans(limits, 5, 0) == []
    assert evolve(objective, limits, 0) == []


def test_evolution_finds_the_better_of_two_hills() -> None:
    """Money for one of two steep curves: the lower one first looks as good."""
    hills = Hills(np.array([[1.0, 1.5]]), np.array([[1.0, 2.0]]), np.array([[8.0, 8.0]]))
    limits = polytope([0, 0], [4, 4], 2.5)
    objective = Objective(hills, np.zeros(2), np.arange(2), np.ones(2), np.zeros(1))
    money = np.linspace(0.0, 2.5, 2501)
    best = max(objective.scores(np.stack([money, 2.5 - money], axis=1)))
    (found,) = evolve(objective, limits, 3, generations=60)

    assert objective.score(found) >= best * (1 - 1e-6)
    np.testing.assert_array_equal(found, evolve(objective, limits, 3, generations=60)[0])
