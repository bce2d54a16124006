"""RMSE and R² along a training: by hand, and against the scores of the model it ends with."""

from __future__ import annotations

import math

import pytest
import torch

from mmm.analysis.score import score_splits
from mmm.train.accuracy import Accuracy, accuracy_of, sums_of
from mmm.train.fit import fit
from tests.small import market, small_panel, split_of, with_gaps


def test_by_hand_in_kpi_units() -> None:
    """KPI 10, 30 and 20 of a region of mean 20, predicted 14, 30 and a cell that does not count."""
    kpi_GT = torch.tensor([[0.5, 1.5, 1.0]])
    sums = sums_of(
        torch.tensor([[0.7, 1.5, 9.0]]), kpi_GT, torch.tensor([20.0]), torch.tensor([[1.0, 1.0, 0.0]])
    )

    # Errors 4 and 0; 10 and 30 lie 10 from their mean.
    rmse, r2 = accuracy_of(sums)
    assert rmse == pytest.approx(math.sqrt(8.0), rel=1e-6)
    assert r2 == pytest.approx(1 - 16 / 200, rel=1e-6)


def test_sums_of_shards_add_up() -> None:
    generator = torch.Generator().manual_seed(0)
    prediction_GT, kpi_GT = torch.rand(2, 4, 9, generator=generator)
    kpi_G, cells_GT = torch.tensor([3.0, 5.0, 7.0, 9.0]), torch.ones(4, 9)
    parts = [sums_of(prediction_GT[g], kpi_GT[g], kpi_G[g], cells_GT[g]) for g in (slice(0, 1), slice(1, 4))]

    assert accuracy_of(parts[0] + parts[1]) == pytest.approx(
        accuracy_of(sums_of(prediction_GT, kpi_GT, kpi_G, cells_GT))
    )


def test_nothing_is_said_of_no_cells_and_no_r2_without_differences() -> None:
    flat_GT = torch.ones(1, 3)

    assert accuracy_of(sums_of(flat_GT, flat_GT, torch.tensor([2.0]), torch.zeros(1, 3))) == Accuracy()
    assert accuracy_of(sums_of(flat_GT, flat_GT, torch.tensor([2.0]), flat_GT)) == Accuracy(0.0, None)


def test_the_trace_ends_at_the_scores_of_the_model() -> None:
    """One member is the fit itself, so its last look is what is scored on the training window."""
    panel = with_gaps(small_panel())
    split = split_of(panel)
    spec = market(
        panel, train={"epochs": 40, "members": 1, "validation": 0}, model={"temporal": {"hidden": 3}}
    )
    fitted = fit(spec, panel, split)
    scores = score_splits(panel, split, fitted.predictor.parts.prediction_MGT.mean(0))["train"]

    assert fitted.trace["epoch"][-1] == 40
    assert fitted.trace["rmse"][-1] == pytest.approx(scores["rmse"], rel=1e-3)
    assert fitted.trace["r2"][-1] == pytest.approx(scores["r2"], rel=1e-3)
    assert set(fitted.trace["validation_rmse"]) == {None}, "no tail is watched"
