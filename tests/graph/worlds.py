"""Worlds with a known channel graph, made by maths of their own.

Shapes: G regions, T periods, C channels. Graphs are [cause, effect].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmm.data.panel import Floats

WEEKS = 365.25 / 7.0


@dataclass(frozen=True, eq=False)
class World:
    media_GTC: Floats
    present_GT: npt.NDArray[np.bool_]
    size_G: Floats
    graph_CC: Floats
    passed_on_CC: Floats
    """Media of the effect per unit of media of the cause, over all periods to come."""

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"channel{at}" for at in range(self.media_GTC.shape[2]))


def autoregression(rng: np.random.Generator, shape: tuple[int, ...], keep: float) -> Floats:
    """Stationary noise of variance 1 along the last axis."""
    shocks = rng.normal(size=shape)
    out = shocks.copy()
    for period in range(1, shape[-1]):
        out[..., period] = keep * out[..., period - 1] + np.sqrt(1 - keep**2) * shocks[..., period]
    return out


def adstock(media_GT: Floats, keep: float, delay: int) -> Floats:
    out = np.zeros_like(media_GT)
    for lag in range(min(20, media_GT.shape[1] - delay)):
        shift = lag + delay
        out[:, shift:] += (1 - keep) * keep**lag * media_GT[:, : media_GT.shape[1] - shift]
    return out


def flights(rng: np.random.Generator, regions: int, periods: int) -> Floats:
    """Bursts of four weeks on or off, in two thirds of the regions at the same time."""
    blocks = periods // 4 + 1
    national = np.repeat(rng.random(blocks) < 0.6, 4)[:periods]
    own = np.repeat(rng.random((regions, blocks)) < 0.6, 4, axis=1)[:, :periods]
    return np.where(rng.random((regions, 1)) < 0.67, national, own).astype(float)


def make_world(
    seed: int,
    *,
    regions: int = 40,
    periods: int = 156,
    channels: int = 8,
    edges: int = 6,
    strength: float = 1.0,
    demand: float = 0.25,
) -> World:
    """Media of channels in shuffled order, some moved by others, some by hidden demand."""
    rng = np.random.default_rng([77, seed])
    order = rng.permutation(channels)
    graph_CC = np.zeros((channels, channels))
    pairs = [(order[a], order[b]) for a in range(channels) for b in range(a + 1, channels)]
    for at in rng.choice(len(pairs), size=edges, replace=False):
        graph_CC[pairs[at]] = strength * rng.uniform(0.45, 0.9)
    size_G = rng.lognormal(0.0, 0.8, size=regions)
    scale_C = rng.lognormal(0.0, 2.0, size=channels)
    week_T = np.arange(periods)
    hidden_GT = autoregression(rng, (periods,), 0.9) + 0.6 * autoregression(rng, (regions, periods), 0.8)
    delay = seed % 2
    media_GTC = np.zeros((regions, periods, channels))
    for channel in order:
        level = 0.35 * autoregression(rng, (periods,), 0.8)
        level = level + 0.45 * autoregression(rng, (regions, periods), 0.5)
        level = level + 0.25 * rng.normal(size=(regions, periods))
        level = level + 0.2 * np.sin(2 * np.pi * (week_T / WEEKS + rng.random())) + 0.3 * week_T / periods
        if rng.random() < 0.4:
            level = level + demand * hidden_GT
        own_GT = np.exp(level) * rng.lognormal(0.0, 0.3, size=(regions, 1))
        if rng.random() < 0.5:
            own_GT = own_GT * flights(rng, regions, periods)
        own_GT /= own_GT.mean()
        for cause in np.flatnonzero(graph_CC[:, channel]):
            moved = adstock(media_GTC[:, :, cause], rng.uniform(0.3, 0.7), delay)
            own_GT = own_GT + graph_CC[cause, channel] * moved * np.exp(0.1 * rng.normal(size=moved.shape))
        media_GTC[:, :, channel] = own_GT
    return World(
        media_GTC=media_GTC * size_G[:, None, None] * scale_C,
        present_GT=np.ones((regions, periods), dtype=bool),
        size_G=size_G,
        graph_CC=graph_CC,
        passed_on_CC=graph_CC * np.exp(0.005) * scale_C[None, :] / scale_C[:, None],
    )


def pair_scores(score_CC: Floats, graph_CC: Floats) -> tuple[float, float]:
    """AUROC over ordered pairs and precision among the k highest, k edges being true."""
    pairs = ~np.eye(len(graph_CC), dtype=bool)
    true, score = graph_CC[pairs] != 0, score_CC[pairs]
    above = score[true][:, None] - score[~true][None, :]
    auroc = float((above > 0).mean() + 0.5 * (above == 0).mean())
    best = np.argsort(-score, kind="stable")[: true.sum()]
    return auroc, float(true[best].mean())
