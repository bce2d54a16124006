"""Where the posterior is highest, and how fast it falls from there.

Shapes: D coordinates.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from mmm.data.panel import Floats
from mmm.train.posterior.density import Density

STEP = 1e-5
"""Distance of the differences that give the curvature: forward ones, which cost half of central ones."""
BATCH = 16
"""Coordinates looked at together."""
FAR = 1e10
"""Value where the density cannot be computed: the search turns back."""


def highest(density: Density, start_D: Tensor, most: int) -> Tensor:
    """The mode near a start, by quasi-Newton steps (L-BFGS), shape D.

    Args:
        density: The posterior.
        start_D: Where to begin.
        most: Steps at most.
    """

    def negative(theta_D: Floats) -> tuple[float, Floats]:
        value_M, gradient_MD = density.gradient(torch.as_tensor(theta_D).unsqueeze(0))
        value = float(value_M)
        if not np.isfinite(value):
            return FAR, np.zeros_like(theta_D)
        return -value, -gradient_MD[0].numpy()

    found = optimize.minimize(
        negative,
        start_D.numpy().copy(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": most, "maxcor": 20},
    )
    return torch.as_tensor(found.x)


def curvature(density: Density, theta_D: Tensor) -> Tensor:
    """Second derivatives of the negative log posterior, from differences of gradients, shape DD."""
    places_DD = torch.cat([theta_D.unsqueeze(0), theta_D + STEP * torch.eye(len(theta_D)).to(theta_D)])
    gradient_DD = torch.cat([density.gradient(part)[1] for part in torch.split(places_DD, BATCH)])
    found_DD = (gradient_DD[:1] - gradient_DD[1:]) / STEP
    return 0.5 * (found_DD + found_DD.T)
