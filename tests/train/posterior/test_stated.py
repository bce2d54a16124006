"""What users state in the density of draws and in the loss of descents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor
from torch.nn.functional import softplus

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.model.beliefs import expected_share, log_shares
from mmm.model.network import channel_shape, channel_weight, forward
from mmm.model.objective import log_prior, loss_of_residuals, misfit, objective
from mmm.train.prepare import Prepared, pose
from mmm.train.shards import Alone, Survey
from tests.small import market, small_panel, some_regions, with_gaps
from tests.train.crew import crew
from tests.train.posterior.densities import MODEL, N_TRAIN, density_of, places

PANEL = with_gaps(small_panel(regions=5))
PLACE = {"window": ["2023-03-06", "2023-04-09"], "regions": ["r1", "r3"]}
EVERY: dict[str, Any] = {
    "tv": {"roi": {"family": "lognormal", "mean": 2.0, "sd": 0.5}, "marginal_roi": {"range": [0.5, 2.0]}},
    "search": {"cost_per_kpi": {"range": [1.0, 4.0]}, "share": {"mean": 0.1, "sd": 0.02}},
    "radio": {"roi": {"range": [0.0, 2.0]}, **PLACE},
}
TEST = {"channel": "tv", "start": "2021-01-04", "end": "2021-03-28", "lift": 90.0, "standard_error": 30.0}
"""A lift test made before the panel."""


def spec_of(channels: dict[str, Any], **priors: Any) -> MarketSpec:
    spec = market(
        PANEL, model=MODEL | {"priors": {"channels": channels, **priors}}, train={"precision": "float64"}
    )
    values = spec.model_dump(mode="json") | {"experiments": [{**TEST, "spend_change": 300.0}]}
    return validate(MarketSpec, values, "test")


def item_of(channels: dict[str, Any], **priors: Any) -> Prepared:
    return pose(spec_of(channels, **priors), PANEL, N_TRAIN, Alone(5))


def test_the_gradient_is_that_of_differences() -> None:
    density = density_of(item_of(EVERY))
    theta_MD = places(density, 1)
    _, gradient_MD = density.gradient(theta_MD)

    for place in range(0, density.layout.length, 4):
        move = torch.zeros_like(theta_MD)
        move[0, place] = 1e-5
        ahead, behind = density.value(theta_MD + move), density.value(theta_MD - move)
        assert float(gradient_MD[0, place]) == pytest.approx(float(ahead - behind) / 2e-5, rel=1e-4, abs=1e-4)


def test_shards_have_the_density_and_the_gradient_of_the_whole() -> None:
    spec = spec_of(EVERY)
    whole = density_of(pose(spec, PANEL, N_TRAIN, Alone(5)))
    theta_MD = places(whole, 2)

    def one(shard: Any, own: slice) -> tuple[Tensor, Tensor]:
        rows = some_regions(PANEL, np.arange(5)[own])
        return density_of(pose(spec, rows, N_TRAIN, shard, survey=Survey("", (), PANEL.regions))).gradient(
            theta_MD
        )

    value_M, gradient_MD = whole.gradient(theta_MD)
    for found_M, found_MD in crew((2, 1, 2), one)[0]:
        assert_allclose(np.diff(found_M), np.diff(value_M), rtol=1e-8)
        assert_allclose(found_MD, gradient_MD, rtol=1e-7, atol=1e-7)


def test_a_log_normal_belief_takes_the_place_of_what_is_expected() -> None:
    """What the density gains is the belief over the expectation, both of the log share."""
    plain = density_of(item_of({}))
    stated = density_of(item_of({"tv": {"share": {"family": "lognormal", "mean": 0.2, "sd": 0.05}}}))
    theta_MD = places(plain, 3)
    log_share_M = log_shares(plain.layout.split(theta_MD), plain.expected)[:, 0]
    spend_C = item_of({}).spend_C.numpy()
    expected = expected_share(plain.beliefs.spec, spend_C, 0)
    belief = stated.beliefs.spec.priors.channels["tv"].stated()[0].belief
    away_M = (log_share_M - belief.normal[0]) / belief.normal[1]
    over_M = log_share_M - expected.middle
    below_M = -2.5 * torch.log1p((over_M / expected.below) ** 2 / 4.0)
    gained_M = -0.5 * away_M**2 - torch.where(over_M < 0, below_M, -0.5 * (over_M / expected.above) ** 2)

    assert_allclose(stated.value(theta_MD) - plain.value(theta_MD), gained_M, rtol=1e-6)


def test_a_test_made_elsewhere_counts_whatever_the_strength() -> None:
    low, high = (density_of(item_of({}, strength=strength)) for strength in (0.0, 1.0))
    silent = density_of(replace(item_of({}), placed=()))
    theta_MD = places(low, 2)

    assert_allclose(low.value(theta_MD), high.value(theta_MD))
    assert (silent.value(theta_MD) - low.value(theta_MD)).abs().min() > 1e-3


def loss_at(item: Prepared, parameters: dict[str, Tensor], **changes: Any) -> Tensor:
    inputs, weight_MGT = item.inputs, torch.ones(1, 1, 1, dtype=torch.float64) * item.inputs.trained_GT
    target = replace(item.target(inputs, weight_MGT, {}, None), **changes)
    parts = forward(parameters, inputs, item.spec, item.scales)
    return objective(parameters, parts, inputs, item.spec, target) * target.cells


def test_descents_are_drawn_towards_the_same_cells() -> None:
    """The loss rises by half the squares of the deviations of the model's own figures."""
    item = item_of(
        {"radio": EVERY["radio"], "search": {"cost_per_kpi": {"range": [1.0, 4.0], "family": "normal"}}}
    )
    parameters = {name: value.double() for name, value in item.start(1, 0).items()}
    shape = channel_shape(parameters, item.inputs, item.spec)
    weight_MCG = channel_weight(parameters, item.inputs, shape, item.spec)
    brought = [one.brought(shape, item.inputs.stack_CGTL, weight_MCG, None) for one in item.placed]
    expected_M = sum(0.5 * one.deviations(own) ** 2 for one, own in zip(item.placed, brought, strict=True))

    assert len(item.placed) == 3
    assert_allclose(loss_at(item, parameters) - loss_at(item, parameters, placed=()), expected_M, rtol=1e-6)


def test_a_dynamic_belief_is_scaled_by_the_loss_of_residuals_alone() -> None:
    """Whatever the noise's own term is: a tenth of the noise, at the same residuals in its units."""
    item = item_of({"search": {"share": {"mean": 0.1, "sd": 0.02}}}, dynamic=True)
    plain = item_of({"search": {"share": {"mean": 0.1, "sd": 0.02}}})
    none = item_of({})
    parameters = {name: value.double() for name, value in item.start(1, 0).items()}
    inputs = item.inputs
    parts = forward(parameters, inputs, item.spec, item.scales)
    weight_MGT = torch.ones(1, 1, 1, dtype=torch.float64) * inputs.trained_GT
    args = (parameters, parts, inputs, item.spec.loss, weight_MGT)
    scale_M, whole_M = loss_of_residuals(*args), misfit(*args)
    bare = {"placed": ()}
    penalty_M = loss_at(plain, parameters, **bare) - loss_at(none, parameters, **bare)

    assert float(scale_M) > 0 > float(whole_M) - float(scale_M), "noise below 1 has a negative term"
    assert_allclose(
        loss_at(item, parameters, **bare) - loss_at(none, parameters, **bare), scale_M * penalty_M, rtol=1e-8
    )


def test_in_a_descent_too_a_log_normal_belief_takes_the_place_of_what_is_expected() -> None:
    """The half-normal of the channel's share is gone, that of the others is not."""
    item, plain = item_of({"tv": {"roi": {"range": [1.0, 4.0]}}}), item_of({})
    parameters = {name: value.double() for name, value in item.start(1, 0).items()}
    weight_MGT = torch.ones(1, 1, 1, dtype=torch.float64) * item.inputs.trained_GT
    stated, usual = (
        log_prior(parameters, one.spec, one.target(one.inputs, weight_MGT, {}, None)) for one in (item, plain)
    )

    assert_allclose(usual - stated, 0.5 * softplus(parameters["share"][:, 0]) ** 2, rtol=1e-9)
