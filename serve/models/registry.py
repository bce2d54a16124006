"""Models of an MLflow registry, read only: the versions an alias points at, and copies of their files."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from jobs.record.versions import CHAMPION
from mmm.storage import filesystem, is_uri
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


def local_directory(entry: ModelEntry, registry: str | None = None) -> Path:
    """The model's directory on this machine; a remote one is copied once and kept under its key.

    Args:
        entry: The model.
        registry: URI of the registry that holds sources of scheme ``mlflow-artifacts``.

    Raises:
        SourceError: It cannot be copied.
    """
    parsed = urlparse(entry.source)
    if not is_uri(entry.source):
        return Path(entry.source)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    home = Path(tempfile.gettempdir()) / f"mmm-models-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    place = home / entry.key.replace("/", "_")
    if place.is_dir():
        return place
    scratch = Path(tempfile.mkdtemp(dir=home))
    try:
        _copy(entry.source, scratch, registry)
        scratch.rename(place)
    except OSError as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if not place.is_dir():
            raise SourceError(f"{entry.source} cannot be copied: {error}.") from error
    return place


def _copy(source: str, folder: Path, registry: str | None) -> None:
    if urlparse(source).scheme in _OF_MLFLOW:
        from mlflow.artifacts import download_artifacts

        download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=registry)
        return
    from pyarrow import fs as pafs

    system, root = filesystem(source)
    local = pafs.LocalFileSystem()
    pafs.copy_files(root, str(folder), source_filesystem=system, destination_filesystem=local)
