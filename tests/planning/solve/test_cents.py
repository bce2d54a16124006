from __future__ import annotations

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.planning.solve.cents import in_cents
from mmm.planning.solve.limits import Limits


def limits(
    lower: list[float], upper: list[float], total: float, rows: list[list[float]], most: Floats
) -> Limits:
    return Limits(
        np.array(lower),
        np.array(upper),
        total,
        total,
        np.array(rows).reshape(-1, len(lower)),
        np.full(len(rows), -np.inf),
        most,
        tuple(str(row) for row in rows),
        tuple(str(x) for x in range(len(lower))),
    )


def settle(money: list[float], box: Limits) -> list[float]:
    return [float(cents) for cents in in_cents(np.array(money), box, np.arange(len(money)))]


def test_missing_cents_go_to_the_largest_remainders() -> None:
    box = limits([0, 0, 0], [99, 99, 99], 100.0, [], np.zeros(0))
    assert settle([33.338, 33.337, 33.325], box) == [33.34, 33.34, 33.32]


def test_bounds_hold_even_against_remainders() -> None:
    box = limits([0, 0, 0], [33.33, 99, 99], 100.0, [], np.zeros(0))
    assert settle([33.33, 33.339, 33.331], box) == [33.33, 33.34, 33.33]


def test_a_bound_between_cents_keeps_its_amount() -> None:
    box = limits([10.001, 0], [10.001, 99], 50.0, [], np.zeros(0))
    settled = settle([10.001, 39.999], box)
    assert settled[0] == 10.001
    assert sum(settled) == pytest.approx(50.0, abs=1e-9)


def test_a_group_at_its_limit_is_not_overdrawn() -> None:
    box = limits([0, 0, 0], [99, 99, 99], 100.0, [[1, 1, 0]], np.array([40.0]))
    settled = settle([19.996, 20.004, 60.0], box)
    assert settled[0] + settled[1] <= 40.0 + 1e-9
    assert sum(settled) == pytest.approx(100.0, abs=1e-9)
    assert all(abs(100 * amount - round(100 * amount)) < 1e-6 for amount in settled)


def test_small_change_is_not_cut() -> None:
    box = limits([0, 0], [1, 1], 0.05, [], np.zeros(0))
    assert settle([0.0333, 0.0167], box) == pytest.approx([0.0333, 0.0167])


def test_where_cents_are_coarse_amounts_are_whole_in_a_smaller_unit() -> None:
    box = limits([0, 0, 0], [9, 9, 9], 1.5, [], np.zeros(0))

    assert settle([6.9e-18, 0.23456789, 1.26543211], box) == [0.0, 0.23457, 1.26543]


def test_regions_of_a_small_budget_hold_no_rounding_errors() -> None:
    box = limits([0] * 4, [9] * 4, 3.0, [[1, 1, 0, 0]], np.array([1.5]))
    money = np.array([1.5 - 1e-15, 6.9e-18, 1.5 - 2e-16, 3e-17])
    settled = in_cents(money, box, np.array([0, 0, 1, 1]))

    assert [str(amount) for amount in settled] == ["1.5", "0.0", "1.5", "0.0"]
