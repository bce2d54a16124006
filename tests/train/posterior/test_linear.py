"""Linear parts given the rest: a Bayesian regression of all cells at once, written in numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from mmm.data.panel import Floats
from mmm.train.posterior.density import Density
from mmm.train.posterior.linear import Linear, expected_kpi, linear_parts
from tests.small import small_panel, with_gaps
from tests.train.posterior.densities import RESTRICTED, density_of, places, prepared


@dataclass(frozen=True)
class Regression:
    """Effects in prior widths: those of all regions first, then of each region its own and its channels'.

    Attributes:
        design: Known cells x effects.
        kpi: What is left to explain in each of them.
        weight: Their precision.
        width: What one unit of each effect is.
    """

    design: Floats
    kpi: Floats
    weight: Floats
    width: Floats

    @property
    def precision(self) -> Floats:
        products: Floats = self.design.T @ (self.weight[:, None] * self.design)
        return products + np.eye(len(products))

    @property
    def mean(self) -> Floats:
        return np.asarray(np.linalg.solve(self.precision, self.design.T @ (self.weight * self.kpi)))


def regression_of(density: Density, theta_MD: torch.Tensor) -> Regression:
    """Of the first draw."""
    coordinates = density.layout.split(theta_MD)
    media, columns = density.media(coordinates), density.columns
    regions = len(columns.kpi_GT)
    own_width = density.widths(coordinates, columns.own_names)[0].numpy()
    shared_width = density.widths(coordinates, columns.shared_names)[0].numpy()
    effect_CGT = media.effect_MCGT[0].numpy()
    region_width_C = np.zeros(0)
    if "region_width" in coordinates:
        region_width_C = density.region_widths(coordinates)[0].numpy()[: len(effect_CGT)]
    blocks, left = [], []
    for g in range(regions):
        moved_TC = (effect_CGT[: len(region_width_C), g] * region_width_C[:, None]).T
        mine = np.concatenate([columns.own_TR.numpy() * own_width, moved_TC], 1)
        apart = [mine if g == other else np.zeros_like(mine) for other in range(regions)]
        blocks.append(np.concatenate([columns.shared_GTQ[g].numpy() * shared_width, *apart], 1))
        explained_T = effect_CGT[:, g].sum(0)
        if media.beside_MGT is not None:
            explained_T = explained_T + media.beside_MGT[0, g].numpy()
        left.append(columns.kpi_GT[g].numpy() - explained_T)
    weight = density.moments.weight_GT.numpy().ravel() / float(density.noise(coordinates)[0, 0]) ** 2
    known = weight > 0
    assert known.any() and not known.all()
    own = np.concatenate([own_width, region_width_C])
    return Regression(
        np.concatenate(blocks)[known], np.concatenate(left)[known], weight[known],
        np.concatenate([shared_width, *[own] * regions]),
    )  # fmt: skip


def in_a_row(linear: Linear, draw: int, channels: int) -> Floats:
    """Effects in the order of the regression."""
    own = torch.cat([linear.own_MGR[draw], linear.response_MGC[draw, :, :channels] - 1.0], 1)
    return np.concatenate([linear.shared_MP[draw].numpy(), own.flatten().numpy()])


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("regions", [1, 3])
def test_means_are_those_of_the_regression(regions: int, restricted: bool) -> None:
    item = prepared(with_gaps(small_panel(regions=regions, controls=2)))
    density = density_of(replace(item, restrictions=RESTRICTED) if restricted else item)
    theta_MD = places(density, 1)
    with torch.no_grad():
        regression = regression_of(density, theta_MD)
        coordinates = density.layout.split(theta_MD)
        linear = linear_parts(density, coordinates, density.media(coordinates), None)

    deviating = 3 if regions > 1 else 0
    assert_allclose(in_a_row(linear, 0, deviating), regression.width * regression.mean, rtol=1e-6, atol=1e-9)


def test_draws_spread_by_the_inverse_of_the_precision() -> None:
    """Draws are the means and a matrix times the noise given, whose product with itself is the covariance."""
    density = density_of(prepared(with_gaps(small_panel(regions=2))))
    columns = density.columns
    deviating = density.region_widths(density.layout.split(places(density, 1))).shape[1]
    shared, own = len(columns.shared_names), len(columns.own_names) + deviating
    count = shared + 2 * own
    unit = torch.eye(count, dtype=torch.float64)
    theta_MD = places(density, 1).expand(count, -1)
    with torch.no_grad():
        regression = regression_of(density, theta_MD)
        coordinates = density.layout.split(theta_MD)
        media = density.media(coordinates)
        mean = linear_parts(density, coordinates, media, None)
        noise = (unit[:, :shared], unit[:, shared:].reshape(count, 2, own))
        drawn = linear_parts(density, coordinates, media, noise)
    moves = np.stack([in_a_row(drawn, n, 3) - in_a_row(mean, n, 3) for n in range(count)]) / regression.width

    covariance = np.linalg.inv(regression.precision)
    assert_allclose(moves.T @ moves, covariance, rtol=1e-6, atol=1e-9)


def test_what_is_expected_is_media_and_linear_parts() -> None:
    density = density_of(prepared(with_gaps(small_panel(regions=2, controls=1))))
    theta_MD = places(density, 2)
    with torch.no_grad():
        regression = regression_of(density, theta_MD)
        coordinates = density.layout.split(theta_MD)
        media = density.media(coordinates)
        expected_GT = expected_kpi(density, media, linear_parts(density, coordinates, media, None))[0]

    known = density.moments.weight_GT.flatten() > 0
    left = density.columns.kpi_GT.flatten()[known] - expected_GT.flatten()[known]
    assert_allclose(left, regression.kpi - regression.design @ regression.mean, rtol=1e-6, atol=1e-9)
