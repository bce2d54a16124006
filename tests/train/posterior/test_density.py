"""The density with everything linear integrated out: by brute force, over shards, and handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from mmm.data.panel import Panel
from mmm.model.network import forward
from mmm.model.temporal import amplitude_of, effectiveness, most_amplitude
from mmm.train.posterior.at_once import Search, find
from mmm.train.posterior.density import Density
from mmm.train.posterior.draws import learned_scales, parameters_of, start_of
from mmm.train.posterior.linear import expected_kpi, linear_parts
from mmm.train.posterior.marginal import decomposed
from mmm.train.posterior.posterior import TOGETHER, _handed_over, _moving_together
from mmm.train.prepare import pose
from mmm.train.shards import Alone, Survey
from tests.small import market, reach_panel, small_panel, some_regions, with_gaps
from tests.train.crew import crew
from tests.train.posterior.densities import (
    DRIVEN,
    MODEL,
    N_TRAIN,
    RESTRICTED,
    VARYING,
    covariance_of,
    density_of,
    driven_panel,
    moved,
    places,
    prepared,
)


def by_brute_force(density: Density, theta_D: Tensor) -> float:
    """Log density of all observed cells at once, from their whole covariance."""
    mean_GT, covariance = covariance_of(density, theta_D)
    known = density.moments.weight_GT.flatten() > 0
    normal = torch.distributions.MultivariateNormal(mean_GT.flatten()[known], covariance)
    value = normal.log_prob(density.columns.kpi_GT.flatten()[known])  # type: ignore[no-untyped-call]
    return float(value + density._log_prior(density.layout.split(theta_D.unsqueeze(0)))[0])


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize(("regions", "shocks"), [(1, False), (3, False), (3, True)])
def test_the_integral_is_that_of_the_whole_covariance(regions: int, shocks: bool, restricted: bool) -> None:
    panel = small_panel(regions=regions, controls=2)
    item = prepared(panel if regions == 1 else with_gaps(panel))
    density = density_of(replace(item, restrictions=RESTRICTED) if restricted else item, shocks=shocks)
    theta_MD = places(density, 3)
    found_M = density.value(theta_MD)

    expected = [by_brute_force(density, theta_D) for theta_D in theta_MD]
    assert_allclose(np.diff(found_M.numpy()), np.diff(expected), rtol=1e-7)


MAKERS = pytest.mark.parametrize("make", [small_panel, reach_panel])


@pytest.mark.parametrize("regions", [1, 3])
def test_treatments_and_organic_media_are_in_the_integral_too(regions: int) -> None:
    panel = driven_panel(regions)
    item = prepared(panel if regions == 1 else with_gaps(panel))
    density = density_of(replace(item, restrictions=DRIVEN))
    theta_MD = places(density, 3)

    assert {"treated": 2, "treatment_retention": 2, "held_total": 1}.items() <= density.layout.sizes.items()
    expected = [by_brute_force(density, theta_D) for theta_D in theta_MD]
    assert_allclose(np.diff(density.value(theta_MD).numpy()), np.diff(expected), rtol=1e-7)


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("make", [small_panel, reach_panel, driven_panel])
def test_the_gradient_is_that_of_differences(make: Callable[..., Panel], varying: bool) -> None:
    """With shocks of periods and effects that vary over time, or without both."""
    item = prepared(with_gaps(make()), VARYING if varying else None)
    item = replace(item, restrictions=DRIVEN) if make is driven_panel else item
    density = density_of(item, shocks=varying)
    theta_MD = places(density, 1)
    _, gradient_MD = density.gradient(theta_MD)

    last = density.layout.length
    for place in (*range(0, last - 10, 5), *range(last - 10, last)):
        move = torch.zeros_like(theta_MD)
        move[0, place] = 1e-5
        ahead, behind = density.value(theta_MD + move), density.value(theta_MD - move)
        assert float(gradient_MD[0, place]) == pytest.approx(float(ahead - behind) / 2e-5, rel=1e-4, abs=1e-4)


@MAKERS
@pytest.mark.parametrize(("sizes", "shocks"), [((1, 4), False), ((2, 1, 2), True)])
def test_shards_have_the_density_and_the_gradient_of_the_whole(
    sizes: tuple[int, ...], shocks: bool, make: Callable[..., Panel]
) -> None:
    panel = with_gaps(make(regions=5))
    beliefs = {"priors": {"channels": {"tv": {"share": {"mean": 0.1, "sd": 0.05}}}}}
    spec = market(panel, model=MODEL | beliefs, train={"precision": "float64"})
    whole = density_of(pose(spec, panel, N_TRAIN, Alone(5)), shocks=shocks)
    theta_MD = places(whole, 2)

    def one(shard: Any, own: slice) -> tuple[Tensor, Tensor]:
        rows = some_regions(panel, np.arange(5)[own])
        item = pose(spec, rows, N_TRAIN, shard, survey=Survey("", ()))
        return density_of(item, shocks=shocks).gradient(theta_MD)

    value_M, gradient_MD = whole.gradient(theta_MD)
    for found_M, found_MD in crew(sizes, one)[0]:
        assert_allclose(np.diff(found_M), np.diff(value_M), rtol=1e-8)
        assert_allclose(found_MD, gradient_MD, rtol=1e-7, atol=1e-7)


def test_places_of_a_large_panel_are_looked_at_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    density = density_of(prepared(with_gaps(small_panel(regions=5))))
    theta_MD = places(density, 5)
    value_M, gradient_MD = density.gradient(theta_MD)
    channels, regions, periods, _ = density.inputs.stack_CGTL.shape
    sizes = []
    given = Density.given

    def counted(self: Density, theta_MD: Tensor) -> Any:
        sizes.append(len(theta_MD))
        return given(self, theta_MD)

    monkeypatch.setattr(Density, "given", counted)
    monkeypatch.setattr("mmm.train.posterior.density.CELLS_AT_ONCE", 2 * channels * regions * periods)
    found_M, found_MD = density.gradient(theta_MD)

    assert sizes == [2, 2, 1]
    assert_allclose(found_M, value_M, rtol=1e-10)
    assert_allclose(found_MD, gradient_MD, rtol=1e-8, atol=1e-8)


def test_effects_that_vary_over_time_are_handed_over_as_they_were_drawn() -> None:
    item = prepared(small_panel(regions=3), VARYING)
    density, mode = density_of(item), moved(item)
    theta_MD = places(density, 4)
    free_MC = density.layout.split(theta_MD)["amplitude"]
    drawn = density.media(density.layout.split(theta_MD)).effectiveness_MCGT
    found = _handed_over(item, density, theta_MD, mode, torch.ones(3), None, {}).parameters

    assert drawn is not None
    assert float(drawn.detach().std(3).min()) > 0.01
    assert_allclose(effectiveness(found, density.inputs, item.spec.temporal.bound), drawn.detach(), rtol=1e-6)
    with torch.no_grad():
        start = density.layout.split(start_of(mode, density).unsqueeze(0))
        once_MC = amplitude_of(start["amplitude"], most_amplitude(mode))
    assert_allclose(once_MC, 1.0, rtol=1e-5)
    assert free_MC.shape == (4, 3)


@pytest.mark.parametrize(("shock", "expected"), [(0.0, False), (0.1, True)])
def test_regions_that_move_together_have_shocks_in_common(shock: float, expected: bool) -> None:
    """They are asked for only where residuals of regions have more in common than chance."""
    panel = small_panel(regions=8)
    kpi_GT = panel.kpi_GT * (1.0 + shock * np.random.default_rng(3).standard_normal(panel.kpi_GT.shape[1]))
    density = density_of(prepared(replace(panel, kpi_GT=kpi_GT)))
    (theta_D,) = find([Search(density, torch.zeros(density.layout.length, dtype=torch.float64), 60)])

    assert (_moving_together(density, theta_D) > TOGETHER) == expected


@pytest.mark.parametrize("make", [small_panel, reach_panel, driven_panel])
@pytest.mark.parametrize("regions", [1, 3])
def test_draws_handed_over_predict_what_they_say(regions: int, make: Callable[..., Panel]) -> None:
    """The model's own forward pass of the parameters gives the KPI that the linear parts give."""
    driven = make is driven_panel
    panel = driven_panel(regions) if driven else make(regions=regions, controls=2)
    item = replace(prepared(panel), restrictions=DRIVEN if driven else RESTRICTED)
    density = density_of(item)
    # Narrow deviations of regions, so that none reaches the bound at which responses are held.
    theta_MD = 0.3 * places(density, 4)
    if regions > 1:
        narrow = {"region_width": torch.full((4, 3), -6.0, dtype=torch.float64)}
        theta_MD = theta_MD + density.layout.join(narrow)
    coordinates = density.layout.split(theta_MD)
    with torch.no_grad():
        media = density.media(coordinates)
        linear = linear_parts(density, coordinates, media, None)
        scales = learned_scales(density, coordinates)
        variance_G = torch.ones(regions, dtype=torch.float64)
        parameters = parameters_of(density, coordinates, media, linear, scales, variance_G)
        found = forward(parameters, density.inputs, item.spec, scales)
        expected_MGT = 1.0 + expected_kpi(density, media, linear)

    # The model's baseline bends where it comes near 0.
    assert_allclose(found.prediction_MGT, expected_MGT, rtol=5e-4)
    brought_MGC = found.channels_MCGT.sum(3).transpose(1, 2)
    assert_allclose(brought_MGC, media.effect_MCGT.sum(3).transpose(1, 2) * linear.response_MGC, rtol=1e-6)


def test_a_start_brings_the_shares_it_was_taken_from() -> None:
    """Shares near what is expected; those far from it are drawn towards it."""
    item = replace(prepared(small_panel(controls=2)), restrictions=RESTRICTED)
    density = density_of(item)
    mode = {name: value.double() for name, value in item.start(1, 0).items()}
    mode["share"] = torch.tensor([[0.5, 0.7, 0.3]], dtype=torch.float64)
    share_C = density.media(density.layout.split(start_of(mode, density).unsqueeze(0))).share_MC[0]

    with torch.no_grad():
        brought_CG = forward(mode, density.inputs, item.spec, item.scales).channels_MCGT[0].mean(2)
    assert_allclose(share_C.detach(), (brought_CG * density.region_weight_G).sum(1), rtol=0.05)


def test_a_belief_pulls_the_share_towards_itself() -> None:
    """A belief of ten times the share raises the density of more of it."""
    panel = small_panel()
    low = density_of(
        prepared(panel, {"priors": {"channels": {"tv": {"share": {"mean": 0.02, "sd": 0.005}}}}})
    )
    high = density_of(
        prepared(panel, {"priors": {"channels": {"tv": {"share": {"mean": 0.20, "sd": 0.005}}}}})
    )
    theta_MD = torch.zeros(2, low.layout.length, dtype=torch.float64)
    theta_MD[1] = low.layout.join({"total": torch.tensor([[1.0]], dtype=torch.float64)})[0]

    assert float((high.value(theta_MD) - low.value(theta_MD)).diff()) > 0


@pytest.mark.parametrize("panel", [small_panel(regions=2), reach_panel(regions=2)])
@pytest.mark.parametrize(
    ("first", "last"), [(10, 17), (N_TRAIN - 2, N_TRAIN + 3), (N_TRAIN + 2, N_TRAIN + 5)]
)
def test_a_lift_test_is_believed_where_effectiveness_varies(panel: Panel, first: int, last: int) -> None:
    """Before the end of the training window or after it, a test counts: a lift out of reach costs more."""
    panel = with_gaps(panel)
    test = {
        "channel": panel.channels[0],
        "start": str(panel.dates[first]),
        "end": str(panel.dates[last]),
        "standard_error": 50.0,
        "spend_change": 500.0,
        "in_panel": False,
    }
    values = []
    for lift in (100.0, 1e6):
        spec = market(
            panel,
            model={"temporal": {"hidden": 3}, "graph": {"mode": "none"}},
            train={"precision": "float64"},
            experiments=[test | {"lift": lift}],
        )
        density = density_of(pose(spec, panel, N_TRAIN, Alone(2)))
        value_M, gradient_MD = density.gradient(places(density, 2))
        assert torch.isfinite(gradient_MD).all()
        values.append(value_M)

    assert (values[0] > values[1]).all()


def test_a_precision_without_decomposition_does_not_end_the_others() -> None:
    """Where a trajectory flies off, a precision may vanish; inverting its triangle would raise."""
    lower, failed = decomposed(torch.stack([4.0 * torch.eye(2), torch.zeros(2, 2)]))

    assert failed.tolist() == [0, 1]
    torch.testing.assert_close(torch.cholesky_inverse(lower), torch.stack([torch.eye(2) / 4, torch.eye(2)]))
