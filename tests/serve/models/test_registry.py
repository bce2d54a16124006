"""Champions of an MLflow registry: found, switched, copied from elsewhere; never written."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from serve.models.catalogue import open_source, registry_of
from serve.models.registry import RegistrySource
from serve.models.source import SourceError
from tests.serve.fitted_models import client_of, place_model

NAME = "brand=acme,market=us"


@pytest.fixture(scope="module")
def refit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a refit leaves: two versions of one model, the first of them champion."""
    folder = tmp_path_factory.mktemp("refit")
    (folder / "mlflow").mkdir()
    client = registry(folder)
    client.create_registered_model(NAME, tags={"brand": "acme", "market": "us"})
    client.create_registered_model("somebody else's")
    for seed in (1, 2):
        place_model(folder / f"fit{seed}", "acme", "us", seed=seed)
        source = folder / f"fit{seed}" / "brand=acme" / "market=us" / "fit"
        client.create_model_version(NAME, source.as_uri())
    client.set_registered_model_alias(NAME, "champion", "1")
    return folder


def registry(folder: Path) -> MlflowClient:
    uri = f"sqlite:///{folder}/mlflow/mlflow.db"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def test_the_champion_is_served_and_its_successor_after_a_reload(refit: Path) -> None:
    with client_of(refit, poll=3600) as client:
        assert client.get("/v1/models/acme/us").json()["version"] == "1"
        registry(refit).set_registered_model_alias(NAME, "champion", "2")
        told = client.post("/v1/reload").json()

        assert told["changes"] == [{"name": "acme/us", "before": "1", "after": "2"}]
        plan = client.post("/v1/models/acme/us/optimize", json={"budget": "current"}).json()
        assert plan["model"]["version"] == "2"
    registry(refit).set_registered_model_alias(NAME, "champion", "1")


def test_another_alias_may_be_served(refit: Path) -> None:
    assert open_source(str(refit), "challenger").entries() == ()
    assert registry_of(str(refit)) == f"sqlite:///{refit}/mlflow/mlflow.db"


def test_a_registry_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.db cannot be read"):
        RegistrySource(f"sqlite:////proc/{tmp_path.name}/none.db").entries()
