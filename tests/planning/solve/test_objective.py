"""What a plan is judged by: values, weights of members and slopes against numpy and finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t

from mmm.data.panel import Floats
from mmm.planning.solve.objective import MEAN, Objective, Risk, kpi_and_brought, next_amount_MX, refine
from tests.planning.hills import Hills, Summed, random_hills
from tests.planning.solve.polytopes import polytope

GAINS = st.floats(-1e3, 1e3)
COST_Y = np.array([2.0, 0.5, 1.0])


def objective(members: int = 5, quantile: float | None = None, *, summed: bool = False) -> Objective:
    """Three of four amounts are moved, at prices of their own."""
    rng = np.random.default_rng(0)
    hills = random_hills(rng, 4, members, scale=100.0, spread=0.3)
    return Objective(
        Summed(hills) if summed else hills,
        np.array([30.0, 40.0, 50.0, 60.0]),
        np.array([0, 2, 3]),
        COST_Y,
        rng.uniform(100.0, 900.0, members),
        MEAN if quantile is None else Risk("quantile", quantile),
        value=3.0,
        price=0.5,
    )


MONEY_SY = np.array([[10.0, 30.0, 90.0], [0.0, 5.0, 200.0], [150.0, 0.0, 0.0]])


def test_amounts_that_are_not_moved_stay_and_the_others_have_a_price() -> None:
    amounts = objective().amounts(MONEY_SY)

    assert amounts.tolist() == [
        [5.0, 40.0, 60.0, 90.0],
        [0.0, 40.0, 10.0, 200.0],
        [75.0, 40.0, 0.0, 0.0],
    ]


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize(("members", "quantile"), [(5, None), (5, 0.1), (60, 0.1), (1, 0.1)])
def test_scores_are_the_value_of_the_judged_gain_less_money(
    members: int, quantile: float | None, summed: bool
) -> None:
    judged = objective(members, quantile, summed=summed)
    hills = random_hills(np.random.default_rng(0), 4, members, scale=100.0, spread=0.3)
    expected = []
    for money_Y in MONEY_SY:
        amount_X = np.array([money_Y[0] / 2.0, 40.0, money_Y[1] / 0.5, money_Y[2]])
        gain_M = hills.values_MX(amount_X).sum(1) - judged.reference_M
        gain = gain_M.mean()
        if quantile is not None and members > 1:
            spread = gain_M.std(ddof=1) * np.sqrt(1 + 1 / members) * t.ppf(quantile, members - 1)
            gain = np.quantile(gain_M, quantile) if members == 60 else gain + spread
        expected.append(3.0 * gain - 0.5 * money_Y.sum())

    np.testing.assert_allclose(judged.scores(MONEY_SY), expected, rtol=1e-12)
    np.testing.assert_allclose([judged.score(money_Y) for money_Y in MONEY_SY], expected, rtol=1e-12)


@given(
    gain_M=arrays(np.float64, st.sampled_from([2, 7, 39, 40, 90]), elements=GAINS, unique=True),
    quantile=st.floats(0.01, 0.6),
)
def test_weights_of_members_are_the_derivative_of_the_judged_gain(gain_M: Floats, quantile: float) -> None:
    judged = replace(objective(), risk=Risk("quantile", quantile))
    gain, weight_M = judged.judge(gain_M)

    assert weight_M.sum() == pytest.approx(1.0)  # as much more in every member is as much more
    assert judged.judge(gain_M + 5.0)[0] == pytest.approx(gain + 5.0)
    assert judged.judge(2.0 * gain_M)[0] == pytest.approx(2.0 * gain)
    assert weight_M @ gain_M == pytest.approx(gain, abs=1e-6)  # Euler, of a function of degree 1


def test_members_that_agree_have_no_spread_to_fear() -> None:
    gain, weight_M = replace(objective(), risk=Risk("quantile", 0.05)).judge(np.full(6, 7.0))

    assert gain == 7.0
    assert weight_M.tolist() == pytest.approx([1 / 6] * 6)


def test_pieces_add_up_to_the_score_and_slopes_to_its_gradient() -> None:
    judged = objective()
    weight_M = np.full(5, 0.2)
    for money_Y in MONEY_SY + 1.0:
        fixed = judged.curves.values_MX(judged.amounts(money_Y))[:, 1].mean()
        whole = judged.pieces(money_Y, weight_M).sum() + 3.0 * (fixed - judged.reference_M.mean())
        score, gradient_Y = judged.score_and_gradient(money_Y)

        assert whole == pytest.approx(score)
        np.testing.assert_allclose(judged.slopes(money_Y, weight_M), gradient_Y)
        step_Y = np.array([1e-5, 0.0, 0.0])
        ahead, behind = judged.pieces(money_Y + step_Y, weight_M), judged.pieces(money_Y - step_Y, weight_M)
        assert gradient_Y[0] == pytest.approx((ahead - behind)[0] / 2e-5, rel=1e-5)


def test_a_grid_of_money_is_scored_piece_by_piece() -> None:
    judged, weight_M = objective(), np.array([0.5, 0.1, 0.1, 0.1, 0.2])
    scored = judged.on_grid(MONEY_SY, judged.table(MONEY_SY), weight_M)

    np.testing.assert_allclose(scored, [judged.pieces(money_Y, weight_M) for money_Y in MONEY_SY])


# --- the climb -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["slsqp", "trust-constr"])
def test_the_climb_ends_where_a_unit_of_money_brings_the_same(method: str) -> None:
    """Hill curves of slope 1 have a closed form: amount + half = sqrt(top * half / multiplier)."""
    top, half = np.array([400.0, 900.0, 250.0]), np.array([20.0, 80.0, 10.0])
    hills = Hills(top[None], half[None], np.ones((1, 3)))
    judged = Objective(hills, np.zeros(3), np.arange(3), np.ones(3), np.zeros(1))
    root = np.sqrt(top * half)
    optimum = root * (150.0 + half.sum()) / root.sum() - half
    limits = polytope([0, 0, 0], [150, 150, 150], 150.0)
    found = refine(judged, limits, np.array([50.0, 50.0, 50.0]), method)  # type: ignore[arg-type]

    np.testing.assert_allclose(found, optimum, rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_the_climb_does_not_depend_on_the_currency(scale: float) -> None:
    hills = Hills(np.array([[4.0, 9.0]]), scale * np.array([[20.0, 80.0]]), np.array([[1.5, 1.0]]))
    judged = Objective(hills, np.zeros(2), np.arange(2), np.ones(2), np.zeros(1))
    limits = polytope([0, 0], [90 * scale, 90 * scale], 100 * scale, [([1, -1], -np.inf, 10 * scale)])
    found = refine(judged, limits, np.array([50.0, 50.0]) * scale, "slsqp")

    first = np.linspace(10.0, 55.0, 45_001)
    split = np.stack([first, 100.0 - first], axis=1)
    best = split[np.argmax(judged.scores(scale * split))]

    assert limits.holds(found)
    np.testing.assert_allclose(found / scale, best, atol=0.01)


def test_a_climb_that_gains_nothing_stays_where_it_was() -> None:
    judged = Objective(
        Hills(np.ones((1, 2)), np.ones((1, 2)), np.ones((1, 2))),
        np.zeros(2), np.arange(2), np.ones(2), np.zeros(1),
    )  # fmt: skip
    start = np.array([3.0, 3.0])

    assert refine(judged, polytope([0, 0], [6, 6], 6.0), start, "slsqp") is start


# --- what channels bring -------------------------------------------------------------------------


def test_what_a_channel_brings_is_against_none_of_it() -> None:
    hills = random_hills(np.random.default_rng(3), 4, members=3, scale=100.0)
    amount_X, channel_X = np.array([50.0, 20.0, 80.0, 5.0]), np.array([0, 0, 1, 1])
    value_MX = hills.values_MX(amount_X)
    expected = np.stack([value_MX[:, :2].sum(1), value_MX[:, 2:].sum(1)], axis=1)

    for response in (hills, Summed(hills)):
        kpi_M, brought_MC = kpi_and_brought(response, amount_X, channel_X)
        np.testing.assert_allclose(kpi_M, hills.kpi_M(amount_X))
        np.testing.assert_allclose(brought_MC, expected)


@pytest.mark.parametrize("summed", [False, True])
def test_the_next_amount_of_a_resting_channel_is_the_one_that_brings_most_per_unit(summed: bool) -> None:
    """Slope 4 and half-saturation 30: the first cents bring nothing, 30 of the usual 100 the most."""
    hills = Hills(np.array([[60.0, 50.0]]), np.array([[30.0, 10.0]]), np.array([[4.0, 1.0]]))
    amount_X, usual_X = np.array([0.0, 40.0]), np.array([100.0, 40.0])
    response = Summed(hills) if summed else hills
    found_MX = next_amount_MX(response, amount_X, usual_X, np.arange(2))
    tried = {part: 60.0 * part**4 / (0.3**4 + part**4) / (100 * part) for part in (0.01, 0.03, 0.1, 0.3, 1.0)}

    assert max(tried, key=lambda part: tried[part]) == 0.3
    assert found_MX[0, 0] == pytest.approx(tried[0.3])
    assert found_MX[0, 1] == pytest.approx(50.0 * 10.0 / 50.0**2)


def test_regions_of_a_resting_channel_start_together_where_responses_mix() -> None:
    hills = Hills(np.array([[60.0, 60.0]]), np.array([[30.0, 30.0]]), np.array([[1.0, 1.0]]))
    found_MX = next_amount_MX(Summed(hills), np.zeros(2), np.full(2, 100.0), np.zeros(2, dtype=np.int64))

    # Each gets a hundredth of 100: twice what one brings, for 2 units.
    np.testing.assert_allclose(found_MX, np.full((1, 2), 60.0 / 31.0))
