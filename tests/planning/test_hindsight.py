from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.planning.hindsight import hindsight
from tests.small import BY_REGION, sketch, small_panel

WHOLE = small_panel(regions=2, periods=60)
MODEL = sketch(WHOLE.until(52), members=4)


def test_expectations_are_those_of_the_model_on_media_that_ran_later() -> None:
    # Without a recurrent network nothing depends on how long the panel is: the longer model says the same.
    model = sketch(WHOLE.until(52), members=4, model={"temporal": {"enabled": False}})
    longer = replace(model, panel=WHOLE)
    seen = hindsight(model, WHOLE)

    assert seen is not None
    level = model.predictor.parts.baseline_MGT[..., -1:]
    moved = longer.predictor.parts.prediction_MGT - longer.predictor.parts.baseline_MGT
    expected_H = (level + moved)[..., 52:].sum(1).mean(0)
    np.testing.assert_allclose(seen.expected_H, expected_H, rtol=1e-10)
    np.testing.assert_array_equal(seen.dates, WHOLE.dates[52:])
    np.testing.assert_allclose(seen.actual_H, WHOLE.kpi_GT[:, 52:].sum(0))
    np.testing.assert_allclose(seen.naive_H, WHOLE.kpi_GT[:, 44:52].mean(1).sum())


def test_intervals_widen_with_the_horizon_and_hold_the_expectation() -> None:
    seen = hindsight(sketch(WHOLE.until(52), members=1), WHOLE)

    assert seen is not None
    width_H = seen.upper_H - seen.lower_H
    assert (seen.lower_H < seen.expected_H).all() and (seen.expected_H < seen.upper_H).all()
    assert width_H[-1] > width_H[0]


def test_cells_without_kpi_are_left_out_of_both_sides() -> None:
    kpi_GT = WHOLE.kpi_GT.copy()
    kpi_GT[0, 55] = np.nan
    kpi_GT[:, 56] = np.nan
    whole, gaps = hindsight(MODEL, WHOLE), hindsight(MODEL, replace(WHOLE, kpi_GT=kpi_GT))

    assert whole is not None and gaps is not None
    assert gaps.actual_H[3] == pytest.approx(WHOLE.kpi_GT[1, 55])
    assert gaps.expected_H[3] < whole.expected_H[3]
    assert np.isnan(gaps.actual_H[4])
    np.testing.assert_allclose(np.delete(gaps.expected_H, [3, 4]), np.delete(whole.expected_H, [3, 4]))


def test_a_renamed_channel_and_another_order_of_regions_are_the_same_forecast() -> None:
    turned = replace(
        WHOLE,
        regions=WHOLE.regions[::-1],
        population_G=None,
        channels=("paid tv", *WHOLE.channels[1:]),
        **{name: getattr(WHOLE, name)[::-1] for name in BY_REGION},
    )
    known, named = hindsight(MODEL, WHOLE), hindsight(MODEL, turned, {"paid tv": WHOLE.channels[0]})
    unnamed = hindsight(MODEL, turned)

    assert known is not None and named is not None and unnamed is not None
    np.testing.assert_allclose(named.expected_H, known.expected_H)
    assert (unnamed.expected_H < known.expected_H).all(), "a channel that is gone ran nothing"


def test_nothing_new_or_another_unit_is_no_forecast() -> None:
    assert hindsight(MODEL, MODEL.panel) is None
    assert hindsight(MODEL, replace(WHOLE, has_exposure_C=~WHOLE.has_exposure_C)) is None
