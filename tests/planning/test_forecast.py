"""The periods after the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.config import HolidaysSpec
from mmm.data.calendar import holiday_counts
from mmm.planning.budget import plan_budget
from mmm.planning.forecast import controls_ahead, forecast_of
from tests.small import sketch, small_panel, with_gaps


def test_the_outlook_follows_the_data() -> None:
    fitted = sketch()
    outlook = forecast_of(fitted, 4)

    assert [str(date) for date in outlook.dates[:2]] == ["2023-12-04", "2023-12-11"]
    assert outlook.baseline_MH.shape == (3, 4)


def test_what_is_left_open_grows_with_the_distance_from_the_fit() -> None:
    """A walk of unit steps, 9 to 12 periods after the last one fitted, and the same noise in each."""
    noise_HH = forecast_of(sketch(), 4).noise_HH
    step = noise_HH[0, 1] / 9

    np.testing.assert_allclose(np.diff(np.diag(noise_HH)), step)
    np.testing.assert_allclose(noise_HH[0, 1:], noise_HH[0, 1])
    np.testing.assert_allclose(noise_HH[2, 3], 11 * step)
    assert noise_HH[0, 0] > 9 * step


def test_the_level_walks_by_its_own_scale_and_by_that_of_every_region() -> None:
    """Steps of a tenth of 600 for the nation and of a fifth of each region: 3600 + 5600 a period."""
    fitted = sketch()
    fitted = replace(
        fitted,
        scales=replace(fitted.scales, national_level=0.1, regional_level=0.2),
        scaling=replace(fitted.scaling, kpi_G=np.array([100.0, 200.0, 300.0])),
    )
    noise_HH = forecast_of(fitted, 3).noise_HH

    np.testing.assert_allclose(noise_HH[0, 1:], 9 * 9200.0)
    np.testing.assert_allclose(noise_HH[1, 2], 10 * 9200.0)


def test_controls_stay_at_their_mean_of_the_last_year() -> None:
    panel = small_panel(periods=80)
    controls_GTK = panel.controls_GTK.copy()
    controls_GTK[:, :28], controls_GTK[:, 28:] = 100.0, 7.0
    fitted = sketch(replace(panel, controls_GTK=controls_GTK))

    np.testing.assert_allclose(controls_ahead(fitted, forecast_of(fitted, 3).dates), 7.0)


def test_holidays_are_those_of_the_calendar() -> None:
    panel = small_panel()
    spec = HolidaysSpec(country="US")
    names, count_TH = holiday_counts(panel.dates, panel.frequency, spec)
    controls_GTK = np.broadcast_to(count_TH, (3, *count_TH.shape)).copy()
    fitted = sketch(replace(panel, controls=names, controls_GTK=controls_GTK))
    fitted = replace(fitted, spec=fitted.spec.model_copy(update={"holidays": spec}))
    ahead_GHK = controls_ahead(fitted, forecast_of(fitted, 5).dates)

    np.testing.assert_array_equal(ahead_GHK[:, 4, names.index("holiday: New Year's Day")], 1.0)
    assert ahead_GHK.sum() == 3.0


@pytest.mark.parametrize("regions", [1, 3])
def test_gaps_in_the_data_leave_no_gap_ahead(regions: int) -> None:
    fitted = sketch(with_gaps(small_panel(regions=regions)))
    outlook = forecast_of(fitted, 6)
    plan = plan_budget(fitted, {"budget": "current", "horizon": 6})

    assert np.isfinite(outlook.baseline_MH).all()
    assert np.isfinite(outlook.noise_HH).all()
    assert plan.kpi is not None
    assert np.isfinite(plan.kpi.mean)
