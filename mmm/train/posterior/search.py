"""Where the posterior is highest, and how fast it falls from there.

Shapes: B posteriors, M places in each, D coordinates.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from mmm.data.panel import Floats
from mmm.train.posterior.density import Density
from mmm.train.posterior.sampler import Gradient

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


def curvature(gradient: Gradient, theta_BD: Tensor) -> Tensor:
    """Second derivatives of the negative log posterior, from differences of gradients, shape BDD.

    Args:
        gradient: From coordinates, shape BMD, to log posterior and its gradient, row by row.
        theta_BD: Where, a place in each of B posteriors.
    """
    here_B1D = theta_BD.unsqueeze(1)
    places_BMD = torch.cat([here_B1D, here_B1D + STEP * torch.eye(theta_BD.shape[1]).to(theta_BD)], 1)
    parts = [gradient(part)[1] for part in torch.split(places_BMD, BATCH, 1)]
    gradient_BMD = torch.cat(parts, 1)
    found_BDD = (gradient_BMD[:, :1] - gradient_BMD[:, 1:]) / STEP
    return 0.5 * (found_BDD + found_BDD.transpose(1, 2))
