"""``python -m jobs.tune SPEC --trials 50``: a search for the settings that predict one market best.

Leaves below ``--out`` the best spec (``best.yaml``), every trial, the model fitted with the settings chosen
on everything but the test window, a report (``sweep.html``), and runs and a version in MLflow. Run again
after an interruption it keeps the finished trials and does the rest.

Exit status: 0 done, 1 something could not be done (named), 2 the input must be corrected, 130 interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

import yaml
from rich.console import Console

from jobs.command import DONE, FAILED, run_command
from jobs.options import (
    add_address,
    add_cpus,
    add_set,
    add_tracking,
    count,
    job_parser,
    not_negative,
    positive,
    time_limit,
)

if TYPE_CHECKING:
    from jobs.tune.sweep import SweepResult


def report(result: SweepResult, console: Console) -> int:
    """Say what a sweep came to; returns the exit status."""
    conclusion, scores = result.conclusion, result.conclusion.scores

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    say(conclusion.choice.reason)
    if "test_default_r2" in scores:
        naive = max(conclusion.naive.items(), key=lambda item: item[1], default=("none", float("nan")))
        say(
            f"test window R²: chosen {scores['test_tuned_r2']:.4f}, the spec's own "
            f"{scores['test_default_r2']:.4f}, best naive rule ({naive[0]}) {naive[1]:.4f}"
        )
    else:
        say("no test window: set splits.test to see what the settings are worth on data no trial saw")
    for row in result.failed:
        say(f"failed: trial {row.number}: {row.reason}")
    version = f", version {result.row.version} ({result.row.role})" if result.row.version else ""
    say(f"model: {result.row.directory}{version}")
    say(f"best spec: {result.out}/best.yaml   report: {result.out}/sweep.html")
    changed = conclusion.choice.row.settings
    say(yaml.safe_dump(dict(changed), sort_keys=False).rstrip() if changed else "settings: the spec's own")
    if result.trouble:
        say(f"not recorded: {result.trouble} Run the same command again to record the rest.")
    return FAILED if result.trouble else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console()

    def work() -> int:
        from jobs.record.store import absolute
        from jobs.tune.sweep import SweepOptions, tune
        from mmm.config.files import load_market

        wanted = SweepOptions(
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
        return report(tune(spec, absolute(options.out), wanted, console), console)

    return run_command(work, "interrupted; finished trials are kept, run the same command to go on")


AUTO = "auto"


def concurrency(text: str) -> int | None:
    """Trials at a time; ``auto`` for as many as there is room for."""
    return None if text == AUTO else count(text)


def _parser() -> argparse.ArgumentParser:
    parser = job_parser(
        "jobs.tune", "Search the settings that predict one market best, and fit the model with them."
    )
    add = parser.add_argument
    add(
        "spec",
        metavar="SPEC",
        help="spec of the market (YAML), path or URI; its `tune:` says what is searched",
    )
    add("--trials", type=count, default=50, help="trials in all, the spec's own settings first (default 50)")
    add("--concurrency", type=concurrency, default=None, metavar="N", help="trials at a time (default auto)")
    add(
        "--time-budget", type=time_limit, metavar="30m", help="time for trials in this run, e.g. 90s, 30m, 2h"
    )
    add("--out", default="out/tune", help="folder of the sweep, path or URI (default out/tune)")
    add_set(parser, "of the spec")
    add("--warm-start", metavar="DIR", help="an earlier sweep whose best settings are tried first")
    add_address(parser)
    add_cpus(parser)
    add("--cpus-per-trial", type=positive, default=1.0, help="CPUs of a trial, fractions allowed (default 1)")
    add("--gpus-per-trial", type=not_negative, default=0.0, help="GPUs of a trial (default 0)")
    add_tracking(parser, "sqlite in --out; or none")
    return parser
