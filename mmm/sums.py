"""What adds up over regions: national numbers are made of it, so that no process need hold all regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

Added = TypeVar("Added")


def in_blocks(regions: int, cells: int, most: int) -> Iterator[slice]:
    """Consecutive regions that are gone through at once.

    Args:
        regions: How many there are.
        cells: Of each.
        most: Cells at once; of a region with more than that, all.
    """
    size = max(1, most // max(cells, 1))
    for first in range(0, regions, size):
        yield slice(first, min(first + size, regions))


@dataclass(frozen=True, eq=False)
class Sums:
    """Base of what adds up over regions: fields are arrays, numbers or sums of their own."""

    def __add__(self, other: Self) -> Self:
        """The same of the regions of both."""
        added: dict[str, Any] = {
            item.name: getattr(self, item.name) + getattr(other, item.name) for item in fields(self)
        }
        return type(self)(**added)


@dataclass(frozen=True, eq=False)
class Lowest:
    """Least values; "added" they are the least of both."""

    values: npt.NDArray[np.float64]

    def __add__(self, other: Lowest) -> Lowest:
        """The same of the regions of both."""
        return Lowest(np.minimum(self.values, other.values))


@dataclass(frozen=True, eq=False)
class Highest:
    """Largest values; "added" they are the largest of both."""

    values: npt.NDArray[np.float64]

    def __add__(self, other: Highest) -> Highest:
        """The same of the regions of both."""
        return Highest(np.maximum(self.values, other.values))


@dataclass(frozen=True, eq=False)
class Each(Generic[Added]):
    """Several sums, each added to its counterpart."""

    parts: tuple[Added, ...]

    def __add__(self, other: Each[Added]) -> Each[Added]:
        """The same of the regions of both."""
        pairs: Any = zip(self.parts, other.parts, strict=True)
        return Each(tuple(one + more for one, more in pairs))
