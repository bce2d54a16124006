"""Scales from the data: they follow what moves the KPI, in any unit, without the holdout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmm.config import ModelSpec
from mmm.data.panel import Panel
from mmm.data.scale import fit_scaling
from mmm.model.inputs import build_inputs
from mmm.model.scales import Scales
from mmm.train.calibrate import MOST_PERIODS, _without_outliers, calibrate
from tests.small import small_panel


def scales_of(panel: Panel, seed: int = 0, n_train: int = 72) -> Scales:
    inputs = build_inputs(panel, fit_scaling(panel, n_train), ModelSpec(), n_train, dtype=torch.float64)
    return calibrate(inputs, n_train, seed)


def noisy(noise: float, season: float = 0.0, walk: float = 0.0, regions: int = 6) -> Panel:
    """A KPI around 1000 of noise, a yearly season and a national walk of known size, no media effect."""
    panel = small_panel(regions=regions, periods=80)
    rng = np.random.default_rng(3)
    week_T = np.arange(80)
    level_T = 1 + season * np.sin(2 * np.pi * week_T / 52.18) + walk * np.cumsum(rng.standard_normal(80))
    kpi_GT = 1000 * (level_T + noise * rng.standard_normal((regions, 80)))
    return replace(panel, kpi_GT=kpi_GT)


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_noise_is_found(noise: float) -> None:
    assert scales_of(noisy(noise)).noise == pytest.approx(noise, rel=0.25)


def test_a_season_and_a_wandering_level_are_seen() -> None:
    still = scales_of(noisy(0.02))

    assert scales_of(noisy(0.02, season=0.2)).season > 2 * still.season
    assert scales_of(noisy(0.02, walk=0.02)).national_level > 2 * still.national_level


def test_the_unit_of_the_kpi_cancels() -> None:
    panel = noisy(0.05, season=0.1)
    plain, scaled = scales_of(panel), scales_of(replace(panel, kpi_GT=1e6 * panel.kpi_GT))

    for name, value in plain.as_dict().items():
        assert scaled.as_dict()[name] == pytest.approx(value, rel=0.02), name


def test_outliers_do_not_pass_for_noise() -> None:
    panel = noisy(0.02)
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[[0, 2, 4], [10, 30, 50]] *= 3.0

    assert scales_of(replace(panel, kpi_GT=kpi_GT)).noise < 0.04


@pytest.mark.parametrize(("away", "kept"), [(6.6, True), (6.8, False), (-6.6, True), (-6.8, False)])
def test_an_outlier_is_four_and_a_half_robust_deviations_away(away: float, kept: bool) -> None:
    """0, 1 and -1 in turn: running median 0, median distance 1, so the line is 4.5 · 1.4826 = 6.67."""
    kpi_GT = np.tile([0.0, 1.0, -1.0], 20)[None, :] + 100.0
    kpi_GT[0, 30] += away
    trained_GT = np.ones((1, 60), dtype=bool)
    trained_GT[0, 50:] = False
    found_GT = _without_outliers(kpi_GT, trained_GT)

    assert bool(found_GT[0, 30]) is kept
    assert found_GT[0, :50].sum() == 49 + kept
    assert not found_GT[0, 50:].any()


def test_a_national_market_has_scales_too() -> None:
    values = scales_of(noisy(0.02, regions=1)).as_dict()

    assert all(np.isfinite(value) and value > 0 for value in values.values())


def test_many_regions_are_sampled_by_the_seed() -> None:
    panel = noisy(0.05, regions=40)
    first, again, other = (scales_of(panel, seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert first.noise == pytest.approx(0.05, rel=0.25)


def test_of_a_long_panel_the_last_periods_are_looked_at() -> None:
    """Noise that ended before them leaves no trace."""
    n_train = MOST_PERIODS + 40
    panel = small_panel(regions=2, periods=n_train + 8)
    rng = np.random.default_rng(5)
    noise_T = np.where(np.arange(n_train + 8) < 40, 0.3, 0.02)
    kpi_GT = 1000 * (1 + noise_T * rng.standard_normal((2, n_train + 8)))

    found = scales_of(replace(panel, kpi_GT=kpi_GT), n_train=n_train)
    assert found.noise == pytest.approx(0.02, rel=0.25)
