"""Effectiveness in time: the recurrence by hand, bounds, smoothness, the past only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mmm.config import ModelSpec, TemporalSpec
from mmm.data.panel import Floats
from mmm.model.inputs import Inputs, build_inputs
from mmm.model.parameters import Parameters, start_parameters
from mmm.model.scales import Scales
from mmm.model.temporal import effectiveness
from tests.small import posed, small_panel

SPEC = ModelSpec(temporal=TemporalSpec(hidden=4, stride=4, bound=0.4))


def by_hand(parameters: Parameters, inputs: Inputs, member: int) -> Floats:
    """States of a gated recurrent unit by its definition (Cho et al. 2014), shape GSH."""
    weights = {name: value[member].numpy() for name, value in parameters.items() if name.startswith("gru")}

    def gates(values: Floats, kind: str) -> list[Floats]:
        return np.split(values @ weights[f"gru_{kind}"].T + weights[f"gru_bias_{kind}"], 3, axis=-1)

    def sigmoid(values: Floats) -> Floats:
        value: Floats = 1.0 / (1.0 + np.exp(-values))
        return value

    state, states = np.zeros((inputs.regions, 4)), []
    for step in range(inputs.steps_GSI.shape[1]):
        reset, update, new = gates(inputs.steps_GSI[:, step].numpy(), "input")
        hidden_reset, hidden_update, hidden_new = gates(state, "hidden")
        update = sigmoid(update + hidden_update)
        proposal = np.tanh(new + sigmoid(reset + hidden_reset) * hidden_new)
        state = (1 - update) * proposal + update * state
        states.append(state)
    return np.stack(states, 1)


def test_the_recurrence_is_a_gated_recurrent_unit() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    found_MCGT = effectiveness(parameters, inputs, 0.4).numpy()

    limit_C = 0.4 / (1 + np.exp(-parameters["bound"][1].numpy()))
    raw_CGS = np.einsum("gsh,ch->cgs", by_hand(parameters, inputs, 1), parameters["gru_output"][1].numpy())
    limit = limit_C[:, None, None]
    expected = 1.0 + (limit * np.tanh(raw_CGS / limit)) @ inputs.between_TS.numpy().T
    np.testing.assert_allclose(found_MCGT[1], expected, atol=1e-12)


def test_deviations_stay_within_the_bound_however_large_the_weights() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    parameters["gru_output"] = parameters["gru_output"] * 1e4
    parameters["bound"] = parameters["bound"] + 50.0
    deviation = effectiveness(parameters, inputs, 0.4) - 1.0

    assert float(deviation.abs().max()) <= 0.4 + 1e-12
    assert float(deviation.abs().max()) > 0.3


def test_a_slow_course_is_added_in_all_regions_and_bounded() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    without = effectiveness(parameters, inputs, 0.4)
    size_MCV = torch.zeros(2, 3, inputs.course_TV.shape[1], dtype=torch.float64)
    size_MCV[0, 1, 0], size_MCV[1, 2, 0] = 0.1, 100.0
    moved = effectiveness({**parameters, "course": size_MCV}, inputs, 0.4) - without

    expected_T = 0.4 * torch.tanh(0.1 * inputs.course_TV[:, 0] / 0.4)
    torch.testing.assert_close(moved[0, 1], expected_T.expand(3, -1))
    assert 0.39 < float(moved[1, 2].abs().max()) <= 0.4 + 1e-12
    assert not moved[0, [0, 2]].any()


def test_training_starts_without_deviations() -> None:
    inputs, _, _ = posed(small_panel(), SPEC)
    start = start_parameters(inputs, SPEC, Scales(), 2, torch.Generator().manual_seed(0))

    assert torch.equal(effectiveness(start, inputs, 0.4), torch.ones(2, 3, 3, 48, dtype=torch.float64))


def test_effectiveness_moves_in_straight_lines_within_a_step() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    values_T = effectiveness(parameters, inputs, 0.4)[0, 0, 0].numpy()

    for start in range(4, 48, 4):
        np.testing.assert_allclose(np.diff(values_T[start - 1 : start + 4], 2), 0.0, atol=1e-12)
    assert np.abs(np.diff(values_T, 2)).max() > 1e-6


def test_media_and_controls_of_a_block_change_nothing_before_it_is_over() -> None:
    panel = small_panel()
    media_GTC, controls_GTK = panel.media_GTC.copy(), panel.controls_GTK.copy()
    media_GTC[:, 20:] *= 3.0
    controls_GTK[:, 20:] += 2.0
    inputs, scaling, parameters = posed(panel, SPEC)
    other = replace(panel, media_GTC=media_GTC, controls_GTK=controls_GTK)
    changed = build_inputs(other, scaling, SPEC, 40, dtype=torch.float64)

    before, after = (effectiveness(parameters, data, 0.4) for data in (inputs, changed))

    assert torch.equal(before[..., :24], after[..., :24])
    assert not torch.equal(before[..., 24:], after[..., 24:])


def test_gradients_reach_every_weight() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    weights = {
        name: value.requires_grad_(True) for name, value in parameters.items() if name.startswith("gru")
    }
    effectiveness({**parameters, **weights}, inputs, 0.4).square().sum().backward()  # type: ignore[no-untyped-call]

    assert all(value.grad is not None and bool((value.grad != 0).any()) for value in weights.values())
