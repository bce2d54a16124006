"""Plans by region: limits of channels and of their regions, and the climb, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.data.panel import Floats
from mmm.planning.solve.branch_and_bound import Curves, search
from mmm.planning.solve.by_region import (
    climb,
    climb_blocks,
    inner_limits_of,
    is_nested,
    nested_plans,
    outer_limits_of,
)
from mmm.planning.solve.objective import Objective
from tests.planning.hills import random_hills
from tests.planning.solve.polytopes import Row, polytope

CHANNEL_Y = np.array([0, 0, 1, 1, 1, 2])


def test_sums_that_weigh_regions_alike_are_nested() -> None:
    alike = polytope([0] * 6, [9] * 6, 20.0, [([1, 1, 0, 0, 0, -2], 0.0, 5.0)])
    apart = polytope([0] * 6, [9] * 6, 20.0, [([1, 1, 0, 1, 0, 0], 0.0, 5.0)])

    assert is_nested(alike, CHANNEL_Y)
    assert not is_nested(apart, CHANNEL_Y)
    assert is_nested(polytope([0] * 6, [9] * 6, 20.0), CHANNEL_Y)


def test_limits_of_channels_are_sums_of_their_regions_and_sums_of_one_channel() -> None:
    rows: list[Row] = [
        ([2, 2, 0, 0, 0, 0], 6.0, 20.0),  # channel 0 from 3 to 10
        ([0, 0, -1, -1, -1, 0], -12.0, -4.0),  # channel 1 from 4 to 12
        ([1, 1, 1, 1, 1, 0], 1.0, 15.0),
        ([0, 0, 0, 0, 0, 1], 2.0, np.inf),
    ]
    limits = polytope([1, 1, 0, 0, 0, 0], [8, 8, 9, 9, 9, 7], (5.0, 30.0), rows)
    outer = outer_limits_of(limits, CHANNEL_Y)

    assert outer.lower_X.tolist() == [3.0, 4.0, 2.0]
    assert outer.upper_X.tolist() == [10.0, 12.0, 7.0]
    assert (outer.least, outer.most) == (5.0, 30.0)
    assert outer.rows_RX.tolist() == [[1.0, 1.0, 0.0]]
    assert (outer.row_lower_R.tolist(), outer.row_upper_R.tolist()) == ([1.0], [15.0])
    assert outer.row_names_R == ("row 2",)


@pytest.mark.parametrize(("total", "kept"), [(10.0, 10.0), (1.0, 2.0), (99.0, 16.0)])
def test_limits_of_regions_have_their_channel_s_total(total: float, kept: float) -> None:
    limits = polytope([1, 1, 0], [8, 8, 9], (0.0, 25.0), [([1, 1, 0], 0.0, 9.0)])
    inner = inner_limits_of(limits, np.array([True, True, False]), total)

    assert (inner.least, inner.most) == (kept, kept)
    assert inner.is_single_sum
    assert inner.lower_X.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_channels_first_come_near_a_search_over_all_regions(seed: int, grouped: bool) -> None:
    channels, regions = 3, 8
    rng = np.random.default_rng(seed)
    channel_Y = np.repeat(np.arange(channels), regions)
    hills = random_hills(rng, channels * regions, members=1, scale=1.0)
    group: Row = ((channel_Y < 2).astype(float).tolist(), -np.inf, 6.0)
    limits = polytope([0.0] * 24, [2.0] * 24, 12.0, [group] if grouped else [])
    grid_PX = np.linspace(0.0, 2.0, 41)[:, None] * np.ones(24)
    curves = Curves(grid_PX, hills.table_MPX(grid_PX)[0])
    (nested,), _ = nested_plans(curves, limits, channel_Y)
    whole = search(curves, limits)
    assert whole is not None

    assert limits.holds(nested)
    assert curves.at(nested).sum() >= 0.99 * whole.value
    assert curves.at(nested).sum() <= whole.bound


def test_limits_that_clash_leave_no_plan_by_region() -> None:
    curves = Curves(np.array([[0.0] * 4, [1.0] * 4]), np.array([[0.0] * 4, [1.0] * 4]))

    assert nested_plans(curves, polytope([0] * 4, [1] * 4, 5.0), np.array([0, 0, 1, 1]))[0] == []


# --- the climb: a - b x is the slope of each curve, so a total is spent where (a - multiplier) / b ---


@given(seed=st.integers(0, 2**32 - 1))
def test_quadratic_curves_are_climbed_to_their_closed_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a_Y, b_Y = rng.uniform(5.0, 9.0, 8), rng.uniform(1.0, 4.0, 8)
    block_Y = np.array([0, 0, 0, 1, 1, 1, -1, -1])
    start_Y = rng.uniform(0.5, 1.0, 8)
    found_Y = climb_blocks(
        lambda x: a_Y * x - 0.5 * b_Y * x**2,
        lambda x: a_Y - b_Y * x,
        start_Y,
        np.full(8, -50.0),
        np.full(8, 50.0),
        block_Y,
        np.full(8, 100.0),
        steps=60,
    )
    expected_Y = a_Y / b_Y
    for block in (0, 1):
        mine = block_Y == block
        multiplier = ((a_Y / b_Y)[mine].sum() - start_Y[mine].sum()) / (1 / b_Y[mine]).sum()
        expected_Y[mine] = (a_Y[mine] - multiplier) / b_Y[mine]

    np.testing.assert_allclose(found_Y, expected_Y, rtol=1e-3, atol=1e-3)


def objective(regions: int) -> Objective:
    hills = random_hills(np.random.default_rng(5), 3 * regions, members=2, scale=1.0)
    reference_M = np.zeros(2)
    return Objective(hills, np.zeros(3 * regions), np.arange(3 * regions), np.ones(3 * regions), reference_M)


def totals(money_Y: Floats, regions: int) -> Floats:
    return np.asarray(money_Y.reshape(3, regions).sum(1))


def test_channels_at_a_limit_keep_their_total_and_the_others_share_one() -> None:
    regions, judged = 20, objective(20)
    channel_Y = np.repeat(np.arange(3), regions)
    first = (channel_Y == 0).astype(float).tolist()
    limits = polytope([0.0] * 60, [2.0] * 60, 30.0, [(first, -np.inf, 10.0)])
    start_Y = np.full(60, 0.5)
    found_Y = climb(judged, limits, start_Y, channel_Y, np.full(60, 1.0))

    assert limits.holds(found_Y)
    assert judged.score(found_Y) > judged.score(start_Y)
    assert totals(found_Y, regions)[0] == pytest.approx(10.0)
    assert totals(found_Y, regions)[1] != pytest.approx(10.0, abs=0.01)
    assert found_Y.sum() == pytest.approx(30.0, rel=1e-12)


def test_a_limit_that_a_shared_total_would_break_keeps_every_channel_s_total() -> None:
    """Not at its limit before the climb, so its channel is free, until it turns out to run into it."""
    regions, judged = 20, objective(20)
    channel_Y = np.repeat(np.arange(3), regions)
    start_Y = np.full(60, 0.5)
    free = climb(judged, polytope([0.0] * 60, [2.0] * 60, 30.0), start_Y, channel_Y, np.full(60, 1.0))
    grown = int(np.argmax(totals(free, regions)))
    cap = 0.5 * (10.0 + totals(free, regions)[grown])
    row: Row = ((channel_Y == grown).astype(float).tolist(), -np.inf, float(cap))
    limits = polytope([0.0] * 60, [2.0] * 60, 30.0, [row])
    found_Y = climb(judged, limits, start_Y, channel_Y, np.full(60, 1.0))

    assert limits.holds(found_Y)
    np.testing.assert_allclose(totals(found_Y, regions), 10.0)
    assert judged.score(found_Y) > judged.score(start_Y)


def test_a_free_total_is_climbed_to_where_a_unit_brings_what_it_costs() -> None:
    regions = 20
    judged = objective(regions)
    costly = Objective(
        judged.response, judged.amount_X, judged.moved_Y, judged.cost_Y, judged.reference_M, price=150.0
    )
    limits = polytope([0.0] * 60, [3.0] * 60, (1.0, 150.0))
    found_Y = climb(costly, limits, np.full(60, 0.7), np.repeat(np.arange(3), regions), np.full(60, 1.0))
    _, slope_Y = costly.score_and_gradient(found_Y)
    inside_Y = (found_Y > 0.01) & (found_Y < 2.99)

    assert inside_Y.sum() > 20
    assert np.abs(slope_Y[inside_Y]).max() < 5.0  # of 150 that a unit costs
