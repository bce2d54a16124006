"""Planned media with what they make of other channels' media."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.graph.channel_graph import empty_graph
from mmm.model.future import FutureResponse, TotalResponse
from tests.small import chain_graph, sketch, small_panel

HORIZON = 5
CURRENT = np.ones(3)


def fitted_with(passed_on: float) -> Fitted:
    return sketch(graph=chain_graph(small_panel().channels, passed_on))


def total_of(fitted: Fitted, *, by_region: bool = False) -> TotalResponse:
    unit_GHC = fitted.panel.media_GTC[:, -HORIZON:]
    return TotalResponse(fitted.predictor, unit_GHC, fitted.graph, unit_GHC, by_region=by_region)


def direct_of(fitted: Fitted) -> FutureResponse:
    return FutureResponse(fitted.predictor, fitted.panel.media_GTC[:, -HORIZON:])


def summed(fitted: Fitted, amount_C: Floats) -> Floats:
    return np.asarray(direct_of(fitted).values_MX(amount_C).sum(1))


def test_without_a_graph_the_total_is_the_direct_effect() -> None:
    fitted = sketch(graph=empty_graph(small_panel().channels))
    amount_C = np.array([0.3, 1.2, 2.0])
    total = total_of(fitted)
    value_M, gradient_MX = total.kpi_M(amount_C), total.gradient_MX(amount_C)

    np.testing.assert_allclose(value_M, summed(fitted, amount_C))
    np.testing.assert_allclose(gradient_MX, direct_of(fitted).gradient_MX(amount_C))


def test_the_status_quo_brings_what_it_brings_directly() -> None:
    fitted = fitted_with(0.01)

    np.testing.assert_allclose(total_of(fitted).kpi_M(CURRENT), summed(fitted, CURRENT))


def test_induced_media_are_those_of_the_equation() -> None:
    """Doubling the cause adds a tenth of its media to the effect, in the same period."""
    fitted = fitted_with(0.1)
    unit_GHC = fitted.panel.media_GTC[:, -HORIZON:]
    planned_GHC = unit_GHC * [2.0, 1.0, 1.0]
    planned_GHC[..., 1] += 0.1 * unit_GHC[..., 0]
    by_hand_M = FutureResponse(fitted.predictor, planned_GHC).values_MX(np.ones(3)).sum(1)

    np.testing.assert_allclose(total_of(fitted).kpi_M(np.array([2.0, 1.0, 1.0])), by_hand_M)


def test_nothing_brings_nothing_and_media_never_fall_below_none() -> None:
    fitted = fitted_with(0.4)
    response = total_of(fitted)

    np.testing.assert_allclose(response.kpi_M(np.zeros(3)), 0.0, atol=1e-9)
    np.testing.assert_allclose(
        response.kpi_M(np.array([0.0, 1e-6, 1.0])), summed(fitted, np.array([0, 0, 1.0]))
    )


@pytest.mark.parametrize("by_region", [False, True])
def test_gradients_are_the_derivative(by_region: bool) -> None:
    response = total_of(fitted_with(0.01), by_region=by_region)
    amount_X = np.linspace(0.8, 1.6, 9 if by_region else 3)
    gradient_MX = response.gradient_MX(amount_X)
    step = 1e-6
    for x in range(len(amount_X)):
        move_X = step * (np.arange(len(amount_X)) == x)
        numeric_M = (response.kpi_M(amount_X + move_X) - response.kpi_M(amount_X - move_X)) / (2 * step)
        np.testing.assert_allclose(gradient_MX[:, x], numeric_M, rtol=1e-5, atol=1e-5)


def test_a_total_response_is_no_sum_of_curves() -> None:
    assert not hasattr(total_of(fitted_with(0.1)), "values")
