"""What holds of the parameters whatever the data: signs of controls, channels that share their shapes.

Free parameters have a place of their own for every channel and control; what the model sees are those that
the restrictions leave. An effect whose sign is known has a half-normal prior: the size is the softplus of its
free parameter, as that of a channel's share is.

Shapes: M members, C channels, K controls.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from mmm.model.parameters import Parameters, inverse_softplus

SHAPE = ("retention", "delay", "half", "slope", "spread")
"""Free parameters of a channel's carry-over and saturation, all standard normal before the data."""
LEAST_SIZE = 1e-3
"""Size of an effect of known sign, in prior widths, below which its free parameter says no more."""


@dataclass(frozen=True)
class Restrictions:
    """Restrictions of one market's parameters.

    Attributes:
        sign_K: 1 or -1 for controls whose effect is known to have that sign, else 0.
        shape_of_C: The channel whose shape each channel has: the first of its group, else itself.
        treatments: How many of the last controls are treatments.
    """

    sign_K: tuple[int, ...] = ()
    shape_of_C: tuple[int, ...] = ()
    treatments: int = 0

    @property
    def of_known_sign(self) -> list[int]:
        """Places of controls and treatments of known sign."""
        return [place for place, sign in enumerate(self.sign_K) if sign]

    @property
    def signed(self) -> list[int]:
        """Places of the controls of known sign that are no treatments."""
        return [place for place in self.of_known_sign if place not in self.treated]

    @property
    def unsigned(self) -> list[int]:
        """Places of the other controls that are no treatments."""
        return [place for place, sign in enumerate(self.sign_K) if not sign and place not in self.treated]

    @property
    def treated(self) -> range:
        """Places of treatments."""
        return range(len(self.sign_K) - self.treatments, len(self.sign_K))

    @property
    def signs_of_treatments(self) -> list[int]:
        """1 or -1 for treatments whose effect is known to have that sign, else 0."""
        return [self.sign_K[place] for place in self.treated]

    @property
    def grouped(self) -> bool:
        """Whether channels share shapes."""
        return self.shape_of_C != tuple(range(len(self.shape_of_C)))

    def seen(self, free: Parameters) -> Parameters:
        """Parameters that the model sees, from free ones; those of a group are the first channel's."""
        found = self.believed(free)
        if self.grouped:
            found |= {name: free[name][..., list(self.shape_of_C)] for name in SHAPE}
        return found

    def believed(self, free: Parameters) -> Parameters:
        """Parameters that priors speak of: each counts once, however many channels share it."""
        if not self.of_known_sign:
            return dict(free)
        sign_K = free["control"].new_tensor(self.sign_K)
        size_MK = sign_K * softplus(free["control"])
        return {**free, "control": torch.where(sign_K == 0, free["control"], size_MK)}


def signed_log_prior(free: Tensor) -> Tensor:
    """Log density, up to a constant, of free parameters whose softplus is half-normal; any shape."""
    return -0.5 * softplus(free).square() + logsigmoid(free)


def free_of_size(size: Tensor) -> Tensor:
    """Free parameters whose softplus is the given size; those near 0 are held just above it."""
    return inverse_softplus(size.clamp_min(LEAST_SIZE))
