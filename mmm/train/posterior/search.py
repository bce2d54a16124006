"""Where the posterior is highest, and how fast it falls from there.

Shapes: B posteriors, M places in each, D coordinates, V of them looked along.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmm.train.posterior.sampler import Gradient

STEP = 1e-5
"""Distance of the differences that give the curvature: forward ones, which cost half of central ones."""
BATCH = 16
"""Coordinates looked at together."""
REMEMBERED = 20
"""Steps from which a search knows how the density bends."""
FLAT, LITTLE = 1e-5, 2e-9
"""Slope that is none, and gain relative to the value that is none: there a search ends."""
ENOUGH = 1e-4
"""Share of what the slope promises that a step must gain."""
NEAREST = 1e-12
"""Shortest step that is tried, in those that the bends let expect."""


def highest(gradient: Gradient, start_BD: Tensor, most: int, stretch_BDD: Tensor | None = None) -> Tensor:
    """The mode near a start of each posterior, by quasi-Newton steps (L-BFGS), shape BD.

    Every posterior goes its own way; one that has arrived, or finds no higher place, stays where it is.

    Source: Nocedal and Wright 2006, "Numerical Optimization", algorithms 3.1, 7.4 and 7.5.

    Args:
        gradient: From coordinates, shape BMD, to log posteriors and their gradients, row by row.
        start_BD: Where to begin.
        most: Places looked at, at most.
        stretch_BDD: Directions and lengths in which each posterior is about standard normal, where they are
            known: the search then has few steps to go. None takes the coordinates as they are.
    """
    if stretch_BDD is not None:

        def local(place_BMD: Tensor) -> tuple[Tensor, Tensor]:
            theta_BMD = start_BD.unsqueeze(1) + place_BMD @ stretch_BDD.transpose(1, 2)
            value_BM, slope_BMD = gradient(theta_BMD)
            return value_BM, slope_BMD @ stretch_BDD

        place_BD = highest(local, torch.zeros_like(start_BD), most)
        return start_BD + (place_BD.unsqueeze(1) @ stretch_BDD.transpose(1, 2))[:, 0]

    def negative(theta_BD: Tensor) -> tuple[Tensor, Tensor]:
        value_BM, gradient_BMD = gradient(theta_BD.unsqueeze(1))
        return torch.nan_to_num(-value_BM[:, 0], nan=torch.inf, posinf=torch.inf), -gradient_BMD[:, 0]

    at = _Places(start_BD, *negative(start_BD))
    for _ in range(most):
        if not at.moving_B.any():
            break
        trial_BD = at.trial_BD
        at.judge(trial_BD, *negative(trial_BD))
    return at.theta_BD


class _Places:
    """Where searches stand, which way they go and how far they try.

    Attributes:
        theta_BD: The lowest places found.
        moving_B: Searches that have not ended.
    """

    def __init__(self, theta_BD: Tensor, value_B: Tensor, slope_BD: Tensor) -> None:
        self.theta_BD, self._value_B, self._slope_BD = theta_BD, value_B, slope_BD
        self._known: list[tuple[Tensor, Tensor, Tensor]] = []
        self._unit_B = torch.ones_like(value_B)
        self._way_BD, self._length_B = -slope_BD, torch.ones_like(value_B)
        self.moving_B = (slope_BD.abs().amax(1) > FLAT) & torch.isfinite(value_B)
        self._go(torch.ones_like(value_B, dtype=torch.bool))

    @property
    def trial_BD(self) -> Tensor:
        """Places to be looked at next."""
        move_BD: Tensor = (self._length_B * self.moving_B).unsqueeze(1) * self._way_BD
        return self.theta_BD + move_BD

    def judge(self, trial_BD: Tensor, value_B: Tensor, slope_BD: Tensor) -> None:
        """Go to the places that are low enough for how far they are; try nearer ones of the others."""
        fall_B = (self._way_BD * self._slope_BD).sum(1)
        goes_B = self.moving_B & (value_B <= self._value_B + ENOUGH * self._length_B * fall_B)
        goes_B1 = goes_B.unsqueeze(1)
        move_BD = torch.where(goes_B1, trial_BD - self.theta_BD, 0.0)
        bend_BD = torch.where(goes_B1, slope_BD - self._slope_BD, 0.0)
        gain_B = self._value_B - value_B
        size_B = torch.maximum(self._value_B.abs(), value_B.abs()).clamp_min(1.0)
        self.theta_BD = torch.where(goes_B1, trial_BD, self.theta_BD)
        self._value_B = torch.where(goes_B, value_B, self._value_B)
        self._slope_BD = torch.where(goes_B1, slope_BD, self._slope_BD)
        self._remember(move_BD, bend_BD)
        arrived_B = (self._slope_BD.abs().amax(1) <= FLAT) | (gain_B <= LITTLE * size_B)
        stuck_B = ~goes_B & (self._length_B < NEAREST)
        self.moving_B = self.moving_B & ~(goes_B & arrived_B) & ~stuck_B
        away_B = value_B - self._value_B - self._length_B * fall_B
        nearer_B = -0.5 * fall_B * self._length_B / away_B
        nearer_B = torch.where(torch.isfinite(nearer_B), nearer_B, 0.0).clamp(0.1, 0.5)
        self._length_B = self._length_B * nearer_B
        self._go(goes_B)

    def _remember(self, move_BD: Tensor, bend_BD: Tensor) -> None:
        """Keep the last steps; a step along which the density bends upwards, or none, tells nothing."""
        product_B, bend_B = (move_BD * bend_BD).sum(1), bend_BD.square().sum(1)
        tells_B = product_B > 1e-10 * bend_B
        per_B = torch.where(tells_B, 1.0 / product_B, 0.0)
        self._unit_B = torch.where(tells_B, product_B / bend_B, self._unit_B)
        self._known = [*self._known, (move_BD, bend_BD, per_B)][-REMEMBERED:]

    def _go(self, goes_B: Tensor) -> None:
        """A new way for searches that moved."""
        if not self._known:
            size_B = self._slope_BD.square().sum(1).sqrt().clamp_min(1e-12)
            self._length_B = (1.0 / size_B).clamp_max(1.0)
            return
        way_BD, shares = -self._slope_BD, []
        for move_BD, bend_BD, per_B in reversed(self._known):
            share_B = per_B * (move_BD * way_BD).sum(1)
            way_BD = way_BD - share_B.unsqueeze(1) * bend_BD
            shares.append(share_B)
        way_BD = way_BD * self._unit_B.unsqueeze(1)
        for (move_BD, bend_BD, per_B), share_B in zip(self._known, reversed(shares), strict=True):
            left_B = share_B - per_B * (bend_BD * way_BD).sum(1)
            way_BD = way_BD + left_B.unsqueeze(1) * move_BD
        self._way_BD = torch.where(goes_B.unsqueeze(1), way_BD, self._way_BD)
        self._length_B = torch.where(goes_B, 1.0, self._length_B)


def curvature(gradient: Gradient, theta_BD: Tensor, along: Sequence[int] | None = None) -> Tensor:
    """Second derivatives of the negative log posterior, from differences of gradients, shape BVV.

    Args:
        gradient: From coordinates, shape BMD, to log posterior and its gradient, row by row.
        theta_BD: Where, a place in each of B posteriors.
        along: Coordinates to look along, V of them; None looks along all.
    """
    of_V = list(range(theta_BD.shape[1]) if along is None else along)
    here_B1D = theta_BD.unsqueeze(1)
    steps_VD = STEP * torch.eye(theta_BD.shape[1]).to(theta_BD)[of_V]
    places_BMD = torch.cat([here_B1D, here_B1D + steps_VD], 1)
    parts = [gradient(part)[1][..., of_V] for part in torch.split(places_BMD, BATCH, 1)]
    gradient_BMV = torch.cat(parts, 1)
    found_BVV = (gradient_BMV[:, :1] - gradient_BMV[:, 1:]) / STEP
    return 0.5 * (found_BVV + found_BVV.transpose(1, 2))
