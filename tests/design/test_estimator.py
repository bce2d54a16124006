"""The estimator: sums that a reader can check, and what it leaves alone.

Shapes as in ``mmm.design.estimator``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.design.estimator import (
    Adjustment,
    Windows,
    adjusted_kpi,
    band_of,
    covariate_values,
    effects,
    find_coefficients,
    held,
)


def test_what_treated_regions_brought_beyond_the_moves_of_control_regions() -> None:
    kpi_GT = np.array([[10.0, 10.0, 30.0, 30.0], [100.0, 100.0, 200.0, 200.0]])
    treated_SG = np.array([[True, False], [False, True]])

    found = effects(kpi_GT, treated_SG, ~treated_SG, Windows(before=2, test=2, cooldown=0))

    # Controls doubled: 2 x 20 was to be expected of the first, and 3 x 200 of the second.
    assert found.expected_SW[:, 0] == pytest.approx([40.0, 600.0])
    assert found.effect_SW[:, 0] == pytest.approx([20.0, -200.0])


def test_blocks_are_compared_with_as_many_periods_before_and_after_each() -> None:
    kpi_GT = np.array([[10.0, 4.0, 9.0, 12.0, 5.0, 9.0, 14.0]])
    one_SG = np.ones((1, 1), dtype=bool)

    found = effects(kpi_GT, one_SG, ~one_SG, Windows(1, 1, cooldown=1, blocks=2, national=True))

    # 4 beside 10 and 12, and 5 beside 12 and 14; the 9 after each block is left out.
    assert found.effect_SW.tolist() == [[(4 - 11) + (5 - 13)]]
    assert found.expected_SW.tolist() == [[24.0]]


def test_a_region_that_lacks_a_cell_takes_no_part_in_its_windows() -> None:
    rng = np.random.default_rng(0)
    kpi_GT = rng.uniform(50.0, 150.0, (4, 12))
    treated_SG = np.array([[True, True, False, False]])
    gap_GT = kpi_GT.copy()
    gap_GT[1, 7] = np.nan
    windows = Windows(before=3, test=2, cooldown=0)

    with_gap = effects(gap_GT, treated_SG, ~treated_SG, windows)
    whole = effects(kpi_GT, treated_SG, ~treated_SG, windows)
    without = effects(kpi_GT[[0, 2, 3]], treated_SG[:, [0, 2, 3]], ~treated_SG[:, [0, 2, 3]], windows)

    touched_W = np.array([first - 3 <= 7 < first + 2 for first in range(3, 11)])
    assert with_gap.effect_SW[0, touched_W] == pytest.approx(without.effect_SW[0, touched_W])
    assert with_gap.effect_SW[0, ~touched_W] == pytest.approx(whole.effect_SW[0, ~touched_W])


def adjustment(kpi_GT: np.ndarray, raw_GTK: np.ndarray, media: list[bool]) -> Adjustment:
    count = len(media)
    kernel_KL = np.tile([0.5, 0.5], (count, 1))
    plain = Adjustment(kpi_GT.mean(1), raw_GTK.mean(1), np.array(media), kernel_KL, np.zeros(count), np.inf)
    values_GTK = covariate_values(raw_GTK, plain)
    return replace(plain, coefficient_K=find_coefficients(kpi_GT, values_GTK, plain.level_G))


def test_recorded_media_and_controls_are_taken_out() -> None:
    rng = np.random.default_rng(1)
    regions, periods = 6, 200
    raw_GTK = np.stack([rng.gamma(2.0, 50.0, (regions, periods)), rng.normal(5, 1, (regions, periods))], -1)
    level_G1 = 1000.0 * np.arange(1, regions + 1)[:, None]
    carried_GT = 0.5 * raw_GTK[..., 0] + 0.5 * np.pad(raw_GTK[..., 0], ((0, 0), (1, 0)))[:, :-1]
    moved_GT = 0.2 * np.sqrt(carried_GT / raw_GTK[..., 0].mean(1, keepdims=True)) + 0.05 * raw_GTK[..., 1]
    noise_GT = 0.01 * rng.standard_normal((regions, periods))
    kpi_GT = level_G1 * (1.0 + moved_GT + noise_GT)

    found = adjustment(kpi_GT, raw_GTK, [True, False])
    left_GT = adjusted_kpi(kpi_GT, raw_GTK, found) / level_G1

    assert found.coefficient_K * (found.level_G.mean() / level_G1.mean()) == pytest.approx(
        [0.2, 0.05], rel=0.03
    )
    assert left_GT[:, 1:].std(1).max() < 0.012
    assert (kpi_GT / level_G1).std(1).min() > 0.05


def test_single_cells_far_off_are_held_and_steps_are_not() -> None:
    rng = np.random.default_rng(2)
    kpi_GT = 100.0 * (1.0 + 0.01 * rng.standard_normal((6, 60)))
    kpi_GT[2, 30] = 300.0
    kpi_GT[:2, 40:48] *= 0.9
    band = band_of(kpi_GT)

    found_GT = held(kpi_GT, band)

    assert 0.02 < band < 0.08
    assert found_GT[2, 30] == pytest.approx(100.0, rel=1.5 * band)
    untouched_GT = np.ones(kpi_GT.shape, dtype=bool)
    untouched_GT[2, 30] = False
    assert np.abs(found_GT / kpi_GT - 1.0)[untouched_GT].max() < 0.06
    assert np.isnan(held(np.where(untouched_GT, kpi_GT, np.nan), band)[2, 30])
