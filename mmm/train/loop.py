"""The one training loop: full-batch Adam with a cosine schedule and clipped gradients.

All members are trained in one tensor program; nothing of a member touches another. The loop knows nothing
of what is minimised, so that one market on a laptop and a shard of regions on a cluster go through it.

Shapes: M members.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mmm.errors import TrainingError
from mmm.model.temporal import Parameters

WARM_UP = 20
"""Epochs in which the step rises to its peak."""
LAST_STEP = 0.01
"""Share of the peak step that is left at the end."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to descend.

    Attributes:
        epochs: Full-batch steps of the whole schedule.
        learning_rate: Peak step.
        gradient_clip: Largest norm of a member's gradient.
    """

    epochs: int
    learning_rate: float
    gradient_clip: float

    def rate(self, epoch: int) -> float:
        """Step at an epoch, counted from 0."""
        rise = min(1.0, (epoch + 1) / WARM_UP)
        fall = 0.5 * (1.0 + math.cos(math.pi * epoch / self.epochs))
        return self.learning_rate * rise * (LAST_STEP + (1.0 - LAST_STEP) * fall)


def _nothing(_: Parameters) -> None:
    """Gradients of one process need no combining."""


@dataclass
class Descent:
    """A descent under way: everything needed to go on where it stopped.

    Attributes:
        parameters: Free parameters, updated in place.
        schedule: Its plan.
        epoch: Epochs done.
        losses: Mean loss over members after each epoch.
        combine: Turns the gradients of a shard into those of the whole, in place.
    """

    parameters: Parameters
    schedule: Schedule
    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    combine: Callable[[Parameters], None] = _nothing
    norm: Callable[[Parameters], Tensor] | None = None

    def __post_init__(self) -> None:
        for value in self.parameters.values():
            value.requires_grad_(True)
        self._optimizer = torch.optim.Adam(
            list(self.parameters.values()), lr=self.schedule.learning_rate, betas=(0.9, 0.99)
        )

    def step(self, loss: Callable[[Parameters, int], Tensor]) -> None:
        """One epoch.

        Args:
            loss: From parameters and epoch to the loss of each member, shape M.

        Raises:
            TrainingError: The loss is no longer a number.
        """
        self._optimizer.param_groups[0]["lr"] = self.schedule.rate(self.epoch)
        self._optimizer.zero_grad(set_to_none=True)
        loss_M = loss(self.parameters, self.epoch)
        loss_M.sum().backward()  # type: ignore[no-untyped-call]
        self.combine(self.parameters)
        self._clip()
        self._optimizer.step()
        value = float(loss_M.detach().mean())
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss became {value} at epoch {self.epoch + 1} of {self.schedule.epochs}. "
                "Lower train.learning_rate, or look for cells of an extreme size in the panel."
            )
        self.losses.append(value)
        self.epoch += 1

    def _clip(self) -> None:
        """Scale each member's gradient down to the largest norm allowed."""
        norm_M = self.norm(self.parameters) if self.norm else gradient_norm(self.parameters)
        factor_M = (self.schedule.gradient_clip / norm_M.clamp_min(1e-12)).clamp_max(1.0)
        for value in self.parameters.values():
            if value.grad is not None:
                value.grad.mul_(factor_M.reshape(-1, *[1] * (value.dim() - 1)))

    def state(self) -> dict[str, Any]:
        """Plain tensors and numbers from which ``restore`` goes on to the same result."""
        return {
            "epoch": self.epoch,
            "losses": list(self.losses),
            "parameters": {name: value.detach().clone() for name, value in self.parameters.items()},
            "optimizer": deepcopy(self._optimizer.state_dict()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(state["parameters"][name])
        self._optimizer.load_state_dict(deepcopy(state["optimizer"]))
        self.epoch, self.losses = int(state["epoch"]), list(state["losses"])


def gradient_norm(parameters: Parameters) -> Tensor:
    """Norm of each member's gradient over all parameters, shape M."""
    gradients = [value.grad for value in parameters.values() if value.grad is not None]
    squares = [gradient.square().reshape(gradient.shape[0], -1).sum(1) for gradient in gradients]
    return torch.stack(squares).sum(0).sqrt()
