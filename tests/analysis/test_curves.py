"""Response curves: the model's own counterfactual, and a Hill equation through it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.analysis.attribution import effects_table
from mmm.analysis.curves import MULTIPLIERS, fit_hill, hill_table, response_curves
from tests.small import sketch, small_panel, with_gaps


def test_curves_start_at_nothing_rise_and_pass_through_the_effect() -> None:
    fitted = sketch(with_gaps(small_panel()))
    curves = response_curves(fitted)
    effects = {str(row["channel"]): row for row in effects_table(fitted).to_dict("records")}

    for name, curve in curves.groupby("channel"):
        assert curve["response"].iloc[0] == 0.0
        assert (curve["response"].diff().dropna() >= 0).all()
        at_one = curve[curve["multiplier"] == 1.0].iloc[0]
        assert at_one["response"] == pytest.approx(effects[str(name)]["direct"])
        assert at_one["spend"] == pytest.approx(effects[str(name)]["spend"])
        assert at_one["lower"] == pytest.approx(max(effects[str(name)]["direct_lower"], 0.0))
    assert sorted(curves["multiplier"].unique()) == MULTIPLIERS.tolist()


def test_marginals_are_slopes_in_money() -> None:
    fitted = sketch(members=2)
    curves = response_curves(fitted, np.array([1.0 - 1e-5, 1.0, 1.0 + 1e-5]))

    for _, curve in curves.groupby("channel"):
        low, middle, high = (curve.iloc[row] for row in range(3))
        slope = (high["response"] - low["response"]) / (high["spend"] - low["spend"])
        assert middle["marginal"] == pytest.approx(slope, rel=1e-4)


def test_levels_the_channel_never_ran_at_are_not_supported() -> None:
    panel = small_panel()
    media_GTC = np.ones_like(panel.media_GTC)
    media_GTC[:, ::2, 1] = 0.0
    curves = response_curves(sketch(replace(panel, media_GTC=media_GTC)))
    supported = {
        name: curve.loc[curve["supported"], "multiplier"].tolist()
        for name, curve in curves.groupby("channel")
    }

    assert supported["tv"] == [1.0]
    assert supported["search"] == MULTIPLIERS.tolist()


def test_a_channel_without_spend_is_measured_in_multiples() -> None:
    panel = small_panel()
    spend_GTC, has_spend_C = panel.spend_GTC.copy(), panel.has_spend_C.copy()
    spend_GTC[..., 0], has_spend_C[0] = 0.0, False
    curves = response_curves(sketch(replace(panel, spend_GTC=spend_GTC, has_spend_C=has_spend_C)))
    hills = hill_table(curves).set_index("channel")

    assert curves.loc[curves["channel"] == "tv", "spend"].isna().all()
    assert hills["unit"].to_dict() == {"tv": "multiplier", "search": "spend", "radio": "spend"}
    assert 0 < hills["half_saturation"].to_dict()["tv"] < 100


@given(half=st.floats(0.2, 1.5), slope=st.floats(0.8, 3.0), unit=st.floats(1.0, 1e6))
def test_a_hill_is_found_again(half: float, slope: float, unit: float) -> None:
    amount_P = MULTIPLIERS * unit
    response_P = 50.0 * MULTIPLIERS**slope / (MULTIPLIERS**slope + half**slope)
    fit = fit_hill(amount_P, response_P)

    assert fit.r2 > 0.9999
    np.testing.assert_allclose(
        fit.top * amount_P**fit.slope / (amount_P**fit.slope + fit.half_saturation**fit.slope),
        response_P,
        atol=0.2,
    )


def test_the_saturation_point_brings_nine_tenths_of_the_top() -> None:
    fit = fit_hill(MULTIPLIERS, MULTIPLIERS**2 / (MULTIPLIERS**2 + 0.5**2))

    assert fit.saturation_point == pytest.approx(1.5, rel=1e-3)


def test_a_channel_without_effect_has_no_curve() -> None:
    flat = pd.DataFrame(
        {"channel": "tv", "multiplier": MULTIPLIERS, "spend": MULTIPLIERS, "response": np.zeros(21)}
    )
    row = hill_table(flat).iloc[0]

    assert row["top"] == 0.0
    assert row[["half_saturation", "slope", "r2"]].isna().all()


def test_the_model_s_curves_are_hills_to_the_eye() -> None:
    hills = hill_table(response_curves(sketch()))

    assert (hills["r2"] > 0.95).all()
