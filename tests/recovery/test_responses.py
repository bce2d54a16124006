"""What is built on attribution is found too: curves, ROI, indirect effects, the lift of a plan, intervals.

Three simulated worlds, each fitted once. Every bar is passed by the model and failed by what people use
instead: a channel's part of the money, straight lines, no effects between channels, plans that stay put.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from mmm import Design, Fitted, plan_budget, response_curves
from mmm.analysis.attribution import effects_table
from mmm.data.panel import Floats
from mmm.simulate.best_budget import best_budget
from mmm.simulate.worlds import World
from tests.recovery.worlds import HOLDOUT, by_correlation, by_spend, fit_world, true_direct

pytestmark = pytest.mark.slow

WORLDS = (15, 22, 41)
DESIGN = Design(regions=12, weeks=117, channels=5)
SETTINGS = ("train.members=24", "train.epochs=500")
CURVES, BEND, ROI, INDIRECT, LIFT, COVERAGE = 0.25, 0.09, 0.28, 0.55, 0.6, 0.6
"""Mean error of curves and of their shapes, median relative error of ROI, part of indirect effects that is
missed, part of the best lift that is earned, share of intervals that hold the truth."""
WITHIN = {"min_change": -0.5, "max_change": 0.5}


@dataclass(frozen=True)
class Case:
    """A world, what a model says of it, and its true totals over the training window."""

    world: World
    fitted: Fitted
    effects: pd.DataFrame
    spend_C: Floats

    @property
    def train(self) -> int:
        """Periods of the training window."""
        return len(self.world.dates) - HOLDOUT

    def column(self, name: str) -> Floats:
        """A column of the effects in the order of the world's channels."""
        return self.effects.set_index("channel")[name].loc[list(self.world.channels)].to_numpy(dtype=float)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    found = []
    for seed in WORLDS:
        world, _, fitted = fit_world(DESIGN, seed, tmp_path_factory.mktemp("world"), *SETTINGS)
        spend_C = world.spend_GTC[:, :-HOLDOUT].sum((0, 1))
        found.append(Case(world, fitted, effects_table(fitted), spend_C))
    return found


def curve_error(response_CP: Floats, case: Case, multiplier_P: Floats) -> float:
    """Mean distance to the true curve over the mean true contribution of a channel."""
    truth_CP = case.world.curve_CP(multiplier_P, case.train)
    return float(np.abs(response_CP - truth_CP).mean() / true_direct(case.world).mean())


def test_response_curves_are_nearer_the_truth_than_straight_lines(cases: list[Case]) -> None:
    """Own history times 0 to 2; the naive one goes straight through the channel's part of the true total."""
    model, naive = [], []
    for case in cases:
        table = response_curves(case.fitted)
        curves = table.pivot_table(index="channel", columns="multiplier", values="response")
        multiplier_P = curves.columns.to_numpy(dtype=float)
        found_CP = curves.loc[list(case.world.channels)].to_numpy()
        model.append(curve_error(found_CP, case, multiplier_P))
        naive.append(curve_error(np.outer(by_spend(case.world), multiplier_P), case, multiplier_P))

    assert np.mean(model) < CURVES < np.mean(naive), (model, naive)


def test_response_curves_bend_as_they_truly_do(cases: list[Case]) -> None:
    """Each curve against its own value today, whatever that is: a straight line errs by the whole bend."""
    model, naive = [], []
    for case in cases:
        table = response_curves(case.fitted)
        curves = table.pivot_table(index="channel", columns="multiplier", values="response")
        found_CP = curves.div(curves[1.0], axis=0).loc[list(case.world.channels)].to_numpy()
        multiplier_P = curves.columns.to_numpy(dtype=float)
        truth_CP = case.world.curve_CP(multiplier_P, case.train) / true_direct(case.world)[:, None]
        weight_C = true_direct(case.world) / true_direct(case.world).sum()
        model.append(weight_C @ np.abs(found_CP - truth_CP).mean(1))
        naive.append(weight_C @ np.abs(multiplier_P - truth_CP).mean(1))

    assert np.mean(model) < BEND < np.mean(naive), (model, naive)


def test_roi_differs_between_channels_as_it_truly_does(cases: list[Case]) -> None:
    """The naive one is the same for all: the true value of all media over all money."""
    model, naive = [], []
    for case in cases:
        truth_C = true_direct(case.world) * case.world.kpi_value / case.spend_C
        one_for_all_C = by_spend(case.world) * case.world.kpi_value / case.spend_C
        model.append(np.median(np.abs(case.column("roi") / truth_C - 1)))
        naive.append(np.median(np.abs(one_for_all_C / truth_C - 1)))

    assert np.mean(model) < ROI < np.mean(naive), (model, naive)


def test_what_channels_do_through_others_is_found(cases: list[Case]) -> None:
    """Whoever knows no graph says 0 and errs by all of it."""
    for case in cases:
        truth_C = case.world.total_C(case.train) - true_direct(case.world)
        missed = np.abs(case.column("indirect") - truth_C).sum() / truth_C.sum()
        assert truth_C.sum() > 0
        assert missed < INDIRECT < 1.0


def test_a_plan_earns_most_of_the_lift_of_the_truly_best(cases: list[Case]) -> None:
    """The naive plan moves money to where a correlation with the KPI promises most for it."""
    model: list[float] = []
    naive: list[float] = []
    for case in cases:
        best = best_budget(case.world, horizon=HOLDOUT)
        plan = plan_budget(case.fitted, {"budget": "current", "horizon": HOLDOUT, "default_bounds": WITHIN})
        spend_C = np.array([plan.spend[name] for name in case.world.channels])
        promised_C = by_correlation(case.world) / case.spend_C
        naive_C = greedy(promised_C, best.current_spend_C)
        for earned, planned_C in ((model, spend_C), (naive, naive_C)):
            kpi = case.world.kpi_under(planned_C / best.current_spend_C, HOLDOUT)
            earned.append((kpi - best.current_kpi) / best.lift)

    assert np.mean(naive) < LIFT < np.mean(model), (model, naive)
    assert min(model) > 0


def greedy(worth_C: Floats, current_C: Floats) -> Floats:
    """The same money, each channel within half, where straight lines would have it."""
    plan_C = 0.5 * current_C
    left = float(current_C.sum() - plan_C.sum())
    for channel in np.argsort(-worth_C):
        more = min(left, float(current_C[channel]))
        plan_C[channel] += more
        left -= more
    return plan_C


def test_intervals_hold_the_truth_and_say_something(cases: list[Case]) -> None:
    """Nine of ten would be right where the model is; of worlds with unrecorded demand decision 0017 measured
    two thirds, which fifteen channels tell from intervals of a fifth of the width."""
    away, width = [], []
    for case in cases:
        low_C, high_C = case.column("direct_lower"), case.column("direct_upper")
        away.append((true_direct(case.world) - (low_C + high_C) / 2) / ((high_C - low_C) / 2))
        width.append((high_C - low_C) / 2 / true_direct(case.world))
    distance = np.abs(np.concatenate(away))

    assert (distance <= 1).mean() >= COVERAGE > (distance <= 0.2).mean()
    assert np.median(np.concatenate(width)) < 1.0
