"""``python -m jobs.loop SPEC --weeks 12``: how far a model's story holds still.

Fits the market on its data until 12 weeks ago, 11 weeks ago and so on, each from where the one before was, as
a weekly refit does; on all of them with 5 % noise on media; and with a shuffled copy of every channel beside
it. Leaves below ``--out`` the page ``stability.html``, the number to quote in ``stability.json``, and
``stability.parquet``.

Exit status: 0 done, 1 a fit failed, 2 the input must be corrected, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

import pyarrow as pa

from jobs.cluster import connect, results
from jobs.command import DONE, Say, run_command, say
from jobs.loop.fits import Told, doubled, noisy, weekly
from jobs.options import add_address, add_cpus, add_set, count, job_parser
from jobs.record.store import absolute, check_place
from mmm.analysis.stability import Stability, judged, weekly_table
from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.errors import Problem, SpecError
from mmm.market import read_market
from mmm.report.stability.page import Loop, stability_page
from mmm.storage import write_parquet, write_whole
from mmm.words import percent

PAGE, NUMBERS, TABLE = "stability.html", "stability.json", "stability.parquet"


def loop(
    spec: MarketSpec,
    out: str,
    *,
    weeks: int = 12,
    address: str | None = None,
    cpus: int | None = None,
    say: Say = say,
) -> Stability:
    """Find out how far the market's model holds still, and write page, numbers and table.

    Args:
        spec: The market.
        out: Absolute place of the results.
        weeks: Refits before the newest, each with one period less.
        address: Ray cluster; None starts one here unless ``RAY_ADDRESS`` names one.
        cpus: CPUs of a cluster started here.
        say: Told the progress.

    Raises:
        SpecError: One member only, which has no intervals.
        PanelError: The panel has problems, or is too short for so many weeks.
        OutputError: ``out`` cannot be written.
    """
    if spec.train.members < 2:
        message = "is 1: one member has no intervals to compare. Set it to 2 or more."
        raise SpecError("jobs.loop", [Problem("no_intervals", "train.members", message)])
    check_place(out)
    read = read_market(spec)
    with connect(address, cpus=cpus):
        import ray

        say(f"{weeks + 3} fits of {spec.brand} / {spec.market}")
        panel = ray.put(read)
        tasks = [ray.remote(task) for task in (weekly, noisy, doubled)]
        answers: list[list[Told]] = results([task.remote(spec, panel, weeks) for task in tasks])
    week_by_week, (with_noise,), (with_copies,) = answers
    table = weekly_table([(item.until, item.effects, item.shares) for item in week_by_week])
    found = judged(table, [item.shares for item in week_by_week], with_noise.shares, with_copies.shares)
    name = f"{spec.brand} / {spec.market}"
    page = stability_page(Loop(name, spec.columns.kpi_label or spec.columns.kpi, table, found))
    numbers = {"stability": found.overlap, **asdict(found), "weeks": weeks, "verdict": found.verdict}
    write_parquet(f"{out}/{TABLE}", pa.Table.from_pandas(table, preserve_index=False))
    write_whole(f"{out}/{NUMBERS}", (json.dumps(numbers, indent=2) + "\n").encode())
    write_whole(f"{out}/{PAGE}", page.encode())
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        out = absolute(options.out)
        spec = load_market(options.spec, options.set)
        found = loop(spec, out, weeks=options.weeks, address=options.address, cpus=options.cpus)
        say(f"stability {percent(found.overlap)}: {found.verdict}")
        say(f"Page, opens offline: {out}/{PAGE}")
        return DONE

    return run_command(work, "interrupted; run the same command again")


def _parser() -> argparse.ArgumentParser:
    parser = job_parser("jobs.loop", "Find out how far the story of a market's model holds still.")
    parser.add_argument("spec", metavar="SPEC", help="spec of the market (YAML), path or URI")
    parser.add_argument("--weeks", type=count, default=12, help="refits before the newest (default 12)")
    parser.add_argument("--out", default="out/loop", help="place of the page (default out/loop)")
    add_set(parser)
    add_address(parser)
    add_cpus(parser)
    return parser
