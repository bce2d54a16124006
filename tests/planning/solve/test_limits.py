"""Limits of plans: what they allow, by hand and against other ways of saying the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.data.panel import Floats
from mmm.planning.solve.limits import (
    feasible_point,
    inequalities,
    is_feasible,
    repair,
    total_range,
    with_sums,
)
from tests.planning.solve.polytopes import polytope, random_polytope

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("money", "violation"),
    [
        ([1.0, 2.0, 3.0], 0.0),
        ([2.2, -0.2, 4.0], 0.2),  # below its bound
        ([0.0, 1.0, 5.25], 1.25),  # above its bound, and 0.25 too much in all
        ([1.0, 1.0, 2.5], 1.5),  # 1.5 missing in all
        ([3.5, 1.5, 1.0], 0.75),  # 4 * 3.5 - 1.5 = 12.5 is 3 beyond 9.5, and counts by its coefficient 4
        ([0.0, 3.0, 3.0], 0.5),  # -3 is 2 below -1, by the same coefficient
    ],
)
def test_the_largest_violation_counts(money: list[float], violation: float) -> None:
    limits = polytope([0, 0, 0], [4, 4, 4], 6.0, [([4.0, -1.0, 0.0], -1.0, 9.5)])

    assert limits.violation(np.array(money)) == pytest.approx(violation)
    assert limits.holds(np.array(money)) == (violation == 0)


def test_the_size_of_a_plan_is_its_total_or_what_bounds_it() -> None:
    rows = [([1.0, 0.0], -np.inf, 7.0)]

    assert polytope([0, 0], [4, 8], (0.0, 10.0)).size == 10.0
    assert polytope([0, 0], [4, 8], (0.0, np.inf)).size == 12.0
    assert polytope([0, 2], [4, np.inf], (5.0, np.inf), rows).size == 7.0
    assert polytope([0, 0], [0, 0], 0.0).size == 1e-9


@given(seed=SEEDS, free=st.booleans())
def test_the_matrices_say_what_the_limits_say(seed: int, free: bool) -> None:
    rng = np.random.default_rng(seed)
    limits, inside_X = random_polytope(rng, 4, rows=3, free_total=free)
    a_matrix, b_vector, e_matrix, e_vector = inequalities(limits)

    assert len(e_matrix) == (0 if free else 1)
    for _ in range(20):
        money_X = inside_X * rng.uniform(0.7, 1.4, 4)
        if not free:
            money_X *= limits.most / money_X.sum()
        plan_X = money_X / limits.size
        kept = (a_matrix @ plan_X <= b_vector).all() and np.allclose(e_matrix @ plan_X, e_vector)
        in_box = (money_X >= limits.lower_X).all() and (money_X <= limits.upper_X).all()
        assert (kept and in_box) == limits.holds(money_X, 1e-12)


@given(seed=SEEDS, free=st.booleans())
def test_the_nearest_plan_of_a_sum_moves_all_that_can_alike(seed: int, free: bool) -> None:
    """A plan is Euclid's nearest if and only if it is the wish less one number, cut to the bounds."""
    rng = np.random.default_rng(seed)
    limits, inside_X = random_polytope(rng, 5, free_total=free)
    wish_X = inside_X * rng.uniform(-0.5, 3.0, 5)
    found_X = repair(limits, wish_X)
    assert found_X is not None

    cut_X = np.clip(wish_X, limits.lower_X, limits.upper_X)
    aim = float(np.clip(cut_X.sum(), limits.least, limits.most))
    assert found_X.sum() == pytest.approx(aim, rel=1e-14)
    moved_X = cut_X - found_X
    inner_X = (found_X > limits.lower_X + 1e-6) & (found_X < limits.upper_X - 1e-6)
    if inner_X.any():
        shift = float(moved_X[inner_X].mean())
        np.testing.assert_allclose(found_X, np.clip(cut_X - shift, limits.lower_X, limits.upper_X), atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_with_further_sums_no_plan_of_a_grid_is_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    limits = polytope([0, 0, 0], [10, 10, 10], (8.0, 20.0), [([1, 1, 0], 3.0, 9.0), ([0, 1, -1], -2.0, 4.0)])
    wish_X = rng.uniform(-3.0, 14.0, 3)
    found_X = repair(limits, wish_X)
    assert found_X is not None
    cut_X = np.clip(wish_X, 0.0, 10.0)
    allowed = [
        np.array(plan) for plan in itertools.product(range(11), repeat=3) if limits.holds(np.array(plan))
    ]

    assert limits.holds(found_X)
    assert len(allowed) > 50
    assert np.abs(found_X - cut_X).sum() <= min(np.abs(plan - cut_X).sum() for plan in allowed) + 1e-9


def test_a_plan_that_is_allowed_stays_as_it_is() -> None:
    limits, inside_X = random_polytope(np.random.default_rng(1), 4, rows=2)

    assert repair(limits, inside_X) is not None
    np.testing.assert_array_equal(repair(limits, inside_X), inside_X)


def test_limits_that_clash_allow_nothing() -> None:
    beyond_bounds = polytope([0, 0], [1, 1], 3.0)
    crossed = polytope([2, 0], [1, 1], 1.5)
    group = polytope([0, 0], [9, 9], 5.0, [([1, 1], -np.inf, 4.0)])

    for limits in (beyond_bounds, crossed, group):
        assert not is_feasible(limits)
        assert feasible_point(limits) is None
    assert repair(beyond_bounds, np.ones(2)) is None
    assert repair(group, np.ones(2)) is None
    assert np.isnan(total_range(polytope([0, 0], [9, 9], 5.0, [([1, 0], 10.0, np.inf)]))).all()


@given(seed=SEEDS, factor=st.floats(0.2, 3.0))
def test_whether_a_sum_can_be_met_agrees_with_the_linear_programme(seed: int, factor: float) -> None:
    limits, inside_X = random_polytope(np.random.default_rng(seed), 3)
    limits = limits.with_total(factor * inside_X.sum(), factor * inside_X.sum() * 1.01)

    assert is_feasible(limits) == (feasible_point(limits) is not None)


@pytest.mark.parametrize("seed", range(8))
def test_the_range_of_totals_ends_where_no_plan_is_left(seed: int) -> None:
    limits, _ = random_polytope(np.random.default_rng(seed), 4, rows=seed % 3)
    low, high = total_range(limits)

    assert low < limits.least < high
    for end, beyond in ((low, low - 1.0), (high, high + 1.0)):
        assert is_feasible(limits.with_total(end, end))
        assert not is_feasible(limits.with_total(beyond, beyond))


def test_a_plan_near_another_changes_as_little_as_it_must() -> None:
    limits = polytope([0, 0, 0], [9, 9, 9], 10.0, [([1, 1, 0], -np.inf, 4.0)])
    found_X = feasible_point(limits, np.array([3.0, 3.0, 4.0]))
    assert found_X is not None

    assert np.abs(found_X - [3.0, 3.0, 4.0]).sum() == pytest.approx(4.0)
    assert found_X[2] == pytest.approx(6.0)


@given(seed=SEEDS)
def test_every_block_keeps_its_own_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    block_X = np.array([0, 0, 1, 1, 1, 2])
    low_X, high_X = rng.uniform(0, 1, 6), rng.uniform(2, 5, 6)
    wish_X, yield_X = rng.uniform(-5, 9, 6), rng.uniform(0.1, 4, 6)
    part_B = rng.uniform(0, 1, 3)
    least_B, most_B = (np.bincount(block_X, weights=end).astype(float) for end in (low_X, high_X))
    sums_B: Floats = least_B + part_B * (most_B - least_B)
    found_X = with_sums(wish_X, yield_X, low_X, high_X, block_X, sums_B)

    np.testing.assert_allclose(np.bincount(block_X, weights=found_X), sums_B, rtol=1e-14)
    assert ((found_X >= low_X) & (found_X <= high_X)).all()
    multiplier_X = (wish_X - found_X) / yield_X
    for block in range(3):
        inner_X = (block_X == block) & (found_X > low_X + 1e-9) & (found_X < high_X - 1e-9)
        assert np.ptp(multiplier_X[inner_X]) <= 1e-6 if inner_X.any() else True
