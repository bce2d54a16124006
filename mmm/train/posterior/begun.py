"""Chains that one fit leaves and a later one of nearly the same data goes on from.

Only those of panels of one region are kept: there they agree, and half of the rounds are warm-up. On regional
panels a fresh start tells whether they do.

Shapes: M chains, D coordinates.
"""

from __future__ import annotations

import numpy as np
import torch

from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.train.posterior.density import Density
from mmm.train.posterior.sampler import Chains

MEANING = 3.0
"""Counts what coordinates mean; chains of another meaning tell nothing (2: retention, decision 0028; 3:
saturation, decision 0031)."""


def arrays_of(density: Density, chains: Chains) -> dict[str, Floats]:
    """Chains as arrays to be kept with a model; none where no fit goes on from them.

    Args:
        density: The posterior.
        chains: Where its chains ended.
    """
    if density.shards.regions > 1:
        return {}
    return {
        "theta_MD": chains.theta_MD.numpy(),
        "centre_D": chains.centre_D.numpy(),
        # Directions need no more digits, and are most of what is kept.
        "stretch_DD": chains.stretch_DD.numpy().astype(np.float32),
        "step": np.array(chains.step),
        "sizes": np.array(list(density.layout.sizes.values()), dtype=np.float64),
        "meaning": np.array(MEANING),
    }


def begun_for(density: Density, model: Fitted | None) -> Chains | None:
    """Chains of a model that sampling of a posterior may go on from.

    Args:
        density: The posterior.
        model: A model of the same channels and settings, of data that differ little.

    Returns:
        None without a model, where it left no chains, or if its coordinates are others.
    """
    if model is None or not model.chains or density.shards.regions > 1:
        return None
    if float(model.chains.get("meaning", np.array(1.0))) != MEANING:
        return None
    sizes = list(density.layout.sizes.values())
    if model.chains["sizes"].tolist() != sizes:
        return None
    theta_MD, centre_D, stretch_DD = (
        torch.as_tensor(np.asarray(model.chains[name], dtype=np.float64))
        for name in ("theta_MD", "centre_D", "stretch_DD")
    )
    return Chains(theta_MD, centre_D, stretch_DD, float(model.chains["step"]))
