"""One service with the models that pages are looked at with, for every test of the page that changes none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.serve.page.site import (
    READY,
    Visit,
    designed,
    driven,
    linked,
    long_named,
    model_of,
    national,
    serving,
    visiting,
    write_models,
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several brands: one with one member, one with long names, a nation without prices, linked channels."""
    models = write_models(
        tmp_path_factory.mktemp("models"),
        model_of("acme", "de"), model_of("acme", "us"), linked(), model_of("borealis", "de", members=1),
        long_named(), national(), driven(),
    )  # fmt: skip
    designed(models / "acme" / "de")
    return models


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[str]:
    """Address of the service over them."""
    with serving(folder) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """The page of acme in the US, loaded."""
    with visiting(browser, f"{site}#brand=acme&market=us") as opened:
        opened.page.wait_for_selector(READY)
        yield opened
