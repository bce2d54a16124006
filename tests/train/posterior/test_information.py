"""What the data tell of the coordinates: against the whole covariance, over shards, and of many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from mmm.train.posterior.at_once import _Stack
from mmm.train.posterior.density import Density
from mmm.train.posterior.information import information, spread_places
from mmm.train.posterior.linear import linear_parts
from mmm.train.posterior.search import curvature
from mmm.train.prepare import pose
from mmm.train.shards import Alone, Survey
from tests.small import market, small_panel, some_regions, with_gaps
from tests.train.crew import crew
from tests.train.posterior.densities import (
    MODEL,
    N_TRAIN,
    VARYING,
    covariance_of,
    density_of,
    places,
    prepared,
)


def by_brute_force(density: Density, theta_D: Tensor) -> Tensor:
    """Movements of the expected KPI, weighed by the inverse of the whole covariance."""
    coordinates = density.layout.split(theta_D.unsqueeze(0))
    with torch.no_grad():
        response_MGC = linear_parts(density, coordinates, density.media(coordinates), None).response_MGC

    def expected(theta_D: Tensor) -> Tensor:
        media = density.media(density.layout.split(theta_D.unsqueeze(0)))
        beside_MGT = 0.0 if media.beside_MGT is None else media.beside_MGT
        return (torch.einsum("mcgt,mgc->mgt", media.effect_MCGT, response_MGC) + beside_MGT)[0]

    known = density.moments.weight_GT.flatten() > 0
    moved_ND = torch.autograd.functional.jacobian(expected, theta_D).flatten(0, 1)[known]  # type: ignore[no-untyped-call]
    _, covariance = covariance_of(density, theta_D)
    found: Tensor = moved_ND.T @ torch.linalg.solve(covariance, moved_ND)
    return found


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize(("regions", "shocks"), [(1, False), (3, False), (3, True)])
def test_information_is_that_of_the_whole_covariance(regions: int, shocks: bool, varying: bool) -> None:
    panel = small_panel(regions=regions, controls=2)
    item = prepared(panel if regions == 1 else with_gaps(panel), VARYING if varying else None)
    density = density_of(item, shocks=shocks)
    theta_D = places(density, 1)[0]
    expected = by_brute_force(density, theta_D)

    assert_allclose(information(density, theta_D), expected, atol=1e-5 * float(expected.abs().max()))


def test_shards_add_up_to_the_curvature_of_the_whole() -> None:
    panel = with_gaps(small_panel(regions=3))
    beliefs = {"priors": {"channels": {"tv": {"share": {"mean": 0.1, "sd": 0.05}}}}}
    spec = market(panel, model=MODEL | beliefs, train={"precision": "float64"})
    whole = density_of(pose(spec, panel, N_TRAIN, Alone(3)), shocks=True)
    theta_BD = places(whole, 1)

    def one(shard: Any, own: slice) -> Tensor:
        rows = some_regions(panel, np.arange(3)[own])
        part = density_of(pose(spec, rows, N_TRAIN, shard, survey=Survey("", ())), shocks=True)
        return _Stack([part]).curvature(theta_BD)

    found, _ = crew((1, 2), one)
    for found_BDD in found:
        assert_allclose(found_BDD, _Stack([whole]).curvature(theta_BD), rtol=1e-4, atol=1e-3)


def test_curvatures_of_many_at_once_are_those_of_each() -> None:
    densities = [density_of(prepared(small_panel(seed=seed), VARYING)) for seed in (0, 1)]
    theta_BD = torch.cat([places(density, 1, seed=seed) for seed, density in enumerate(densities)])
    together_BDD = _Stack(densities).curvature(theta_BD)

    for density, theta_D, found_DD in zip(densities, theta_BD, together_BDD, strict=True):
        assert_allclose(found_DD, _Stack([density]).curvature(theta_D[None])[0], rtol=1e-6, atol=1e-4)


def test_along_widths_and_noise_it_is_the_curvature_itself() -> None:
    density = density_of(prepared(small_panel()))
    stack, theta_BD = _Stack([density]), places(density, 1)
    spreads = torch.tensor(spread_places(density.layout))
    of_all_BDD = curvature(stack.gradient, theta_BD)

    found_BDD = stack.curvature(theta_BD)
    block = (slice(None), spreads[:, None], spreads)
    assert_allclose(found_BDD[block], of_all_BDD[block], rtol=1e-6, atol=1e-6)
    names = [name for name, size in density.layout.sizes.items() for _ in range(size)]
    assert {names[place] for place in spreads} >= {"noise", "national_level", "region_width"}
    assert not {names[place] for place in spreads} & {"retention", "total", "demand"}
