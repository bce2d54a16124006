"""A known truth from an independent generator is found; what people use instead does not find it.

The naive estimators get the true total of all media as a present; the model does not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from mmm.data.read import PanelRead
from mmm.fitted import Fitted
from mmm.simulate.portfolio import Design
from mmm.simulate.worlds import World
from tests.recovery.worlds import by_correlation, by_spend, error, fit_world, found_direct, true_direct

REGIONAL = Design(regions=16, weeks=104, channels=5)
NATIONAL = Design(regions=1, weeks=156, channels=3, confounding=0.0, noise=0.02)
BAR = 0.40
"""Error that the model stays below and the naive estimators exceed."""


CASES = {
    "regional, world 15": (REGIONAL, 15),
    "regional, world 22": (REGIONAL, 22),
    "national, world 28": (NATIONAL, 28),
}
Found = tuple[World, PanelRead, Fitted]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    """Each case drawn and fitted once, however many ask."""

    @cache
    def fitted(name: str) -> Found:
        return fit_world(*CASES[name], tmp_path_factory.mktemp("world"), "train.epochs=500")

    return fitted


@pytest.mark.parametrize("name", CASES)
def test_effects_are_found_where_naive_estimators_fail(name: str, found: Callable[[str], Found]) -> None:
    world, _, fitted = found(name)
    truth_C = true_direct(world)

    assert fitted.panel.channels == world.channels
    assert error(by_spend(world), truth_C) > BAR
    assert error(by_correlation(world), truth_C) > BAR
    assert error(found_direct(fitted), truth_C) < BAR


def test_the_baseline_and_the_share_of_media_are_found(found: Callable[[str], Found]) -> None:
    world, read, fitted = found("regional, world 22")
    train = read.split.train
    expected_GT = world.kpi_GT - world.noise_GT

    share = found_direct(fitted).sum() / expected_GT[:, train].sum()
    assert share == pytest.approx(true_direct(world).sum() / expected_GT[:, train].sum(), abs=0.1)
    base_GT = fitted.predictor.parts.baseline_MGT.mean(0)[:, train]
    assert np.corrcoef(base_GT.sum(0), world.baseline_GT[:, train].sum(0))[0, 1] > 0.5
    season_T = fitted.predictor.parts.season_MGT.mean(0)[:, train].sum(0)
    assert np.corrcoef(season_T, world.seasonality_GT[:, train].sum(0))[0, 1] > 0.8
