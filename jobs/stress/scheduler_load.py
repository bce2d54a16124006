"""``python -m jobs.stress.scheduler_load``: what scheduling so many markets costs when fits cost nothing.

The refit's own window, batches and driver, with tasks that return a row of the usual size and do nothing
else. What remains is what Ray and the driver need for a market, and the memory of the driver.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.cluster import connect
from jobs.command import DONE, run_command, say
from jobs.options import add_address, add_cpus, count, job_parser
from jobs.record.rows import SCORES, Row
from jobs.record.store import result_place
from jobs.refit.schedule import RefitProgress, run_all
from jobs.refit.task import TaskResult, Work
from mmm.config import MarketSpec
from mmm.config.files import validate

CHANNELS = 8
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Load:
    """What scheduling cost.

    Attributes:
        markets: How many.
        seconds: From the first task to the last row.
        driver_seconds: CPU time of the driver in it.
        driver_mib: Most memory of the driver, MiB.
        grown_mib: By how much it grew over the run.
    """

    markets: int
    seconds: float
    driver_seconds: float
    driver_mib: float
    grown_mib: float

    @property
    def line(self) -> str:
        """The numbers in one line."""
        return (
            f"{self.markets} markets in {self.seconds:.1f} s, {self.markets / self.seconds:.0f} a second; "
            f"driver {1e3 * self.driver_seconds / self.markets:.2f} ms of CPU a market, "
            f"{self.driver_mib:.0f} MiB at most, {self.grown_mib:.0f} MiB more than before"
        )


def no_fit(works: Sequence[Work]) -> TaskResult:
    """Rows of the usual size, made of nothing."""
    shares = {f"channel {c}": 0.03 for c in range(CHANNELS)}
    rows = tuple(
        Row(
            work.spec.brand,
            work.spec.market,
            "done",
            scores={f"holdout_{name}": 0.5 for name in SCORES},
            shares=shares,
            roi=shares,
            findings=("info finding where: " + 80 * "x",) * 6,
            key=16 * "0",
            directory=result_place(work.out, work.spec.brand, work.spec.market, 16 * "0"),
            data_fingerprint=64 * "0",
            spec_digest=64 * "0",
            until="2025-12-22",
        )
        for work in works
    )
    return TaskResult(rows)


def measure(markets: int, together: int | None = None) -> Load:
    """Schedule so many markets on the connected cluster and keep their rows, as a refit does."""
    works = [Work(_spec(market), "/out") for market in range(markets)]
    before, cpu = _memory(), time.process_time()
    started = time.perf_counter()
    rows = {
        (row.brand, row.market): row
        for row in run_all(works, RefitProgress(total=markets), together=together, task=no_fit)
    }
    seconds = time.perf_counter() - started
    assert len(rows) == markets
    most = _memory()
    return Load(markets, seconds, time.process_time() - cpu, most, most - before)


def _spec(market: int) -> MarketSpec:
    channels = {f"channel {c}": {"spend": f"spend {c}"} for c in range(CHANNELS)}
    columns = {"date": "date", "kpi": "kpi", "channels": channels}
    values = {"brand": f"brand{market // 100}", "market": f"m{market % 100}", "columns": columns}
    return validate(MarketSpec, {**values, "data": {"path": "/panels"}}, "scheduler load")


def _memory() -> float:
    """Most memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBIBYTE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        with connect(options.address, cpus=options.cpus):
            measure(32, options.together)
            for markets in options.markets:
                say(measure(markets, options.together).line)
        return DONE

    return run_command(work, "interrupted")


def _parser() -> argparse.ArgumentParser:
    parser = job_parser("jobs.stress.scheduler_load", "Schedule markets whose fits cost nothing.")
    parser.add_argument("--markets", type=count, nargs="+", default=[2000, 10_000], help="how many")
    parser.add_argument("--together", type=count, help="markets of a task; by default as a refit chooses")
    add_address(parser)
    add_cpus(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
