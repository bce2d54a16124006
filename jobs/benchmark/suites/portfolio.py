"""Suite ``portfolio``: a refit of many brand-markets on Ray, and again when nothing has changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from jobs.benchmark.book import Row, figures
from jobs.benchmark.course import Task
from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.methods import OURS
from jobs.benchmark.plan import Order
from jobs.benchmark.process import Usage, run_measured
from mmm.simulate.portfolio import write_portfolio

SUITE = "portfolio"
LIMIT = 900.0
BRANDS, MARKETS, REGIONS, WEEKS, CHANNELS = 6, 4, 6, 104, 6
QUICK_BRANDS = 1


def portfolio_tasks(order: Order) -> list[Task]:
    """One task: simulate, refit, refit."""
    brands = QUICK_BRANDS if order.quick else BRANDS
    count = brands * MARKETS
    case = f"{count} brand-markets of {REGIONS} regions x {WEEKS} weeks x {CHANNELS} channels"
    return [
        Task(
            suite=SUITE,
            case=case,
            method=OURS,
            work=lambda: _measure(order, case, brands),
            expect=20.0 + count * 1.5,
            alone=True,
            seed=order.seed,
        )
    ]


def _measure(order: Order, case: str, brands: int) -> list[Row]:
    home = order.work / SUITE
    spec = write_portfolio(
        home / "panels",
        brands=brands,
        markets=MARKETS,
        regions=REGIONS,
        weeks=WEEKS,
        channels=CHANNELS,
        seed=order.seed,
    )
    first = _refit(order, spec, home, "first.txt")
    table = _table(home, "done", brands * MARKETS)
    again = _refit(order, spec, home, "again.txt")
    _table(home, "unchanged", brands * MARKETS)
    fits = float(table["seconds"].sum())
    base = Row(
        suite=SUITE, case=case, method=OURS, seed=order.seed, seconds=first.seconds, threads=order.cores
    )
    return [
        *figures(base, {"brand-markets per minute, start of Ray included": 60 * len(table) / first.seconds}),
        *figures(base, {"seconds of fitting per brand-market": fits / len(table)}, "s"),
        *figures(base, {"share of the time that is not fitting": 1 - fits / (first.seconds * order.cores)}),
        *figures(base, {"again, with nothing changed": again.seconds}, "s"),
    ]


def _refit(order: Order, spec: Path, home: Path, log: str) -> Usage:
    command: list[str | Path] = [sys.executable, "-m", "jobs.refit", spec, "--out", home / "fits"]
    command += ["--tracking", "none", "--cpus", str(order.cores)]
    for setting in order.sizes.settings:
        command += ["--set", setting]
    return run_measured(command, home / log, limit=LIMIT)


def _table(home: Path, status: str, count: int) -> pd.DataFrame:
    """What the refit left, all of it with the status expected."""
    table = pd.read_parquet(home / "fits" / "portfolio.parquet")
    if len(table) != count or (table["status"] != status).any():
        found = ", ".join(f"{n} {name}" for name, n in table["status"].value_counts().items())
        raise BenchmarkError(f"expected {count} {status}, found {found}")
    return table
