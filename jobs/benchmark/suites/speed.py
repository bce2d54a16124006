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

from jobs.benchmark.baselines import ridge_answer
from jobs.benchmark.case import Answer, Case, windowed_case, world_case
from jobs.benchmark.figures import BenchmarkError, Figure, figures
from jobs.benchmark.methods import DEEPCAUSAL, OURS, POINT, RIDGE, ask_ours, ask_peer
from jobs.benchmark.suites.real import real_spec
from jobs.benchmark.suites.scores import growth_exponent
from jobs.benchmark.tasks import RunOptions, Task
from jobs.stress.process import run_measured
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


def speed_tasks(run_options: RunOptions) -> list[Task]:
    """One fit of each method on the real panel, and growth along each axis.

    Raises:
        BenchmarkError: The panel is not there and cannot be fetched.
    """
    sizes, case = run_options.sizes, _case(run_options)

    def ours(method: str, settings: tuple[str, ...], expect: float) -> Task:
        return _task(
            case, method, lambda: _rows(case, method, ask_ours(case, label=method, settings=settings)), expect
        )

    tasks = [ours(POINT, sizes.point, 25.0), ours(OURS, sizes.settings, 70.0)]
    if "ridge" in run_options.peers:
        tasks.append(_task(case, RIDGE, lambda: _rows(case, RIDGE, ridge_answer(case)), 5.0))
    if DEEPCAUSAL.name in run_options.peers:
        tasks.append(_task(case, DEEPCAUSAL.name, lambda: _part_of_peer(run_options, case), 35.0))
    for axis, along in sizes.growth:
        tasks.append(_growth_task(run_options, axis, along))
    return tasks


def _case(run_options: RunOptions) -> Case:
    """The real panel; a small simulated one in a quick run."""
    folder = run_options.work / SUITE / "panel"
    if run_options.quick:
        return world_case(
            simulate_market(run_options.sizes.design, seed=run_options.seed), folder, "simulated panel"
        )
    spec = load_market(str(real_spec(run_options.panel, run_options.cache)))
    periods = len(read_panel(spec).panel.dates)
    return windowed_case(spec, folder, "real panel", periods=periods, holdout=spec.splits.holdout)


def _task(case: Case, method: str, work: Callable[[], list[Figure]], expect: float) -> Task:
    return Task(suite=SUITE, case=case.name, method=method, work=work, expect=expect, alone=True)


def _rows(case: Case, method: str, answer: Answer) -> list[Figure]:
    base = Figure(suite=SUITE, case=case.name, method=method, seconds=answer.seconds)
    return figures(base, {SECONDS: answer.seconds}, "s") + figures(base, {MEMORY: answer.peak_mb}, "MiB")


def _part_of_peer(run_options: RunOptions, case: Case) -> list[Figure]:
    """Some of the peer's epochs at full size; the rest of its defaults take as long each."""
    settings = {"n_epochs": run_options.sizes.peer_epochs, "warm_start_epochs": WARM_EPOCHS}
    answer = ask_peer(case, DEEPCAUSAL, run_options.cache, settings=settings, label="deepcausalmmm part")
    said = answer.more
    whole = answer.seconds - said["trained_seconds"] + said["default_epochs"] * said["epoch_seconds"]
    base = Figure(suite=SUITE, case=case.name, method=DEEPCAUSAL.name, seconds=answer.seconds)
    note = (
        f"{said['epochs']} of its {said['default_epochs']} epochs run, {said['epoch_seconds']:.3f} s each; "
        "set-up as measured"
    )
    return [
        *figures(replace(base, status="extrapolated", note=note), {SECONDS: whole}, "s"),
        *figures(base, {"seconds per epoch": said["epoch_seconds"]}, "s"),
        *figures(base, {MEMORY: answer.peak_mb}, "MiB"),
    ]


def _growth_task(run_options: RunOptions, axis: str, along: tuple[int, ...]) -> Task:
    def work() -> list[Figure]:
        folder = run_options.work / SUITE / f"growth-{axis}"
        folder.mkdir(parents=True, exist_ok=True)
        job = {
            "axis": axis,
            "sizes": along,
            "epochs": run_options.sizes.growth_epochs,
            "seed": run_options.seed,
        }
        (folder / "job.json").write_text(json.dumps(job | {"threads": 1}), encoding="utf-8")
        command: list[str | Path] = [sys.executable, "-m", "jobs.benchmark.worker", folder]
        run_measured(command, folder / "log.txt", limit=GROWTH_LIMIT)
        found = json.loads((folder / "answer.json").read_text(encoding="utf-8"))["seconds"]
        if len(found) != len(along):
            raise BenchmarkError(f"{len(found)} of {len(along)} sizes came back")
        rows: list[Figure] = []
        for size, seconds in zip(along, found, strict=True):
            base = Figure(
                suite=SUITE, case=f"{size} {axis}", method=OURS, seed=run_options.seed, seconds=seconds
            )
            rows += figures(base, {AT_SIZE: seconds}, "s")
        whole = Figure(suite=SUITE, case=axis, method=OURS, seed=run_options.seed, seconds=sum(found))
        listed = ", ".join(map(str, along))
        exponent = growth_exponent(np.array(along, dtype=np.float64), np.array(found))
        return rows + figures(replace(whole, note=f"sizes {listed}; 1 is linear"), {EXPONENT: exponent})

    return Task(
        suite=SUITE,
        case=f"growth with {axis}",
        method=OURS,
        work=work,
        expect=3.0 if run_options.quick else 35.0,
        alone=True,
    )


def speed_summary(rows: pd.DataFrame) -> list[Figure]:
    """Ratios of this run's seconds per fit."""
    known = rows[(rows["suite"] == SUITE) & (rows["metric"] == SECONDS)]
    peer = known[known["method"] == DEEPCAUSAL.name]
    if peer.empty:
        return []
    theirs, status = peer.iloc[0]["value"], peer.iloc[0]["status"]
    return [
        Figure(
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
