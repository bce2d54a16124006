"""Files of models that a planning process handles, and a process that plans over them."""

from __future__ import annotations

from pathlib import Path

from serve.models.source import ModelEntry
from tests.serve.fitted_models import place_model


def placed(folder: Path, brand: str, seed: int = 0) -> ModelEntry:
    """A model on disk as an entry."""
    place_model(folder, brand, "us", seed=seed)
    return ModelEntry(brand, "us", "1", str(folder / f"brand={brand}" / "market=us" / "fit"))
