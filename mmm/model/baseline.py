"""Bases of what the KPI would be without media: levels between knots, seasons.

Shapes: T periods, N knots, F Fourier terms, V courses of an effect.
"""

from __future__ import annotations

import math

import numpy as np

from mmm.data.panel import Floats, Ints


def level_basis(periods: int, n_train: int, spacing: int, carried: int = 1) -> Floats:
    """Random walk between knots as a linear map of its unit increments, shape T x (N - 1).

    Knots are ``spacing`` periods apart and the last one stands at the last training period: from there
    the level stays as it was on average over the last ``carried`` training periods. In between it moves
    linearly. An increment of 1 has the standard deviation of a walk of unit volatility per period.
    """
    place_N = knot_places(n_train, spacing)
    knots = len(place_N)
    time_T = np.clip(np.arange(periods), place_N[0], place_N[-1])
    left_T = np.clip(np.searchsorted(place_N, time_T, side="right") - 1, 0, knots - 2)
    share_T = (time_T - place_N[left_T]) / spacing
    weight_TN = np.zeros((periods, knots))
    rows = np.arange(periods)
    weight_TN[rows, left_T] = 1.0 - share_T
    weight_TN[rows, left_T + 1] += share_T
    walk_NN = np.tril(np.ones((knots, knots)))[:, 1:] * math.sqrt(spacing)
    basis: Floats = weight_TN @ walk_NN
    if carried > 1:
        basis[n_train:] = basis[max(0, n_train - carried) : n_train].mean(0)
    return basis


def carried_periods(n_train: int, periods_per_cycle: float) -> int:
    """Last training periods whose mean level and season are carried on; 1 carries the last level itself.

    A cycle seen less than twice cannot be told from a level that moved: what one of them gains in the last
    periods the other may lose, so that both are carried from the same periods, an eighth of a cycle.
    """
    if n_train >= 2 * periods_per_cycle:
        return 1
    return max(1, round(periods_per_cycle / 8))


def knot_places(n_train: int, spacing: int) -> Ints:
    """Periods at which knots stand, shape N; the first may lie before the data."""
    knots = max(2, math.ceil((n_train - 1) / spacing) + 1)
    places: Ints = (n_train - 1) - spacing * np.arange(knots - 1, -1, -1)
    return places


def fourier_basis(periods: int, order: int, periods_per_cycle: float) -> Floats:
    """Sines and cosines of the first ``order`` harmonics, damped by 1/harmonic, shape T x 2·order.

    Harmonics faster than two periods a cycle carry nothing and are left out.
    """
    fastest = int(min(order, periods_per_cycle // 2))
    harmonic_F = np.arange(1, fastest + 1)
    angle_TF = 2.0 * np.pi * np.arange(periods)[:, None] * harmonic_F / periods_per_cycle
    basis: Floats = np.concatenate([np.sin(angle_TF), np.cos(angle_TF)], 1) / np.tile(harmonic_F, 2)
    return basis


def course_basis(periods: int, n_train: int, periods_per_cycle: float) -> Floats:
    """Courses that an effect may take over the training window, shape T x V.

    The slowest two that a random walk takes (half-cosines, as large as in a walk), which then stay where they
    are, and, where training saw two whole cycles, a sine and a cosine of the year. Their mean over the
    training window is about 0 and the root of their mean square 1, that of the second half-cosine 1/2.
    """
    time_T = (np.minimum(np.arange(periods), n_train - 1) + 0.5) / n_train
    slow = [np.cos(np.pi * k * time_T) / k for k in (1, 2)]
    if n_train >= 2 * periods_per_cycle:
        slow += list(fourier_basis(periods, 1, periods_per_cycle).T)
    return math.sqrt(2.0) * np.stack(slow, 1)


def season_basis(periods: int, n_train: int, order: int, periods_per_cycle: float) -> Floats:
    """Fourier terms that are carried beyond training only if training saw two whole cycles, T x 2·order.

    Else the season stays where it was on average over the periods that are carried on.
    """
    basis = fourier_basis(periods, order, periods_per_cycle)
    if n_train < 2 * periods_per_cycle:
        recent = carried_periods(n_train, periods_per_cycle)
        basis[n_train:] = basis[max(0, n_train - recent) : n_train].mean(0)
    return basis
