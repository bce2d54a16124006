"""Assignments: like regions together, one of each group treated, by a seed."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.design.assignment import match


@pytest.fixture(scope="module")
def kpi_GT() -> np.ndarray:
    """Two sizes, and within each two kinds of moves."""
    rng = np.random.default_rng(0)
    moves_2T = rng.standard_normal((2, 80))
    kind_G = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    size_G = np.array([1000.0, 1000.0, 1010.0, 1010.0, 50.0, 50.0, 51.0, 51.0])
    kpi_GT: np.ndarray = size_G[:, None] * (
        1.0 + 0.05 * moves_2T[kind_G] + 0.005 * rng.standard_normal((8, 80))
    )
    return kpi_GT


def test_regions_of_like_size_that_move_together_are_paired(kpi_GT: np.ndarray) -> None:
    strata = match(kpi_GT, np.ones(8, dtype=bool), 2)

    groups = {frozenset(np.flatnonzero(strata.group_G == group).tolist()) for group in range(strata.groups)}
    assert groups == {frozenset({0, 2}), frozenset({1, 3}), frozenset({4, 6}), frozenset({5, 7})}


def test_one_of_each_group_is_treated_and_the_seed_says_which(kpi_GT: np.ndarray) -> None:
    strata = match(kpi_GT, np.ones(8, dtype=bool), 2)
    treated_SG = strata.drawn(range(200))

    for group in range(strata.groups):
        assert (treated_SG[:, strata.group_G == group].sum(1) == 1).all()
    assert np.abs(treated_SG.mean(0) - 0.5).max() < 0.12
    assert (strata.drawn([7]) == strata.drawn([7])).all()
    assert (strata.controls(treated_SG) == ~treated_SG).all()


def test_regions_that_must_not_or_cannot_take_part_stay_out(kpi_GT: np.ndarray) -> None:
    dead_GT = kpi_GT.copy()
    dead_GT[4] = np.nan
    allowed_G = np.ones(8, dtype=bool)
    allowed_G[0] = False

    strata = match(dead_GT, allowed_G, 3)

    assert strata.groups == 2
    assert strata.group_G[[0, 4]].tolist() == [-1, -1]
    assert not (strata.drawn(range(20))[:, [0, 4]]).any()
    assert not strata.controls(strata.drawn([0]))[0, [0, 4]].any()
