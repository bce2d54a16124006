"""Suite ``truth``: simulated worlds in which every channel's effect is known.

Shapes: C channels, P points of a curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from jobs.benchmark.baselines import last_touch, ridge_answer, spend_share
from jobs.benchmark.case import CHANGE, HORIZON, Answer, Case, world_case
from jobs.benchmark.figures import BenchmarkError, Figure, figures
from jobs.benchmark.methods import (
    DEEPCAUSAL,
    LAST_TOUCH,
    OURS,
    PYMC,
    RIDGE,
    SPEND_SHARE,
    TUNED,
    ask_ours,
    ask_peer,
)
from jobs.benchmark.suites import scores
from jobs.benchmark.tasks import RunOptions, Task
from mmm.analysis.score import score_splits
from mmm.data.panel import Floats
from mmm.simulate.best_budget import BestBudget, best_budget
from mmm.simulate.portfolio import simulate_market
from mmm.simulate.truth import CURVE_MULTIPLIERS
from mmm.simulate.worlds import World

SUITE = "truth"
MORE_WEEKS = 13
"""Weeks that a refit has more than the fit before it."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A world, the case a user would have of it, and what is true over its training window."""

    world: World
    case: Case
    folder: Path

    @property
    def periods(self) -> int:
        """Periods of training."""
        return self.case.read.split.n_train

    @cached_property
    def direct_C(self) -> Floats:
        """True contributions."""
        direct_C: Floats = self.world.direct_GTC[:, : self.periods].sum((0, 1))
        return direct_C

    @cached_property
    def curves_CP(self) -> Floats:
        """True responses."""
        return self.world.curve_CP(CURVE_MULTIPLIERS, self.periods)

    @cached_property
    def best(self) -> BestBudget:
        """The truly best split of the last periods' money."""
        return best_budget(self.world, horizon=HORIZON, max_change=CHANGE)

    def earlier(self) -> Case:
        """The same world as it was known some weeks before."""
        return world_case(self.world, self.folder / "earlier", f"{self.case.name} before", weeks=MORE_WEEKS)


def make_truth(run_options: RunOptions, index: int) -> Truth:
    """World ``index`` of the run."""
    seed = run_options.seed + index
    world = simulate_market(run_options.sizes.design, seed=seed)
    folder = run_options.work / SUITE / f"world-{seed}"
    return Truth(world, world_case(world, folder, f"world {seed}"), folder)


def judge(truth: Truth, answer: Answer) -> dict[str, float | None]:
    """Every score that the answer allows."""
    found: dict[str, float | None] = {}
    if answer.direct_C is not None:
        found["attribution error"] = scores.attribution_error(answer.direct_C, truth.direct_C)
        found["share error"] = scores.share_distance(answer.direct_C, truth.direct_C)
        found["rank correlation"] = scores.rank_correlation(answer.direct_C, truth.direct_C)
        found["ROI error"] = scores.ratio_error(answer.direct_C, truth.direct_C)
    if answer.curves_CP is not None:
        found["curve error"] = scores.curve_error(answer.curves_CP, truth.curves_CP, truth.direct_C)
    if answer.plan_C is not None:
        gained = truth.world.kpi_under(answer.plan_C, HORIZON) - truth.best.current_kpi
        found["lift earned"] = gained / truth.best.lift if truth.best.lift > 0 else None
    if answer.lower_C is not None and answer.upper_C is not None:
        held, width = scores.interval_scores(answer.lower_C, answer.upper_C, truth.direct_C)
        found |= {"coverage": held, "interval width": width}
    if answer.score_CC is not None:
        found["graph AUROC"] = scores.auroc(np.abs(answer.score_CC), truth.world.graph_CC != 0)
    if answer.predicted_GT is not None:
        read = truth.case.read
        holdout = score_splits(read.panel, read.split, answer.predicted_GT)["holdout"]
        found |= {"holdout R²": _number(holdout["r2"]), "holdout skill": _number(holdout["skill"])}
    if (covered := answer.more.get("holdout_coverage")) is not None:
        found["holdout coverage"] = float(covered)
    if found.get("share error") is not None and np.isnan(found["share error"] or 0.0):
        found["share error"] = None
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def truth_tasks(run_options: RunOptions) -> list[Task]:
    """Every method on every world."""
    tasks = []
    for index in range(run_options.sizes.worlds):
        truth = make_truth(run_options, index)
        for method, ask, expect in _methods(run_options, truth, index):
            tasks.append(
                Task(
                    suite=SUITE,
                    case=truth.case.name,
                    method=method,
                    work=_work(truth, method, ask, stable=index < run_options.sizes.stable_worlds),
                    expect=expect,
                    seed=run_options.seed + index,
                )
            )
    return tasks


Ask = Callable[[Case, int], Answer]
"""A method's answer about a case, with a seed that differs from its own default by so much."""


def _methods(run_options: RunOptions, truth: Truth, index: int) -> list[tuple[str, Ask, float]]:
    settings, total = run_options.sizes.settings, float(truth.direct_C.sum())

    def ours(case: Case, seed: int) -> Answer:
        own = (*settings, f"train.seed={seed}")
        return ask_ours(case, label=f"{OURS} {seed}" if seed else OURS, settings=own)

    def deepcausal(case: Case, seed: int) -> Answer:
        return ask_peer(
            case, DEEPCAUSAL, run_options.cache, seed=42 + seed, label=f"{DEEPCAUSAL.name} {seed}"
        )

    def tuned(case: Case, _seed: int) -> Answer:
        return ask_ours(case, label=TUNED, settings=settings, trials=run_options.sizes.trials)

    refits = 3 if index < run_options.sizes.stable_worlds else 1
    methods: list[tuple[str, Ask, float]] = [(OURS, ours, 15.0 * refits)]
    if run_options.sizes.trials:
        methods.append((TUNED, tuned, 15.0 + 10.0 * run_options.sizes.trials))
    if DEEPCAUSAL.name in run_options.peers or f"{DEEPCAUSAL.name}-full" in run_options.peers:
        methods.append((DEEPCAUSAL.name, deepcausal, 140.0))
    if PYMC.name in run_options.peers:
        methods.append(
            (PYMC.name, lambda case, seed: ask_peer(case, PYMC, run_options.cache, seed=seed), 400.0)
        )
    if "ridge" in run_options.peers:
        methods.append((RIDGE, lambda case, _seed: ridge_answer(case), 0.5 * refits))
    if "last-touch" in run_options.peers:
        methods.append((LAST_TOUCH, lambda case, _seed: last_touch(case, total), 0.1))
    if "spend-share" in run_options.peers:
        methods.append((SPEND_SHARE, lambda case, _seed: spend_share(case, total), 0.1))
    return methods


def _work(truth: Truth, method: str, ask: Ask, *, stable: bool) -> Callable[[], list[Figure]]:
    def work() -> list[Figure]:
        answer = ask(truth.case, 0)
        base = Figure(
            suite=SUITE,
            case=truth.case.name,
            method=method,
            seed=truth.world.seed,
            seconds=answer.seconds,
        )
        rows = figures(base, judge(truth, answer))
        rows += figures(base, {"seconds per fit": answer.seconds}, "s")
        rows += figures(base, {"seconds of the search": _number(answer.more.get("tuning_seconds"))}, "s")
        rows += figures(base, {"peak memory": answer.peak_mb}, "MiB")
        if stable and method in (OURS, RIDGE):
            rows += _stability(base, truth, answer, ask, reseeded=method == OURS)
        return rows

    return work


def _stability(base: Figure, truth: Truth, answer: Answer, ask: Ask, *, reseeded: bool) -> list[Figure]:
    """How far attribution moves with 13 weeks more, and with another seed, where it has one."""
    if answer.direct_C is None:
        raise BenchmarkError("it attributes nothing, so its stability cannot be judged")
    before = ask(truth.earlier(), 0)
    again = ask(truth.case, 1) if reseeded else None
    moved = {
        "change with 13 weeks more": before.direct_C,
        "change with another seed": again.direct_C if again else None,
    }
    distances = {
        name: scores.share_distance(direct_C, answer.direct_C)
        for name, direct_C in moved.items()
        if direct_C is not None
    }
    return figures(replace(base, note="half the sum of changes of shares"), dict(distances))
