"""Whether plans gain as often as they say: thirds counted by hand, reallocations that keep the money."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.benchmark.case import CHANGE, HORIZON
from jobs.benchmark.figures import Figure, figures
from jobs.benchmark.suites.odds import GAINED, STATED, SUITE, odds_summary, random_reallocations
from mmm.simulate.portfolio import Design, simulate_market


def rows(stated: list[float], gained: list[float]) -> pd.DataFrame:
    """Rows of a run: two for each plan."""
    found = [
        figure
        for number, (chance, outcome) in enumerate(zip(stated, gained, strict=True))
        for figure in figures(Figure(suite=SUITE, case=f"plan {number}"), {STATED: chance, GAINED: outcome})
    ]
    return pd.DataFrame([vars(figure) for figure in found])


def test_thirds_are_counted_by_range_and_by_rank() -> None:
    found = odds_summary(rows([0.1, 0.2, 0.3, 0.5, 0.9, 1.0], [0, 0, 1, 1, 1, 0]))
    by = {(row.case, row.metric): row.value for row in found}

    assert by["chance below 1/3", "mean stated chance"] == pytest.approx(0.2)
    assert by["chance below 1/3", "realised share"] == pytest.approx(1 / 3)
    assert by["chance from 1/3 to 2/3", "realised less stated"] == pytest.approx(0.5)
    assert by["chance above 2/3", "realised share"] == pytest.approx(0.5)
    assert by["lowest third of plans", "mean stated chance"] == pytest.approx(0.15)
    assert by["middle third of plans", "realised share"] == pytest.approx(1.0)
    assert by["highest third of plans", "realised less stated"] == pytest.approx(0.5 - 0.95)
    brier = np.mean([0.01, 0.04, 0.49, 0.25, 0.01, 1.0])
    assert by["all plans", "Brier score"] == pytest.approx(brier)
    assert {row.note for row in found if row.case == "lowest third of plans"} == {"2 plans"}


def test_a_run_without_plans_has_no_summary() -> None:
    assert odds_summary(rows([], []).reindex(columns=["suite", "case", "metric", "value"])) == []


def test_reallocations_keep_the_money_and_their_bounds() -> None:
    world = simulate_market(Design(regions=1, weeks=60, channels=4), seed=1)
    factor_NC = random_reallocations(world, 20, np.random.default_rng(0))
    spend_C = world.spend_GTC[:, -HORIZON:].sum((0, 1))

    np.testing.assert_allclose(factor_NC @ spend_C, spend_C.sum())
    assert np.abs(factor_NC - 1).max() <= CHANGE + 1e-12
    assert len({tuple(factor_C) for factor_C in factor_NC}) == 20
