"""A known truth from an independent generator is found; what people use instead does not find it.

The naive estimators get the true total of all media as a present; the model does not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmm.simulate.portfolio import Design
from tests.recovery.worlds import by_correlation, by_spend, error, fit_world, found_direct, true_direct

REGIONAL = Design(regions=16, weeks=104, channels=5)
NATIONAL = Design(regions=1, weeks=156, channels=3, confounding=0.0, noise=0.02)
BAR = 0.40
"""Error that the model stays below and the naive estimators exceed."""


@pytest.mark.parametrize(
    ("design", "seed"),
    [(REGIONAL, 15), (REGIONAL, 22), (NATIONAL, 28)],
    ids=["regional, world 15", "regional, world 22", "national, world 28"],
)
def test_effects_are_found_where_naive_estimators_fail(design: Design, seed: int, tmp_path: Path) -> None:
    world, _, fitted = fit_world(design, seed, tmp_path, "train.epochs=500")
    truth_C = true_direct(world)

    assert fitted.panel.channels == world.channels
    assert error(by_spend(world), truth_C) > BAR
    assert error(by_correlation(world), truth_C) > BAR
    assert error(found_direct(fitted), truth_C) < BAR


def test_the_baseline_and_the_share_of_media_are_found(tmp_path: Path) -> None:
    world, read, fitted = fit_world(REGIONAL, 22, tmp_path, "train.epochs=500")
    train = read.split.train
    expected_GT = world.kpi_GT - world.noise_GT

    share = found_direct(fitted).sum() / expected_GT[:, train].sum()
    assert share == pytest.approx(true_direct(world).sum() / expected_GT[:, train].sum(), abs=0.1)
    base_GT = fitted.predictor.parts.baseline_MGT.mean(0)[:, train]
    assert np.corrcoef(base_GT.sum(0), world.baseline_GT[:, train].sum(0))[0, 1] > 0.5
    season_T = fitted.predictor.parts.season_MGT.mean(0)[:, train].sum(0)
    assert np.corrcoef(season_T, world.seasonality_GT[:, train].sum(0))[0, 1] > 0.8
