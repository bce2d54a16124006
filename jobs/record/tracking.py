"""MLflow as the record: where it lies, whether it answers, runs of fits.

One client per process that talks to it, never one in every task: importing MLflow costs seconds. Servers
are asked with few retries; what could not be recorded waits with the caller.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmm.config import MarketSpec
from mmm.config.paths import flatten
from mmm.errors import MMMError
from mmm.storage import is_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

EXPERIMENT = "ray-mmm"
MODEL = "model"
"""Artifact folder of a run that holds the fitted model's directory."""
NO_TRACKING = "none"
FOLDER = "mlflow"
"""Folder of a job's results that holds a record of its own."""
DATABASE = "mlflow.db"
"""SQLite file of it."""
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


class TrackingError(MMMError, ConnectionError):
    """A tracking server that does not answer or refuses."""


class Tracking:
    """A connection to MLflow.

    Args:
        uri: Tracking and registry URI: ``sqlite:////abs/mlflow.db``, ``http://server:5000``, …
        artifacts: Where artifacts go if the experiment is made now; None leaves it to the server.

    Raises:
        TrackingError: It does not answer, or its database has another version.
    """

    def __init__(self, uri: str, artifacts: str | None = None) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # What the store logs with a traceback is raised as well, and told once.
        logging.getLogger("mlflow.store").setLevel(logging.CRITICAL)
        from mlflow import MlflowClient

        self.uri = uri
        self.client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)
        with reaching(uri):
            self.experiment_id = _experiment(self.client, artifacts)

    def find_run(self, key: str) -> str | None:
        """Id of the finished run that recorded the fit with this key."""
        with reaching(self.uri):
            runs = self.client.search_runs(
                [self.experiment_id], f"tags.key = '{key}' and attributes.status = 'FINISHED'", max_results=1
            )
        return runs[0].info.run_id if runs else None

    def log_run(
        self,
        name: str,
        *,
        tags: Mapping[str, str],
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        directory: str | None = None,
    ) -> str:
        """Record a finished piece of work as one run.

        Args:
            name: Name of the run.
            tags: Text to search by.
            params: Settings; numbers stay numbers in the page.
            metrics: Scores.
            directory: Local folder kept as artifact ``model``; None keeps none.

        Returns:
            The run's id.

        Raises:
            TrackingError: The server did not take it; the run, if begun, is marked as failed where possible.
        """
        from mlflow.entities import Metric, Param

        now = round(time.time() * 1000)
        with reaching(self.uri):
            run = self.client.create_run(self.experiment_id, run_name=name, tags=dict(tags))
            identity: str = run.info.run_id
            self.client.log_batch(
                identity,
                metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
                params=[Param(key, str(value)) for key, value in params.items()],
            )
            if directory is not None:
                self.client.log_artifacts(identity, directory, MODEL)
            self.client.set_terminated(identity)
        return identity

    def artifact_uri(self, run_id: str) -> str:
        """Where the fitted model of a run lies."""
        with reaching(self.uri):
            return f"{self.client.get_run(run_id).info.artifact_uri}/{MODEL}"


def _experiment(client: MlflowClient, artifacts: str | None) -> str:
    known: Experiment | None = client.get_experiment_by_name(EXPERIMENT)
    if known is not None:
        return str(known.experiment_id)
    return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))


class reaching:  # noqa: N801  (reads as a word in `with reaching(uri):`)
    """Turns whatever MLflow and its database raise into :class:`TrackingError`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Replace the error."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, (MlflowException, SQLAlchemyError, OSError)):
            reason = " ".join(str(error).split())[:300]
            raise TrackingError(
                f"MLflow at {self.uri} did not do what it was asked: {reason}. Start the server, correct "
                "MLFLOW_TRACKING_URI, or run with --tracking none."
            ) from error


def open_tracking(asked: str | None, out: str) -> Tracking | None:
    """The record of a job.

    Args:
        asked: A URI, ``none`` for no record, or None for ``MLFLOW_TRACKING_URI`` and, without it, a sqlite
            file below ``out``.
        out: Absolute place of the job's results.

    Raises:
        TrackingError: It does not answer, or ``out`` is remote and nothing says where to record.
    """
    uri = asked or os.environ.get("MLFLOW_TRACKING_URI")
    if uri == NO_TRACKING:
        return None
    if uri is not None:
        return Tracking(uri)
    if is_uri(out):
        raise TrackingError(
            f"Nothing says where to record fits: {out} is remote, and a sqlite file must be local. Set "
            "MLFLOW_TRACKING_URI to a server, or run with --tracking none."
        )
    folder = Path(out) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return Tracking(f"sqlite:///{folder}/{DATABASE}", (folder / "artifacts").as_uri())


def settings_of(spec: MarketSpec) -> dict[str, object]:
    """Every setting of model, training and splits by path, numbers as numbers, switches as 0 and 1."""
    sections = {"model": spec.model, "train": spec.train, "splits": spec.splits}
    return {
        f"{name}.{path}": int(value) if isinstance(value, bool) else value
        for name, section in sections.items()
        for path, value in flatten(section).items()
        if value is not None and value not in ([], {})
    }
