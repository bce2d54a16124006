"""A fitted model that is asked: its own media, other media, scaled media, periods beyond the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm.data.panel import Floats, Panel
from tests.small import predictor_on, sketch, small_panel, with_gaps

STEADY = {"temporal": {"hidden": 3, "stride": 4}, "adstock": {"max_lag": 6}}


def longer(panel: Panel, ahead: int) -> Panel:
    """The panel with more periods: no media in them, controls that go on moving."""
    regions, periods, channels = panel.media_GTC.shape
    controls_GHK = np.random.default_rng(1).normal(10.0, 1.0, (regions, ahead, len(panel.controls)))

    def more(values: Floats, tail: Floats) -> Floats:
        return np.concatenate([values, tail], 1)

    nothing = np.zeros((regions, ahead, channels))
    return replace(
        panel,
        dates=np.concatenate([panel.dates, panel.dates[-1] + 7 * np.arange(1, ahead + 1)]),
        present_GT=np.ones((regions, periods + ahead), dtype=bool),
        kpi_GT=more(panel.kpi_GT, np.full((regions, ahead), np.nan)),
        media_GTC=more(panel.media_GTC, nothing),
        spend_GTC=more(panel.spend_GTC, nothing),
        controls_GTK=more(panel.controls_GTK, controls_GHK),
        kpi_value_GT=more(panel.kpi_value_GT, np.full((regions, ahead), 2.0)),
    )


@pytest.mark.parametrize("regions", [1, 3])
def test_factual_media_give_the_factual_contributions(regions: int) -> None:
    fitted = sketch(with_gaps(small_panel(regions=regions)))
    predictor = fitted.predictor

    found_MGTC = predictor.contributions_under(fitted.panel.media_GTC)
    np.testing.assert_allclose(found_MGTC, predictor.parts.channels_MGTC, rtol=1e-10, atol=1e-9)
    one = predictor.contributions_under(fitted.panel.media_GTC, slice(1, 2))
    np.testing.assert_allclose(one[0], found_MGTC[1], rtol=1e-12)


def test_channels_without_media_bring_nothing() -> None:
    fitted = sketch()

    assert not fitted.predictor.contributions_under(np.zeros_like(fitted.panel.media_GTC)).any()


def test_one_channel_s_media_change_no_other_channel() -> None:
    fitted = sketch()
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[..., 1] *= 3.0
    change = fitted.predictor.contributions_under(media_GTC) - fitted.predictor.parts.channels_MGTC

    np.testing.assert_allclose(change[..., [0, 2]], 0.0, atol=1e-9)
    assert (change[..., 1] >= -1e-9).all() and change[..., 1].max() > 0


@settings(max_examples=10)
@given(seed=st.integers(0, 100), low=st.floats(0.0, 2.0), more=st.floats(0.01, 2.0))
def test_curves_start_at_nothing_and_rise(seed: int, low: float, more: float) -> None:
    fitted = sketch(seed=seed, members=2)
    cells_GT = fitted.panel.present_GT.astype(np.float64)
    total_MPC, slope_MPC = fitted.predictor.scaled_totals(np.array([0.0, low, low + more]), cells_GT)

    assert not total_MPC[:, 0].any()
    assert (np.diff(total_MPC, axis=1) >= 0).all()
    assert (slope_MPC >= 0).all()


def test_scaled_totals_are_those_of_scaled_media_and_slopes_their_derivative() -> None:
    fitted = sketch()
    predictor, panel = fitted.predictor, fitted.panel
    cells_GT = np.zeros((3, 48))
    cells_GT[:2, 10:30] = 1.0
    points = np.array([0.5, 1.0, 1.0 - 1e-5, 1.0 + 1e-5])
    total_MPC, slope_MPC = predictor.scaled_totals(points, cells_GT)

    halved = np.einsum("mgtc,gt->mc", predictor.contributions_under(0.5 * panel.media_GTC), cells_GT)
    factual = np.einsum("mgtc,gt->mc", predictor.parts.channels_MGTC, cells_GT)
    np.testing.assert_allclose(total_MPC[:, 0], halved)
    np.testing.assert_allclose(total_MPC[:, 1], factual)
    np.testing.assert_allclose(slope_MPC[:, 1], (total_MPC[:, 3] - total_MPC[:, 2]) / 2e-5, rtol=1e-6)


def test_media_of_the_last_training_week_still_act_in_the_holdout() -> None:
    """One sequence: nothing restarts where training ends."""
    fitted = sketch(model=STEADY)
    n_train = fitted.trained_until
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[:, n_train - 1] = 0.0
    lost_MGTC = fitted.predictor.parts.channels_MGTC - fitted.predictor.contributions_under(media_GTC)

    assert (lost_MGTC[:, :, n_train : n_train + 6].max((0, 1, 2)) > 0).all()
    np.testing.assert_allclose(lost_MGTC[:, :, n_train + 6 :], 0.0, atol=1e-9)


@pytest.mark.parametrize("regions", [1, 3])
@pytest.mark.parametrize("periods", [48, 120])
def test_the_outlook_is_the_model_on_a_longer_calendar(regions: int, periods: int) -> None:
    fitted = sketch(small_panel(regions=regions, periods=periods), model=STEADY)
    panel = longer(fitted.panel, 9)
    parts = predictor_on(fitted, panel).parts

    ahead_MGH = fitted.predictor.baseline_ahead(panel.controls_GTK[:, -9:])
    expected = parts.baseline_MGT + parts.season_MGT + parts.controls_MGTK.sum(-1)
    np.testing.assert_allclose(ahead_MGH, expected[..., -9:], rtol=1e-9)


def test_carry_over_into_the_future_is_that_of_a_longer_calendar() -> None:
    fitted = sketch(model={**STEADY, "temporal": {"enabled": False}})
    predictor, panel = fitted.predictor, longer(fitted.panel, 4)
    parts = predictor_on(fitted, panel).parts

    volume = predictor.carried_ahead(np.zeros((3, 4, 3)), history=True)
    half, slope = predictor.saturation_shape()
    level = (volume**slope / (volume**slope + half**slope)).numpy()
    brought_MCGH = level * predictor.weight_ahead(4).numpy()
    np.testing.assert_allclose(brought_MCGH.transpose(0, 2, 3, 1), parts.channels_MGTC[:, :, -4:], rtol=1e-8)
    assert not predictor.carried_ahead(np.zeros((3, 4, 3)), history=False).numpy().any()


def test_deviations_of_effectiveness_fade_after_the_data() -> None:
    predictor = sketch(model=STEADY).predictor
    last_MCG = predictor.effectiveness_MCGT[..., -1] - 1.0
    ahead_MCGH = predictor.weight_ahead(30).numpy() / predictor.weight_MCG[..., None] - 1.0

    assert (np.abs(ahead_MCGH[..., 0]) <= np.abs(last_MCG)).all()
    np.testing.assert_allclose(ahead_MCGH[..., -1], 0.0, atol=0.05 * np.abs(last_MCG).max())
    assert (np.abs(ahead_MCGH[..., 1:]) <= np.abs(ahead_MCGH[..., :-1])).all()


def test_a_slow_course_goes_on_where_the_network_fades() -> None:
    """A course that has gone to its end stays there, the deviations of the network are gone after a year."""
    fitted = sketch(model=STEADY)
    size_MCV = np.zeros((fitted.members, 3, 2))
    size_MCV[:, 1, 0] = 0.2
    moved = replace(fitted, parameters={**fitted.parameters, "course": size_MCV})
    before, after = fitted.predictor.weight_ahead(60), moved.predictor.weight_ahead(60)

    last = 0.4 * np.tanh(
        0.2 * np.sqrt(2.0) * np.cos(np.pi * (moved.trained_until - 0.5) / moved.trained_until) / 0.4
    )
    np.testing.assert_allclose(((after - before) / before[..., -1:])[:, 1, :, -1], last, rtol=0.01)
    np.testing.assert_allclose(before[:, [0, 2]], after[:, [0, 2]])


def test_a_tenth_of_a_deviation_is_lost_with_every_period_ahead() -> None:
    """A channel half as effective again at the end: 1.45 one period later, 1.405 two, 1.3645 three."""
    predictor = sketch(model=STEADY).predictor
    predictor.__dict__["_effectiveness"] = torch.full((3, 3, 3, 48), 1.5, dtype=torch.float64)
    ahead_MCGH = predictor.weight_ahead(3).numpy() / predictor.weight_MCG[..., None]

    np.testing.assert_allclose(ahead_MCGH, np.broadcast_to([1.45, 1.405, 1.3645], (3, 3, 3, 3)))


def test_kernels_and_noise_have_their_units() -> None:
    fitted = sketch()

    np.testing.assert_allclose(fitted.predictor.kernel_MCL.sum(-1), 1.0)
    assert fitted.predictor.noise_MG.shape == (3, 3)
    np.testing.assert_allclose(
        fitted.predictor.noise_MG / fitted.scaling.kpi_G,
        np.exp(fitted.parameters["noise"][:, None] + 0.5 * fitted.parameters["region_noise"]),
    )
