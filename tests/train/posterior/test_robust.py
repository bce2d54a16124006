"""Weights of cells: the equations they solve, and what they do to cells far off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from mmm.config import LossSpec
from mmm.train.posterior.robust import REGION_CELLS, TAILS, cell_weights, known_share
from mmm.train.shards import Alone
from tests.train.crew import crew

HUBER, SQUARE = LossSpec(), LossSpec(kind="mse")


def residuals(regions: int = 4, periods: int = 60, *, scale: float = 0.1) -> tuple[Tensor, Tensor]:
    """Noise of another size in every region, some cells unknown."""
    rng = np.random.default_rng(0)
    residual_GT = scale * (1.0 + np.arange(regions))[:, None] * rng.standard_normal((regions, periods))
    return torch.tensor(residual_GT), torch.tensor((rng.random((regions, periods)) > 0.1).astype(np.float64))


def test_weights_and_variances_explain_each_other() -> None:
    """Each weight is that of its residual under the region's variance, which is that of the residuals."""
    residual_GT, trained_GT = residuals()
    weight_GT, relative_G = cell_weights(residual_GT, trained_GT, HUBER, Alone(4))
    square_GT = (residual_GT**2 * trained_GT).numpy()
    cells_G = trained_GT.sum(1).numpy()
    student_GT = (weight_GT * relative_G[:, None]).numpy()  # of each cell, the region's noise apart
    sum_G = (student_GT * square_GT).sum(1)
    shared = sum_G.sum() / cells_G.sum()
    variance_G = (sum_G + REGION_CELLS * shared) / (cells_G + REGION_CELLS)

    assert_allclose(relative_G, variance_G / shared, rtol=1e-6)
    expected_GT = (TAILS + 1.0) / (TAILS + square_GT / variance_G[:, None]) * trained_GT.numpy()
    assert_allclose(student_GT, expected_GT, rtol=2e-3)


def test_least_squares_take_every_cell_of_a_region_alike() -> None:
    residual_GT, trained_GT = residuals()
    weight_GT, relative_G = cell_weights(residual_GT, trained_GT, SQUARE, Alone(4))

    assert_allclose(weight_GT, trained_GT / relative_G[:, None])
    square_G, cells_G = (residual_GT**2 * trained_GT).sum(1), trained_GT.sum(1)
    shared = square_G.sum() / cells_G.sum()
    assert_allclose(relative_G, (square_G / shared + REGION_CELLS) / (cells_G + REGION_CELLS))


def test_a_cell_far_off_weighs_next_to_nothing_however_far() -> None:
    residual_GT, trained_GT = residuals()
    trained_GT[0, 0] = 1.0
    pulls = []
    for size in (1.0, 10.0, 100.0):
        residual_GT[0, 0] = size
        weight_GT, _ = cell_weights(residual_GT, trained_GT, HUBER, Alone(4))
        pulls.append(float(weight_GT[0, 0]) * size)

    assert pulls[0] > pulls[1] > pulls[2]
    plain, _ = cell_weights(residual_GT, trained_GT, SQUARE, Alone(4))
    assert float(plain[0, 0]) * 100.0 > 10 * pulls[2]  # the control: squares let it pull without end


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_weights_do_not_depend_on_the_unit_of_the_kpi(factor: float) -> None:
    residual_GT, trained_GT = residuals()
    weight_GT, relative_G = cell_weights(residual_GT, trained_GT, HUBER, Alone(4))
    again_GT, again_G = cell_weights(factor * residual_GT, trained_GT, HUBER, Alone(4))

    assert_allclose(again_GT, weight_GT, rtol=1e-9)
    assert_allclose(again_G, relative_G, rtol=1e-9)


def test_cells_that_do_not_count_weigh_nothing_and_change_nothing() -> None:
    residual_GT, trained_GT = residuals()
    weight_GT, _ = cell_weights(residual_GT, trained_GT, HUBER, Alone(4))
    wild_GT = torch.where(trained_GT > 0, residual_GT, 1e6)
    again_GT, _ = cell_weights(wild_GT, trained_GT, HUBER, Alone(4))

    assert torch.equal(again_GT, weight_GT)
    assert (weight_GT[trained_GT == 0] == 0).all()


def test_a_region_without_cells_has_the_noise_of_the_others() -> None:
    residual_GT, trained_GT = residuals()
    trained_GT[2] = 0.0
    _, relative_G = cell_weights(residual_GT, trained_GT, HUBER, Alone(4))

    assert float(relative_G[2]) == pytest.approx(1.0)


@pytest.mark.parametrize("sizes", [(1, 3), (2, 1, 1)])
def test_shards_have_the_weights_of_the_whole(sizes: tuple[int, ...]) -> None:
    residual_GT, trained_GT = residuals()
    weight_GT, relative_G = cell_weights(residual_GT, trained_GT, HUBER, Alone(4))

    def one(shard: Any, own: slice) -> tuple[Tensor, Tensor]:
        return cell_weights(residual_GT[own], trained_GT[own], HUBER, shard)

    parts, _ = crew(sizes, one)
    assert_allclose(torch.cat([weight for weight, _ in parts]), weight_GT, rtol=1e-12)
    assert_allclose(torch.cat([relative for _, relative in parts]), relative_G, rtol=1e-12)


@pytest.mark.parametrize("far", [0.0, 0.02])
def test_what_weights_leave_is_the_curvature_of_the_students_density(far: float) -> None:
    """Against differences of the density itself: intervals are as wide as those of Student-t residuals."""
    rng = np.random.default_rng(1)
    residual_GT = torch.tensor(
        np.where(rng.random((3, 4000)) < far, 10.0, 1.0) * rng.standard_normal((3, 4000))
    )
    trained_GT = torch.ones_like(residual_GT)
    weight_GT, relative_G = cell_weights(residual_GT, trained_GT, HUBER, Alone(3))
    shared = float((weight_GT * residual_GT**2).mean())
    scale_G1 = torch.sqrt(shared * relative_G).unsqueeze(1)

    def log_density(shift: float) -> float:
        far_GT = ((residual_GT + shift * scale_G1) / scale_G1).square()
        return float((-0.5 * (TAILS + 1.0) * torch.log1p(far_GT / TAILS)).sum())

    bend = -(log_density(1e-3) - 2.0 * log_density(0.0) + log_density(-1e-3)) / 1e-6
    normal = float((weight_GT * relative_G.unsqueeze(1)).sum())

    assert known_share(weight_GT, relative_G, HUBER, Alone(3)) == pytest.approx(bend / normal, rel=0.02)
    assert bend / normal == pytest.approx(0.74, abs=0.03)
    assert known_share(weight_GT, relative_G, SQUARE, Alone(3)) == 1.0


@pytest.mark.parametrize("sizes", [(1, 3), (2, 1, 1)])
def test_shards_know_what_the_whole_knows(sizes: tuple[int, ...]) -> None:
    residual_GT, trained_GT = residuals()
    whole = known_share(*cell_weights(residual_GT, trained_GT, HUBER, Alone(4)), HUBER, Alone(4))

    def one(shard: Any, own: slice) -> float:
        return known_share(*cell_weights(residual_GT[own], trained_GT[own], HUBER, shard), HUBER, shard)

    parts, _ = crew(sizes, one)
    assert parts == pytest.approx([whole] * len(sizes), rel=1e-12)
