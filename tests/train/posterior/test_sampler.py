"""Draws from a density that is known."""

from __future__ import annotations

import torch
from numpy.testing import assert_allclose
from torch import Tensor

from mmm.train.posterior.sampler import Effort, Sampled, sample

CENTRE = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
SPREAD = torch.tensor([[4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.01]], dtype=torch.float64)
EFFORT = Effort(chains=8, warm_up=40, rounds=150, steps=6)


def gradient(theta_MD: Tensor) -> tuple[Tensor, Tensor]:
    away = theta_MD - CENTRE
    pull = -away @ torch.linalg.inv(SPREAD)
    return 0.5 * (away * pull).sum(1), pull


def drawn(seed: int, curvature: Tensor | None = None) -> Sampled:
    generator = torch.Generator().manual_seed(seed)
    curvature = torch.linalg.inv(SPREAD) if curvature is None else curvature
    return sample(gradient, CENTRE + 0.1, curvature, EFFORT, generator, lambda done, rounds: None)


def test_mean_and_spread_of_a_normal_density_are_found() -> None:
    theta_ND = drawn(0).theta_MND.flatten(0, 1)

    assert_allclose(theta_ND.mean(0), CENTRE, atol=0.2)
    assert_allclose(torch.cov(theta_ND.T), SPREAD, rtol=0.25, atol=0.15)


def test_a_wrong_curvature_is_put_right_in_the_warm_up() -> None:
    """Started with unit curvature the chains would move a tenth of what they could."""
    theta_ND = drawn(0, torch.eye(3, dtype=torch.float64)).theta_MND.flatten(0, 1)

    assert_allclose(theta_ND.mean(0), CENTRE, atol=0.35)
    assert_allclose(theta_ND.var(0), SPREAD.diagonal(), rtol=0.4)


def test_a_seed_gives_the_same_draws() -> None:
    first, again, other = drawn(3), drawn(3), drawn(4)

    assert torch.equal(first.theta_MND, again.theta_MND)
    assert not torch.equal(first.theta_MND, other.theta_MND)
    assert 0.6 < first.accepted < 0.95


def test_places_without_a_density_are_left() -> None:
    """A wall at the centre of one coordinate: no draw lies behind it."""

    def walled(theta_MD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, slope_MD = gradient(theta_MD)
        return torch.where(theta_MD[:, 0] < 1.0, -torch.inf, value_M), slope_MD

    generator = torch.Generator().manual_seed(0)
    start = CENTRE + torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    found = sample(walled, start, torch.linalg.inv(SPREAD), EFFORT, generator, lambda done, rounds: None)

    assert (found.theta_MND[..., 0] >= 1.0).all()
