"""What is served: entries, and the protocol of the places they come from.

A version is immutable: whatever is kept of a model is kept under ``ModelEntry.key``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mmm.errors import MMMError


class SourceError(MMMError, LookupError):
    """A place of models that cannot be read."""


@dataclass(frozen=True)
class ModelEntry:
    """One served model.

    Attributes:
        brand: Brand.
        market: Market.
        version: What tells this fit from every other of the same brand and market.
        source: Folder or URI of the fitted model's directory.
    """

    brand: str
    market: str
    version: str
    source: str

    @property
    def key(self) -> str:
        """Identity: name and version."""
        return f"brand={self.brand},market={self.market}@{self.version}"

    @property
    def name(self) -> str:
        """Brand and market as portfolio requests name them."""
        return f"{self.brand}/{self.market}"


class ModelSource(Protocol):
    """A place of models."""

    def entries(self) -> tuple[ModelEntry, ...]:
        """The version to serve of every brand and market, sorted by name.

        Raises:
            SourceError: The place cannot be read.
        """
        ...

    def holds(self, entry: ModelEntry) -> bool:
        """Whether an entry's files, as far as can be told without reading them, are those of its version."""
        ...
