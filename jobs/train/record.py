"""The run of a training in MLflow: opened before, told of every few epochs, closed with its scores."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from jobs.record.rows import Row
from jobs.record.tracking import MODEL, Tracking, reaching, settings_of
from jobs.record.versions import run_metrics, run_tags
from jobs.train.ray_train import Crew
from mmm.config import MarketSpec
from mmm.storage import is_uri


class LiveRun:
    """A run under way; a training that is begun again goes on with the run it had.

    Args:
        tracking: Connection to MLflow.
        spec: The market.
        keys: Every name of the training, its own first; see :class:`jobs.record.identity.FitIdentity`.
        crew: Its workers.

    Raises:
        TrackingError: The server did not take it.
    """

    def __init__(self, tracking: Tracking, spec: MarketSpec, keys: Sequence[str], crew: Crew) -> None:
        from mlflow.entities import Param

        self._tracking, self._client = tracking, tracking.client
        tags = {"brand": spec.brand, "market": spec.market, "key": keys[0], "job": "train"}
        params = {**settings_of(spec), "workers": crew.workers, "cpus_per_worker": crew.cpus}
        with reaching(tracking.uri):
            for key in keys:
                begun = self._client.search_runs(
                    [tracking.experiment_id],
                    f"tags.key = '{key}' and attributes.status = 'RUNNING'",
                    max_results=1,
                )
                if begun:
                    self.id = str(begun[0].info.run_id)
                    return
            name = f"{spec.brand} / {spec.market}"
            run = self._client.create_run(tracking.experiment_id, run_name=name, tags=tags)
            self.id = str(run.info.run_id)
            self._client.log_batch(self.id, params=[Param(k, str(v)) for k, v in params.items()])

    def log(self, losses: Mapping[tuple[str, int], float]) -> None:
        """Losses by stage and epoch, e.g. ``scored.train.loss`` at step 110.

        Raises:
            TrackingError: The server did not take them.
        """
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        metrics = [
            Metric(f"{stage.replace(': ', '.').replace(' ', '_')}.loss", loss, now, epoch)
            for (stage, epoch), loss in losses.items()
        ]
        with reaching(self._tracking.uri):
            self._client.log_batch(self.id, metrics=metrics)

    def finish(self, row: Row) -> None:
        """Close the run with what the fit came to and, from a local folder, the fitted model.

        Raises:
            TrackingError: The server did not take it.
        """
        from mlflow.entities import Metric, RunTag

        now = round(time.time() * 1000)
        with reaching(self._tracking.uri):
            self._client.log_batch(
                self.id,
                metrics=[Metric(name, value, now, 0) for name, value in run_metrics(row).items()],
                tags=[RunTag(name, text) for name, text in run_tags(row).items()],
            )
            if not is_uri(row.directory):
                self._client.log_artifacts(self.id, row.directory, MODEL)
            self._client.set_terminated(self.id)
