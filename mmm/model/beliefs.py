"""What is believed of channels before the data: the one place that states it.

Media together bring a share ``m`` of the KPI, and channel c of that ``softmax(k log spend_c + t d_c)``: the
weight ``k`` of spend, the spread ``t`` between channels and the deviations ``d_c`` (Student-t, so that one
odd channel does not drag the others) are learned. Organic media and mediators are a pool of their own, of
which spend tells nothing: their share is ``h softmax(t d_c)`` with another total ``h``.

Shapes: M draws, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special
from torch import Tensor

from mmm.config import Belief, ModelSpec
from mmm.config.model import DEFAULT_MEDIA_SHARE
from mmm.data.panel import Bools, Floats
from mmm.model.frequency import HALF, SLOPE, person_shape
from mmm.model.network import expected_shape, retention_of, saturation_of_channels
from mmm.model.restrictions import SHAPE

DEVIATION = "deviation"
"""How far a channel stands from what its spend lets expect."""
SPREAD_SD = 0.5
"""Prior width, in logs, of the spread between channels."""
TAILS = 4.0
"""Degrees of freedom of the deviations of channels."""
EXPECTED_DRAWS = 4000
"""Draws that tell middle and width of what is expected of a channel, to some two per cent."""
HELD_TOTAL = "held_total"
"""How much channels that are not bought bring together, where there are any."""
COMMON = ("total", "spend_weight", "channel_spread")
"""Standard normal numbers that all channels share."""


@dataclass(frozen=True)
class Expectation:
    """What is expected of channels before the data.

    Attributes:
        log_total: Log of the share of the KPI that media bring together: its centre.
        log_total_sd: Its width.
        log_spend_C: Log of each channel's share of spend; 0 where no channel has spend.
        weight: Centre and width of the weight of spend; None where no channel has spend.
        spread: Typical spread, in logs, of channels around what their spend lets expect.
        bought_C: Channels that are bought; None if all are. The others are a pool of their own.
        log_held: Log of the share of the KPI that those others bring together: its centre.
        log_held_sd: Its width.
    """

    log_total: float
    log_total_sd: float
    log_spend_C: Tensor
    weight: Belief | None
    spread: float
    bought_C: Tensor | None = None
    log_held: float = 0.0
    log_held_sd: float = 1.0


def expectation(spec: ModelSpec, spend_C: Tensor, bought_C: Bools | None = None) -> Expectation:
    """What a spec and the spend of the training window let expect.

    A channel that is bought and without spend counts as one that spent what the average channel did.

    Args:
        spec: The model's priors.
        spend_C: Spend in the training window, 0 where none is known.
        bought_C: Channels that are bought; None if all are.
    """
    known_C = spend_C > 0
    log_spend_C = torch.zeros_like(spend_C)
    if known_C.any():
        filled_C = torch.where(known_C, spend_C, spend_C[known_C].mean())
        total = filled_C.sum() if bought_C is None else filled_C[torch.as_tensor(bought_C)].sum()
        log_spend_C = torch.log(filled_C / total)
    log_total, log_total_sd = _in_logs(spec.priors.media_share or DEFAULT_MEDIA_SHARE)
    log_held, log_held_sd = _in_logs(spec.priors.organic_share)
    return Expectation(
        log_total=log_total,
        log_total_sd=log_total_sd,
        log_spend_C=log_spend_C,
        weight=spec.priors.spend_weight if known_C.any() else None,
        spread=spec.priors.channel_spread,
        bought_C=None if bought_C is None or bought_C.all() else torch.as_tensor(bought_C),
        log_held=log_held,
        log_held_sd=log_held_sd,
    )


def _in_logs(belief: Belief) -> tuple[float, float]:
    """Centre and width of the log of a positive number that is expected to be as believed."""
    variance = math.log1p((belief.sd / belief.mean) ** 2) if belief.mean > 0 else 1.0
    return math.log(max(belief.mean, 1e-4)) - 0.5 * variance, math.sqrt(variance)


def log_shares(coordinates: Mapping[str, Tensor], expected: Expectation) -> Tensor:
    """Log of each channel's share of the KPI of the training window, shape MC."""
    log_total_M1 = expected.log_total + expected.log_total_sd * coordinates["total"]
    spread_M1 = expected.spread * torch.exp(SPREAD_SD * coordinates["channel_spread"])
    score_MC = spread_M1 * coordinates[DEVIATION]
    if expected.weight is not None:
        weight_M1 = expected.weight.mean + expected.weight.sd * coordinates["spend_weight"]
        score_MC = score_MC + weight_M1 * expected.log_spend_C
    bought_C = expected.bought_C
    if bought_C is None:
        return log_total_M1 + torch.log_softmax(score_MC, 1)
    log_held_M1 = expected.log_held + expected.log_held_sd * coordinates[HELD_TOTAL]
    held_MC = spread_M1 * coordinates[DEVIATION]
    shares_MC = log_total_M1 + torch.log_softmax(score_MC.masked_fill(~bought_C, -torch.inf), 1)
    held_MC = log_held_M1 + torch.log_softmax(held_MC.masked_fill(bought_C, -torch.inf), 1)
    return torch.where(bought_C, shares_MC, held_MC)


def prior_shares(
    spec: ModelSpec, spend_C: Floats, draws: int, seed: int, bought_C: Bools | None = None
) -> Floats:
    """Shares of the KPI drawn from the prior alone, shape MC.

    Args:
        spec: The model's priors.
        spend_C: Spend in the training window, 0 where none is known.
        draws: M.
        seed: Of the draws.
        bought_C: Channels that are bought; None if all are.
    """
    rng = np.random.default_rng([seed, 6])
    expected = expectation(spec, torch.as_tensor(np.asarray(spend_C, dtype=np.float64)), bought_C)
    one = {name: torch.as_tensor(rng.standard_normal((draws, 1))) for name in COMMON}
    deviation_MC = torch.as_tensor(rng.standard_t(TAILS, (draws, len(spend_C))))
    one[HELD_TOTAL] = torch.as_tensor(rng.standard_normal((draws, 1)))
    shares: Floats = torch.exp(log_shares({**one, DEVIATION: deviation_MC}, expected)).numpy()
    return shares


def half_normal_shares(
    spec: ModelSpec, scale_C: Floats, draws: int, seed: int, bought_C: Bools | None = None
) -> Floats:
    """Shares of the KPI as members of an ensemble expect them, shape MC: half-normal, each by itself.

    What is stated of all media together weighs the draws.

    Args:
        spec: The model's priors.
        scale_C: Typical share of each channel.
        draws: M.
        seed: Of the draws.
        bought_C: Channels that are bought; None if all are.
    """
    rng = np.random.default_rng([seed, 9])
    shares_MC: Floats = np.abs(rng.standard_normal((draws, len(scale_C)))) * scale_C
    media, strength = spec.priors.media_share, spec.priors.strength
    if media is None or strength == 0:
        return shares_MC
    total_M = shares_MC[:, slice(None) if bought_C is None else bought_C].sum(1)
    log_M = -0.5 * strength * ((total_M - media.mean) / media.sd) ** 2
    weight_M = np.exp(log_M - log_M.max())
    return shares_MC[rng.choice(draws, draws, p=weight_M / weight_M.sum())]


@dataclass(frozen=True)
class ExpectedShare:
    """What is expected of a channel's log share before anything is stated of it.

    Its lower tail is that of the deviations of channels. The upper one is that of all media together, which
    no channel exceeds: a normal one, no narrower than theirs. So dividing by this density leaves a density
    under every belief that is normal in logs.

    Attributes:
        middle: Median.
        below: Width of a Student-t of ``TAILS`` degrees below it.
        above: Width of a normal one above it.
    """

    middle: float
    below: float
    above: float

    def log_density(self, log_share: Tensor) -> Tensor:
        """Log density up to a constant, of the same shape; 0 in the middle."""
        away = log_share - self.middle
        below = -0.5 * (TAILS + 1.0) * torch.log1p((away / self.below).square() / TAILS)
        return torch.where(away < 0, below, -0.5 * (away / self.above).square())

    def on_grid(self, log_share_P: Floats) -> Floats:
        """``log_density`` of an array."""
        density_P: Floats = self.log_density(torch.as_tensor(log_share_P)).numpy()
        return density_P


def expected_share(
    spec: ModelSpec, spend_C: Floats, channel: int, bought_C: Bools | None = None
) -> ExpectedShare:
    """What is expected of a channel, from draws of the prior: each tail by its outer twentieth.

    Args:
        spec: The model's priors.
        spend_C: Spend in the training window, 0 where none is known.
        channel: Its position.
        bought_C: Channels that are bought; None if all are.
    """
    share_M = prior_shares(spec, spend_C, EXPECTED_DRAWS, 0, bought_C)[:, channel]
    log_M = np.log(np.maximum(share_M, 1e-12))
    low, middle, high, highest = np.quantile(log_M, (0.05, 0.5, 0.95, 0.99))
    expected = expectation(spec, torch.as_tensor(np.asarray(spend_C, dtype=np.float64)), bought_C)
    held = bought_C is not None and not bought_C[channel]
    together = expected.log_held_sd if held else expected.log_total_sd
    above = max((high - middle) / special.ndtri(0.95), (highest - middle) / special.ndtri(0.99), together)
    return ExpectedShare(float(middle), float((middle - low) / special.stdtrit(TAILS, 0.95)), float(above))


def prior_shapes(
    spec: ModelSpec,
    log_half_C: Floats,
    draws: int,
    seed: int,
    reach: tuple[int, ...] = (),
    lags: int | None = None,
) -> dict[str, Floats]:
    """Half-saturation, Hill slope and retention drawn from the prior alone, each of shape MC.

    Args:
        spec: The model's structure and priors.
        log_half_C: Log typical volume of each channel, in mean volumes.
        draws: M.
        seed: Of the draws.
        reach: Channels with reach and frequency.
        lags: Of the kernel, where the posterior is drawn from; None for an ensemble, which expects the same
            retention of effects that peak late, and fewer steep and straight curves.
    """
    rng = np.random.default_rng([seed, 7])
    free = {name: torch.as_tensor(rng.standard_normal((draws, len(log_half_C)))) for name in SHAPE}
    if lags is not None:
        free |= expected_shape(free, spec, lags)
    return shape_quantities(free, torch.as_tensor(log_half_C), spec, reach)


def prior_person(draws: int, seed: int) -> tuple[Floats, Floats]:
    """Half-frequency and slope of a person drawn from the prior alone, each of shape M."""
    rng = np.random.default_rng([seed, 8])
    free = {name: torch.as_tensor(rng.standard_normal(draws)) for name in (HALF, SLOPE)}
    half_M, slope_M = person_shape(free)
    return half_M.numpy(), slope_M.numpy()


def shape_quantities(
    free: Mapping[str, Tensor], log_half_C: Tensor, spec: ModelSpec, reach: tuple[int, ...] = ()
) -> dict[str, Floats]:
    """What users call the shape of a channel, from its free parameters, each of shape MC."""
    slope_MC, half_MC = saturation_of_channels(free, log_half_C, spec, reach)
    return {
        "half_saturation": half_MC.numpy(),
        "slope": slope_MC.numpy(),
        "retention": retention_of(free).numpy(),
    }
