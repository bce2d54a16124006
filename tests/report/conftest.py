"""Model directories that the report's tests share; none of them writes into these."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.report import Tables, load_tables
from tests.report.world import World, write_model

SMALL = World()
LONE = World(regions=1, channels=3, members=1)
"""A national model of one member: no regions to compare and no intervals."""
WIDE = World(channels=13, weeks=109, regions=30)
"""As many channels as the public panel has."""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve regions, six channels, two years of weeks."""
    return write_model(tmp_path_factory.mktemp("small") / "model", SMALL)


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty regions, thirteen channels."""
    return write_model(tmp_path_factory.mktemp("wide") / "model", WIDE)


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One region, one member."""
    return write_model(tmp_path_factory.mktemp("lone") / "model", LONE)


@pytest.fixture(scope="session")
def tables(small: Path) -> Tables:
    """The small model's files."""
    return load_tables(small)


@pytest.fixture(scope="session")
def lone_tables(lone: Path) -> Tables:
    """The files of the model without intervals."""
    return load_tables(lone)
