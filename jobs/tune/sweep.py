"""A sweep from its spec to its last file: trials on the cluster, the model chosen, the record in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console

from jobs.cluster import Cluster, connect
from jobs.lock import lock_of, locked
from jobs.record.outbox import Outbox
from jobs.record.rows import Row
from jobs.record.store import absolute, check_place
from jobs.record.tracking import open_tracking
from jobs.tune.conclude import Conclusion, conclude
from jobs.tune.final_fit import delivered_identity
from jobs.tune.live_view import SweepView
from jobs.tune.record import TuneRecord
from jobs.tune.search import Search, check_own
from jobs.tune.store import Study, best_settings, open_study
from jobs.tune.trial import Settings, SweepData, prepare_sweep
from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec
from mmm.data.read import read_panel

if TYPE_CHECKING:
    from jobs.tune.ray_tune import TrialResources


@dataclass(frozen=True)
class SweepOptions:
    """What the command line asks for.

    Attributes:
        trials: Trials in all, finished ones included.
        concurrency: Trials at a time; None for as many as the cluster has room for.
        cpus: CPUs of one trial.
        gpus: GPUs of one trial.
        seconds: Time for trials in this run; None for no limit.
        address: Ray cluster.
        local_cpus: CPUs of a cluster started here.
        tracking: MLflow.
        warm_start: Folder of an earlier sweep.
    """

    trials: int
    concurrency: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    seconds: float | None = None
    address: str | None = None
    local_cpus: int | None = None
    tracking: str | None = None
    warm_start: str | None = None


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to.

    Attributes:
        conclusion: Choice, model and scores.
        row: The delivered model with its version in the registry.
        out: The sweep's folder.
        failed: Trials that failed.
        trouble: What MLflow did not take, empty if nothing.
    """

    conclusion: Conclusion
    row: Row
    out: str
    failed: tuple[TrialRow, ...]
    trouble: str


def tune(spec: MarketSpec, out: str, options: SweepOptions, console: Console) -> SweepResult:
    """Run a sweep to its end.

    Args:
        spec: The market.
        out: The sweep's folder, absolute or a URI.
        options: Trials, resources, records.
        console: Where to show progress.

    Raises:
        SpecError: Space, origins or data do not fit.
        StudyError: ``out`` holds another sweep.
        LockedError: Another job is at work there.
        TrackingError: MLflow does not answer at the start.
        ClusterError: No cluster.
    """
    check_place(out)
    with locked(lock_of(out), "python -m jobs.tune"):
        return _tune(spec, out, options, console)


def _tune(spec: MarketSpec, out: str, options: SweepOptions, console: Console) -> SweepResult:
    read = read_panel(spec)
    data = prepare_sweep(spec, read.panel, read.split)
    first = best_settings(absolute(options.warm_start)) if options.warm_start else []
    study = open_study(out, spec, read.panel)
    tracking = open_tracking(options.tracking, out)
    record = None if tracking is None else TuneRecord(tracking, study, spec)
    study = study if record is None else replace(study, parent=record.parent)
    study.save()
    outbox, registered = Outbox(), list[Row]()
    try:
        with connect(options.address, cpus=options.local_cpus) as cluster:
            search = _trials(data, study, options, cluster, console, first, Recording(record, outbox))
            check_own(list(search.rows.values()))
            console.print("last fits: the settings chosen, and the test window", highlight=False)
            conclusion = conclude(data, read, search, study, cpus=options.cpus)
        if record is not None:
            legacy_key = delivered_identity(
                conclusion.chosen, conclusion.row.data_fingerprint, read.split
            ).legacy_key
            outbox.add(
                lambda: registered.append(
                    record.register(conclusion.row, conclusion.chosen, legacy_key, conclusion.final.objection)
                )
            )
            outbox.add(lambda: record.finish(conclusion.scores, conclusion.texts))
    finally:
        left = outbox.finish()
    failed = tuple(row for row in search.rows.values() if row.state == "failed")
    return SweepResult(
        conclusion, (registered or [conclusion.row])[0], out, failed, outbox.trouble if left else ""
    )


@dataclass(frozen=True)
class Recording:
    """Trials on their way to MLflow, if there is one."""

    record: TuneRecord | None
    outbox: Outbox

    def trial(self, row: TrialRow) -> None:
        """Record a trial when its turn comes."""
        if (record := self.record) is not None:
            self.outbox.add(lambda: record.trial(row))


def _trials(
    data: SweepData,
    study: Study,
    options: SweepOptions,
    cluster: Cluster,
    console: Console,
    first: Sequence[Settings],
    recording: Recording,
) -> Search:
    """Run the trials that are missing."""
    from jobs.tune.ray_tune import TrialResources, run_trials

    known = tuple(study.rows())
    for row in known:
        recording.trial(row)

    def ended(row: TrialRow) -> None:
        study.save_row(row)
        recording.trial(row)

    search = Search(data, known, first)
    concurrent = options.concurrency or max(1, int(cluster.cpus / options.cpus))
    resources = TrialResources(options.trials, concurrent, options.cpus, options.gpus, options.seconds)
    console.print(_headline(data, resources, cluster, len(known)), highlight=False, soft_wrap=True)
    with SweepView(options.trials, len(data.origins), known, console, ended) as view:
        run_trials(data, search, resources, view, storage=study.out)
    console.print(view.summary(), highlight=False, soft_wrap=True)
    return search


def _headline(data: SweepData, resources: TrialResources, cluster: Cluster, known: int) -> str:
    spec = data.spec
    place = "this machine" if cluster.address == "local" else cluster.address
    found = f", {known} finished before" if known else ""
    return (
        f"{spec.brand} / {spec.market}: {resources.trials} trials{found}, {len(data.space)} settings, "
        f"{len(data.origins)} origins of {spec.splits.holdout} periods, {resources.concurrent} at a time on "
        f"{cluster.cpus} CPUs of {place}"
    )
