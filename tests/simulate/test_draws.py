"""What is drawn has the moments that the design and the docstrings promise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.simulate.draws import LAGS, PERIODS_PER_YEAR, Design, _flights, _season, simulate_market, wander
from mmm.simulate.worlds import World

WIDE = Design(regions=40, weeks=208, channels=6)


@cache
def wide() -> World:
    """A large world, in which means are near their expectation."""
    return simulate_market(WIDE, seed=2)


def level_G1(world: World) -> Floats:
    """Level of each region, from the season, which is relative to it by 0.12 and 0.05."""
    return world.control_effects_GTK[..., 0] / (-0.6 * (world.controls_GTK[..., 0] - 1))


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_demandwanders_with_unit_variance_and_its_persistence(persistence: float) -> None:
    """Over 2000 series; from the first period on, not only once it has forgotten its start."""
    series = wander(np.random.default_rng(0), 2000, 40, persistence)

    np.testing.assert_allclose(series.var(axis=0), 1.0, atol=0.12)
    assert (series[:, 1:] * series[:, :-1]).mean() == pytest.approx(persistence, abs=0.03)
    assert abs(series.mean()) < 0.05


def test_a_season_has_two_harmonics_of_a_year() -> None:
    """A quarter of a year after its start: 0.12 · sin(π/2) + 0.05 · cos(π) = 0.07; half a year: 0.05."""
    phase = np.array([0.0, -0.25])
    season = _season(200, phase)
    quarter, half = PERIODS_PER_YEAR / 4, PERIODS_PER_YEAR / 2
    week = np.arange(200)

    np.testing.assert_allclose(np.interp(quarter, week, season[0]), 0.07, atol=1e-3)
    np.testing.assert_allclose(np.interp(half, week, season[0]), 0.05, atol=1e-3)
    np.testing.assert_allclose(np.interp(0.0, week, season[1]), 0.07, atol=1e-3)


def test_flights_last_four_weeks_are_on_three_fifths_of_the_time_and_mostly_national() -> None:
    flights_GT = _flights(np.random.default_rng(1), 400, 400)
    on_GT = flights_GT == 1.0

    assert set(np.unique(flights_GT)) == {0.05, 1.0}
    assert not (np.diff(on_GT.astype(int), axis=1)[:, np.arange(399) % 4 != 3]).any()
    assert on_GT.mean() == pytest.approx(0.6, abs=0.05)
    commonest = on_GT.mean(axis=0) > 0.5
    follows_G = (on_GT == commonest).all(axis=1)
    assert follows_G.mean() == pytest.approx(0.6, abs=0.08)


def test_media_run_around_one_per_head_before_others_move_them() -> None:
    world = wide()

    np.testing.assert_allclose(world.influence.own_GTC.mean(axis=(0, 1)), 1.0)
    assert (world.intensity_GTC >= world.influence.own_GTC - 1e-12).all()


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_graph_has_two_edges_fewer_than_channels_of_the_strength_asked_for(strength: float) -> None:
    world = simulate_market(Design(regions=2, weeks=60, channels=6, edge_strength=strength), seed=5)
    edges = world.graph_CC[world.graph_CC > 0]
    place = {channel: at for at, channel in enumerate(world.influence.order)}

    assert len(edges) == 4
    assert ((0.4 * strength <= edges) & (edges <= 0.8 * strength)).all()
    assert all(
        place[cause] < place[effect] for cause, effect in zip(*np.nonzero(world.graph_CC), strict=True)
    )


def test_a_price_holds_for_eight_weeks_and_costs_six_tenths_of_its_rise() -> None:
    world = wide()
    price_GT = world.controls_GTK[..., 0]
    steps = np.diff(price_GT, axis=1)

    assert not steps[:, np.arange(207) % 8 != 7].any()
    assert price_GT.std() == pytest.approx(0.08, abs=0.01)
    np.testing.assert_allclose(level_G1(world), level_G1(world)[:, :1] * np.ones((1, 208)))


def test_a_promotion_in_one_week_of_eight_sells_an_eighth_more() -> None:
    world = wide()
    promo_GT = world.controls_GTK[..., 1]

    assert set(np.unique(promo_GT)) == {0.0, 1.0}
    assert promo_GT.mean() == pytest.approx(0.12, abs=0.01)
    np.testing.assert_allclose(world.control_effects_GTK[..., 1], 0.12 * level_G1(world) * promo_GT)


def test_without_noise_the_kpi_is_expected_but_for_outliers() -> None:
    """One value in ten is multiplied by 0.3, 0.5, 1.7 or 2."""
    design = Design(regions=20, weeks=100, channels=2, noise=0.0, outliers=0.1)
    world = simulate_market(design, seed=8)
    ratio_GT = world.kpi_GT / (world.kpi_GT - world.noise_GT)
    kinds, counts = np.unique(ratio_GT.round(9), return_counts=True)

    assert kinds.tolist() == [0.3, 0.5, 1.0, 1.7, 2.0]
    assert 1 - counts[2] / counts.sum() == pytest.approx(0.1, abs=0.02)


def test_noise_is_a_share_of_the_regions_own_kpi() -> None:
    world = simulate_market(Design(regions=6, weeks=400, channels=2, noise=0.05, outliers=0.0), seed=9)
    expected_GT = world.kpi_GT - world.noise_GT

    np.testing.assert_allclose(world.noise_GT.std(axis=1) / expected_GT.mean(axis=1), 0.05, rtol=0.12)


def test_every_second_channel_shows_exposure_at_a_price_that_moves() -> None:
    world = wide()
    price_GTC = world.spend_GTC / world.exposure_GTC

    assert world.has_exposure_C.tolist() == [True, False] * 3
    np.testing.assert_allclose(price_GTC.std(axis=0), 0.0, atol=1e-12, err_msg="one price for all regions")
    spread_C = np.log(price_GTC[0]).std(axis=0)
    np.testing.assert_allclose(spread_C[1::2], 0.0, atol=1e-12)
    np.testing.assert_allclose(spread_C[::2], 0.04, atol=0.02)


def test_returns_lie_where_advertising_has_them() -> None:
    """Log-normal around e^0.5 = 1.65 with a spread of 0.5: nine in ten between 0.7 and 3.8."""
    roi = np.concatenate(
        [
            world.direct_GTC.sum((0, 1)) * world.kpi_value / world.spend_GTC.sum((0, 1))
            for world in (
                simulate_market(Design(regions=1, weeks=52, channels=8), seed=seed) for seed in range(12)
            )
        ]
    )

    assert np.exp(np.log(roi).mean()) == pytest.approx(1.65, rel=0.15)
    assert ((roi > 0.7) & (roi < 3.8)).mean() == pytest.approx(0.9, abs=0.07)


def test_kernels_reach_half_a_year_back_and_regions_differ_in_response() -> None:
    world = wide()
    spread_C = np.log(world.response.top_GC / level_G1(world)[:, :1]).std(axis=0)

    assert world.response.weights_CL.shape == (6, LAGS)
    np.testing.assert_allclose(world.response.weights_CL.sum(axis=1), 1.0)
    np.testing.assert_allclose(spread_C, 0.2, atol=0.08)


def test_regions_are_numbered_so_that_they_sort() -> None:
    world = simulate_market(Design(regions=11, weeks=26, channels=1), seed=0)

    assert world.regions[:2] == ("r01", "r02") and world.regions[-1] == "r11"
    assert simulate_market(Design(regions=1, weeks=26, channels=1), seed=0).regions == ("national",)
    assert (np.diff(world.dates) == np.timedelta64(7, "D")).all()
    assert world.dates[0].astype("datetime64[D]").astype(int) % 7 == 4, "a Monday"
