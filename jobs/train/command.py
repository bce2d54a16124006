"""``python -m jobs.train SPEC --workers N``: one model over shards of a panel's regions, by Ray Train.

Leaves at ``--out`` the directory that ``mmm fit`` leaves, and a run and a version in MLflow. Whatever dies,
the same command goes on from the last checkpoint; run again after that, it fits nothing.

Exit status: 0 the model is there and recorded, 1 it is not, 2 the input must be corrected, 130 interrupted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jobs.cluster import LOCAL, connect, results
from jobs.command import DONE, Say, run_command, say
from jobs.lock import lock_beside, locked
from jobs.options import add_address, add_set, add_tracking, count, job_parser, not_negative
from jobs.record.identity import read_fit
from jobs.record.rows import Row
from jobs.record.runs import find_run, record_fit
from jobs.record.store import absolute, check_place
from jobs.record.tracking import Tracking, open_tracking
from jobs.record.versions import Registry
from jobs.train.analyse import analyse_shard
from jobs.train.assemble import PanelFacts, assemble, inspect_panel
from jobs.train.checkpoint_place import open_checkpoints, parent_place, remove_checkpoints
from jobs.train.conclude import conclude
from jobs.train.inspection import Parts, asked_in_parts, inspect_parts
from jobs.train.ray_train import Workers, await_room, cluster_gpus, run_training
from jobs.train.record import log_losses, training_run
from jobs.train.shards import cut_regions
from jobs.train.worker import TrainPlan
from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.output import check_output
from mmm.storage import is_uri


@dataclass(frozen=True)
class TrainOptions:
    """How a training is to be run.

    Attributes:
        out: Absolute place of the fitted model, on storage that every worker sees.
        workers: Its workers.
        gpus: ``auto`` takes GPUs where the cluster has one for each worker, ``yes`` and ``no`` insist.
        every: Epochs between checkpoints.
        force: Replace a fitted model that is there.
        anew: Delete checkpoints of an interrupted training.
        report: Also write ``report.html``.
        parts: Whether the panel is read, checked and written in parts; see :func:`asked_in_parts`.
        address: Ray cluster; None starts one here unless ``RAY_ADDRESS`` names one.
        tracking: MLflow's URI, ``none``, or None: see :func:`jobs.record.tracking.open_tracking`.
    """

    out: str
    workers: Workers
    gpus: str = "auto"
    every: int = 100
    force: bool = False
    anew: bool = False
    report: bool = True
    parts: Parts = "auto"
    address: str | None = None
    tracking: str | None = None


def train(spec: MarketSpec, settings: TrainOptions, say: Say = print) -> Row:
    """Train a market over shards of its regions.

    Args:
        spec: The market.
        settings: How.
        say: Listener the progress.

    Returns:
        The row of the fit: ``done``, or ``unchanged`` if it was there.

    Raises:
        PanelError: The panel has problems, all of them.
        SpecError: TrainOptions contradict one another, or there are more workers than regions.
        CheckpointError: Another fit was interrupted at this place.
        OutputError: The place cannot be written, or holds another model and ``force`` is not given.
        LockedError: Another job is at work there.
        ClusterError: No cluster, or one without room for the workers.
        TrainingError: Training diverged, or workers died too often.
        TrackingError: MLflow did not take the result, which is safe; run again.
    """
    check_place(settings.out)
    with locked(lock_beside(settings.out), "python -m jobs.train"):
        return _train_or_find(spec, settings, say)


def _train_or_find(spec: MarketSpec, settings: TrainOptions, say: Say) -> Row:
    record = open_tracking(settings.tracking, parent_place(settings.out))
    cpus = settings.workers.count * settings.workers.cpus
    with connect(settings.address, cpus=_local_cpus(cpus)) as cluster:
        workers = _with_gpus(settings)
        await_room(workers, say, local=cluster.address == LOCAL)
        facts = _inspected(spec, settings, say)
        say(
            f"{len(facts.regions)} regions x {facts.periods} periods x {facts.channels} channels on "
            f"{workers.count} workers of {workers.cpus} CPUs{' and a GPU' if workers.gpus else ''}; "
            f"{int(facts.observed_G.sum())} observed cells"
        )
        row = _existing_fit(spec, facts, settings)
        if row is None:
            row = _train(spec, facts, replace(settings, workers=workers), record, say)
        else:
            say(f"unchanged: {settings.out} is the model of these data and settings")
            _tidy(spec, row, workers, record, facts.identity(spec).keys)
    legacy_key = facts.identity(spec).legacy_key
    return row if record is None else Registry(record).record(row, spec, legacy_key)


def _inspected(spec: MarketSpec, settings: TrainOptions, say: Say) -> PanelFacts:
    """What is to be known of the panel before the training."""
    if not _on_cluster(asked_in_parts, spec, settings.parts):
        facts: PanelFacts = _on_cluster(inspect_panel, spec)
        return facts
    say("the panel is read, checked and written in parts")
    return inspect_parts(spec, settings.workers.count, partial(_all_on_cluster, settings.workers))


def _tidy(
    spec: MarketSpec, row: Row, workers: Workers, record: Tracking | None, keys: tuple[str, ...]
) -> None:
    """What a driver that died at the very end left open."""
    if record is not None and not any(find_run(record, key) for key in keys):
        record_fit(training_run(record, spec, keys, workers), row, spec.data.path)
    remove_checkpoints(row.directory)


def _train(
    spec: MarketSpec, facts: PanelFacts, settings: TrainOptions, record: Tracking | None, say: Say
) -> Row:
    started = time.perf_counter()
    cut_regions(facts.observed_G, settings.workers.count)
    plan = TrainPlan(
        spec=spec,
        regions=facts.regions,
        observed_G=facts.observed_G,
        survey=facts.survey,
        split=facts.split,
        place=open_checkpoints(settings.out, spec, facts, anew=settings.anew),
        every=settings.every,
        threads=settings.workers.cpus,
        calendar=facts.calendar,
    )
    keys = facts.identity(spec).keys
    say(f"training {keys[0]}; checkpoints every {plan.every} epochs in {plan.place}")
    run = None if record is None else training_run(record, spec, keys, settings.workers)
    run_training(plan, settings.workers, say, None if run is None else partial(log_losses, run))
    row = _concluded(plan, facts, settings, started)
    if run is not None:
        record_fit(run, row, spec.data.path)
    remove_checkpoints(settings.out)
    return row


def _concluded(plan: TrainPlan, facts: PanelFacts, settings: TrainOptions, started: float) -> Row:
    """The row of a training whose fits are done, and its directory written."""
    out, report = settings.out, settings.report
    if plan.calendar is None:
        seconds = time.perf_counter() - started
        row: Row = _on_cluster(assemble, plan, out, report=report, seconds=seconds)
        return row
    workers = settings.workers
    given = [(plan, index, workers.count) for index in range(workers.count)]
    shards = _all_on_cluster(workers, analyse_shard, given)
    seconds = time.perf_counter() - started
    concluded: Row = _on_cluster(conclude, plan, facts, shards, out, report=report, seconds=seconds)
    return concluded


def _existing_fit(spec: MarketSpec, facts: PanelFacts, settings: TrainOptions) -> Row | None:
    """The row of the model that is there, if it is this one."""
    if (row := read_fit(settings.out, facts.identity(spec))) is not None:
        return row
    if not is_uri(settings.out):
        check_output(settings.out, force=settings.force, folder=True)
    return None


def _with_gpus(settings: TrainOptions) -> Workers:
    """The workers, each with a GPU where that is wanted or possible."""
    has = settings.gpus == "yes" or (settings.gpus == "auto" and cluster_gpus() >= settings.workers.count)
    return replace(settings.workers, gpus=has)


def _local_cpus(wanted: int) -> int:
    """CPUs of a cluster started here: no more than there are."""
    import os

    return min(wanted, len(os.sched_getaffinity(0)))


def _on_cluster(work: Any, *arguments: Any, **options: Any) -> Any:
    """Do a piece of work in a process of the cluster, where there is memory for it.

    Raises:
        MMMError: What the work raises.
        ClusterError: Its worker died, again and again.
    """
    import ray

    task: Any = ray.remote(num_cpus=1, max_retries=2)(work)
    (answer,) = results([task.remote(*arguments, **options)])
    return answer


def _all_on_cluster(workers: Workers, work: Any, given: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Do a piece of work for each of several arguments, as many at a time as the cluster has room for."""
    import ray

    task: Any = ray.remote(num_cpus=workers.cpus, max_retries=2)(work)
    return results([task.remote(*one) for one in given])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        row = train(load_market(options.spec, options.set), _settings(options), say)
        say(summary(row))
        return DONE

    return run_command(work, "interrupted; run the same command to go on from the last checkpoint")


def summary(row: Row) -> str:
    """What a training came to, in a line."""
    skill, r2 = row.scores.get("holdout_skill"), row.scores.get("holdout_r2")
    scores = "" if skill is None or r2 is None else f", holdout R2 {r2:.3f}, skill {skill:.2f}"
    version = "" if row.version is None else f"; version {row.version}, {row.role or 'no role'}"
    return f"{row.status}: {row.name} in {row.seconds:.1f} s{scores}; {row.directory}{version}"


def _settings(options: argparse.Namespace) -> TrainOptions:
    return TrainOptions(
        out=absolute(options.out),
        workers=Workers(options.workers, options.cpus_per_worker, tries=options.tries, wait=options.wait),
        gpus=options.gpu,
        every=options.checkpoint_every,
        force=options.force,
        anew=options.anew,
        report=options.report,
        parts=options.parts,
        address=options.address,
        tracking=options.tracking,
    )


def _parser() -> argparse.ArgumentParser:
    parser = job_parser("jobs.train", "Train one model over shards of its panel's regions.")
    add = parser.add_argument
    add("spec", metavar="SPEC", help="spec of the market (YAML), path or URI")
    add("--workers", type=count, default=2, help="shards, and processes that train them (default 2)")
    add("--out", default="out/train", help="place of the fitted model, path or URI (default out/train)")
    add_set(parser)
    add_address(parser)
    add("--cpus-per-worker", type=count, default=1, help="CPUs, and threads, of a worker (default 1)")
    add("--gpu", choices=("auto", "yes", "no"), default="auto", help="a GPU for each worker (default auto)")
    add("--checkpoint-every", metavar="EPOCHS", type=count, default=100, help="default 100")
    add("--tries", type=count, default=3, help="how often workers are started again after one died (3)")
    add(
        "--wait",
        type=not_negative,
        default=300.0,
        help="seconds in which a cluster must have room (default 300)",
    )
    add("--force", action="store_true", help="replace a fitted model that is at --out")
    add("--anew", action="store_true", help="delete the checkpoints of an interrupted training at --out")
    add(
        "--parts",
        choices=("auto", "yes", "no"),
        default="auto",
        help="read, check and write the panel in parts, never whole (default auto: large ones)",
    )
    add("--no-report", dest="report", action="store_false", help="write no report.html")
    add_tracking(parser, "sqlite beside --out; or none")
    return parser
