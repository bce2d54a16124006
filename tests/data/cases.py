"""The reference cases beside the repository; tests that read them are skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

CASES = Path(__file__).parents[3] / "shared" / "cases"


def case(name: str) -> Path:
    """The folder of a case."""
    folder = CASES / name
    if not folder.exists():
        pytest.skip(f"{folder} is absent")
    return folder
