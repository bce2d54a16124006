"""Draws from posteriors by Hamiltonian Monte Carlo, all chains of all of them in one tensor program.

Coordinates are turned and stretched so that one step size serves all: by the curvature at the mode first,
then, once in the warm-up, by the mean curvature where the chains stand: it differs many times over. Now and
then a trajectory takes small steps.
Everything random of a posterior comes from its own seeded generator on the CPU: the same seed gives the same
draws, on any number of shards and in whatever company.

Source: Neal 2011, "MCMC using Hamiltonian dynamics"; step size as in Hoffman and Gelman 2014, section 3.2.

Shapes: B posteriors, M chains of each, N draws of a chain, D coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
CAREFUL, CAREFUL_STEP = 0.15, 0.2
"""Share of trajectories with small steps, and how small: a chain that came where the density bends more than
the step size allows for would never leave it otherwise."""
TURN = 0.35
"""Share of the warm-up after which coordinates are turned anew."""
PLACES = 8
"""Chains at most whose curvatures are averaged: each costs as much as some trajectories."""
AWAY = 0.8
"""Where chains begin, in standard deviations from the mode."""

Gradient = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From coordinates, shape BMD, to log posteriors, shape BM, and their gradients, row by row."""
Curvature = Callable[[Tensor], Tensor]
"""From a place in each posterior, shape BD, to the second derivatives of the negative log posteriors, BDD."""
Told = Callable[[int, int], None]
"""Hears rounds done and rounds in all."""


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
class Chains:
    """Chains of one posterior where they stand, with what they know of it.

    Attributes:
        theta_MD: Their places.
        centre_D: Place from which they are told.
        stretch_DD: Directions and lengths in which the posterior is about standard normal.
        step: Step size found.
    """

    theta_MD: Tensor
    centre_D: Tensor
    stretch_DD: Tensor
    step: float


@dataclass(frozen=True, eq=False)
class Sampled:
    """Draws and how they came about.

    Attributes:
        theta_MND: Draws by chain.
        accepted: Share of proposals that were accepted.
        chains: The chains where they ended.
    """

    theta_MND: Tensor
    accepted: float
    chains: Chains

    @property
    def step(self) -> float:
        """Step size found."""
        return self.chains.step


def sample(
    gradient: Gradient,
    curvature: Curvature,
    mode_BD: Tensor,
    effort: Effort,
    generators: Sequence[torch.Generator],
    told: Told,
    begun: Sequence[Chains] = (),
) -> list[Sampled]:
    """Draws around a mode of each of some posteriors.

    Args:
        gradient: Of the posteriors.
        curvature: Of the posteriors.
        mode_BD: Where each is highest.
        effort: How much, of each.
        generators: Source of every random number of each.
        told: Hears how far it is.
        begun: Chains of like posteriors, of each, to go on from: their directions are kept.
    """
    chains = _Chains(gradient, curvature, mode_BD, effort, generators)
    chains.start(begun)
    kept, shares, since = [], [], 0
    for done in range(effort.warm_up + effort.rounds):
        share_B = chains.move()
        if done < effort.warm_up:
            chains.step_B = chains.step_B * torch.exp((share_B - ACCEPTED) / (1.0 + 0.25 * since) ** 0.6)
            since += 1
            if not begun and done == math.floor(TURN * effort.warm_up):
                chains.turn()
                since = 0
        else:
            kept.append(chains.theta_BMD)
            shares.append(share_B)
        told(done + 1, effort.warm_up + effort.rounds)
    accepted_B = torch.stack(shares).mean(0).tolist()
    each = zip(torch.stack(kept, 2), accepted_B, chains.ended(), strict=True)
    return [Sampled(theta_MND, accepted, ended) for theta_MND, accepted, ended in each]


class _Chains:
    """Chains under way, in coordinates turned and stretched so that each posterior is about standard normal.

    Attributes:
        step_B: Step sizes.
    """

    def __init__(
        self,
        gradient: Gradient,
        curvature: Curvature,
        mode_BD: Tensor,
        effort: Effort,
        generators: Sequence[torch.Generator],
    ) -> None:
        self._gradient, self._curvature, self._mode_BD = gradient, curvature, mode_BD
        self._generators, self._effort = generators, effort
        self._place_BMD = self._value_BM = self._slope_BMD = mode_BD

    def start(self, begun: Sequence[Chains]) -> None:
        """Begin around the modes, or where other chains ended."""
        mode_BD = self._mode_BD
        if not begun:
            self._stretch_BDD = _stretch(self._curvature(mode_BD))
            self.step_B = torch.full((len(mode_BD),), FIRST_STEP, dtype=mode_BD.dtype)
            self._begin(AWAY * self._random(torch.randn, mode_BD.shape[1]))
            return
        self._stretch_BDD = torch.stack([one.stretch_DD for one in begun])
        self.step_B = torch.tensor([one.step for one in begun], dtype=mode_BD.dtype)
        self._begin(self._places(torch.stack([one.theta_MD for one in begun])))

    def ended(self) -> list[Chains]:
        """The chains of each posterior where they stand."""
        parts = zip(self.theta_BMD, self._mode_BD, self._stretch_BDD, self.step_B.tolist(), strict=True)
        return [Chains(*part) for part in parts]

    @property
    def theta_BMD(self) -> Tensor:
        """Where the chains stand."""
        return self._theta(self._place_BMD)

    def move(self) -> Tensor:
        """One trajectory of every chain; returns the share of proposals that is accepted, shape B."""
        push_BMD = self._random(torch.randn, self._mode_BD.shape[1])
        random_BM3 = self._random(torch.rand, 3)
        length_BM1 = self.step_B[:, None, None] * (1.0 + JITTER * (2.0 * random_BM3[..., :1] - 1.0))
        length_BM1 = torch.where(random_BM3[..., 2:] < CAREFUL, CAREFUL_STEP * length_BM1, length_BM1)
        steps = self._effort.steps
        there = _trajectory(self._local, self._place_BMD, push_BMD, self._slope_BMD, length_BM1, steps)
        gain_BM = there.value_BM - 0.5 * there.push_BMD.square().sum(-1)
        gain_BM = torch.nan_to_num(gain_BM - self._value_BM + 0.5 * push_BMD.square().sum(-1), nan=-math.inf)
        moves_BM = torch.log(random_BM3[..., 1]) < gain_BM
        moves_BM1 = moves_BM.unsqueeze(-1)
        self._place_BMD = torch.where(moves_BM1, there.place_BMD, self._place_BMD)
        self._slope_BMD = torch.where(moves_BM1, there.slope_BMD, self._slope_BMD)
        self._value_BM = torch.where(moves_BM, there.value_BM, self._value_BM)
        return torch.exp(gain_BM.clamp_max(0.0)).mean(1)

    def turn(self) -> None:
        """Turn and stretch by the mean curvature where the chains of each posterior stand."""
        theta_BMD = self.theta_BMD
        curvatures = [self._curvature(theta_BD) for theta_BD in theta_BMD[:, :PLACES].unbind(1)]
        self._stretch_BDD = _stretch(torch.stack(curvatures).mean(0))
        self._begin(self._places(theta_BMD))

    def _begin(self, place_BMD: Tensor) -> None:
        value_BM, slope_BMD = self._local(place_BMD)
        lost_BM1 = ~torch.isfinite(value_BM).unsqueeze(-1)
        if lost_BM1.any():
            place_BMD = torch.where(lost_BM1, torch.zeros_like(place_BMD), place_BMD)
            value_BM, slope_BMD = self._local(place_BMD)
        self._place_BMD, self._value_BM, self._slope_BMD = place_BMD, value_BM, slope_BMD

    def _places(self, theta_BMD: Tensor) -> Tensor:
        away_BDM = (theta_BMD - self._mode_BD.unsqueeze(1)).transpose(1, 2)
        places_BMD: Tensor = torch.linalg.solve(self._stretch_BDD, away_BDM).transpose(1, 2)
        return places_BMD

    def _theta(self, place_BMD: Tensor) -> Tensor:
        theta_BMD: Tensor = self._mode_BD.unsqueeze(1) + place_BMD @ self._stretch_BDD.transpose(1, 2)
        return theta_BMD

    def _local(self, place_BMD: Tensor) -> tuple[Tensor, Tensor]:
        value_BM, slope_BMD = self._gradient(self._theta(place_BMD))
        return value_BM, slope_BMD @ self._stretch_BDD

    def _random(self, kind: Callable[..., Tensor], columns: int) -> Tensor:
        """Random numbers of every chain, each posterior's from its own source, shape BM x ``columns``."""
        shape, dtype = (self._effort.chains, columns), self._mode_BD.dtype
        return torch.stack([kind(shape, generator=one, dtype=dtype) for one in self._generators])


def _stretch(curvature_BDD: Tensor) -> Tensor:
    """Inverse square root of each curvature: directions as long as they are wide.

    The symmetric one, which moves little where the curvature does: directions of equal curvature could be
    turned at will, and chains over shards or at once would part from those alone.
    """
    values_BD, vectors_BDD = torch.linalg.eigh(curvature_BDD)
    long_BDD = vectors_BDD / values_BD.clamp_min(LEAST_CURVATURE).sqrt().unsqueeze(1)
    stretch_BDD: Tensor = long_BDD @ vectors_BDD.transpose(1, 2)
    return stretch_BDD


@dataclass(frozen=True, eq=False)
class _End:
    place_BMD: Tensor
    push_BMD: Tensor
    value_BM: Tensor
    slope_BMD: Tensor


def _trajectory(
    local: Gradient, place_BMD: Tensor, push_BMD: Tensor, slope_BMD: Tensor, length_BM1: Tensor, steps: int
) -> _End:
    """Leapfrog steps along the gradient."""
    push_BMD = push_BMD + 0.5 * length_BM1 * slope_BMD
    for step in range(steps):
        place_BMD = place_BMD + length_BM1 * push_BMD
        value_BM, slope_BMD = local(place_BMD)
        push_BMD = push_BMD + (length_BM1 if step < steps - 1 else 0.5 * length_BM1) * slope_BMD
    return _End(place_BMD, push_BMD, value_BM, slope_BMD)
