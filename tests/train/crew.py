"""Shards of one process: threads that add up what they tell each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

Found = TypeVar("Found")


class Table:
    """Where threads meet to add up."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count, timeout=60)
        self.said: list[Any] = [None] * count
        self.sums = 0

    def total(self, index: int, values: Tensor) -> Tensor:
        """Sum over threads, in the order of shards."""
        self.said[index] = values.clone()
        self.barrier.wait()
        whole: Tensor = sum(self.said[1:], self.said[0].clone())
        if self.barrier.wait() == 0:
            self.sums += 1
        return whole


@dataclass(frozen=True, eq=False)
class Thread:
    """One of them; see ``mmm.train.shards.Shards``."""

    index: int
    count: int
    first: int
    regions: int
    table: Table

    def total(self, values: Tensor) -> Tensor:
        """Sum over shards."""
        return self.table.total(self.index, values)


def crew(sizes: tuple[int, ...], work: Callable[[Thread, slice], Found]) -> tuple[list[Found], Table]:
    """What each of several shards makes of its regions, and how they talked.

    Args:
        sizes: Regions of each shard.
        work: Given what the shard knows of the whole, and where its regions are.
    """
    table = Table(len(sizes))
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]

    def one(index: int) -> Found:
        first = ends[index] - sizes[index]
        shard = Thread(index, len(sizes), first, sum(sizes), table)
        try:
            return work(shard, slice(first, ends[index]))
        except BaseException:  # an interrupt too: the other shards wait at the barrier
            table.barrier.abort()
            raise

    with ThreadPoolExecutor(len(sizes)) as pool:
        return list(pool.map(one, range(len(sizes)))), table
