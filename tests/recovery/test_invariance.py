"""A whole fit does not depend on how its data are written down: order of channels, of regions, currency.

Draws are random numbers, so two fits of the same data in another order agree to Monte Carlo error; that is a
fraction of the interval that each states, and half an interval is the bar. In another currency nothing but a
unit changes, so that fit is the same to the last digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm import DeepCausalMMM, Design, plan_budget, simulate_market
from mmm.data.panel import Floats

pytestmark = pytest.mark.slow

RATE = 8.0
"""Units of the other currency for one of this. A power of two: products with it are not rounded."""
SETTINGS: dict[str, Any] = {
    "train": {"members": 24, "epochs": 300, "threads": 1},
    "splits": {"holdout": 13},
    "model": {"saturation": {"slope_min": 1.0}},
}
SHORT: dict[str, Any] = {**SETTINGS, "train": {**SETTINGS["train"], "effort": 0.05}}
"""For fits that are the same to the last digits: of a few draws as of many."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """A simulated market as its user has it."""
    return simulate_market(Design(regions=4, weeks=104, channels=4), seed=31).frame()


def fit(frame: pd.DataFrame, settings: dict[str, Any] = SETTINGS) -> DeepCausalMMM:
    """The model of a frame; every column of spend is a channel."""
    media = frame[[name for name in frame.columns if name.endswith("_spend")]]
    return DeepCausalMMM(settings).fit(
        media,
        frame["kpi"],
        regions=list(frame["region"]),
        dates=list(frame["date"]),
        controls=frame[["price", "promo"]],
    )


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> DeepCausalMMM:
    return fit(frame)


@pytest.fixture(scope="module")
def short(frame: pd.DataFrame) -> DeepCausalMMM:
    return fit(frame, SHORT)


def effects(model: DeepCausalMMM) -> pd.DataFrame:
    return model.get_effects().set_index("channel").sort_index()


def half_widths(table: pd.DataFrame) -> Floats:
    """Half of each channel's interval of the direct effect."""
    return np.asarray((table["direct_upper"] - table["direct_lower"]) / 2)


def predicted(model: DeepCausalMMM) -> pd.Series:
    """Prediction by region and date."""
    table = model.result.tables["predictions"]
    return table.set_index(["region", "date"])["predicted"].sort_index()


def assert_alike(found: DeepCausalMMM, expected: DeepCausalMMM) -> None:
    """Effects within half an interval, predictions within two per cent of the KPI."""
    one, other = effects(found), effects(expected)
    apart_C = np.abs(one["direct"].to_numpy() - other["direct"].to_numpy())
    half_C = np.minimum(half_widths(one), half_widths(other))

    assert list(one.index) == list(other.index)
    assert (apart_C < half_C).all(), (apart_C / half_C).round(2)
    difference = predicted(found).to_numpy() - predicted(expected).to_numpy()
    assert np.abs(difference).mean() < 0.02 * predicted(expected).mean()


def test_the_order_of_channels_is_of_no_account(frame: pd.DataFrame, model: DeepCausalMMM) -> None:
    assert_alike(fit(frame[list(reversed(frame.columns))]), model)


def test_the_order_of_regions_is_of_no_account(frame: pd.DataFrame, model: DeepCausalMMM) -> None:
    """Regions are sorted by name, so another order is that of other names."""
    names = sorted(set(frame["region"]))
    turned = dict(zip(names, reversed(names), strict=True))
    other = fit(frame.assign(region=frame["region"].map(turned)))
    table = other.result.tables["predictions"]
    table["region"] = table["region"].map(turned)

    assert_alike(other, model)


def test_rows_in_any_order_are_the_same_panel(frame: pd.DataFrame, short: DeepCausalMMM) -> None:
    shuffled = fit(frame.sample(frac=1.0, random_state=1), SHORT)

    pd.testing.assert_frame_equal(effects(shuffled), effects(short), rtol=1e-9)


def test_another_currency_changes_units_and_nothing_else(frame: pd.DataFrame, short: DeepCausalMMM) -> None:
    spend = [name for name in frame.columns if name.endswith("_spend")]
    dear = fit(frame.assign(**{name: frame[name] * RATE for name in spend}), SHORT)
    one, other = effects(dear), effects(short)

    np.testing.assert_allclose(one["direct"], other["direct"], rtol=1e-6)
    np.testing.assert_allclose(one["spend"], RATE * other["spend"], rtol=1e-12)
    np.testing.assert_allclose(one["roi"] * RATE, other["roi"], rtol=1e-6)
    request = {"budget": "current", "horizon": 13, "default_bounds": {"min_change": -0.5, "max_change": 0.5}}
    plans = [plan_budget(each.result.fitted, request) for each in (dear, short)]
    amounts = [np.array(list(plan.spend.values())) for plan in plans]
    np.testing.assert_allclose(amounts[0], RATE * amounts[1], rtol=0.02)
    assert plans[0].kpi is not None and plans[1].kpi is not None
    assert plans[0].kpi.mean == pytest.approx(plans[1].kpi.mean, rel=1e-4)


def test_another_unit_of_the_kpi_changes_units_and_nothing_else(
    frame: pd.DataFrame, short: DeepCausalMMM
) -> None:
    one, other = effects(fit(frame.assign(kpi=frame["kpi"] * RATE), SHORT)), effects(short)

    np.testing.assert_allclose(one["direct"], RATE * other["direct"], rtol=1e-6)
    np.testing.assert_allclose(one["direct_upper"], RATE * other["direct_upper"], rtol=1e-6)
