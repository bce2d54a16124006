"""The one training loop: full-batch Adam with a cosine schedule and clipped gradients.

All members are trained in one tensor program; nothing of a member touches another. The loop knows nothing
of what is minimised, so that one market on a laptop and a shard of regions on a cluster go through it.

Parameters lie side by side in two tensors, those that shards share and those of the shard's own regions:
a step of Adam is a few operations however many parameters have names, and what shards must tell each other
in a step is one sum.

Shapes: M members, P parameters side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmm.errors import TrainingError
from mmm.model.parameters import REGIONAL, Parameters, by_member, of_regions

WARM_UP = 20
"""Epochs in which the step rises to its peak."""
LAST_STEP = 0.01
"""Share of the peak step that is left at the end."""
MEMORY, MEMORY_OF_SQUARES = 0.9, 0.99
"""Share of Adam's running means of the gradient and of its square that is kept from step to step."""
EPSILON = 1e-8
"""Added to the root of the running mean square."""

Total = Callable[[Tensor], Tensor]
"""Sum of a tensor over shards."""
Loss = Callable[[Parameters, int], Tensor]
"""From parameters and epoch to the loss of each member, shape M."""


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

    def rate(self, epoch: int) -> float | Tensor:
        """Step at an epoch, counted from 0; of several fits a tensor of shape M1."""
        rise = min(1.0, (epoch + 1) / WARM_UP)
        fall = 0.5 * (1.0 + math.cos(math.pi * epoch / self.epochs))
        return self.learning_rate * rise * (LAST_STEP + (1.0 - LAST_STEP) * fall)


class _Group:
    """Parameters side by side with Adam's memory of their gradients, each of shape MP.

    Source: Kingma and Ba 2015, "Adam", algorithm 1.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.shapes = {name: value.shape for name, value in parameters.items()}
        self.values_MP = self._side_by_side(parameters).requires_grad_(True)
        self.mean_MP = torch.zeros_like(self.values_MP)
        self.square_MP = torch.zeros_like(self.values_MP)

    def _side_by_side(self, parameters: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([by_member(parameters[name].detach()) for name in self.shapes], 1)

    def named(self, side_by_side: Tensor) -> Parameters:
        """Parts of a tensor of shape MP by the name of their parameter."""
        sizes = [math.prod(shape[1:]) for shape in self.shapes.values()]
        parts = torch.split(side_by_side, sizes, 1)
        return {name: part.view(self.shapes[name]) for name, part in zip(self.shapes, parts, strict=True)}

    @property
    def gradient_MP(self) -> Tensor:
        """Gradient of the last backward pass."""
        assert self.values_MP.grad is not None
        return self.values_MP.grad

    @torch.no_grad()
    def move(self, gradient_MP: Tensor, rate: float | Tensor, steps: int) -> None:
        """One step of Adam, the last of so many."""
        self.mean_MP.lerp_(gradient_MP, 1.0 - MEMORY)
        self.square_MP.mul_(MEMORY_OF_SQUARES).addcmul_(gradient_MP, gradient_MP, value=1 - MEMORY_OF_SQUARES)
        size_MP = self.square_MP.sqrt().div_(math.sqrt(1.0 - MEMORY_OF_SQUARES**steps)).add_(EPSILON)
        self.values_MP.addcdiv_(self.mean_MP, size_MP.div_(rate), value=-1.0 / (1.0 - MEMORY**steps))

    @torch.no_grad()
    def restore(self, values: Parameters, means: Parameters, squares: Parameters) -> None:
        """Take over saved values and memory."""
        self.values_MP.copy_(self._side_by_side(values))
        self.mean_MP.copy_(self._side_by_side(means))
        self.square_MP.copy_(self._side_by_side(squares))


class Descent:
    """A descent under way: everything needed to go on where it stopped.

    Args:
        parameters: Where it starts; copied.
        schedule: Its plan.
        total: Sum over shards, asked once a step; None for one process.

    Attributes:
        schedule: Its plan.
        epoch: Epochs done.
        losses: Mean loss over members after each epoch.
    """

    def __init__(self, parameters: Parameters, schedule: Schedule, total: Total | None = None) -> None:
        self.schedule = schedule
        self.epoch = 0
        self.losses: list[float] = []
        self._total = total
        own = {name: value for name, value in parameters.items() if name in REGIONAL}
        shared = {name: value for name, value in parameters.items() if name not in own}
        self._shared = _Group(shared)
        self._groups = [self._shared, *([_Group(own)] if own else [])]

    @property
    def parameters(self) -> Parameters:
        """Free parameters where the descent stands, without gradient."""
        return self._named(lambda group: group.values_MP.detach())

    def _named(self, of: Callable[[_Group], Tensor]) -> Parameters:
        return {name: part for group in self._groups for name, part in group.named(of(group)).items()}

    def step(self, loss: Loss) -> None:
        """One epoch.

        Args:
            loss: What is minimised; of a shard its part.

        Raises:
            TrainingError: The loss is no longer a number.
        """
        for group in self._groups:
            group.values_MP.grad = None
        loss_M = loss(self._named(lambda group: group.values_MP), self.epoch)
        loss_M.sum().backward()  # type: ignore[no-untyped-call]
        self._move(loss_M.detach())

    def step_by_regions(self, parts: Sequence[tuple[slice, Loss]]) -> None:
        """One epoch of a loss that is a sum over regions; what one part needs is let go of before the next.

        Args:
            parts: Regions, of which every one is in one part, and the loss of theirs, which is told the
                parameters of these regions and the shared ones.

        Raises:
            TrainingError: The loss is no longer a number.
        """
        for group in self._groups:
            group.values_MP.grad = torch.zeros_like(group.values_MP)
        losses: list[Tensor] = []
        for own, loss in parts:
            # Leaves of their own: the gradient by a slice would be one of all regions, in every part.
            leaves = [
                {name: part.requires_grad_(True) for name, part in of_regions(values, own).items()}
                for values in (group.named(group.values_MP.detach()) for group in self._groups)
            ]
            loss_M = loss({name: leaf for group in leaves for name, leaf in group.items()}, self.epoch)
            loss_M.sum().backward()  # type: ignore[no-untyped-call]
            for group, found in zip(self._groups, leaves, strict=True):
                for name, part in of_regions(group.named(group.gradient_MP), own).items():
                    if (gradient := found[name].grad) is not None:
                        part.add_(gradient)
            losses.append(loss_M.detach())
            del loss_M, leaves, found
        self._move(torch.stack(losses).sum(0))

    def _move(self, loss_M: Tensor) -> None:
        """Go where the gradient points.

        Args:
            loss_M: Loss of each member; of a shard its part.

        Raises:
            TrainingError: The loss is no longer a number.
        """
        whole_M, norm_M = self._combine(loss_M)
        factor_M1 = (self.schedule.gradient_clip / norm_M.clamp_min(1e-12)).clamp_max(1.0).unsqueeze(1)
        rate = self.schedule.rate(self.epoch)
        for group in self._groups:
            group.move(group.gradient_MP * factor_M1, rate, self.epoch + 1)
        value = float(whole_M.mean())
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss became {value} at epoch {self.epoch + 1} of {self.schedule.epochs}. "
                "Lower train.learning_rate, or look for cells of an extreme size in the panel."
            )
        self.losses.append(value)
        self.epoch += 1

    def _combine(self, loss_M: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and gradient norm of members over all shards; shared gradients become those of the whole."""
        own_M = torch.zeros_like(loss_M)
        for group in self._groups[1:]:
            own_M = group.gradient_MP.square().sum(1)
        shared_MP = self._shared.gradient_MP
        if self._total is not None:
            message = torch.cat([shared_MP, own_M.unsqueeze(1), loss_M.unsqueeze(1)], 1)
            message = self._total(message)
            shared_MP.copy_(message[:, :-2])
            own_M, loss_M = message[:, -2], message[:, -1]
        return loss_M, (shared_MP.square().sum(1) + own_M).sqrt()

    def state(self) -> dict[str, Any]:
        """Plain tensors and numbers from which ``restore`` goes on to the same result."""
        return {
            "epoch": self.epoch,
            "losses": list(self.losses),
            "parameters": self._copy(lambda group: group.values_MP.detach()),
            "means": self._copy(lambda group: group.mean_MP),
            "squares": self._copy(lambda group: group.square_MP),
        }

    def _copy(self, of: Callable[[_Group], Tensor]) -> Parameters:
        return {name: value.clone() for name, value in self._named(of).items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for group in self._groups:
            group.restore(state["parameters"], state["means"], state["squares"])
        self.epoch, self.losses = int(state["epoch"]), list(state["losses"])
