"""The suite of designs, on few windows; what it measures is in docs/decisions/0019-experiment-design.md."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jobs.benchmark.suites.designs import SHAPES, Shape, Trial, later_windows, random_test, run_test
from mmm.data.read import panel_from_frame
from mmm.design.designer import Designer
from mmm.design.registration import freeze
from mmm.design.request import parse_design
from mmm.design.result import result_of
from mmm.simulate.draws import Design, simulate_market
from tests.small import sketch


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_windows_are_read_after_the_history_and_power_exceeds_size(shape: Shape) -> None:
    found = [later_windows(shape, seed) for seed in (1, 2)]
    called = np.concatenate([one for one, _ in found])
    seen = np.concatenate([two for _, two in found])

    assert len(called) >= 4
    assert len(seen) == 2 * len(called)
    assert seen.mean() > called.mean()


def test_a_test_is_run_by_the_truth_and_read_by_the_frozen_rule() -> None:
    world = simulate_market(
        Design(regions=8, weeks=150, channels=3, noise=0.001, outliers=0.0, confounding=0.0), seed=4
    )
    trial = Trial(world, 110)
    frame = world.frame()
    read = panel_from_frame(frame[frame["date"] < world.dates[110]], trial.spec())
    fitted = replace(sketch(read.panel, members=20), spec=trial.spec())
    asked = parse_design({"budget": trial.budget(110), "weeks": [8], "kinds": ["go_dark"], "treated": [0.5]})
    designer = Designer(fitted, asked)
    proposals = designer.proposals()
    registration = freeze(designer, proposals[0])
    changed, cells, cost = run_test(trial, registration)
    found = result_of(registration, cells)

    dates = registration.dates()
    first = int(np.searchsorted(world.dates, dates[0])) + registration.lags - 1 + registration.before
    treated = [world.regions.index(name) for name in registration.treated]
    true = (changed.kpi_GT - world.kpi_GT)[treated, first : first + 8].sum()
    assert true < 0 and cost >= 0
    assert abs(found.lift - true) < 3 * found.standard_error
    other = random_test(proposals, designer.ranked(proposals), proposals[0].name, seed=0)
    assert other.name != proposals[0].name
