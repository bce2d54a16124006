"""When spend works: quarters add up, and follow carry-over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from mmm.analysis.realisation import realised_table
from mmm.analysis.tables import by_period
from mmm.fitted import Fitted
from tests.small import sketch, small_panel


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch(small_panel(periods=60), members=5)


def test_the_quarters_of_an_effect_add_up_to_it(fitted: Fitted) -> None:
    rows = realised_table(fitted)
    effect_TC = by_period(fitted).effect_MTC.mean(0)[fitted.split.mask("train")]
    quarter_T = pd.DatetimeIndex(fitted.panel.dates[fitted.split.mask("train")]).to_period("Q")

    for c, name in enumerate(fitted.panel.channels):
        came = rows[rows["channel"] == name].groupby("realised")["effect"].sum()
        expected = pd.Series(effect_TC[:, c]).groupby(quarter_T.start_time).sum()
        assert_allclose(came, expected, rtol=1e-9)
    assert (rows["ran"] <= rows["realised"]).all()
    assert (rows["lower"] <= rows["effect"]).all() and (rows["effect"] <= rows["upper"]).all()


def test_the_parts_are_those_of_media_that_still_act(fitted: Fitted) -> None:
    """One quarter's media alone: what comes in a later one is what the kernel carries there."""
    train_T, sums = fitted.split.mask("train"), by_period(fitted)
    quarter_T = pd.DatetimeIndex(fitted.panel.dates[train_T]).to_period("Q")
    ran, came = quarter_T.unique()[0], quarter_T.unique()[1]
    kernel_MCL, media_TC = fitted.predictor.kernel_MCL, sums.media_TC[train_T]
    expected = 0.0
    for t in np.flatnonzero(quarter_T == came):
        lags = np.arange(min(kernel_MCL.shape[2], t + 1))
        acting_ML = kernel_MCL[:, 0, : len(lags)] * media_TC[t - lags, 0]
        part_M = acting_ML[:, quarter_T[t - lags] == ran].sum(1) / acting_ML.sum(1)
        expected += float((part_M * sums.effect_MTC[:, train_T][:, t, 0]).mean())
    rows = realised_table(fitted).set_index(["channel", "ran", "realised"])["effect"]

    assert_allclose(rows[fitted.panel.channels[0], ran.start_time, came.start_time], expected, rtol=1e-9)


def test_all_media_are_those_that_are_bought(fitted: Fitted) -> None:
    panel = fitted.panel
    held = replace(fitted, panel=replace(panel, organic=(panel.channels[0],)))
    rows = realised_table(held)
    bought = rows[~rows["channel"].isin(["", panel.channels[0]])]

    assert_allclose(
        rows[rows["channel"] == ""].groupby("realised")["effect"].sum(),
        bought.groupby("realised")["effect"].sum(),
        rtol=1e-9,
    )
