"""``python -m jobs.refit PORTFOLIO``: every brand-market whose data or settings changed, fitted in parallel.

Leaves below ``--out`` a fitted model for each brand-market, ``portfolio.parquet`` with one row for each,
``portfolio.html`` to look at it, and runs, versions and aliases in MLflow. Run again, it does what is
missing or changed and nothing else.

Exit status: 0 every brand-market asked for is up to date and recorded, 1 some are not (named), 2 the input
must be corrected, 130 interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.command import DONE, FAILED, Say, run_command, say
from jobs.options import add_address, add_cpus, add_set, add_tracking, count, job_parser, not_negative

if TYPE_CHECKING:
    from jobs.refit.run import RefitResult


def report(result: RefitResult, say: Say) -> int:
    """Say what a refit came to; returns the exit status."""
    counts = {status: sum(row.status == status for row in result.rows) for status in ("done", "unchanged")}
    say(
        f"{counts['done']} done, {counts['unchanged']} unchanged, {len(result.failed)} failed in "
        f"{result.seconds:.1f} s; table: {result.table}"
    )
    say(f"Page of the portfolio, opens offline: {result.page}")
    waiting = [row for row in result.rows if row.role == "challenger"]
    for row in waiting:
        say(f"{row.name} version {row.version} {row.reason}")
    for row in result.failed:
        say(f"failed: {row.name}: {row.reason}")
    if result.unrecorded:
        names = ", ".join(row.name for row in result.unrecorded)
        say(
            f"not recorded: {names}: {result.trouble} The models are safe; run the same command again to "
            "record them, nothing is fitted twice."
        )
    return FAILED if result.failed or result.unrecorded else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        from jobs.record.store import absolute
        from jobs.refit.run import refit
        from jobs.refit.select import parse_only, parse_tune, select_markets

        out = absolute(options.out)
        only = parse_only(
            [*options.only, *(f"{key}={v}" for key in ("brand", "market") for v in getattr(options, key))]
        )
        members = [] if options.members is None else [f"train.members={options.members}"]
        selection = select_markets(
            options.portfolio,
            out,
            overrides=[*members, *options.set],
            only=only,
            report=options.reports,
            timeout=options.timeout or None,
            threads=options.threads,
            trials=parse_tune(options.tune),
            fresh=options.fresh,
        )
        result = refit(
            selection,
            out,
            address=options.address,
            cpus=options.cpus,
            tracking=options.tracking,
            tries=options.tries,
            together=options.together,
            say=say,
        )
        return report(result, say)

    return run_command(work, "interrupted; what is done stays done, run the same command to go on")


def _parser() -> argparse.ArgumentParser:
    parser = job_parser(
        "jobs.refit", "Refit every brand-market of a portfolio whose data or settings changed."
    )
    add = parser.add_argument
    add("portfolio", metavar="PORTFOLIO", help="spec of the portfolio (YAML), path or URI")
    add("--out", default="out/refit", help="place of the results, path or URI (default out/refit)")
    add("--only", metavar="KEY=NAMES", nargs="+", action="extend", default=[], help="e.g. brand=acme")
    for key in ("brand", "market"):
        add(f"--{key}", metavar="NAMES", action="append", default=[], help=f"short for --only {key}=NAMES")
    add(
        "--members", type=count, help="members of ensembles, 1: no intervals; short for --set train.members=N"
    )
    add_set(parser, "of every market")
    add("--tune", metavar="trials=N", help="first search each market's settings, see `tune:` of its spec")
    add_address(parser)
    add_cpus(parser)
    add("--threads", type=count, default=1, help="CPUs of each fit (default 1)")
    add(
        "--timeout",
        type=not_negative,
        default=3600.0,
        help="seconds a market may take, 0 for no limit (3600)",
    )
    add("--tries", type=count, default=3, help="how often a market is begun whose worker dies (default 3)")
    add(
        "--together",
        metavar="N",
        type=count,
        help="markets fitted at once in one task (default: up to 16, by their number and the CPUs)",
    )
    add(
        "--fresh",
        action="store_true",
        help="begin every fit anew; by default new data are fitted from the champion on, in a quarter of the "
        "steps",
    )
    add_tracking(parser, "sqlite in --out; or none")
    add("--reports", action="store_true", help="also write report.html for each market, about 5 MB each")
    return parser
