"""Units of a panel: by hand, from the training window alone, volume kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.data.panel import Panel
from mmm.data.scale import CONTROL_LIMIT, fit_scaling
from tests.small import small_panel, with_gaps


def tiny() -> Panel:
    """Two regions, four periods, the last of which is held out; one channel, one control."""
    panel = small_panel(regions=2, periods=4, channels=1)
    return replace(
        panel,
        kpi_GT=np.array([[10.0, 20.0, np.nan, 1e9], [100.0, 100.0, 400.0, 1e9]]),
        media_GTC=np.array([[[1.0], [2.0], [3.0], [1e9]], [[30.0], [0.0], [30.0], [1e9]]]),
        controls_GTK=np.array([[[1.0], [2.0], [3.0], [1e9]], [[11.0], [12.0], [13.0], [1e9]]]),
        population_G=np.array([100.0, 300.0]),
    )


def test_units_by_hand() -> None:
    scaling = fit_scaling(tiny(), 3)

    assert scaling.kpi_G.tolist() == [15.0, 200.0]
    assert scaling.mean_kpi == 107.5
    assert scaling.size_G.tolist() == [0.5, 1.5]
    # media per size: (1 + 2 + 3) / 0.5 and 60 / 1.5, over six cells
    assert scaling.media_C.tolist() == pytest.approx([(12.0 + 40.0) / 6])
    assert scaling.control_mean_GK.tolist() == [[2.0], [12.0]]
    assert scaling.control_sd_K.tolist() == pytest.approx([np.sqrt(4 / 6)])


def test_without_population_size_is_the_mean_kpi() -> None:
    scaling = fit_scaling(replace(tiny(), population_G=None), 3)

    np.testing.assert_allclose(scaling.size_G, np.array([15.0, 200.0]) / 107.5)
    np.testing.assert_allclose(scaling.log_heads_G(), 0.0, atol=1e-12)


def test_volume_is_kept() -> None:
    """Twice the media is twice the number, whatever the other channels did."""
    panel = tiny()
    scaling = fit_scaling(panel, 3)

    np.testing.assert_allclose(
        scaling.scale_media(2 * panel.media_GTC), 2 * scaling.scale_media(panel.media_GTC)
    )
    assert scaling.scale_media(panel.media_GTC)[:, :3].mean() == pytest.approx(1.0)


def test_later_periods_are_never_looked_at() -> None:
    panel = small_panel()
    late = np.arange(48) >= 40
    spoiled = replace(
        panel,
        kpi_GT=np.where(late, -7.0, panel.kpi_GT),
        media_GTC=np.where(late[:, None], 1e12, panel.media_GTC),
        controls_GTK=np.where(late[:, None], 1e12, panel.controls_GTK),
    )

    for name, value in vars(fit_scaling(panel, 40)).items():
        np.testing.assert_array_equal(vars(fit_scaling(spoiled, 40))[name], value, err_msg=name)


def test_absent_and_unknown_cells_do_not_count() -> None:
    panel = with_gaps(small_panel())
    wild = replace(panel, controls_GTK=np.where(panel.present_GT[..., None], panel.controls_GTK, 1e9))

    clean, dirty = fit_scaling(panel, 40), fit_scaling(wild, 40)
    np.testing.assert_array_equal(clean.control_mean_GK, dirty.control_mean_GK)
    np.testing.assert_array_equal(clean.control_sd_K, dirty.control_sd_K)
    assert np.isfinite(clean.kpi_G).all()
    assert not clean.scale_controls(panel)[0, 5].any()
    assert clean.scale_kpi(panel)[-1, 7] == 0.0


def test_controls_are_deviations_within_the_region_and_held_far_out() -> None:
    panel = small_panel()
    scaling = fit_scaling(panel, 48)
    scaled_GTK = scaling.scale_controls(panel)
    far = replace(panel, controls_GTK=panel.controls_GTK + 1e6)

    np.testing.assert_allclose(scaled_GTK.mean(1), 0.0, atol=1e-12)
    assert scaled_GTK.std() == pytest.approx(1.0)
    assert scaling.scale_controls(far).max() == CONTROL_LIMIT


def test_dead_regions_channels_and_controls_get_units_that_divide() -> None:
    panel = small_panel()
    kpi_GT, media_GTC = panel.kpi_GT.copy(), panel.media_GTC.copy()
    kpi_GT[0], kpi_GT[1] = np.nan, 0.0
    media_GTC[..., 2] = 0.0
    dead = replace(panel, kpi_GT=kpi_GT, media_GTC=media_GTC, controls_GTK=np.full((3, 48, 1), 4.0))
    scaling = fit_scaling(dead, 40)

    assert scaling.contacts_C is None
    assert all(np.all(np.isfinite(value)) for name, value in vars(scaling).items() if name != "contacts_C")
    assert (scaling.kpi_G > 0).all() and (scaling.media_C > 0).all() and (scaling.control_sd_K > 0).all()
    assert not scaling.scale_controls(dead).any()
