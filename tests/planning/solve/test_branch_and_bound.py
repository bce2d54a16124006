from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmm.planning.solve.branch_and_bound import Curves, majorant_slopes, search
from tests.planning.hills import random_hills
from tests.planning.solve.polytopes import Row, polytope


def test_majorant_of_a_step() -> None:
    # 0, 0, 3, 4 at 0, 1, 2, 3: the line from (0, 0) to (2, 3) covers the flat start
    curves = Curves(np.arange(4.0)[:, None], np.array([[0.0], [0.0], [3.0], [4.0]]))
    assert majorant_slopes(curves)[:, 0].tolist() == pytest.approx([1.5, 1.5, 1.0])


def test_a_trap_for_local_solvers() -> None:
    """Two equal S-shaped channels and money for one: half each is a stationary point, and the worst."""
    grid_P = np.linspace(0.0, 1.0, 101)
    value_P = grid_P**4 / (0.5**4 + grid_P**4)
    curves = Curves(np.stack([grid_P, grid_P], axis=1), np.stack([value_P, value_P], axis=1))
    found = search(curves, polytope([0, 0], [1, 1], 0.8))
    assert found is not None
    assert sorted(found.plans[0].tolist()) == pytest.approx([0.0, 0.8], abs=1e-9)
    assert found.bound == pytest.approx(found.value, rel=1e-4)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("grouped", [False, True])
def test_no_plan_on_a_grid_is_better(seed: int, grouped: bool) -> None:
    rng = np.random.default_rng(seed)
    steps = 20
    hills = random_hills(rng, 4, members=1, scale=1.0)
    grid_PX = np.linspace(0.0, 2.0, steps + 1)[:, None] * np.ones(4)
    curves = Curves(grid_PX, hills.table_MPX(grid_PX)[0])
    rows: list[Row] = [([1, 1, 0, 0], 0.2, 0.6), ([0, 0, 1, -1], 0.0, np.inf)]
    box = polytope([0] * 4, [2] * 4, 2.0, rows if grouped else [])
    best = max(
        float(curves.at(plan).sum())
        for cells in itertools.product(range(steps + 1), repeat=3)
        if sum(cells) <= steps
        for plan in [np.array([*cells, steps - sum(cells)]) * (2.0 / steps)]
        if box.holds(plan)
    )
    found = search(curves, box)
    assert found is not None
    assert box.holds(found.plans[0])
    assert found.value >= best * (1 - 1e-5)
    assert found.value <= found.bound


def test_no_allowed_plan_is_said() -> None:
    curves = Curves(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))
    assert search(curves, polytope([0], [1], 2.0)) is None
