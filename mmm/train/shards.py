"""Shards of one panel's regions, and the one thing they tell each other: sums.

Everything national (units, prior scales, the channel graph, validation, shared gradients) is a function of
sums over shards, so that any number of them gives what one process gives. One process is the shard that
has all regions.

Shapes: G regions of the whole panel, S regions of a shard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mmm.data.experiments import LiftTest
from mmm.data.panel import Floats, Panel
from mmm.data.scale import one_shard

Message = Callable[[Floats], Floats]
"""Sum of a float64 array over shards."""


class Shards(Protocol):
    """What a shard knows of the whole."""

    @property
    def index(self) -> int:
        """Which shard this is, from 0."""
        ...

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    @property
    def first(self) -> int:
        """Position of its first region among all; a shard's regions are consecutive."""
        ...

    @property
    def regions(self) -> int:
        """Regions of the whole panel, G."""
        ...

    def total(self, values: Tensor) -> Tensor:
        """Sum over shards, the same on each, without gradient; ``values`` may be overwritten."""
        ...


@dataclass(frozen=True)
class Alone:
    """One process with every region."""

    regions: int
    index: int = 0
    count: int = 1
    first: int = 0

    def total(self, values: Tensor) -> Tensor:
        """What one process has is the sum."""
        return values


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of the whole panel before it is cut into shards.

    Attributes:
        fingerprint: Digest of all data.
        lift_tests: Experiments, located on the whole panel.
        regions: Names of all regions.
    """

    fingerprint: str
    lift_tests: tuple[LiftTest, ...] = field(default=())
    regions: tuple[str, ...] = ()


def messages(shards: Shards) -> Message:
    """Sums of numpy arrays over shards."""
    if shards.count == 1:
        return one_shard

    def total(values: Floats) -> Floats:
        sent = torch.as_tensor(np.array(values, dtype=np.float64))
        received: Floats = shards.total(sent).numpy()
        return received

    return total


def add_up(shards: Shards) -> Callable[[Tensor], Tensor]:
    """Sums of tensors over shards, with the gradient of the shard's own part."""
    if shards.count == 1:
        return one_shard

    def total(values: Tensor) -> Tensor:
        own = values.detach()
        return values + (shards.total(own.clone()) - own)

    return total


class _SumBothWays(torch.autograd.Function):
    """Sum over shards whose gradient, too, is a sum over shards."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, shards: Shards) -> Tensor:
        ctx.shards = shards
        return shards.total(values.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.shards.total(gradients[0].clone()), None


def add_up_both_ways(values: Tensor, shards: Shards) -> Tensor:
    """Sum over shards of a number that every shard goes on with, so that its gradient is a sum too."""
    if shards.count == 1:
        return values
    summed: Tensor = _SumBothWays.apply(values, shards)  # type: ignore[no-untyped-call]
    return summed


def own_regions(shards: Shards, panel: Panel) -> slice:
    """Where the regions of a shard's panel are among all."""
    return slice(shards.first, shards.first + len(panel.regions))


def spread_out(rows: Floats, place: np.ndarray, size: int, total: Message) -> Floats:
    """Rows of all shards in one array of ``size`` rows, where each shard has some, at ``place``."""
    values = np.zeros((size, *rows.shape[1:]))
    values[place] = rows
    return total(values)


def shard_of(test: LiftTest, shards: Shards, panel: Panel) -> LiftTest:
    """The cells of a lift test that lie in a shard, in its own positions; none in some shards."""
    own = own_regions(shards, panel)
    here_R = (test.region_R >= own.start) & (test.region_R < own.stop)
    return replace(
        test,
        region_R=test.region_R[here_R] - own.start,
        present_RP=test.present_RP[here_R],
        treated_RP=np.broadcast_to(test.treated_RP, test.present_RP.shape)[here_R],
        untreated_RP=np.broadcast_to(test.untreated_RP, test.present_RP.shape)[here_R],
    )
