"""The likelihood of lift tests is the model's own counterfactual, carry-over and funnel included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.experiments import LiftTest, locate_experiments
from mmm.data.panel import Floats, Panel
from mmm.fitted import Fitted
from mmm.graph.channel_graph import downstream_delta
from mmm.model.experiments import pose_lift_tests
from mmm.model.inputs import build_inputs
from mmm.model.network import forward
from mmm.model.objective import lift_penalty
from tests.model.test_objective import SCALES, target_of
from tests.small import chain_graph, market, sketch, small_panel, with_gaps

START, END, PERIODS = "2023-03-06", "2023-04-03", slice(9, 14)
REGIONS = [0, 2]


def experimented(panel: Panel, **test: Any) -> tuple[Fitted, tuple[LiftTest, ...]]:
    values = {
        "channel": "tv",
        "regions": ["r0", "r2"],
        "start": START,
        "end": END,
        "lift": 50.0,
        "standard_error": 4.0,
        "spend_change": float(0.5 * panel.spend_GTC[REGIONS, PERIODS, 0].sum()),
    } | test
    spec = validate(MarketSpec, market(panel).model_dump(mode="json") | {"experiments": [values]}, "test")
    tests, problems = locate_experiments(spec, panel)
    assert not problems
    return replace(sketch(panel, graph=chain_graph(panel.channels)), spec=spec), tests


def counterfactual(fitted: Fitted, media_GTC: Floats) -> Floats:
    """Lift over the treated cells by asking the predictor for whole panels, shape M."""
    cells_GT = np.zeros(fitted.panel.present_GT.shape)
    cells_GT[REGIONS, PERIODS] = fitted.panel.present_GT[REGIONS, PERIODS]
    change_MGTC = fitted.predictor.contributions_under(
        fitted.panel.media_GTC
    ) - fitted.predictor.contributions_under(media_GTC)
    return np.asarray(np.einsum("mgtc,gt->m", change_MGTC, cells_GT))


@pytest.mark.parametrize("gaps", [False, True])
def test_direct_lift_is_the_predictors_counterfactual(gaps: bool) -> None:
    panel = with_gaps(small_panel()) if gaps else small_panel()
    fitted, tests = experimented(panel, effect="direct")
    media_GTC = panel.media_GTC.copy()
    media_GTC[np.ix_(REGIONS, range(9, 14), [0])] *= 0.5

    lift_ME = fitted.predictor.lifts(tests, fitted.graph)
    np.testing.assert_allclose(lift_ME[:, 0], counterfactual(fitted, media_GTC), rtol=1e-9)


def test_total_lift_has_what_the_channel_moves() -> None:
    panel = small_panel()
    fitted, tests = experimented(panel)
    change_GTC = downstream_delta(tests[0].imposed(panel), fitted.graph)
    media_GTC = np.maximum(panel.media_GTC - change_GTC, 0.0)

    total_ME = fitted.predictor.lifts(tests, fitted.graph)
    direct_ME = fitted.predictor.lifts(experimented(panel, effect="direct")[1], fitted.graph)
    np.testing.assert_allclose(total_ME[:, 0], counterfactual(fitted, media_GTC), rtol=1e-9)
    assert (total_ME > direct_ME).all()


def test_the_penalty_is_half_a_squared_distance_in_standard_errors() -> None:
    panel = small_panel()
    fitted, tests = experimented(panel)
    inputs = build_inputs(panel, fitted.scaling, fitted.spec.model, fitted.trained_until, dtype=torch.float64)
    parameters = {name: torch.as_tensor(value) for name, value in fitted.parameters.items()}
    posed = pose_lift_tests(tests, panel, fitted.scaling, fitted.graph, inputs.stack_CGTL.shape[-1])
    parts = forward(parameters, inputs, fitted.spec.model, SCALES)
    target = target_of(inputs, fitted.scaling, members=3, lift_tests=posed)
    penalty_M = lift_penalty(parameters, parts, inputs, fitted.spec.model, target)

    lift_M = fitted.predictor.lifts(tests, fitted.graph)[:, 0]
    np.testing.assert_allclose(penalty_M.numpy(), 0.5 * ((lift_M - 50.0) / 4.0) ** 2, rtol=1e-9)
    part = replace(target, prior_share=0.25)
    own_M = lift_penalty(parameters, parts, inputs, fitted.spec.model, part)
    np.testing.assert_allclose(own_M.numpy(), 0.25 * penalty_M.numpy(), rtol=1e-12)


def test_measurements_are_redrawn_in_standard_errors() -> None:
    fitted, tests = experimented(small_panel())
    posed = pose_lift_tests(tests, fitted.panel, fitted.scaling, fitted.graph, 3)
    assert posed is not None

    moved = posed.redrawn(np.array([[0.0], [1.0], [-2.0]]))
    assert moved.lift_ME[:, 0].tolist() == [50.0, 54.0, 42.0]


def test_no_tests_no_tensors() -> None:
    fitted = sketch()

    assert pose_lift_tests((), fitted.panel, fitted.scaling, fitted.graph, 3) is None
    assert fitted.predictor.lifts((), fitted.graph).shape == (3, 0)
