"""A simulated market in which a test was run: the same draws, one channel's spend changed in some cells.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmm.data.panel import Floats
from mmm.simulate.worlds import World, carry_over


def with_change(world: World, channel: str, factor_GT: Floats) -> World:
    """The world had a channel's media been multiplied cell by cell; what it moves follows, noise stays.

    Args:
        world: A simulated world.
        channel: The changed channel.
        factor_GT: Factor on its media, spend and exposure; 1 where nothing was changed.
    """
    influence, changed = world.influence, world.channels.index(channel)
    intensity_GTC = np.zeros_like(influence.own_GTC)
    for effect in influence.order:
        media_GT = influence.own_GTC[..., effect].copy()
        for cause in np.flatnonzero(influence.strength_CC[:, effect]):
            one = slice(cause, cause + 1)
            stock_GT = carry_over(intensity_GTC[..., one], influence.weights_CL[one])[..., 0]
            media_GT += influence.strength_CC[cause, effect] * stock_GT * influence.jitter_GTC[..., effect]
        intensity_GTC[..., effect] = media_GT * factor_GT if effect == changed else media_GT
    before_GTC = world.intensity_GTC
    ratio_GTC = np.divide(intensity_GTC, before_GTC, out=np.ones_like(before_GTC), where=before_GTC > 0)
    lift_GT = (world.response.kpi_GTC(intensity_GTC) - world.direct_GTC).sum(-1)
    kpi_GT = np.maximum(world.kpi_GT + lift_GT, 0.0)
    return replace(
        world,
        intensity_GTC=intensity_GTC,
        exposure_GTC=world.exposure_GTC * ratio_GTC,
        spend_GTC=world.spend_GTC * ratio_GTC,
        kpi_GT=kpi_GT,
        noise_GT=kpi_GT - (world.kpi_GT - world.noise_GT + lift_GT),
    )
