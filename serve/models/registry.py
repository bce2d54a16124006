"""Models of an MLflow registry, read only: the versions an alias points at, and their files."""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from jobs.record.versions import CHAMPION
from mmm.storage import filesystem
from serve.models.source import ModelEntry, SourceError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_OF_MLFLOW = ("mlflow-artifacts", "runs", "models", "dbfs")


class RegistrySource:
    """Champions of a registry.

    Args:
        uri: Registry, e.g. ``sqlite:////abs/mlflow.db`` or ``http://mlflow:5000``.
        alias: Alias of the versions to serve.
    """

    def __init__(self, uri: str, alias: str = CHAMPION) -> None:
        self.uri, self._alias = uri, alias
        self._sources: dict[tuple[str, str], str] = {}

    def entries(self) -> tuple[ModelEntry, ...]:
        """See ``ModelSource.entries``: two requests, however many models, and one for each new version."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return tuple(sorted(self._champions(), key=lambda entry: entry.name))
        except (MlflowException, SQLAlchemyError, OSError) as error:
            reason = " ".join(str(error).split())[:300]
            raise SourceError(
                f"The registry {self.uri} cannot be read: {reason}. Start it, or correct its URI."
            ) from error

    def holds(self, entry: ModelEntry) -> bool:  # noqa: ARG002
        """See ``ModelSource.holds``: a registry's versions never change."""
        return True

    def _champions(self) -> list[ModelEntry]:
        client, found, token = _client(self.uri), [], None
        while True:
            page = client.search_registered_models(max_results=500, page_token=token)
            for model in page:
                number = model.aliases.get(self._alias)
                if number is not None and {"brand", "market"} <= set(model.tags):
                    source = self._source(model.name, str(number))
                    found.append(ModelEntry(model.tags["brand"], model.tags["market"], str(number), source))
            token = page.token
            if not token:
                return found

    def _source(self, name: str, number: str) -> str:
        """Where a version's files lie; it never changes."""
        if (name, number) not in self._sources:
            version = _client(self.uri).get_model_version(name, number)
            source = str(version.source)
            if urlparse(source).scheme in _OF_MLFLOW:
                source = _client(self.uri).get_model_version_download_uri(name, number)
            self._sources[name, number] = source
        return self._sources[name, number]


@cache
def _client(uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def copy_version(source: str, folder: Path, registry: str | None) -> None:
    """Copy the files of a remote version.

    Args:
        source: Where they lie.
        folder: Where to put them.
        registry: URI of the registry that holds sources of scheme ``mlflow-artifacts``.

    Raises:
        OSError: They cannot be had.
    """
    if urlparse(source).scheme in _OF_MLFLOW:
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        try:
            download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=registry)
        except MlflowException as error:
            raise OSError(str(error)) from error
        return
    from pyarrow import fs as pafs

    system, root = filesystem(source)
    local = pafs.LocalFileSystem()
    pafs.copy_files(root, str(folder), source_filesystem=system, destination_filesystem=local)
