"""A sweep in MLflow: a parent run, a nested run for each trial with its settings and curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.record.rows import Row
from jobs.record.runs import PARENT, Point, Run, find_run, resume_run, start_run
from jobs.record.tracking import Tracking, reaching
from jobs.record.versions import Registry
from jobs.tune.store import Study
from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec

TRIAL = "trial"
STATUS = {"stopped": "KILLED", "failed": "FAILED"}
"""Status of a run by state of its trial; all others are finished."""


class TuneRecord:
    """Records one sweep; everything may be tried again and is recorded once.

    Args:
        tracking: Connection to MLflow.
        study: The sweep's folder, whose ``parent`` is the run to go on with.
        spec: The market.
    """

    def __init__(self, tracking: Tracking, study: Study, spec: MarketSpec) -> None:
        self._tracking = tracking
        self._known: set[str] | None = None
        resumed = resume_run(tracking, study.parent) if study.parent else None
        self._run = resumed or self._begin(spec, study)

    @property
    def parent(self) -> str:
        """Id of the sweep's run."""
        return self._run.id

    def _begin(self, spec: MarketSpec, study: Study) -> Run:
        tags = {"brand": spec.brand, "market": spec.market, "kind": "sweep"}
        tags |= {"directory": study.out, "study": study.digest}
        fields = ("score", "objective", "origins", "gap", "seed")
        params = {f"tune.{field}": getattr(spec.tune, field) for field in fields}
        name = f"sweep {spec.brand} / {spec.market}"
        return start_run(self._tracking, name, tags, params, ("directory", "study"))

    def trial(self, row: TrialRow) -> None:
        """Record a finished trial.

        Raises:
            TrackingError: The server did not take it.
        """
        if str(row.number) not in self._recorded():
            tags = {PARENT: self.parent, TRIAL: str(row.number), "state": row.state, "reason": row.reason}
            pruned = row.state == "stopped"
            name = f"trial {row.number}" + (" (pruned)" if pruned else "")
            tags["pruned"] = str(pruned).lower()
            run = start_run(self._tracking, name, tags, row.params, (PARENT, TRIAL))
            run.log(_curves(row))
            run.close(STATUS.get(row.state, "FINISHED"))
            self._recorded().add(str(row.number))

    def _recorded(self) -> set[str]:
        """Numbers of the trials whose runs are complete."""
        if self._known is None:
            query = f"tags.`{PARENT}` = '{self.parent}' and attributes.status != 'RUNNING'"
            known, token = set[str](), None
            with reaching(self._tracking.uri):
                while True:
                    page = self._tracking.client.search_runs(
                        [self._tracking.experiment_id], query, max_results=1000, page_token=token
                    )
                    known |= {run.data.tags[TRIAL] for run in page if TRIAL in run.data.tags}
                    token = page.token
                    if not token:
                        break
            self._known = known
        return self._known

    def finish(self, scores: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """End the parent run with its scores and files.

        Args:
            scores: Scores by name.
            texts: Files to keep, by name.
        """
        self._run.log(scores)
        for name, text in texts.items():
            self._run.keep_text(name, text)
        self._run.close()

    def register(self, row: Row, spec: MarketSpec, legacy_key: str | None = None, objection: str = "") -> Row:
        """Register the fitted model as a version and put its run below the sweep's.

        Args:
            row: The fitted model.
            spec: Its market.
            legacy_key: See :meth:`jobs.record.versions.Registry.record`.
            objection: Why it must not become champion; empty if nothing is known.

        Returns:
            The row with version and role.
        """
        recorded = Registry(self._tracking).record(row, spec, legacy_key, objection)
        if (run := find_run(self._tracking, row.key)) is not None:
            run.log(tags={PARENT: self.parent})
        return recorded


def _curves(row: TrialRow) -> Iterator[Point]:
    """Metric, value and step: the mean score so far and that of each origin, the newest origin's losses."""
    for step, origin in enumerate(row.scores, start=1):
        mean = sum(item.score for item in row.scores[:step]) / step
        yield "score", mean, step
        yield "score_mean", mean, step
        yield "score_of_origin", origin.score, step
        yield "seconds", origin.seconds, step
        for name, value in origin.metrics.items():
            yield name, value, step
    if row.instability is not None:
        yield "instability", row.instability, len(row.scores)
    if row.scores:
        for epoch, loss in row.scores[0].curve:
            yield "loss", loss, epoch
