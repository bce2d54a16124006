"""What adds up over regions: national numbers are made of it, so that no process need hold all regions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, eq=False)
class Sums:
    """Base of what adds up over regions: fields are arrays, numbers or sums of their own."""

    def __add__(self, other: Self) -> Self:
        """The same of the regions of both."""
        added: dict[str, Any] = {
            item.name: getattr(self, item.name) + getattr(other, item.name) for item in fields(self)
        }
        return type(self)(**added)
