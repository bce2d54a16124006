"""A panel's regions cut into shards, and the group of processes that adds up over them.

Shapes: G regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmm.errors import Problem, SpecError

if TYPE_CHECKING:
    from torch import Tensor


def cut_regions(observed_G: npt.NDArray[np.int64], shards: int) -> list[slice]:
    """Consecutive regions for each shard, of about as many observed cells.

    Consecutive, so that each reads few row groups of a Parquet file that is sorted by region.

    Args:
        observed_G: Cells whose KPI is known, by region.
        shards: How many.

    Raises:
        SpecError: There are more shards than regions.
    """
    regions = len(observed_G)
    if shards > regions:
        message = (
            f"{shards} workers were asked for, but the panel has {regions} "
            f"region{'s' if regions != 1 else ''}, and a worker needs one of its own. "
            f"Ask for at most {regions}."
        )
        raise SpecError("--workers", [Problem("more_workers_than_regions", "--workers", message)])
    # A region without any cell costs something too.
    done_G = np.cumsum(np.asarray(observed_G, dtype=np.float64) + 1.0)
    ends = [0]
    for shard in range(1, shards):
        wanted = done_G[-1] * shard / shards
        at = int(np.searchsorted(done_G, wanted))
        if at + 1 < regions and abs(done_G[at] - wanted) < abs(done_G[max(at - 1, 0)] - wanted):
            at += 1
        ends.append(min(max(at, ends[-1] + 1), regions - (shards - shard)))
    ends.append(regions)
    return [slice(start, stop) for start, stop in pairwise(ends)]


@dataclass(frozen=True)
class Group:
    """A process of ``torch.distributed`` that has a shard; see :class:`mmm.train.shards.Shards`.

    Attributes:
        index: Which shard.
        count: How many there are.
        first: Position of its first region.
        regions: Regions of the whole panel.
        device: Where sums are made, e.g. ``cuda`` for nccl; None takes that of what is summed.
    """

    index: int
    count: int
    first: int
    regions: int
    device: str | None = None

    def total(self, values: Tensor) -> Tensor:
        """Sum over shards, the same on each."""
        if self.count == 1:
            return values
        import torch.distributed as dist

        sent = values.contiguous() if self.device is None else values.to(self.device).contiguous()
        dist.all_reduce(sent)
        return sent.to(values.device)


def group_of(own: Sequence[slice], index: int, device: str | None = None) -> Group:
    """What one of the shards knows of the whole."""
    return Group(index, len(own), own[index].start, own[-1].stop, device)
