"""The mode and the curvature there, of densities whose mode and curvature are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from mmm.train.posterior import search
from mmm.train.posterior.density import Density
from mmm.train.posterior.search import BATCH


class Known:
    """A density written down; its gradient is torch's."""

    def __init__(self, log: Callable[[Tensor], Tensor]) -> None:
        self.log = log

    def gradient(self, theta_MD: Tensor) -> tuple[Tensor, Tensor]:
        theta_MD = theta_MD.detach().requires_grad_()
        value_M = self.log(theta_MD)
        (gradient_MD,) = torch.autograd.grad(value_M.sum(), theta_MD)
        return value_M.detach(), gradient_MD


def curvature(density: Density, theta_D: Tensor) -> Tensor:
    """The curvature of one density at one place."""

    def of_one(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, gradient_MD = density.gradient(theta_BMD[0])
        return value_M[None], gradient_MD[None]

    return search.curvature(of_one, theta_D[None])[0]


def highest(density: Density, start_D: Tensor, most: int) -> Tensor:
    """The mode of one density."""

    def of_one(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, gradient_MD = density.gradient(theta_BMD[0])
        return value_M[None], gradient_MD[None]

    return search.highest(of_one, start_D[None], most)[0]


def known(log: Callable[[Tensor], Tensor]) -> Density:
    return cast("Density", Known(log))


def normal(size: int) -> tuple[Density, Tensor, Tensor]:
    """A normal density of widths from 0.1 to 10, its centre and its precision."""
    rng = np.random.default_rng(size)
    turn, _ = np.linalg.qr(rng.standard_normal((size, size)))
    precision_DD = torch.tensor(turn @ np.diag(np.geomspace(0.01, 100.0, size)) @ turn.T)
    centre_D = torch.tensor(rng.standard_normal(size))

    def log(theta_MD: Tensor) -> Tensor:
        away_MD = theta_MD - centre_D
        return -0.5 * ((away_MD @ precision_DD) * away_MD).sum(1)

    return known(log), centre_D, precision_DD


@pytest.mark.parametrize("size", [2, 7])
def test_the_mode_of_a_normal_density_is_its_centre(size: int) -> None:
    density, centre_D, _ = normal(size)

    assert_allclose(highest(density, torch.zeros(size, dtype=torch.float64), 500), centre_D, atol=2e-3)


@pytest.mark.parametrize("size", [3, BATCH, BATCH + 1, 2 * BATCH + 5])
def test_the_curvature_of_a_normal_density_is_its_precision(size: int) -> None:
    density, centre_D, precision_DD = normal(size)
    found_DD = curvature(density, centre_D + 0.3)

    assert_allclose(found_DD, precision_DD, rtol=1e-6, atol=1e-6)
    assert torch.equal(found_DD, found_DD.T)


def test_a_skewed_density_has_its_mode_where_its_slope_is_zero() -> None:
    """Logarithm of a gamma variable of shape 3: 3 x - exp(x) is highest at log 3, with curvature 3."""
    density = known(lambda theta_MD: (3.0 * theta_MD - theta_MD.exp()).sum(1))
    mode_D = highest(density, torch.zeros(2, dtype=torch.float64), 100)

    assert_allclose(mode_D, np.log([3.0, 3.0]), atol=1e-4)
    assert_allclose(curvature(density, mode_D), 3.0 * np.eye(2), atol=1e-4)


def test_the_search_turns_back_where_there_is_no_density() -> None:
    """log x is nothing left of 0, where a first long step leads."""

    def log(theta_MD: Tensor) -> Tensor:
        return (torch.log(theta_MD) - 5.0 * theta_MD).sum(1)

    found_D = highest(known(log), torch.tensor([3.0], dtype=torch.float64), 100)
    assert_allclose(found_D, [0.2], atol=1e-3)


def test_the_search_may_be_told_to_end_early() -> None:
    density, centre_D, _ = normal(7)
    start_D = torch.zeros(7, dtype=torch.float64)
    early, late = (highest(density, start_D, most) for most in (2, 500))

    assert (early - centre_D).norm() > 10 * (late - centre_D).norm()


def test_a_search_in_known_directions_ends_at_the_same_mode_after_few_looks() -> None:
    density, centre_D, precision_DD = normal(7)
    values_D, turn_DD = torch.linalg.eigh(precision_DD)
    stretch_DD = turn_DD @ torch.diag(values_D**-0.5) @ turn_DD.T
    start_BD = (centre_D + stretch_DD @ torch.ones(7, dtype=torch.float64))[None]
    looks = []

    def counted(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        looks.append(1)
        value_M, gradient_MD = density.gradient(theta_BMD[0])
        return value_M[None], gradient_MD[None]

    found_BD = search.highest(counted, start_BD, 100, stretch_DD[None])
    known_looks = len(looks)
    plain_BD = search.highest(counted, start_BD, 100)

    assert_allclose(found_BD[0], centre_D, atol=1e-6)
    assert_allclose(plain_BD[0], centre_D, atol=2e-3)
    assert known_looks <= 6 < len(looks) - known_looks


def test_searches_at_once_end_where_each_would_alone() -> None:
    densities = [normal(7)[0], known(lambda theta_MD: (3.0 * theta_MD - theta_MD.exp()).sum(1))]
    start_BD = torch.zeros(2, 7, dtype=torch.float64)

    def both(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        pairs = [one.gradient(theta_MD) for one, theta_MD in zip(densities, theta_BMD, strict=True)]
        value_BM, slope_BMD = (torch.stack(every) for every in zip(*pairs, strict=True))
        return value_BM, slope_BMD

    found_BD = search.highest(both, start_BD, 60)

    for density, start_D, found_D in zip(densities, start_BD, found_BD, strict=True):
        assert_allclose(found_D, highest(density, start_D, 60), atol=1e-8)


def test_a_search_that_begins_nowhere_stays() -> None:
    start_D = torch.tensor([-1.0], dtype=torch.float64)

    assert torch.equal(highest(known(lambda theta_MD: torch.log(theta_MD).sum(1)), start_D, 5), start_D)
