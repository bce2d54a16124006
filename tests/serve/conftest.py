"""One service in this process for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.serve.fitted_models import client_of, place_three


@pytest.fixture(scope="session", autouse=True)
def _no_state_of_this_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Services of tests remember what they served in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with acme/us, acme/de and bolt/us."""
    folder = tmp_path_factory.mktemp("models")
    place_three(folder)
    return folder


@pytest.fixture(scope="module")
def client(models: Path) -> Iterator[TestClient]:
    """A client of the service over them."""
    with client_of(models) as client:
        yield client
