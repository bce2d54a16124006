"""Curves by reach and by frequency, and the best frequency, against the model asked cell by cell."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import poisson

from mmm.analysis.curves import response_curves
from mmm.analysis.frequency import best_frequency_table, frequency_table, today
from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.model.frequency import HALF, SLOPE
from tests.small import predictor_on, reach_panel, sketch


@cache
def model(half: float = 0.0, slope: float = 0.6, members: int = 3) -> Fitted:
    """A sketch whose members differ a little in what a person does."""
    spread: Floats = np.asarray(0.2 * (np.arange(members) - (members - 1) / 2)[:, None], dtype=np.float64)
    own = {HALF: half + spread, SLOPE: slope - spread}
    return sketch(reach_panel(), members=members, parameters=own)


def test_by_frequency_the_contacts_of_every_cell_stay() -> None:
    fitted, panel = model(), model().panel
    assert panel.contacts_GTC is not None
    table = frequency_table(fitted, response_curves(fitted))
    assert table is not None
    own = table[table["curve"] == "frequency"].reset_index(drop=True)
    for row in (0, 10, 32):
        each = float(own["frequency"][row])
        contacts_GTC, media_GTC = panel.contacts_GTC.copy(), panel.media_GTC.copy()
        media_GTC[..., 0] *= contacts_GTC[..., 0] / each
        contacts_GTC[..., 0] = each
        other = replace(panel, contacts_GTC=contacts_GTC, media_GTC=media_GTC)
        asked = predictor_on(fitted, other)
        asked.__dict__["_effectiveness"] = fitted.predictor._effectiveness
        brought = asked.contributions_under(media_GTC)[..., 0][:, fitted.training_GT].sum(1).mean()
        assert own["response"][row] == pytest.approx(brought, rel=1e-6)
    assert own["reach"].to_numpy() * own["frequency"].to_numpy() == pytest.approx(own["contacts"].to_numpy())


def test_by_reach_the_curve_is_the_response_curve() -> None:
    curves = response_curves(model())
    table = frequency_table(model(), curves)
    assert table is not None
    own, plain = table[table["curve"] == "reach"], curves[curves["channel"] == "tv"]
    assert own["response"].tolist() == plain["response"].tolist()
    assert own["frequency"].nunique() == 1 and own["reach"].iloc[0] == 0.0


def test_each_draws_best_is_that_of_the_mean_over_people() -> None:
    lone = model(members=1)
    table = best_frequency_table(lone)
    assert table is not None
    half, slope = (float(value[0, 0]) for value in lone.predictor.person_shape())
    n = np.arange(1, 400)
    person = n**slope / (n**slope + half**slope)
    found = minimize_scalar(
        lambda f: -(poisson.pmf(n - 1, f - 1) @ person) / f, bounds=(1, 20), method="bounded"
    )
    assert table["best"][0] == pytest.approx(found.x, abs=0.05)
    assert np.isnan(table["best_lower"][0])
    # The closed form of one person reached exactly so often is another frequency.
    assert abs(table["best"][0] - half * (slope - 1) ** (1 / slope)) > 0.1


def test_who_responds_at_once_is_best_reached_once() -> None:
    table = best_frequency_table(model(half=-1.0, slope=-3.0))
    assert table is not None
    row = table.iloc[0]
    assert row["best"] == 1.0 and row["chance_higher"] == 0.0 and row["advice"] == "lower"
    assert row["gain"] > 0.0


@pytest.mark.parametrize("half", [-2.0, 0.0, 3.0])
def test_advice_is_given_outside_the_band_only(half: float) -> None:
    table = best_frequency_table(model(half=half))
    assert table is not None
    row = table.iloc[0]
    inside = row["band_lower"] <= row["today"] <= row["band_upper"]
    assert row["advice"] == ("none" if inside else "higher" if row["best"] > row["today"] else "lower")
    assert row["band_lower"] <= row["best"] <= row["band_upper"]
    assert row["best_lower"] <= row["best_upper"]


def test_todays_frequency_is_that_of_the_last_year() -> None:
    panel = reach_panel(periods=80)
    assert panel.contacts_GTC is not None
    contacts_GTC = panel.contacts_GTC.copy()
    contacts_GTC[:, :20, 0], contacts_GTC[:, 20:, 0] = 9.0, 2.0
    assert today(sketch(replace(panel, contacts_GTC=contacts_GTC)), 0) == pytest.approx(2.0)


def test_models_without_reach_have_no_such_tables() -> None:
    fitted = sketch()
    assert frequency_table(fitted, response_curves(fitted)) is None and best_frequency_table(fitted) is None
