"""Brands that are alike, but not the same: worlds drawn around classes of channels whose truth is known.

Shapes: B brands, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.data.panel import Floats
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.worlds import World

ROI_CENTRE, ROI_SPREAD = 0.5, 0.4
"""Log of the return of the typical class, and how far classes stand from it."""
RETENTION_SPREAD = 0.5
"""Standard deviation of the logit of retention of a brand around its class."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Brands of one vertical, every channel a class of its own.

    Attributes:
        worlds: B national markets.
        roi_C: Return of each class, by its median brand.
        retention_C: Retention of each class.
        between_sd: Standard deviation of log return of a brand around its class.
    """

    worlds: tuple[World, ...]
    roi_C: Floats
    retention_C: Floats
    between_sd: float


def simulate_hierarchy(
    brands: int = 60,
    *,
    design: Design | None = None,
    between_sd: float = 0.3,
    weakest: int = 78,
    noisiest: float = 0.12,
    seed: int = 0,
) -> Hierarchy:
    """Draw brands around shared classes; the first third has the weakest data.

    Args:
        brands: B.
        design: What the other brands have: weeks, channels, noise; by default a national market.
        between_sd: Standard deviation of log return of a brand around its class.
        weakest: Weeks of history of the weakest third.
        noisiest: Noise of the weakest third.
        seed: Of every random choice.
    """
    design = design or Design(regions=1, channels=6)
    rng = np.random.default_rng([seed, 1])
    log_roi_C = ROI_CENTRE + ROI_SPREAD * rng.standard_normal(design.channels)
    logit_C = rng.normal(0.0, 0.8, design.channels)
    worlds = []
    for brand in range(brands):
        log_own_C = log_roi_C + between_sd * rng.standard_normal(design.channels)
        logit_own_C = logit_C + RETENTION_SPREAD * rng.standard_normal(design.channels)
        own = replace(
            design,
            roi=tuple(np.exp(log_own_C).tolist()),
            decay=tuple((1 / (1 + np.exp(-logit_own_C))).tolist()),
        )
        if brand < brands // 3:
            own = replace(own, weeks=weakest, noise=noisiest)
        worlds.append(simulate_market(own, brand=f"brand{brand + 1}", market="us", seed=seed * 1000 + brand))
    return Hierarchy(tuple(worlds), np.exp(log_roi_C), 1 / (1 + np.exp(-logit_C)), between_sd)
