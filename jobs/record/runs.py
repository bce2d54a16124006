"""Runs in MLflow: begun, told settings and figures, closed; and what is kept there of a fit.

Channels and settings have names that MLflow does not take. They are written here, and nowhere else, in the
characters that it takes.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from jobs.record.rows import Row
from jobs.record.tracking import Tracking, reaching
from mmm.config import MarketSpec
from mmm.config.paths import flatten
from mmm.storage import is_uri, read_text

if TYPE_CHECKING:
    from mlflow.entities import LoggedModelOutput

MODEL = "model"
"""Name of the logged model that is a fitted model's directory."""
MODEL_TYPE = "ray-mmm"
"""What kind of logged model that is."""
PARENT = "mlflow.parentRunId"
"""Tag of a run that belongs below another."""
LONGEST = 250
"""Characters of a name that MLflow takes."""

Point = tuple[str, float, int]
"""Name, value and step of a metric."""
T = TypeVar("T")


def mlflow_name(name: str) -> str:
    """A name in the characters that MLflow takes, as it is where it can be.

    Others become ``_``; six digits of a digest then tell names apart that would be the same.
    """
    plain = re.sub(r"[^\w\-. ]|(?<=\.)\.", "_", name, flags=re.ASCII)
    if plain == name and len(name) <= LONGEST:
        return name
    return f"{plain[: LONGEST - 7]} {hashlib.sha256(name.encode()).hexdigest()[:6]}"


class Run:
    """A run under way. Whatever is told it may be told again after an error.

    Args:
        tracking: Connection to MLflow.
        identity: Id of the run.
    """

    def __init__(self, tracking: Tracking, identity: str) -> None:
        self._tracking, self.id = tracking, identity

    def log(
        self,
        metrics: Mapping[str, float] | Iterable[Point] = (),
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
        at: int | None = None,
    ) -> None:
        """Record figures, settings and text.

        Args:
            metrics: Figures by name, or with steps.
            params: Settings; None and what is empty is left out, switches are 0 and 1.
            tags: Text to search by.
            at: When the figures were found, milliseconds since 1970; None for now. What is told again with
                the same time is kept once.

        Raises:
            TrackingError: The server did not take all of it.
        """
        from mlflow.entities import Metric, Param, RunTag

        now = round(time.time() * 1000) if at is None else at
        points = [(*item, 0) for item in metrics.items()] if isinstance(metrics, Mapping) else metrics
        client = self._tracking.client
        with reaching(self._tracking.uri):
            for some in _parts([Param(mlflow_name(key), text) for key, text in _texts(params or {})], 100):
                client.log_batch(self.id, params=some)
            for more in _parts([Metric(mlflow_name(key), value, now, at) for key, value, at in points], 1000):
                client.log_batch(self.id, metrics=more)
            if tags:
                client.log_batch(self.id, tags=[RunTag(key, text) for key, text in tags.items()])

    def keep_model(self, directory: str, tags: Mapping[str, str]) -> None:
        """Keep a fitted model's local directory as the logged model that came of the run, one however often.

        Args:
            directory: The fitted model.
            tags: Text to search it by.
        """
        from mlflow.entities import LoggedModelOutput

        client = self._tracking.client
        with reaching(self._tracking.uri):
            begun = client.search_logged_models(
                [self._tracking.experiment_id], f"source_run_id = '{self.id}'", max_results=1
            )
            # A copy that a full disk, a kill or a server that went away broke off is written over.
            made = next(iter(begun), None) or client.create_logged_model(
                self._tracking.experiment_id,
                name=MODEL,
                source_run_id=self.id,
                tags=dict(tags),
                model_type=MODEL_TYPE,
            )
            client.log_model_artifacts(made.model_id, directory)
            client.finalize_logged_model(made.model_id, "READY")
            if not self._outputs():
                client.log_outputs(self.id, [LoggedModelOutput(made.model_id, 0)])

    def _outputs(self) -> list[LoggedModelOutput]:
        """Logged models that are linked to the run."""
        outputs = self._tracking.client.get_run(self.id).outputs
        return [] if outputs is None else list(outputs.model_outputs)

    def begun(self) -> int:
        """When it began, milliseconds since 1970."""
        with reaching(self._tracking.uri):
            return int(self._tracking.client.get_run(self.id).info.start_time)

    def keep_text(self, name: str, text: str) -> None:
        """Keep a text file."""
        with reaching(self._tracking.uri):
            self._tracking.client.log_text(self.id, text, name)

    def model(self) -> tuple[str | None, str]:
        """Id of the logged model that came of the run, and where its files lie.

        A run of a program that knew no logged models has its files as artifact ``model`` and no id.
        """
        client = self._tracking.client
        with reaching(self._tracking.uri):
            made = self._outputs()
            if not made:
                return None, f"{client.get_run(self.id).info.artifact_uri}/{MODEL}"
            found = client.get_logged_model(made[-1].model_id)
            return str(found.model_id), str(found.artifact_location)

    def keep_input(self, name: str, digest: str, source: str) -> None:
        """Name the data that went in.

        Args:
            name: Of the data.
            digest: Fingerprint; MLflow takes its first 36 characters.
            source: Where they lie.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = Dataset(name[:500], digest[:36], "panel", json.dumps({"uri": source}))
        tags = [InputTag("mlflow.data.context", "training"), InputTag("fingerprint", digest)]
        with reaching(self._tracking.uri):
            self._tracking.client.log_inputs(self.id, [DatasetInput(data, tags)])

    def close(self, status: str = "FINISHED") -> None:
        """The work is over: ``FINISHED``, ``FAILED``, or ``KILLED`` where it was given up early."""
        with reaching(self._tracking.uri):
            self._tracking.client.set_terminated(self.id, status)


def _texts(params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        if value is not None and value not in ([], (), {}):
            yield name, str(int(value) if isinstance(value, bool) else value)


def _parts(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """As many at once as MLflow takes."""
    for first in range(0, len(items), most):
        yield items[first : first + most]


def start_run(
    tracking: Tracking,
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, object] | None = None,
    known_by: Sequence[str] = (),
) -> Run:
    """Begin a run, or go on with one that a job before this left open.

    Args:
        tracking: Connection to MLflow.
        name: For people.
        tags: Text to search by.
        params: Settings.
        known_by: Tags that tell the run from every other; with none of them a run is always begun.

    Raises:
        TrackingError: The server did not take it.
    """
    run = _left_open(tracking, {name: tags[name] for name in known_by}) if known_by else None
    if run is None:
        with reaching(tracking.uri):
            made = tracking.client.create_run(tracking.experiment_id, run_name=name, tags=dict(tags))
        run = Run(tracking, str(made.info.run_id))
    run.log(params=params)
    return run


def _left_open(tracking: Tracking, tags: Mapping[str, str]) -> Run | None:
    """A run with these tags that was never closed: its job was killed, or the server went away."""
    with reaching(tracking.uri):
        found = tracking.client.search_runs([tracking.experiment_id], "attributes.status = 'RUNNING'")
    same = (run for run in found if all(run.data.tags.get(name) == text for name, text in tags.items()))
    return next((Run(tracking, str(run.info.run_id)) for run in same), None)


def resume_run(tracking: Tracking, identity: str) -> Run | None:
    """A run opened again, None if it is gone.

    Raises:
        TrackingError: The server did not answer.
    """
    from mlflow.exceptions import MlflowException

    with reaching(tracking.uri):
        try:
            tracking.client.update_run(identity, status="RUNNING")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
    return Run(tracking, identity)


def find_run(tracking: Tracking, key: str, status: str = "FINISHED") -> Run | None:
    """The run of the fit with this key, None if there is none of that status.

    Raises:
        TrackingError: The server did not answer.
    """
    query = f"tags.key = '{key}' and attributes.status = '{status}'"
    with reaching(tracking.uri):
        runs = tracking.client.search_runs([tracking.experiment_id], query, max_results=1)
    return Run(tracking, str(runs[0].info.run_id)) if runs else None


def settings_of(spec: MarketSpec) -> dict[str, object]:
    """Every setting of model, training and splits by path."""
    sections = {"model": spec.model, "train": spec.train, "splits": spec.splits}
    return {f"{name}.{path}": v for name, part in sections.items() for path, v in flatten(part).items()}


def fit_tags(row: Row) -> dict[str, str]:
    """Text to search the run of a fit by."""
    names = ("brand", "market", "key", "data_fingerprint", "spec_digest", "directory", "until")
    return {name: getattr(row, name) for name in names}


def fit_metrics(row: Row) -> dict[str, float]:
    """Scores, shares and seconds of a fit."""
    metrics = {name: value for name, value in row.scores.items() if value is not None}
    metrics |= {f"share.{channel}": share for channel, share in row.shares.items()}
    return {**metrics, "seconds": row.seconds}


def losses(directory: str) -> Iterator[Point]:
    """Loss and misfit of unseen cells by epoch of every stage of a fit, at most 200 of each."""
    try:
        trace = json.loads(read_text(f"{directory}/model/trace.json"))
    except (OSError, ValueError):
        # Curves are to look at: a model that is gone or damaged is recorded without them.
        return
    rows = list(zip(trace["stage"], trace["epoch"], trace["loss"], trace["validation"], strict=True))
    for stage, epoch, loss, unseen in rows[:: max(1, len(rows) // 200)]:
        yield f"loss.{stage}", float(loss), int(epoch)
        if unseen is not None:
            yield f"validation.{stage}", float(unseen), int(epoch)


def record_fit(run: Run, row: Row, source: str = "") -> None:
    """Close a run with what its fit came to and, from a local folder, the fitted model.

    Args:
        run: The run.
        row: What the fit came to.
        source: Where its data lie.

    Raises:
        TrackingError: The server did not take everything; calling again goes on and doubles nothing.
    """
    begun = run.begun()
    run.log(fit_metrics(row), tags=fit_tags(row), at=begun)
    run.log(losses(row.directory), at=begun)
    run.keep_input(f"{row.brand} {row.market}", row.data_fingerprint, source)
    if not is_uri(row.directory):
        run.keep_model(row.directory, fit_tags(row))
    run.close()
