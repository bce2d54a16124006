"""Draws from a density that is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import stats
from torch import Tensor

from mmm.train.posterior import sampler
from mmm.train.posterior.sampler import ACCEPTED, FIRST_STEP, Effort, Sampled

Density = Callable[[Tensor], Tensor]
Gradient = Callable[[Tensor], tuple[Tensor, Tensor]]
Curvature = Callable[[Tensor], Tensor]

CENTRE = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
SPREAD = torch.tensor([[4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.01]], dtype=torch.float64)
EFFORT = Effort(chains=8, warm_up=40, rounds=150, steps=6)


def gradient(theta_MD: Tensor) -> tuple[Tensor, Tensor]:
    away = theta_MD - CENTRE
    pull = -away @ torch.linalg.inv(SPREAD)
    return 0.5 * (away * pull).sum(1), pull


def known(theta_D: Tensor) -> Tensor:
    precision_DD: Tensor = torch.linalg.inv(SPREAD)
    return precision_DD


def sample(
    gradient: Gradient,
    curvature: Curvature,
    mode_D: Tensor,
    effort: Effort,
    generator: torch.Generator,
    told: Callable[[int, int], None],
) -> Sampled:
    """Draws of one posterior."""

    def of_one(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, slope_MD = gradient(theta_BMD[0])
        return value_M[None], slope_MD[None]

    (found,) = sampler.sample(
        of_one, lambda theta_BD: curvature(theta_BD[0])[None], mode_D[None], effort, [generator], told
    )
    return found


def drawn(seed: int, curvature: Curvature = known) -> Sampled:
    generator = torch.Generator().manual_seed(seed)
    return sample(gradient, curvature, CENTRE + 0.1, EFFORT, generator, lambda done, rounds: None)


def test_mean_and_spread_of_a_normal_density_are_found() -> None:
    theta_ND = drawn(0).theta_MND.flatten(0, 1)

    assert_allclose(theta_ND.mean(0), CENTRE, atol=0.2)
    assert_allclose(torch.cov(theta_ND.T), SPREAD, rtol=0.25, atol=0.15)


def test_a_curvature_of_the_start_alone_is_put_right_in_the_warm_up() -> None:
    """Stretched by the curvature of its start for good, the chains would move a tenth of what they could."""
    start = CENTRE + 0.1

    def elsewhere(theta_D: Tensor) -> Tensor:
        return torch.eye(3, dtype=torch.float64) if torch.equal(theta_D, start) else known(theta_D)

    theta_ND = drawn(0, elsewhere).theta_MND.flatten(0, 1)

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
    found = sample(walled, known, start, EFFORT, generator, lambda done, rounds: None)

    assert (found.theta_MND[..., 0] >= 1.0).all()


# --- densities that are not normal ---------------------------------------------------------------


def draws_of(log: Density, start_D: Tensor, curvature_DD: Tensor, effort: Effort, seed: int = 0) -> Sampled:
    def slope(theta_MD: Tensor) -> tuple[Tensor, Tensor]:
        theta_MD = theta_MD.detach().requires_grad_()
        value_M = log(theta_MD)
        (gradient_MD,) = torch.autograd.grad(value_M.sum(), theta_MD)
        return value_M.detach(), gradient_MD

    generator = torch.Generator().manual_seed(seed)
    return sample(slope, lambda theta_D: curvature_DD, start_D, effort, generator, lambda done, rounds: None)


LONG = Effort(chains=16, warm_up=60, rounds=1600, steps=8)
"""Long enough for the tolerances on any processor: another one rounds otherwise, and chains part."""


def test_a_skewed_density_has_its_mean_and_not_its_mode() -> None:
    """Logarithms of gamma variables of shape 3: mean digamma(3), variance trigamma(3), skewed to the left."""
    mode_D = torch.full((2,), np.log(3.0), dtype=torch.float64)
    log = lambda theta_MD: (3.0 * theta_MD - theta_MD.exp()).sum(1)  # noqa: E731
    theta = draws_of(log, mode_D, 3.0 * torch.eye(2, dtype=torch.float64), LONG).theta_MND.numpy()
    exact = stats.loggamma(3.0)

    assert_allclose(theta.mean((0, 1)), [exact.mean()] * 2, atol=0.03)
    assert_allclose(theta.var((0, 1)), [exact.var()] * 2, rtol=0.1)
    assert_allclose(stats.skew(theta.reshape(-1, 2)), [float(exact.stats("s"))] * 2, atol=0.2)
    assert abs(theta.mean() - np.log(3.0)) > 0.1  # the control: a normal density at the mode


def test_a_bent_density_is_followed_round_the_bend() -> None:
    """The second coordinate is half the square of the first, less its mean, and noise of 0.7."""

    def log(theta_MD: Tensor) -> Tensor:
        first, second = theta_MD.unbind(1)
        return -0.5 * first**2 - 0.5 * ((second - 0.5 * (first**2 - 1.0)) / 0.7) ** 2

    start_D = torch.tensor([0.0, -0.5], dtype=torch.float64)
    curvature_DD = torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64))
    theta = draws_of(log, start_D, curvature_DD, LONG).theta_MND.numpy()
    first, second = theta[..., 0].ravel(), theta[..., 1].ravel()

    assert_allclose([first.mean(), second.mean()], [0.0, 0.0], atol=0.08)
    assert_allclose([first.var(), second.var()], [1.0, 0.5 + 0.49], rtol=0.12)
    assert_allclose(np.mean(first**2 * second), 1.0, rtol=0.2)  # half of E[x^4] - E[x^2], which is 3 - 1
    assert np.corrcoef(first**2, second)[0, 1] == pytest.approx(1 / np.sqrt(2.0 * 0.99), abs=0.07)


def test_heavy_tails_are_reached() -> None:
    """Student-t of 5 degrees of freedom: a fifth lies beyond 1.476, a fiftieth beyond 3.365."""
    log = lambda theta_MD: -3.0 * torch.log1p(theta_MD**2 / 5.0).sum(1)  # noqa: E731
    start_D = torch.zeros(1, dtype=torch.float64)
    theta = draws_of(log, start_D, torch.eye(1, dtype=torch.float64) * 1.2, LONG).theta_MND.numpy()

    for bound, beyond in ((1.476, 0.2), (3.365, 0.02)):
        assert (np.abs(theta) > bound).mean() == pytest.approx(beyond, rel=0.25)


def test_longer_steps_are_accepted_less_and_the_step_size_settles_where_it_is_aimed() -> None:
    found = drawn(1)
    short = Effort(chains=8, warm_up=0, rounds=40, steps=6)
    generator = torch.Generator().manual_seed(1)
    first = sample(gradient, known, CENTRE, short, generator, lambda done, rounds: None)

    assert found.accepted == pytest.approx(ACCEPTED, abs=0.12)
    assert found.step != FIRST_STEP
    assert first.step == FIRST_STEP


def test_rounds_are_told_one_by_one() -> None:
    heard: list[tuple[int, int]] = []
    generator = torch.Generator().manual_seed(0)
    effort = Effort(chains=2, warm_up=3, rounds=4, steps=2)
    found = sample(gradient, known, CENTRE, effort, generator, lambda *told: heard.append(told))

    assert heard == [(n, 7) for n in range(1, 8)]
    assert found.theta_MND.shape == (2, 4, 3)


def test_posteriors_at_once_are_drawn_as_one_by_one() -> None:
    """Two normal densities of unlike centres, each with its own seed: company changes no draw."""
    shift_BM1 = torch.tensor([0.0, 30.0], dtype=torch.float64)[:, None, None]

    def both(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, slope_MD = gradient((theta_BMD - shift_BM1).flatten(0, 1))
        return value_M.reshape(theta_BMD.shape[:2]), slope_MD.reshape(theta_BMD.shape)

    starts_BD = torch.stack([CENTRE + 0.1, CENTRE + 30.1])
    generators = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
    found = sampler.sample(
        both, lambda theta_BD: known(theta_BD).expand(2, 3, 3), starts_BD, EFFORT, generators, lambda *_: None
    )

    for one, seed, shift in zip(found, (3, 4), (0.0, 30.0), strict=True):
        assert_allclose(one.theta_MND - shift, drawn(seed).theta_MND, atol=1e-6)
        assert one.step == pytest.approx(drawn(seed).step)


def test_chains_go_on_from_where_others_ended() -> None:
    """Their directions are kept: no curvature is asked for, and a short warm-up does."""
    before = drawn(0)

    def never(theta_BD: Tensor) -> Tensor:
        raise AssertionError("asked for a curvature")

    def of_one(theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, slope_MD = gradient(theta_BMD[0])
        return value_M[None], slope_MD[None]

    effort = Effort(chains=8, warm_up=4, rounds=150, steps=6)
    generators = [torch.Generator().manual_seed(1)]
    (after,) = sampler.sample(
        of_one, never, CENTRE[None] + 0.2, effort, generators, lambda *_: None, [before.chains]
    )

    assert torch.equal(before.chains.theta_MD, before.theta_MND[:, -1])
    theta_ND = after.theta_MND.flatten(0, 1)
    assert_allclose(theta_ND.mean(0), CENTRE, atol=0.2)
    assert_allclose(torch.cov(theta_ND.T), SPREAD, rtol=0.25, atol=0.15)
    assert after.step == pytest.approx(before.step, rel=0.5)


def test_a_chain_in_the_neck_of_a_funnel_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine coordinates as wide as the first one says, a few hundred times less in the neck: Neal 2003."""

    def log(theta_MD: Tensor) -> Tensor:
        first, others = theta_MD[:, 0], theta_MD[:, 1:]
        return (
            -0.5 * first**2 - 0.5 * (others * torch.exp(-2.0 * first)[:, None]).square().sum(1) - 18 * first
        )

    def standing_still() -> int:
        start_D = torch.zeros(10, dtype=torch.float64)
        effort = Effort(chains=16, warm_up=16, rounds=30, steps=8)
        theta_MND = draws_of(log, start_D, torch.eye(10, dtype=torch.float64), effort, seed=4).theta_MND
        return int((theta_MND.std(1)[:, 0] == 0).sum())

    assert standing_still() == 0
    monkeypatch.setattr(sampler, "CAREFUL", 0.0)
    assert standing_still() > 0  # the control: steps of one size
