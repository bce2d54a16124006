"""One Ray and small portfolios for the tests of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.portfolios import tiny_portfolio


@pytest.fixture(scope="module")
def own_ray() -> Iterator[None]:
    """A Ray of two CPUs for the tests of a module; code that connects joins it."""
    from jobs.cluster import connect

    with connect("local", cpus=2):
        yield


@pytest.fixture
def portfolio(tmp_path: Path) -> Path:
    """Spec of a portfolio of 2 brands x 2 markets that fits in seconds."""
    return tiny_portfolio(tmp_path / "portfolio")
