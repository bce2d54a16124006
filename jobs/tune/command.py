"""``python -m jobs.tune SPEC --trials 50``: a search for the settings that predict one market best.

Leaves below ``--out`` the best spec (``best.yaml``), every trial, the model fitted with the settings chosen
on everything but the test window, a report (``sweep.html``), and runs and a version in MLflow. Run again
after an interruption it keeps the finished trials and does the rest.

Exit status: 0 done, 1 something could not be done (named), 2 the input must be corrected, 130 interrupted.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import yaml
from rich.console import Console

from jobs.cluster import Cluster, connect
from jobs.command import DONE, FAILED, run_command
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
from mmm.config.files import load_market
from mmm.data.read import read_panel

if TYPE_CHECKING:
    from jobs.tune.ray_tune import Slots

AUTO = "auto"


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


def report(outcome: Outcome, console: Console) -> int:
    """Say what a sweep came to; returns the exit status."""
    ending, scores = outcome.ending, outcome.ending.scores

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    say(ending.choice.reason)
    if "test_default_r2" in scores:
        naive = max(ending.naive.items(), key=lambda item: item[1], default=("none", float("nan")))
        say(
            f"test window R²: chosen {scores['test_tuned_r2']:.4f}, the spec's own "
            f"{scores['test_default_r2']:.4f}, best naive rule ({naive[0]}) {naive[1]:.4f}"
        )
    else:
        say("no test window: set splits.test to see what the settings are worth on data no trial saw")
    for row in outcome.failed:
        say(f"failed: trial {row.number}: {row.reason}")
    version = f", version {outcome.row.version} ({outcome.row.role})" if outcome.row.version else ""
    say(f"model: {outcome.row.directory}{version}")
    say(f"best spec: {outcome.out}/best.yaml   report: {outcome.out}/sweep.html")
    changed = ending.choice.row.settings
    say(yaml.safe_dump(dict(changed), sort_keys=False).rstrip() if changed else "settings: the spec's own")
    if outcome.trouble:
        say(f"not recorded: {outcome.trouble} Run the same command again to record the rest.")
    return FAILED if outcome.trouble else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console()

    def work() -> int:
        asked = Asked(
            trials=options.trials,
            concurrency=options.concurrency,
            cpus=options.cpus_per_trial,
            gpus=options.gpus_per_trial,
            seconds=options.time_budget,
            address=options.address,
            local_cpus=options.cpus,
            tracking=options.tracking,
            warm_start=options.warm_start,
        )
        spec = load_market(options.spec, options.set)
        return report(tune(spec, absolute(options.out), asked, console), console)

    return run_command(work, "interrupted; finished trials are kept, run the same command to go on")


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """A length of time such as ``90s``, ``30m`` or ``1h30m``, in seconds; a bare number is minutes."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        total = 60.0 * float(text)
    elif "".join(number + unit for number, unit in parts) != text:
        total = 0.0
    if total <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 90s, 30m or 1h30m")
    return total


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def concurrency(text: str) -> int | None:
    """Trials at a time; ``auto`` for as many as there is room for."""
    return None if text == AUTO else count(text)


def share(text: str) -> float:
    """A number above 0, fractions allowed."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.tune",
        description="Search the settings that predict one market best, and fit the model with them.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "spec",
        metavar="SPEC",
        help="spec of the market (YAML), path or URI; its `tune:` says what is searched",
    )
    add("--trials", type=count, default=50, help="trials in all, the spec's own settings first (default 50)")
    add("--concurrency", type=concurrency, default=None, metavar="N", help="trials at a time (default auto)")
    add("--time-budget", type=seconds, metavar="30m", help="time for trials in this run, e.g. 90s, 30m, 2h")
    add("--out", default="out/tune", help="folder of the sweep, path or URI (default out/tune)")
    add("--set", metavar="PATH=VALUE", action="append", default=[], help="replace a setting of the spec")
    add("--warm-start", metavar="DIR", help="an earlier sweep whose best settings are tried first")
    add("--address", help="Ray cluster to join; by default RAY_ADDRESS, else one is started here")
    add("--cpus", type=count, help="CPUs of a cluster started here; by default all")
    add("--cpus-per-trial", type=share, default=1.0, help="CPUs of a trial, fractions allowed (default 1)")
    add("--gpus-per-trial", type=float, default=0.0, help="GPUs of a trial (default 0)")
    add(
        "--tracking", metavar="URI", help="MLflow; default MLFLOW_TRACKING_URI, else sqlite in --out; or none"
    )
    return parser
