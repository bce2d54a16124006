"""Suite ``odds``: whether plans gain as often as their chance of a gain says, on worlds whose truth is known.

Shapes: C channels, N plans.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from jobs.benchmark.case import CHANGE, HORIZON, world_case
from jobs.benchmark.figures import BenchmarkError, Figure
from jobs.benchmark.methods import OURS, ask_ours
from jobs.benchmark.tasks import RunOptions, Task
from mmm.data.panel import Floats
from mmm.simulate.portfolio import Design, simulate_market
from mmm.simulate.worlds import World

SUITE = "odds"
SEEDS = 2000
"""Worlds of this suite begin so far from those of the others."""
DESIGNS = (Design(regions=1, channels=6), Design(regions=3, channels=6))
"""Small markets in turn: national, and of three regions."""
RANDOM = 6
"""Random reallocations of the same money in each world, beside the best plan and its mirror image."""
THIRDS = ("chance below 1/3", "chance from 1/3 to 2/3", "chance above 2/3")
FLOOR = 0.15
"""Largest distance between stated chance and realised share in a third."""
STATED, GAINED = "chance of a gain", "gained"


def odds_tasks(run_options: RunOptions) -> list[Task]:
    """One fit and its plans in each world."""
    return [
        Task(
            suite=SUITE,
            case=f"{'national' if _design(run_options, index).regions == 1 else 'regional'} world {index}",
            method=OURS,
            work=partial(_judged, run_options, index),
            expect=12.0,
            seed=_seed(run_options, index),
        )
        for index in range(run_options.sizes.odds_worlds)
    ]


def _seed(run_options: RunOptions, index: int) -> int:
    return run_options.seed + SEEDS + index


def _design(run_options: RunOptions, index: int) -> Design:
    own = DESIGNS[index % len(DESIGNS)]
    return replace(own, weeks=run_options.sizes.design.weeks)


def _judged(run_options: RunOptions, index: int) -> list[Figure]:
    """Stated chance and true outcome of every plan in one world."""
    seed = _seed(run_options, index)
    world = simulate_market(_design(run_options, index), seed=seed)
    case = world_case(world, run_options.work / SUITE / f"world-{seed}", f"world {seed}")
    factor_NC = random_reallocations(world, RANDOM, np.random.default_rng(seed))
    settings = (*run_options.sizes.settings, f"train.seed={seed}")
    answer = ask_ours(case, settings=settings, reallocations=factor_NC.tolist())
    return [
        figure
        for number, row in enumerate(answer.more["odds"])
        for figure in _figures(world, number, row, answer.seconds)
    ]


def _figures(world: World, number: int, row: dict[str, object], seconds: float) -> list[Figure]:
    """One plan: what was said of it and what it truly does."""
    factor_C = np.array(row["factors"], dtype=np.float64)
    gain = world.kpi_under(factor_C, HORIZON) - world.kpi_under(np.ones_like(factor_C), HORIZON)
    kind = "national" if len(world.regions) == 1 else "regional"
    base = Figure(
        suite=SUITE,
        case=f"{kind}, seed {world.seed}, plan {number} ({row['kind']})",
        method=OURS,
        seed=world.seed,
        seconds=seconds,
    )
    chance = row["chance"]
    if not isinstance(chance, float):
        raise BenchmarkError("a plan has no chance of a gain; fit with more than one draw")
    stated = replace(base, metric=STATED, value=chance)
    return [stated, replace(base, metric=GAINED, value=float(gain > 0))]


def random_reallocations(world: World, count: int, rng: np.random.Generator) -> Floats:
    """Factors on each channel's last spend, same money in all, each within ``CHANGE``; shape NC."""
    spend_C = world.spend_GTC[:, -HORIZON:].sum((0, 1))
    share_C = spend_C / spend_C.sum()
    found: list[Floats] = []
    while len(found) < count:
        change_C = rng.uniform(-CHANGE, CHANGE, len(share_C))
        # Money that is missing or left over goes by the channels' spend, so that no factor is special.
        change_C -= float(share_C @ change_C)
        found.append(1.0 + change_C * min(1.0, CHANGE / float(np.abs(change_C).max())))
    return np.array(found)


def odds_summary(rows: pd.DataFrame) -> list[Figure]:
    """Stated chance and realised share in each third of chances, by range and by rank."""
    own = rows[(rows["suite"] == SUITE) & rows["value"].notna()]
    plans = own.pivot_table("value", "case", "metric", sort=False)
    if not {STATED, GAINED} <= set(plans.columns):
        return []
    stated_N, gained_N = plans[STATED].to_numpy(), plans[GAINED].to_numpy()
    by_range_N = np.minimum((3 * stated_N).astype(np.int64), 2)
    rank_N = np.argsort(np.argsort(stated_N, kind="stable"), kind="stable")
    by_rank_N = (3 * rank_N) // len(stated_N)
    names = ("lowest third of plans", "middle third of plans", "highest third of plans")
    found = [
        figure
        for part_N, labels in ((by_range_N, THIRDS), (by_rank_N, names))
        for third, label in enumerate(labels)
        for figure in _third(label, stated_N[part_N == third], gained_N[part_N == third])
    ]
    brier = float(np.mean((stated_N - gained_N) ** 2))
    return [*found, Figure(suite=SUITE, case="all plans", method=OURS, metric="Brier score", value=brier)]


def _third(label: str, stated_N: Floats, gained_N: Floats) -> list[Figure]:
    if not len(stated_N):
        return []
    base = Figure(suite=SUITE, case=label, method=OURS, note=f"{len(stated_N)} plans")
    stated, gained = float(stated_N.mean()), float(gained_N.mean())
    return [
        replace(base, metric="mean stated chance", value=stated),
        replace(base, metric="realised share", value=gained),
        replace(base, metric="realised less stated", value=gained - stated),
    ]
