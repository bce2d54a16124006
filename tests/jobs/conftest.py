"""One Ray and small portfolios for the tests of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.jobs.portfolios import tiny_portfolio

SHARED_RAY = ExitStack()
"""Ends the Ray of the tests that join one; empty while there is none."""
RUNNING = pytest.StashKey[bool]()


def joins_ray(item: pytest.Item | None) -> bool:
    """Whether a test asks for the shared Ray."""
    return "own_ray" in getattr(item, "fixturenames", ())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that join the shared Ray come first, so that it is started once and gone for all others."""
    items.sort(key=lambda item: not joins_ray(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The shared Ray ends with the last test that joins it."""
    try:
        yield
    finally:
        if item.session.stash.get(RUNNING, False) and not joins_ray(nextitem):
            item.session.stash[RUNNING] = False
            SHARED_RAY.close()


@pytest.fixture
def own_ray(request: pytest.FixtureRequest) -> None:
    """A Ray of two CPUs that tests share; code that connects joins it."""
    from jobs.cluster import connect

    if not request.session.stash.get(RUNNING, False):
        SHARED_RAY.enter_context(connect("local", cpus=2))
        request.session.stash[RUNNING] = True


@pytest.fixture
def portfolio(tmp_path: Path) -> Path:
    """Spec of a portfolio of 2 brands x 2 markets that fits in seconds."""
    return tiny_portfolio(tmp_path / "portfolio")
