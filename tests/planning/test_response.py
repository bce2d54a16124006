from __future__ import annotations

import numpy as np
import pytest

from mmm.model.future import TabulatedResponse
from mmm.planning.response import JoinedResponse, Term
from tests.planning.hills import Hills, Summed, random_context, random_hills


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


def test_a_joined_response_by_hand() -> None:
    """A curve 4 r / (1 + r) in euros, worth 10 a unit, asked in dollars at 2 the euro: 2 dollars are r = 1:
    10 * 2 = 20, with slope 10 * (4 / 4) / 2 = 5. Another, r / (1 + r) and three times that, as it is."""
    euros = Hills(np.array([[4.0]]), np.array([[1.0]]), np.array([[1.0]]))
    plain = Hills(np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]]), np.array([[1.0], [1.0]]))
    joint = JoinedResponse([Term(euros, np.array([2.0]), 10.0), Term(plain, np.array([1.0]))], members=2)
    amount_X = np.array([2.0, 1.0])

    assert joint.curves is joint
    np.testing.assert_allclose(joint.values_MX(amount_X), [[20.0, 0.5], [20.0, 1.5]])
    np.testing.assert_allclose(joint.table_MPX(amount_X[None])[:, 0], joint.values_MX(amount_X))
    np.testing.assert_allclose(joint.kpi_M(amount_X), [20.5, 21.5])
    np.testing.assert_allclose(joint.gradient_MX(amount_X), [[5.0, 0.25], [5.0, 0.75]])


def test_a_joined_response_is_a_sum_of_curves_only_if_all_are() -> None:
    hills = random_hills(np.random.default_rng(0), 2)
    one = Term(hills, np.ones(2))
    joint = JoinedResponse([one, Term(Summed(hills), np.ones(2), 3.0)], members=4)
    amount_X = np.full(2, 1e4)

    assert joint.curves is None
    np.testing.assert_allclose(joint.kpi_M(np.tile(amount_X, 2)), 4.0 * hills.kpi_M(amount_X))
