from __future__ import annotations

import numpy as np
import pytest

from mmm.model.future import TabulatedResponse
from tests.planning.hills import random_context, random_hills


def test_a_table_follows_its_curves() -> None:
    rng = np.random.default_rng(1)
    hills = random_hills(rng, 5, members=3)
    table = TabulatedResponse(hills, np.full(5, 4e5))
    grid_PX = rng.uniform(0.0, 4e5, (50, 5))
    top_MX = hills.top_MX
    assert (
        np.abs(table.table_MPX(grid_PX) / top_MX[:, None] - hills.table_MPX(grid_PX) / top_MX[:, None]).max()
        < 5e-3
    )
    amount_X = rng.uniform(1e4, 4e5, 5)
    step_X = np.full(5, 1.0)
    slope_MX = (table.values_MX(amount_X + step_X) - table.values_MX(amount_X - step_X)) / 2.0
    assert table.gradient_MX(amount_X) == pytest.approx(slope_MX, rel=1e-4, abs=1e-9)
    assert table.values_MX(amount_X) == pytest.approx(table.table_MPX(amount_X[None])[:, 0])


def test_variables_lie_channel_by_channel() -> None:
    context = random_context(np.random.default_rng(0), 2, regions=3)
    assert context.channel_X.tolist() == [0, 0, 0, 1, 1, 1]
