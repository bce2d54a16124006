"""Planned media: sums of curves, derivatives, the same as the model on a longer calendar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.model.future import FutureResponse
from tests.model.test_predictor import longer
from tests.small import predictor_on, sketch

HORIZON = 5
HELD = {"temporal": {"enabled": False}, "adstock": {"max_lag": 4}}


def pattern(fitted: Fitted) -> Floats:
    """Media per unit of amount: the last periods as they ran."""
    return fitted.panel.media_GTC[:, -HORIZON:]


def response_of(fitted: Fitted, *, by_region: bool = False) -> FutureResponse:
    return FutureResponse(fitted.predictor, pattern(fitted), by_region=by_region)


@pytest.mark.parametrize("by_region", [False, True])
def test_nothing_planned_adds_nothing(by_region: bool) -> None:
    response = response_of(sketch(), by_region=by_region)
    nothing = np.zeros(9 if by_region else 3)

    np.testing.assert_allclose(response.values_MX(nothing), 0.0, atol=1e-9)
    np.testing.assert_allclose(response.after_horizon(nothing), 0.0, atol=1e-9)


@settings(max_examples=10)
@given(amount=st.floats(0.0, 3.0), more=st.floats(0.01, 2.0))
def test_more_never_brings_less(amount: float, more: float) -> None:
    response = response_of(sketch(members=2))

    low, high = response.values_MX(np.full(3, amount)), response.values_MX(np.full(3, amount + more))
    assert (high >= low - 1e-9).all()


@pytest.mark.parametrize("by_region", [False, True])
def test_marginals_are_the_derivative(by_region: bool) -> None:
    response = response_of(sketch(), by_region=by_region)
    amount_X = np.linspace(0.5, 1.5, 9 if by_region else 3)
    step = 1e-6
    numeric_MX = (response.values_MX(amount_X + step) - response.values_MX(amount_X - step)) / (2 * step)

    np.testing.assert_allclose(response.gradient_MX(amount_X), numeric_MX, rtol=1e-5, atol=1e-6)


def test_amounts_by_region_add_up_to_the_national_ones() -> None:
    fitted = sketch()
    amount_C = np.array([0.5, 1.0, 2.0])
    national_MC = response_of(fitted).values_MX(amount_C)
    regional_MX = response_of(fitted, by_region=True).values_MX(np.repeat(amount_C, 3))

    np.testing.assert_allclose(regional_MX.reshape(3, 3, 3).sum(2), national_MC)


def test_values_of_a_plan_are_those_of_a_longer_calendar() -> None:
    """Planned media appended to the data, and enough empty periods for all carry-over to end."""
    fitted = sketch(model=HELD)
    amount_C = np.array([0.5, 1.0, 2.0])
    empty = longer(fitted.panel, HORIZON + 4)
    media_GTC = empty.media_GTC.copy()
    periods = len(fitted.panel.dates)
    media_GTC[:, periods : periods + HORIZON] = amount_C * pattern(fitted)
    ahead = slice(periods, None)

    planned = predictor_on(fitted, replace(empty, media_GTC=media_GTC)).parts.channels_MGTC[:, :, ahead]
    idle = predictor_on(fitted, empty).parts.channels_MGTC[:, :, ahead]
    response = response_of(fitted)
    np.testing.assert_allclose(response.values_MX(amount_C), (planned - idle).sum((1, 2)), rtol=1e-8)
    np.testing.assert_allclose(response.idle_kpi(), idle.sum((1, 2, 3)), rtol=1e-8)
    np.testing.assert_allclose(
        response.after_horizon(amount_C), (planned - idle)[:, :, HORIZON:].sum((1, 2, 3)), rtol=1e-8
    )
    np.testing.assert_allclose(
        response.channel_periods(amount_C), planned[:, :, :HORIZON].sum(1).transpose(0, 2, 1), rtol=1e-8
    )


def test_a_table_holds_the_values_of_its_plans() -> None:
    response = response_of(sketch())
    grid_PC = np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 2.0]])
    table_MPC = response.table_MPX(grid_PC)

    for point, amount_C in enumerate(grid_PC):
        value_MC = response.values_MX(amount_C)
        np.testing.assert_allclose(
            table_MPC[:, point], value_MC, rtol=1e-4, atol=1e-3 * response.idle_kpi().max()
        )
