"""Suite ``train``: time of a training step of one large panel by workers, from trainings of two lengths."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

from jobs.benchmark.book import Row, figures
from jobs.benchmark.case import Case, world_case
from jobs.benchmark.course import Task
from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.methods import OURS
from jobs.benchmark.plan import Order
from jobs.benchmark.process import run_measured
from mmm.simulate.portfolio import Design, simulate_market

SUITE = "train"
LIMIT = 600.0
LARGE = Design(regions=120, weeks=104, channels=10)
SMALL = Design(regions=8, weeks=104, channels=4)
EPOCHS, QUICK_EPOCHS = (20, 220), (5, 25)
SECONDS = re.compile(r"^done: .* in ([\d.]+) s", re.MULTILINE)


def train_tasks(order: Order) -> list[Task]:
    """A task for each number of workers that the cores allow."""
    design = SMALL if order.quick else LARGE
    case = world_case(simulate_market(design, seed=order.seed), order.work / SUITE, "panel")
    counts = (2,) if order.quick else tuple(sorted({1, min(order.cores, 4)}))
    name = f"{design.regions} regions x {design.weeks} weeks x {design.channels} channels"
    return [
        Task(
            suite=SUITE,
            case=f"{name}, {workers} {'worker' if workers == 1 else 'workers'}",
            method=OURS,
            work=partial(_measure, order, case, name, workers),
            expect=30.0 if order.quick else 50.0,
            alone=True,
            seed=order.seed,
        )
        for workers in counts
    ]


def _measure(order: Order, case: Case, name: str, workers: int) -> list[Row]:
    few, many = QUICK_EPOCHS if order.quick else EPOCHS
    short, whole = (_seconds(case, workers, epochs) for epochs in (few, many))
    label = f"{name}, {workers} {'worker' if workers == 1 else 'workers'}"
    base = Row(
        suite=SUITE,
        case=label,
        method=OURS,
        seed=order.seed,
        seconds=short + whole,
        threads=workers,
        note=f"difference of trainings of {few} and {many} epochs, 8 members",
    )
    return figures(base, {"milliseconds per step": 1000 * (whole - short) / (many - few)}, "ms")


def _seconds(case: Case, workers: int, epochs: int) -> float:
    """What a training says it took, Ray's start left out."""
    room = case.folder / f"{workers}-{epochs}"
    room.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [sys.executable, "-m", "jobs.train", case.folder / "spec.yaml"]
    command += ["--workers", str(workers), "--out", room / "model", "--tracking", "none", "--no-report"]
    command += ["--checkpoint-every", "10000"]
    for setting in (f"train.epochs={epochs}", "train.members=8"):
        command += ["--set", setting]
    log = room / "log.txt"
    run_measured(command, log, limit=LIMIT)
    if not (said := SECONDS.search(log.read_text(encoding="utf-8"))):
        raise BenchmarkError(f"the training did not say how long it took, see {log}")
    return float(said[1])
