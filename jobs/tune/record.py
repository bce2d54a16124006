"""A sweep in MLflow: a parent run, a nested run for each trial with its settings and curves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from jobs.record.rows import Row
from jobs.record.tracking import Tracking, reaching
from jobs.record.versions import Registry
from jobs.tune.store import Study
from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec

PARENT = "mlflow.parentRunId"
TRIAL = "trial"


class TuneRecord:
    """Records one sweep; everything may be tried again and is recorded once.

    Args:
        tracking: Connection to MLflow.
        study: The sweep's folder, whose ``parent`` is the run to go on with.
        spec: The market.
    """

    def __init__(self, tracking: Tracking, study: Study, spec: MarketSpec) -> None:
        self._tracking, self._client = tracking, tracking.client
        self._spec = spec
        self._known: set[str] | None = None
        self.parent = self._begin(study.parent)

    def _begin(self, known: str) -> str:
        """The parent run, open again if the sweep goes on."""
        from mlflow.exceptions import MlflowException

        with reaching(self._tracking.uri):
            if known:
                try:
                    self._client.update_run(known, status="RUNNING")
                except MlflowException as error:
                    if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                        raise
                else:
                    return known
            tune = self._spec.tune
            name = f"sweep {self._spec.brand} / {self._spec.market}"
            tags = {"brand": self._spec.brand, "market": self._spec.market, "kind": "sweep"}
            made = self._client.create_run(self._tracking.experiment_id, run_name=name, tags=tags)
            identity: str = made.info.run_id
            for field in ("score", "objective", "origins", "gap", "seed"):
                self._client.log_param(identity, f"tune.{field}", getattr(tune, field))
        return identity

    def trial(self, row: TrialRow) -> None:
        """Record a finished trial.

        Raises:
            TrackingError: The server did not take it.
        """
        with reaching(self._tracking.uri):
            if str(row.number) not in self._recorded():
                self._log(row)
                self._recorded().add(str(row.number))

    def _recorded(self) -> set[str]:
        """Numbers of the trials whose runs are complete."""
        if self._known is None:
            query = f"tags.`{PARENT}` = '{self.parent}' and attributes.status != 'RUNNING'"
            self._known, token = set(), None
            while True:
                page = self._client.search_runs(
                    [self._tracking.experiment_id], query, max_results=1000, page_token=token
                )
                self._known |= {run.data.tags[TRIAL] for run in page if TRIAL in run.data.tags}
                token = page.token
                if not token:
                    break
        return self._known

    def _log(self, row: TrialRow) -> None:
        from mlflow.entities import Metric, Param

        now = round(time.time() * 1000)
        tags = {PARENT: self.parent, TRIAL: str(row.number), "state": row.state, "reason": row.reason}
        made = self._client.create_run(
            self._tracking.experiment_id, run_name=f"trial {row.number}", tags=tags
        )
        metrics = [Metric(name, value, now, step) for name, value, step in _curves(row)]
        self._client.log_batch(
            made.info.run_id, metrics=metrics, params=[Param(*pair) for pair in _params(row)]
        )
        self._client.set_terminated(made.info.run_id, "FAILED" if row.state == "failed" else "FINISHED")

    def finish(self, scores: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """End the parent run with its scores and files.

        Args:
            scores: Scores by name.
            texts: Files to keep, by name.
        """
        with reaching(self._tracking.uri):
            for name, value in scores.items():
                self._client.log_metric(self.parent, name, value)
            for name, text in texts.items():
                self._client.log_text(self.parent, text, name)
            self._client.set_terminated(self.parent)

    def register(self, row: Row, spec: MarketSpec, legacy_key: str | None = None) -> Row:
        """Register the fitted model as a version and put its run below the sweep's.

        Returns:
            The row with version and role.
        """
        recorded = Registry(self._tracking).record(row, spec, legacy_key)
        if run := self._tracking.find_run(row.key):
            with reaching(self._tracking.uri):
                self._client.set_tag(run, PARENT, self.parent)
        return recorded


def _params(row: TrialRow) -> Iterator[tuple[str, str]]:
    for path, value in row.params.items():
        if value is not None:
            yield path, str(int(value) if isinstance(value, bool) else value)


def _curves(row: TrialRow) -> Iterator[tuple[str, float, int]]:
    """Metric, value and step: scores by origin, the mean so far, the loss by epoch on the newest origin."""
    for step, origin in enumerate(row.scores, start=1):
        yield "score", origin.score, step
        yield "score_mean", sum(item.score for item in row.scores[:step]) / step, step
        yield "seconds", origin.seconds, step
        for name, value in origin.metrics.items():
            yield name, value, step
    if row.instability is not None:
        yield "instability", row.instability, len(row.scores)
    if row.scores:
        for epoch, loss in row.scores[0].curve:
            yield "loss", loss, epoch
