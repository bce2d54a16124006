"""Suites ``recovery`` and ``kinds``: what is found of known truth, in others' worlds and in many of ours.

The published businesses are those of mmm-param-recovery (PyMC Labs, Apache-2.0), generated with its own seed.
They may not be copied into this repository: they are read where they lie beside this checkout.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from jobs.benchmark.case import Case, world_case
from jobs.benchmark.figures import Figure, NotHereError, figures
from jobs.benchmark.methods import OURS, ask_ours
from jobs.benchmark.suites import scores
from jobs.benchmark.suites.truth import Truth, judge
from jobs.benchmark.tasks import RunOptions, Task
from jobs.stress.process import REPOSITORY
from mmm.simulate.portfolio import Design, simulate_market

RECOVERY, KINDS = "recovery", "kinds"
PUBLISHED = REPOSITORY.parent / "shared" / "data" / "param_recovery"
BUSINESSES = {"startup": 15.0, "scaleup": 20.0, "mature": 40.0, "enterprise": 1_500.0}
"""Businesses, smallest first, and the seconds that a fit of each takes."""
ERROR = "error by draw"
QUOTED = {
    "PyMC-Marketing 0.15.1, published": dict(zip(BUSINESSES, (0.41, 0.44, 0.15, 3.49), strict=True)),
    "Meridian 1.1.6, published": dict(zip(BUSINESSES, (0.70, 0.70, 0.59), strict=False)),
}
"""Error by draw as its authors printed it; what is missing did not sample."""
MARKETS = {
    "national": Design(regions=1, channels=5),
    "12 regions": Design(),
    "40 regions": Design(regions=40),
    "40 regions, noise doubled": Design(regions=40, noise=0.08),
    "40 regions, media a tenth": Design(regions=40, media_share=0.1),
    "40 regions, spend follows demand twice as much": Design(regions=40, confounding=0.6),
}
SEEDS = 3000
"""Worlds of the kinds begin so far from those of the other suites."""
LONGEST = 3_600.0
"""Seconds that a fit may take."""


def recovery_tasks(run_options: RunOptions) -> list[Task]:
    """A fit of each published business, or of the smallest in a quick run, and what its authors printed.

    Raises:
        NotHereError: They do not lie beside this checkout.
    """
    if not PUBLISHED.is_dir():
        raise NotHereError(f"the published recovery benchmark is not at {PUBLISHED}")
    names = list(BUSINESSES)[:1] if run_options.quick else list(BUSINESSES)
    tasks = [
        Task(
            suite=RECOVERY,
            case=name,
            method=OURS,
            work=partial(_recovered, run_options, name),
            expect=BUSINESSES[name],
        )
        for name in names
    ]
    return [*tasks, Task(suite=RECOVERY, case="every business", method="published", work=_quoted, expect=0.1)]


def _quoted() -> list[Figure]:
    return [
        Figure(suite=RECOVERY, case=name, method=method, metric=ERROR, value=value, status="quoted")
        for method, found in QUOTED.items()
        for name, value in found.items()
    ]


def business_case(source: Path, folder: Path) -> Case:
    """A published business as a user would have it, every week but the last in training."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / "panel.parquet")
    frame = pd.read_parquet(source)
    columns: dict[str, Any] = {
        "date": "date",
        "kpi": "y",
        "channels": {name: {"spend": name} for name in frame.columns if name.startswith("x")},
        "controls": [name for name in frame.columns if name.startswith("c") and name[1:].isdigit()],
    }
    if frame["geo"].nunique() > 1:
        columns["region"] = "geo"
    spec = {
        "brand": source.stem,
        "market": "published",
        "data": {"path": "panel.parquet"},
        "columns": columns,
        "splits": {"holdout": 1, "test": 0},
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return Case(source.stem, folder)


def _recovered(run_options: RunOptions, name: str) -> list[Figure]:
    """How far a business's true contributions were found."""
    case = business_case(PUBLISHED / f"{name}.parquet", run_options.work / RECOVERY / name)
    truth = PUBLISHED / f"{name}_truth.parquet"
    answer = ask_ours(case, settings=run_options.sizes.settings, limit=LONGEST, truth=truth)
    base = Figure(suite=RECOVERY, case=name, method=OURS, seconds=answer.seconds)
    table = pd.read_parquet(truth)
    table = table[table["date"] < table["date"].max()]
    truth_C = np.array([table[f"contribution_{c}"].sum() for c in case.read.panel.channels])
    found: dict[str, float | None] = {ERROR: float(answer.more["error_by_draw"])}
    if answer.direct_C is not None:
        found["attribution error"] = scores.attribution_error(answer.direct_C, truth_C)
    if answer.lower_C is not None and answer.upper_C is not None:
        held, width = scores.interval_scores(answer.lower_C, answer.upper_C, truth_C)
        found |= {"coverage": held, "interval width": width}
    return figures(base, found) + figures(base, {"seconds per fit": answer.seconds}, "s")


def kind_tasks(run_options: RunOptions) -> list[Task]:
    """One fit in each world of each kind."""
    markets = dict(list(MARKETS.items())[:1]) if run_options.quick else MARKETS
    return [
        Task(
            suite=KINDS,
            case=f"{kind}, world {index}",
            method=kind,
            work=partial(_judged, run_options, kind, index),
            expect=8.0 * design.regions**0.5,
            seed=run_options.seed + SEEDS + index,
        )
        for kind, design in markets.items()
        for index in range(run_options.sizes.kind_worlds)
    ]


def _judged(run_options: RunOptions, kind: str, index: int) -> list[Figure]:
    """Every score in one world."""
    design = replace(MARKETS[kind], weeks=run_options.sizes.design.weeks)
    seed = run_options.seed + SEEDS + index
    folder = run_options.work / KINDS / f"{kind.replace(' ', '-').replace(',', '')}-{seed}"
    world = simulate_market(design, seed=seed)
    truth = Truth(world, world_case(world, folder, f"{kind}, seed {seed}"), folder)
    answer = ask_ours(truth.case, settings=(*run_options.sizes.settings, f"train.seed={seed}"))
    base = Figure(suite=KINDS, case=truth.case.name, method=kind, seed=seed, seconds=answer.seconds)
    return figures(base, judge(truth, answer)) + figures(base, {"seconds per fit": answer.seconds}, "s")
