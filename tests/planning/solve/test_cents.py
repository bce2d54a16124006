from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.planning.solve.cents import CENT, in_cents, settled, smallest
from mmm.planning.solve.limits import Limits
from tests.planning.solve.polytopes import polytope, random_polytope


def settle(money: list[float], box: Limits) -> list[float]:
    return [float(cents) for cents in in_cents(np.array(money), box, np.arange(len(money)))]


def test_missing_cents_go_to_the_largest_remainders() -> None:
    box = polytope([0, 0, 0], [99, 99, 99], 100.0)
    assert settle([33.338, 33.337, 33.325], box) == [33.34, 33.34, 33.32]


def test_bounds_hold_even_against_remainders() -> None:
    box = polytope([0, 0, 0], [33.33, 99, 99], 100.0)
    assert settle([33.33, 33.339, 33.331], box) == [33.33, 33.34, 33.33]


def test_a_bound_between_cents_keeps_its_amount() -> None:
    box = polytope([10.001, 0], [10.001, 99], 50.0)
    found = settle([10.001, 39.999], box)
    assert found[0] == 10.001
    assert sum(found) == pytest.approx(50.0, abs=1e-9)


def test_a_group_at_its_limit_is_not_overdrawn() -> None:
    box = polytope([0, 0, 0], [99, 99, 99], 100.0, [([1, 1, 0], -np.inf, 40.0)])
    found = settle([19.996, 20.004, 60.0], box)
    assert found[0] + found[1] <= 40.0 + 1e-9
    assert sum(found) == pytest.approx(100.0, abs=1e-9)
    assert all(abs(100 * amount - round(100 * amount)) < 1e-6 for amount in found)


def test_small_change_is_not_cut() -> None:
    box = polytope([0, 0], [1, 1], 0.05)
    assert settle([0.0333, 0.0167], box) == pytest.approx([0.0333, 0.0167])


def test_where_cents_are_coarse_amounts_are_whole_in_a_smaller_unit() -> None:
    box = polytope([0, 0, 0], [9, 9, 9], 1.5)

    assert settle([6.9e-18, 0.23456789, 1.26543211], box) == [0.0, 0.23457, 1.26543]


def test_regions_of_a_small_budget_hold_no_rounding_errors() -> None:
    box = polytope([0] * 4, [9] * 4, 3.0, [([1, 1, 0, 0], -np.inf, 1.5)])
    money = np.array([1.5 - 1e-15, 6.9e-18, 1.5 - 2e-16, 3e-17])
    found = in_cents(money, box, np.array([0, 0, 1, 1]))

    assert [str(amount) for amount in found] == ["1.5", "0.0", "1.5", "0.0"]


def test_sums_that_remainders_would_break_are_kept_by_other_cents() -> None:
    """Two cents are missing; the largest remainders would give both to the group, which takes one."""
    box = polytope([0, 0, 0], [99, 99, 99], 50.03, [([1, 1, 0], -np.inf, 20.018)])
    found = settle([10.009, 10.009, 30.012], box)

    assert sorted(found[:2]) == [10.0, 10.01]
    assert found[2] == 30.02


def test_bounds_above_what_was_cut_take_their_cents_from_others() -> None:
    """The least of the first two are whole cents above the plan's cut ones, so another gives."""
    box = polytope([10.01, 10.01, 0], [99, 99, 99], 30.0)

    assert settle([10.01, 10.01, 9.98], box) == [10.01, 10.01, 9.98]
    box = polytope([10.005, 10.005, 0], [99, 99, 99], 30.0)
    assert settle([10.005, 10.005, 9.99], box) == [10.01, 10.01, 9.98]


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 2), free=st.booleans())
def test_whole_cents_keep_the_total_and_every_limit_and_move_no_amount_far(
    seed: int, rows: int, free: bool
) -> None:
    box, inside_X = random_polytope(np.random.default_rng(seed), 5, rows=rows, free_total=free)
    if not free:
        box = box.with_total(round(box.most, 2), round(box.most, 2))
    money_X = inside_X + (0 if free else (box.most - inside_X.sum()) / 5)
    found_X = in_cents(money_X, box, np.arange(5))

    assert box.holds(found_X)
    assert found_X.sum() == pytest.approx(round(money_X.sum(), 2) if free else box.most, rel=1e-14)
    np.testing.assert_array_equal(found_X, np.round(found_X, 2))
    assert np.abs(found_X - money_X).max() <= (CENT if rows == 0 else 4 * CENT) * (1 + 1e-6)


def test_regions_are_cut_within_their_channel() -> None:
    """Totals of channels first, 30.33 + 30.33 + 39.34, then each channel's regions."""
    channel_Y = np.array([0, 0, 0, 1, 1, 2])
    money_Y = np.array([10.111, 10.111, 10.1113, 15.1651, 15.1649, 39.3367])
    box = polytope([0] * 6, [99] * 6, 100.0)
    found_Y = in_cents(money_Y, box, channel_Y)

    assert found_Y.tolist() == [10.11, 10.11, 10.11, 15.17, 15.16, 39.34]
    assert found_Y.sum() == pytest.approx(100.0, abs=1e-12)


def test_a_region_between_cents_keeps_its_channel_s_total() -> None:
    box = polytope([4.0005, 0, 0], [4.0005, 99, 99], 30.0)
    found_Y = in_cents(np.array([4.0005, 15.9945, 10.005]), box, np.array([0, 0, 1]))

    assert found_Y[0] == 4.0005
    assert found_Y[:2].sum() in (pytest.approx(20.0), pytest.approx(19.99))
    assert found_Y.sum() == pytest.approx(30.0, abs=1e-9)


@pytest.mark.parametrize(
    ("objective", "total"),
    [("target_roi", 100.12), ("kpi_target", 100.13), ("kpi", 100.12)],
)
def test_a_total_that_follows_from_a_target_stays_on_its_side(objective: str, total: float) -> None:
    """At most 100.124 has the ROI, at least 100.124 brings the KPI; any other total is rounded."""
    box = polytope([0, 0], [90, 90], (0.0, 150.0))
    found_Y = settled(np.array([50.061, 50.063]), box, np.arange(2), objective)

    assert found_Y.sum() == pytest.approx(total, abs=1e-9)


def test_a_total_that_follows_from_a_target_stays_within_its_limits() -> None:
    at_most = polytope([0, 0], [90, 90], (100.127, 150.0))
    at_least = polytope([0, 0], [90, 90], (0.0, 100.123))

    assert settled(np.array([50.0635, 50.0635]), at_most, np.arange(2), "target_roi").sum() >= 100.127 - 1e-9
    assert settled(np.array([50.061, 50.062]), at_least, np.arange(2), "kpi_target").sum() <= 100.123 + 1e-9


@pytest.mark.parametrize(
    ("total", "variables", "unit"),
    [
        (3.0, 3, 0.01),  # a euro each: cents do
        (2.99, 3, 1e-5),  # less: four digits of each amount
        (0.05, 2, 1e-6),
        (0.0, 2, 0.01),
        (1e9, 400, 0.01),
    ],
)
def test_the_smallest_amount_leaves_four_digits(total: float, variables: int, unit: float) -> None:
    assert smallest(total, variables) == pytest.approx(unit, rel=1e-12)
