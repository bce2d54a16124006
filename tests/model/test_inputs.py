"""What the network reads: shapes, the training window only, the past only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mmm.config import ModelSpec, TemporalSpec
from mmm.data.panel import Panel
from mmm.data.scale import fit_scaling
from mmm.model.inputs import Inputs, build_inputs, typical_volume
from tests.small import small_panel, with_gaps

SPEC = ModelSpec(temporal=TemporalSpec(stride=4))
N_TRAIN = 40


def inputs_of(panel: Panel, spec: ModelSpec = SPEC) -> Inputs:
    return build_inputs(panel, fit_scaling(panel, N_TRAIN), spec, N_TRAIN, dtype=torch.float64)


def test_only_observed_training_cells_enter_the_loss() -> None:
    panel = with_gaps(small_panel())
    trained_GT = inputs_of(panel).trained_GT.numpy() > 0

    expected_GT = panel.observed_GT.copy()
    expected_GT[:, N_TRAIN:] = False
    np.testing.assert_array_equal(trained_GT, expected_GT)
    assert not trained_GT[0, 5] and not trained_GT[-1, 7]


def test_nothing_fitted_depends_on_the_holdout() -> None:
    panel = small_panel()
    late = np.arange(len(panel.dates)) >= N_TRAIN
    poisoned = replace(
        panel,
        kpi_GT=np.where(late, 1e9, panel.kpi_GT),
        media_GTC=np.where(late[:, None], 1e9, panel.media_GTC),
        controls_GTK=np.where(late[:, None], -1e9, panel.controls_GTK),
    )
    clean, dirty = inputs_of(panel), inputs_of(poisoned)

    assert torch.equal(clean.log_half_C, dirty.log_half_C)
    assert torch.equal(clean.stack_CGTL[:, :, :N_TRAIN], dirty.stack_CGTL[:, :, :N_TRAIN])
    assert torch.equal(clean.controls_GTK[:, :N_TRAIN], dirty.controls_GTK[:, :N_TRAIN])
    assert torch.equal(clean.kpi_GT[:, :N_TRAIN], dirty.kpi_GT[:, :N_TRAIN])


def test_the_recurrent_network_reads_blocks_that_are_over() -> None:
    panel = small_panel()
    scaling = fit_scaling(panel, N_TRAIN)
    steps_GSI = inputs_of(panel).steps_GSI.numpy()
    channels = len(panel.channels)

    assert not steps_GSI[:, 0, : channels + 1].any()
    block_GC = np.log1p(scaling.scale_media(panel.media_GTC))[:, 4:8].mean(1)
    np.testing.assert_allclose(steps_GSI[:, 2, :channels], block_GC)


def test_weights_between_steps_add_up_and_never_reach_ahead() -> None:
    between_TS = inputs_of(small_panel()).between_TS.numpy()

    np.testing.assert_allclose(between_TS.sum(1), 1.0)
    for period, row in enumerate(between_TS):
        assert not row[period // 4 + 1 :].any()
    np.testing.assert_allclose(between_TS[4:8, 1], [0.25, 0.5, 0.75, 1.0])


def test_typical_volumes_add_up_over_shards() -> None:
    stack_CGTL = inputs_of(small_panel(regions=5)).stack_CGTL

    whole, first, rest = (typical_volume(part) for part in (stack_CGTL, stack_CGTL[:, :2], stack_CGTL[:, 2:]))

    for item in range(2):
        np.testing.assert_allclose(first[item] + rest[item], whole[item])


def test_a_channel_that_never_ran_has_a_finite_typical_volume() -> None:
    panel = small_panel()
    media_GTC = panel.media_GTC.copy()
    media_GTC[..., 1] = 0.0
    inputs = inputs_of(replace(panel, media_GTC=media_GTC))

    assert bool(torch.isfinite(inputs.log_half_C).all())
    assert bool(torch.isfinite(inputs.stack_CGTL).all())


def test_media_of_typical_size_have_a_log_volume_near_zero() -> None:
    panel = small_panel()
    assert panel.population_G is not None
    even = replace(panel, media_GTC=np.ones_like(panel.media_GTC) * panel.population_G[:, None, None])
    inputs = build_inputs(even, fit_scaling(even, N_TRAIN), SPEC, N_TRAIN, dtype=torch.float64)

    np.testing.assert_allclose(inputs.stack_CGTL[..., 0], 1.0)
    np.testing.assert_allclose(inputs.log_half_C, 0.0, atol=0.05)


def test_fewer_trained_periods_leave_the_original_alone() -> None:
    inputs = inputs_of(small_panel())
    shorter = inputs.train_until(30)

    assert float(shorter.trained_GT[:, 30:].sum()) == 0.0
    assert float(inputs.trained_GT[:, 30:N_TRAIN].sum()) == 30.0


def test_a_daily_panel_has_a_weekly_season_as_well() -> None:
    daily = replace(small_panel(), frequency="daily", dates=np.datetime64("2024-01-01") + np.arange(48))

    assert inputs_of(daily).season_TF.shape[1] == 2 * 4 + 2 * 3
    assert inputs_of(small_panel()).season_TF.shape[1] == 2 * 4
