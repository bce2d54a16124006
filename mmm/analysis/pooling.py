"""Random effects over finished estimates: what brands of one class of channel have in common.

The textbook model of a meta-analysis: the estimate of brand i is ``mean + slope * moderator_i + u_i + e_i``,
where ``e_i`` is normal with the estimate's own standard error and ``u_i`` is Student-t, so that a brand far
off its class neither drags it nor is dragged. Nothing is needed of a brand but its estimates.

Shapes: N brands, S draws of the class's parameters, Q nodes of the mixture that makes a Student-t of normals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, stats
from scipy.special import logsumexp

from mmm.data.panel import Floats

TAILS = 3.0
"""Degrees of freedom of brands around their class."""
FEWEST = 3
"""Brands below which a class says nothing."""
MEAN_SD = 2.0
"""Prior standard deviation of a class's mean, on the scale of the estimates: nearly flat."""
SLOPE_SD = 0.5
"""Prior standard deviation of the moderator's slope."""
SPREAD_CENTRE, SPREAD_LOG_SD = 0.3, 0.8
"""Prior median of the spread between brands, and its width in logs: from 0.08 to 1.1 in nine cases of ten."""
DRAWS = 1000
"""Draws of a class's parameters."""
NODES = 32
"""Nodes of the mixture."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """A class of channels over brands.

    Attributes:
        mean: Of the class, at moderator 0.
        mean_se: Its standard error.
        slope: Change of the mean with the moderator.
        between_sd: Standard deviation of brands around the class: of the normal with the same 90 % interval.
        n: Brands.
        prior_N: Centre of what the other brands let expect of each brand.
        width_N: Standard deviation of a normal prior that moves the brand as the Student-t would: wider for
            a brand far off.
        posterior_N: Where the brand's estimate would come to lie with it.
        new_mean: What is expected of a new brand at moderator 0.
        new_sd: Standard deviation of that, of the normal with the same 90 % interval.
    """

    mean: float
    mean_se: float
    slope: float
    between_sd: float
    n: int
    prior_N: Floats
    width_N: Floats
    posterior_N: Floats
    new_mean: float
    new_sd: float


def pool(value_N: Floats, error_N: Floats, moderator_N: Floats | None = None, *, seed: int = 0) -> Pooled:
    """Pool the estimates of one class.

    Every brand's prior is made of the others alone: draws of the class's parameters are weighted by the
    inverse of the brand's own likelihood, which takes it out.

    Args:
        value_N: Estimates, on a scale on which they are about normal.
        error_N: Their standard errors, positive.
        moderator_N: What moves estimates within a class, centred; None for nothing.
        seed: Of the draws.

    Raises:
        ValueError: Fewer than ``FEWEST`` estimates, or an error that is not positive.
    """
    value_N, error_N = np.asarray(value_N, dtype=np.float64), np.asarray(error_N, dtype=np.float64)
    if len(value_N) < FEWEST or not (error_N > 0).all() or not np.isfinite(value_N).all():
        raise ValueError(f"a class needs {FEWEST} finite estimates or more, each with a positive error")
    moderator_N = np.zeros_like(value_N) if moderator_N is None else np.asarray(moderator_N)
    theta_S3, likelihood_SN, weight_S = _posterior(value_N, error_N, moderator_N, seed)
    mean_S, slope_S, spread_S = theta_S3[:, 0], theta_S3[:, 1], np.exp(theta_S3[:, 2])
    without_SN = weight_S[:, None] * np.exp(likelihood_SN.min(0) - likelihood_SN)
    # A draw that the brand alone rules out would otherwise be all of its prior.
    without_SN = np.minimum(without_SN, math.sqrt(len(weight_S)) * without_SN.mean(0))
    without_SN /= without_SN.sum(0)
    expected_SN = mean_S[:, None] + slope_S[:, None] * moderator_N
    prior_N = (without_SN * expected_SN).sum(0)
    posterior_N = _posterior_means(value_N, error_N, expected_SN, spread_S, without_SN)
    width_N = _equivalent_width(value_N, error_N, prior_N, posterior_N, spread_S, without_SN)
    new = np.random.default_rng([seed, 9])
    chosen_S = new.choice(len(weight_S), DRAWS, p=weight_S)
    drawn_S = mean_S[chosen_S] + spread_S[chosen_S] * new.standard_t(TAILS, DRAWS)
    low, high = np.quantile(drawn_S, [0.05, 0.95])
    mean = float(weight_S @ mean_S)
    return Pooled(
        mean=mean,
        mean_se=float(np.sqrt(weight_S @ (mean_S - mean) ** 2)),
        slope=float(weight_S @ slope_S),
        between_sd=float(weight_S @ spread_S * stats.t.ppf(0.95, TAILS) / stats.norm.ppf(0.95)),
        n=len(value_N),
        prior_N=prior_N,
        width_N=width_N,
        posterior_N=posterior_N,
        new_mean=mean,
        new_sd=float((high - low) / (2 * stats.norm.ppf(0.95))),
    )


@cache
def _mixture() -> tuple[Floats, Floats]:
    """Precisions and probabilities of the normals that make a Student-t of ``TAILS`` degrees, both Q."""
    precision_Q = np.exp(np.linspace(math.log(2e-3), math.log(6.0), NODES))
    density_Q = stats.gamma.pdf(precision_Q, TAILS / 2, scale=2 / TAILS) * precision_Q
    return precision_Q, density_Q / density_Q.sum()


def _densities(residual: Floats, error: Floats, spread: Floats) -> Floats:
    """Log density of a residual under each normal of the mixture with its probability, last axis Q."""
    precision_Q, probability_Q = _mixture()
    variance = error[..., None] ** 2 + spread[..., None] ** 2 / precision_Q
    normal = -0.5 * (np.log(2 * np.pi * variance) + residual[..., None] ** 2 / variance)
    return np.asarray(normal + np.log(probability_Q))


def _log_likelihood(theta_S3: Floats, value_N: Floats, error_N: Floats, moderator_N: Floats) -> Floats:
    """Of each brand, shape SN."""
    found = np.empty((len(theta_S3), len(value_N)))
    for first in range(0, len(theta_S3), 100):
        part = slice(first, first + 100)
        mean_S1, slope_S1, log_S1 = (theta_S3[part, k, None] for k in range(3))
        residual_SN = value_N - mean_S1 - slope_S1 * moderator_N
        spread_SN = np.broadcast_to(np.exp(log_S1), residual_SN.shape)
        error_SN = np.broadcast_to(error_N, residual_SN.shape)
        found[part] = logsumexp(_densities(residual_SN, error_SN, spread_SN), axis=-1)
    return found


def _log_posterior(theta_S3: Floats, likelihood_SN: Floats) -> Floats:
    """Up to a constant, shape S, of draws and their likelihood."""
    prior_S = -0.5 * (theta_S3[:, 0] / MEAN_SD) ** 2 - 0.5 * (theta_S3[:, 1] / SLOPE_SD) ** 2
    prior_S = prior_S - 0.5 * ((theta_S3[:, 2] - math.log(SPREAD_CENTRE)) / SPREAD_LOG_SD) ** 2
    total: Floats = prior_S + likelihood_SN.sum(1)
    return total


def _posterior(
    value_N: Floats, error_N: Floats, moderator_N: Floats, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Draws of mean, slope and log spread around the mode, their likelihoods, and how much each counts."""

    def minus(theta: Floats) -> float:
        likelihood_1N = _log_likelihood(theta[None], value_N, error_N, moderator_N)
        return -float(_log_posterior(theta[None], likelihood_1N)[0])

    start = np.array([np.median(value_N), 0.0, math.log(SPREAD_CENTRE)])
    found = optimize.minimize(minus, start, method="BFGS")
    covariance = np.asarray(found.hess_inv) + 1e-8 * np.eye(3)
    rng = np.random.default_rng([seed, 8])
    proposal = stats.multivariate_t(found.x, covariance, df=5, seed=rng)
    theta_S3 = np.asarray(proposal.rvs(DRAWS))
    likelihood_SN = _log_likelihood(theta_S3, value_N, error_N, moderator_N)
    log_S = _log_posterior(theta_S3, likelihood_SN) - proposal.logpdf(theta_S3)
    weight_S = np.exp(log_S - logsumexp(log_S))
    return theta_S3, likelihood_SN, weight_S


def _posterior_means(
    value_N: Floats, error_N: Floats, expected_SN: Floats, spread_S: Floats, without_SN: Floats
) -> Floats:
    """Mean of each brand's own value given its estimate and the other brands, shape N."""
    precision_Q, _ = _mixture()
    means = np.empty(len(value_N))
    for i, (value, error) in enumerate(zip(value_N, error_N, strict=True)):
        residual_S = value - expected_SN[:, i]
        density_SQ = _densities(residual_S, np.broadcast_to(error, residual_S.shape), spread_S)
        variance_SQ = spread_S[:, None] ** 2 / precision_Q
        kept_SQ = variance_SQ / (variance_SQ + error**2)
        own_SQ = expected_SN[:, i, None] + kept_SQ * residual_S[:, None]
        weight_SQ = without_SN[:, i, None] * np.exp(density_SQ - density_SQ.max())
        means[i] = (weight_SQ * own_SQ).sum() / weight_SQ.sum()
    return means


def _equivalent_width(
    value_N: Floats,
    error_N: Floats,
    prior_N: Floats,
    posterior_N: Floats,
    spread_S: Floats,
    without_SN: Floats,
) -> Floats:
    """Standard deviation of the normal prior that takes an estimate to its posterior mean, shape N.

    Where estimate and prior agree any width does: then that of the class.
    """
    own_N = np.sqrt(without_SN.T @ spread_S**2 * TAILS / (TAILS - 2))
    away_N = value_N - prior_N
    kept_N = np.divide(posterior_N - prior_N, away_N, out=np.full_like(away_N, np.nan), where=away_N != 0)
    kept_N = np.where((kept_N > 0) & (kept_N < 1), kept_N, np.nan)
    width_N = error_N * np.sqrt(kept_N / (1 - kept_N))
    clear_N = np.isfinite(width_N) & (np.abs(away_N) > 0.5 * np.hypot(error_N, own_N))
    chosen: Floats = np.where(clear_N, width_N, own_N)
    return chosen


def belief(prior: float, width: float, value: float) -> tuple[float, float]:
    """A log-normal prior as a normal one of the same median: mean and standard deviation.

    A normal is symmetric, a log-normal is not: the width is that of the side on which the estimate lies.

    Args:
        prior: Log of the median.
        width: Standard deviation of the log.
        value: Log of the estimate that the prior is to meet.
    """
    side = width if value > prior else -width
    return math.exp(prior), abs(math.exp(prior + side) - math.exp(prior))
