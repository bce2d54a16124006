"""Draws from the posterior by Hamiltonian Monte Carlo, all chains in one tensor program.

Coordinates are turned and stretched so that one step size serves all: by the curvature at the mode first,
then, once in the warm-up, by the mean curvature where the chains stand: it differs many times over.
Everything random comes from one seeded generator on the CPU: the same seed gives the same draws, on any
number of shards.

Source: Neal 2011, "MCMC using Hamiltonian dynamics"; step size as in Hoffman and Gelman 2014, section 3.2.

Shapes: M chains, N draws of a chain, D coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

ACCEPTED = 0.8
"""Share of proposals that the step size aims at."""
FIRST_STEP = 0.4
LEAST_CURVATURE = 0.7
"""Curvature below which a direction is taken to be nearly as wide as its prior: it says little there."""
JITTER = 0.2
"""Relative spread of step sizes, so that no trajectory closes upon itself."""
TURN = 0.35
"""Share of the warm-up after which coordinates are turned anew."""
PLACES = 8
"""Chains at most whose curvatures are averaged: each costs as much as some trajectories."""
AWAY = 0.8
"""Where chains begin, in standard deviations from the mode."""

Gradient = Callable[[Tensor], tuple[Tensor, Tensor]]
Curvature = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Effort:
    """How much sampling.

    Attributes:
        chains: Chains side by side, M.
        warm_up: Rounds that find the step size and are thrown away.
        rounds: Rounds that are kept, N.
        steps: Steps of a trajectory.
    """

    chains: int
    warm_up: int
    rounds: int
    steps: int


@dataclass(frozen=True, eq=False)
class Sampled:
    """Draws and how they came about.

    Attributes:
        theta_MND: Draws by chain.
        accepted: Share of proposals that were accepted.
        step: Step size found.
    """

    theta_MND: Tensor
    accepted: float
    step: float


def sample(
    gradient: Gradient,
    curvature: Curvature,
    mode_D: Tensor,
    effort: Effort,
    generator: torch.Generator,
    told: Callable[[int, int], None],
) -> Sampled:
    """Draws around a mode.

    Args:
        gradient: From coordinates to log posterior and its gradient, row by row.
        curvature: From coordinates, shape D, to the second derivatives of the negative log posterior.
        mode_D: Where the posterior is highest.
        effort: How much.
        generator: Source of every random number.
        told: Hears rounds done and rounds in all.
    """
    chains = _Chains(gradient, curvature, mode_D, effort, generator)
    kept, shares, since = [], [], 0
    for done in range(effort.warm_up + effort.rounds):
        share = chains.move()
        if done < effort.warm_up:
            chains.step *= math.exp((share - ACCEPTED) / (1.0 + 0.25 * since) ** 0.6)
            since += 1
            if done == math.floor(TURN * effort.warm_up):
                chains.turn()
                since = 0
        else:
            kept.append(chains.theta_MD)
            shares.append(share)
        told(done + 1, effort.warm_up + effort.rounds)
    return Sampled(torch.stack(kept, 1), sum(shares) / len(shares), chains.step)


class _Chains:
    """Chains under way, in coordinates turned and stretched so that the posterior is about standard normal.

    Attributes:
        step: Step size.
    """

    def __init__(
        self,
        gradient: Gradient,
        curvature: Curvature,
        mode_D: Tensor,
        effort: Effort,
        generator: torch.Generator,
    ) -> None:
        self._gradient, self._curvature, self._mode_D = gradient, curvature, mode_D
        self._generator, self._effort = generator, effort
        self._stretch_DD = _stretch(curvature(mode_D))
        self.step = FIRST_STEP
        self._place_MD = self._value_M = self._slope_MD = mode_D
        self._begin(AWAY * self._normal())

    @property
    def theta_MD(self) -> Tensor:
        """Where the chains stand."""
        theta_MD: Tensor = self._mode_D + self._place_MD @ self._stretch_DD.T
        return theta_MD

    def move(self) -> float:
        """One trajectory of every chain; returns the share of proposals that is accepted."""
        effort, generator, dtype = self._effort, self._generator, self._mode_D.dtype
        push_MD = self._normal()
        random_M2 = torch.rand(effort.chains, 2, generator=generator, dtype=dtype)
        length_M1 = self.step * (1.0 + JITTER * (2.0 * random_M2[:, :1] - 1.0))
        there = _trajectory(self._local, self._place_MD, push_MD, self._slope_MD, length_M1, effort.steps)
        gain_M = there.value_M - 0.5 * there.push_MD.square().sum(1)
        gain_M = torch.nan_to_num(gain_M - self._value_M + 0.5 * push_MD.square().sum(1), nan=-math.inf)
        moves_M = torch.log(random_M2[:, 1]) < gain_M
        moves_M1 = moves_M.unsqueeze(1)
        self._place_MD = torch.where(moves_M1, there.place_MD, self._place_MD)
        self._slope_MD = torch.where(moves_M1, there.slope_MD, self._slope_MD)
        self._value_M = torch.where(moves_M, there.value_M, self._value_M)
        return float(torch.exp(gain_M.clamp_max(0.0)).mean())

    def turn(self) -> None:
        """Turn and stretch by the mean curvature where the chains stand."""
        theta_MD = self.theta_MD
        curvatures = [self._curvature(theta_D) for theta_D in theta_MD[:PLACES]]
        self._stretch_DD = _stretch(torch.stack(curvatures).mean(0))
        self._begin(torch.linalg.solve(self._stretch_DD, (theta_MD - self._mode_D).T).T)

    def _begin(self, place_MD: Tensor) -> None:
        value_M, slope_MD = self._local(place_MD)
        lost_M1 = ~torch.isfinite(value_M).unsqueeze(1)
        if lost_M1.any():
            place_MD = torch.where(lost_M1, torch.zeros_like(place_MD), place_MD)
            value_M, slope_MD = self._local(place_MD)
        self._place_MD, self._value_M, self._slope_MD = place_MD, value_M, slope_MD

    def _local(self, place_MD: Tensor) -> tuple[Tensor, Tensor]:
        value_M, slope_MD = self._gradient(self._mode_D + place_MD @ self._stretch_DD.T)
        return value_M, slope_MD @ self._stretch_DD

    def _normal(self) -> Tensor:
        shape = (self._effort.chains, len(self._mode_D))
        return torch.randn(shape, generator=self._generator, dtype=self._mode_D.dtype)


def _stretch(curvature_DD: Tensor) -> Tensor:
    """Directions of a curvature, each as long as it is wide."""
    values_D, vectors_DD = torch.linalg.eigh(curvature_DD)
    stretch_DD: Tensor = vectors_DD / values_D.clamp_min(LEAST_CURVATURE).sqrt()
    return stretch_DD


@dataclass(frozen=True, eq=False)
class _End:
    place_MD: Tensor
    push_MD: Tensor
    value_M: Tensor
    slope_MD: Tensor


def _trajectory(
    local: Gradient, place_MD: Tensor, push_MD: Tensor, slope_MD: Tensor, length_M1: Tensor, steps: int
) -> _End:
    """Leapfrog steps along the gradient."""
    push_MD = push_MD + 0.5 * length_M1 * slope_MD
    for step in range(steps):
        place_MD = place_MD + length_M1 * push_MD
        value_M, slope_MD = local(place_MD)
        push_MD = push_MD + (length_M1 if step < steps - 1 else 0.5 * length_M1) * slope_MD
    return _End(place_MD, push_MD, value_M, slope_MD)
