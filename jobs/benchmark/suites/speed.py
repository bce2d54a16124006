"""Suite ``speed``: seconds and memory of a fit, alone on the machine, and how they grow.

Everything here runs one by one, each on one thread, so that figures of one run can be divided.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.benchmark.book import Row, figures
from jobs.benchmark.case import Answer, Case, windowed_case, world_case
from jobs.benchmark.course import Task
from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.methods import OURS, POINT, RIDGE, ask_ours, ask_peer
from jobs.benchmark.panel import real_spec
from jobs.benchmark.peers.ridge import ridge_answer
from jobs.benchmark.peers.venv import DEEPCAUSAL
from jobs.benchmark.plan import Order
from jobs.benchmark.process import run_measured
from jobs.benchmark.suites.scores import growth_exponent
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.simulate.portfolio import simulate_market

SUITE = "speed"
SECONDS = "seconds per fit"
MEMORY = "peak memory"
EXPONENT = "growth exponent"
AT_SIZE = "seconds at this size"
RATIO = "times faster than deepcausalmmm"
GROWTH_LIMIT = 600.0
WARM_EPOCHS = 5


def speed_tasks(order: Order) -> list[Task]:
    """One fit of each method on the real panel, and growth along each axis.

    Raises:
        BenchmarkError: The panel is not there and cannot be fetched.
    """
    sizes, case = order.sizes, _case(order)

    def ours(method: str, settings: tuple[str, ...], expect: float) -> Task:
        return _task(
            case, method, lambda: _rows(case, method, ask_ours(case, label=method, settings=settings)), expect
        )

    tasks = [ours(POINT, sizes.point, 25.0), ours(OURS, sizes.settings, 70.0)]
    if "ridge" in order.peers:
        tasks.append(_task(case, RIDGE, lambda: _rows(case, RIDGE, ridge_answer(case)), 5.0))
    if DEEPCAUSAL.name in order.peers:
        tasks.append(_task(case, DEEPCAUSAL.name, lambda: _part_of_peer(order, case), 35.0))
    for axis, along in sizes.growth:
        tasks.append(_growth_task(order, axis, along))
    return tasks


def _case(order: Order) -> Case:
    """The real panel; a small simulated one in a quick run."""
    folder = order.work / SUITE / "panel"
    if order.quick:
        return world_case(simulate_market(order.sizes.design, seed=order.seed), folder, "simulated panel")
    spec = load_market(str(real_spec(order.panel, order.cache)))
    periods = len(read_panel(spec).panel.dates)
    return windowed_case(spec, folder, "real panel", periods=periods, holdout=spec.splits.holdout)


def _task(case: Case, method: str, work: Callable[[], list[Row]], expect: float) -> Task:
    return Task(suite=SUITE, case=case.name, method=method, work=work, expect=expect, alone=True)


def _rows(case: Case, method: str, answer: Answer) -> list[Row]:
    base = Row(suite=SUITE, case=case.name, method=method, seconds=answer.seconds)
    return figures(base, {SECONDS: answer.seconds}, "s") + figures(base, {MEMORY: answer.peak_mb}, "MiB")


def _part_of_peer(order: Order, case: Case) -> list[Row]:
    """Some of the peer's epochs at full size; the rest of its defaults take as long each."""
    settings = {"n_epochs": order.sizes.peer_epochs, "warm_start_epochs": WARM_EPOCHS}
    answer = ask_peer(case, DEEPCAUSAL, order.cache, settings=settings, label="deepcausalmmm part")
    said = answer.more
    whole = answer.seconds - said["trained_seconds"] + said["default_epochs"] * said["epoch_seconds"]
    base = Row(suite=SUITE, case=case.name, method=DEEPCAUSAL.name, seconds=answer.seconds)
    note = (
        f"{said['epochs']} of its {said['default_epochs']} epochs run, {said['epoch_seconds']:.3f} s each; "
        "set-up as measured"
    )
    return [
        *figures(replace(base, status="extrapolated", note=note), {SECONDS: whole}, "s"),
        *figures(base, {"seconds per epoch": said["epoch_seconds"]}, "s"),
        *figures(base, {MEMORY: answer.peak_mb}, "MiB"),
    ]


def _growth_task(order: Order, axis: str, along: tuple[int, ...]) -> Task:
    def work() -> list[Row]:
        room = order.work / SUITE / f"growth-{axis}"
        room.mkdir(parents=True, exist_ok=True)
        job = {"axis": axis, "sizes": along, "epochs": order.sizes.growth_epochs, "seed": order.seed}
        (room / "job.json").write_text(json.dumps(job | {"threads": 1}), encoding="utf-8")
        command: list[str | Path] = [sys.executable, "-m", "jobs.benchmark.suites.growth", room]
        run_measured(command, room / "log.txt", limit=GROWTH_LIMIT)
        found = json.loads((room / "answer.json").read_text(encoding="utf-8"))["seconds"]
        if len(found) != len(along):
            raise BenchmarkError(f"{len(found)} of {len(along)} sizes came back")
        rows: list[Row] = []
        for size, seconds in zip(along, found, strict=True):
            base = Row(suite=SUITE, case=f"{size} {axis}", method=OURS, seed=order.seed, seconds=seconds)
            rows += figures(base, {AT_SIZE: seconds}, "s")
        whole = Row(suite=SUITE, case=axis, method=OURS, seed=order.seed, seconds=sum(found))
        listed = ", ".join(map(str, along))
        exponent = growth_exponent(np.array(along, dtype=np.float64), np.array(found))
        return rows + figures(replace(whole, note=f"sizes {listed}; 1 is linear"), {EXPONENT: exponent})

    return Task(
        suite=SUITE,
        case=f"growth with {axis}",
        method=OURS,
        work=work,
        expect=3.0 if order.quick else 35.0,
        alone=True,
    )


def speed_summary(rows: pd.DataFrame) -> list[Row]:
    """Ratios of this run's seconds per fit."""
    known = rows[(rows["suite"] == SUITE) & (rows["metric"] == SECONDS)]
    peer = known[known["method"] == DEEPCAUSAL.name]
    if peer.empty:
        return []
    theirs, status = peer.iloc[0]["value"], peer.iloc[0]["status"]
    return [
        Row(
            suite=SUITE,
            case=str(own["case"]),
            method=str(own["method"]),
            metric=RATIO,
            value=float(theirs / own["value"]),
            status=status,
            note="one fit without intervals" if own["method"] == POINT else "default members",
        )
        for _, own in known[known["method"].isin((OURS, POINT))].iterrows()
    ]
