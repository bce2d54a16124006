"""A sweep from its spec to its last file: trials on the cluster, the model chosen, the record in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console

from jobs.cluster import Cluster, connect
from jobs.record.outbox import WaitingList
from jobs.record.rows import Row
from jobs.record.store import absolute, check_place
from jobs.record.tracking import open_tracking
from jobs.tune.conclude import Ending, conclude
from jobs.tune.final_fit import delivered
from jobs.tune.live_view import SweepView
from jobs.tune.record import TuneRecord
from jobs.tune.search import Search, check_own
from jobs.tune.store import Study, best_settings, open_study
from jobs.tune.trial import Bench, Settings, prepare
from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec
from mmm.data.read import read_panel

if TYPE_CHECKING:
    from jobs.tune.ray_tune import Slots


@dataclass(frozen=True)
class Asked:
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
class Outcome:
    """What a sweep came to.

    Attributes:
        ending: Choice, model and scores.
        row: The delivered model with its version in the registry.
        out: The sweep's folder.
        failed: Trials that failed.
        trouble: What MLflow did not take, empty if nothing.
    """

    ending: Ending
    row: Row
    out: str
    failed: tuple[TrialRow, ...]
    trouble: str


def tune(spec: MarketSpec, out: str, asked: Asked, console: Console) -> Outcome:
    """Run a sweep to its end.

    Args:
        spec: The market.
        out: The sweep's folder, absolute or a URI.
        asked: Trials, resources, records.
        console: Where to show progress.

    Raises:
        SpecError: Space, origins or data do not fit.
        StudyError: ``out`` holds another sweep.
        TrackingError: MLflow does not answer at the start.
        ClusterError: No cluster.
    """
    check_place(out)
    read = read_panel(spec)
    bench = prepare(spec, read.panel, read.split)
    first = best_settings(absolute(asked.warm_start)) if asked.warm_start else []
    study = open_study(out, spec, read.panel)
    tracking = open_tracking(asked.tracking, out)
    record = None if tracking is None else TuneRecord(tracking, study, spec)
    study = study if record is None else replace(study, parent=record.parent)
    study.save()
    waiting, registered = WaitingList(), list[Row]()
    try:
        with connect(asked.address, cpus=asked.local_cpus) as cluster:
            search = _trials(bench, study, asked, cluster, console, first, Recording(record, waiting))
            check_own(list(search.rows.values()))
            console.print("last fits: the settings chosen, and the test window", highlight=False)
            ending = conclude(bench, read, search, study, cpus=asked.cpus)
        if record is not None:
            legacy_key = delivered(ending.chosen, ending.row.data_fingerprint, read.split).legacy_key
            waiting.add(lambda: registered.append(record.register(ending.row, ending.chosen, legacy_key)))
            waiting.add(lambda: record.finish(ending.scores, ending.texts))
    finally:
        left = waiting.finish()
    failed = tuple(row for row in search.rows.values() if row.state == "failed")
    return Outcome(ending, (registered or [ending.row])[0], out, failed, waiting.trouble if left else "")


@dataclass(frozen=True)
class Recording:
    """Trials on their way to MLflow, if there is one."""

    record: TuneRecord | None
    waiting: WaitingList

    def trial(self, row: TrialRow) -> None:
        """Record a trial when its turn comes."""
        if (record := self.record) is not None:
            self.waiting.add(lambda: record.trial(row))


def _trials(
    bench: Bench,
    study: Study,
    asked: Asked,
    cluster: Cluster,
    console: Console,
    first: Sequence[Settings],
    recording: Recording,
) -> Search:
    """Run the trials that are missing."""
    from jobs.tune.ray_tune import Slots, run_trials

    known = tuple(study.rows())
    for row in known:
        recording.trial(row)

    def ended(row: TrialRow) -> None:
        study.save_row(row)
        recording.trial(row)

    search = Search(bench, known, first)
    concurrent = asked.concurrency or max(1, int(cluster.cpus / asked.cpus))
    slots = Slots(asked.trials, concurrent, asked.cpus, asked.gpus, asked.seconds)
    console.print(_headline(bench, slots, cluster, len(known)), highlight=False, soft_wrap=True)
    with SweepView(asked.trials, len(bench.origins), known, console, ended) as view:
        run_trials(bench, search, slots, view, storage=study.out)
    console.print(view.summary(), highlight=False, soft_wrap=True)
    return search


def _headline(bench: Bench, slots: Slots, cluster: Cluster, known: int) -> str:
    spec = bench.spec
    place = "this machine" if cluster.address == "local" else cluster.address
    found = f", {known} finished before" if known else ""
    return (
        f"{spec.brand} / {spec.market}: {slots.trials} trials{found}, {len(bench.space)} settings, "
        f"{len(bench.origins)} origins of {spec.splits.holdout} periods, {slots.concurrent} at a time on "
        f"{cluster.cpus} CPUs of {place}"
    )
