"""MLflow as the record: where it lies and whether it answers.

One client per process that talks to it, never one in every task: importing MLflow costs seconds. Servers
are asked with few retries; what could not be recorded waits with the caller.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mmm.errors import MMMError
from mmm.output import is_full
from mmm.scratch import scratch_beside
from mmm.storage import is_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

EXPERIMENT = "ray-mmm"
NO_TRACKING = "none"
FOLDER = "mlflow"
"""Folder of a job's results that holds a record of its own."""
DATABASE = "mlflow.db"
"""SQLite file of it."""
_UNANSWERED = "Max retries exceeded"
"""Words of an error of requests, which goes on for lines, by which nobody was reached."""
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
        with reaching(uri):
            self.client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self.experiment_id = _experiment(self.client, artifacts)


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
        if not isinstance(error, Exception) or not self._replaces(error):
            return
        if is_full(error):
            raise TrackingError(
                f"MLflow at {self.uri} has no room: its disk is full. Free some space, then run the same "
                "command again; what is done stays done."
            ) from error
        reason = " ".join(str(error).split())[:300]
        told = "does not answer" if _UNANSWERED in str(error) else f"did not do what it was asked: {reason}"
        way_out = "Start the server, correct MLFLOW_TRACKING_URI, or run with --tracking none."
        if _is_file_store(self.uri):
            way_out = (
                "MLflow's file store writes its files in place: a full disk or a kill leaves some that it "
                "cannot read, now or ever. Give --tracking sqlite:////abs/mlflow.db; everything is recorded "
                "anew there, nothing is fitted twice."
            )
        raise TrackingError(f"MLflow at {self.uri} {told}. {way_out}") from error

    def _replaces(self, error: Exception) -> bool:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        # What migrates the database has errors of its own, and so has a database driver.
        raised_by = type(error).__module__.partition(".")[0]
        known = isinstance(error, (MlflowException, SQLAlchemyError, OSError))
        # Of a file that was left half-written a file store raises whatever comes of it.
        return known or raised_by in ("alembic", "sqlite3") or _is_file_store(self.uri)


def _is_file_store(uri: str) -> bool:
    """Whether a record is kept in a folder of files, which MLflow no longer advises."""
    return uri.startswith("file:") or not is_uri(uri)


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
    make_database(folder)
    return Tracking(f"sqlite:///{folder}/{DATABASE}", (folder / "artifacts").as_uri())


def make_database(folder: Path) -> None:
    """A record of a job's own, made beside and put in place whole: its tables take seconds.

    One that a program before this left half made, with nothing recorded in it, is set aside.

    Raises:
        TrackingError: It cannot be made.
        OSError: The folder cannot be written.
    """
    path = folder / DATABASE
    if path.exists() and is_unfinished(path):
        path.replace(folder / f"{DATABASE}.unfinished")
    if path.exists():
        return
    with scratch_beside(path, folder=True) as scratch:
        Tracking(f"sqlite:///{scratch / DATABASE}", (folder / "artifacts").as_uri())
        # Another job may have made one meanwhile: that is as good.
        with suppress(FileExistsError):
            os.link(scratch / DATABASE, path)


def is_unfinished(path: Path) -> bool:
    """Whether a SQLite file holds a record whose making was interrupted: no experiment, not even the default.

    A file that is no such database is left to MLflow to complain of.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            tables = {
                name for (name,) in database.execute("select name from sqlite_master where type = 'table'")
            }
            if "experiments" not in tables:
                return not tables or "alembic_version" in tables
            (experiments,) = database.execute("select count(*) from experiments").fetchone()
            return bool(experiments == 0)
    except sqlite3.Error:
        return False
