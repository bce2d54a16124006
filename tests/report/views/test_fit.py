"""Views of the fit: scores beside naive rules, windows, errors, training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmm.report import Tables
from mmm.report.trust import light
from mmm.report.views import checks, fit
from tests.report.views.figures import statement


@pytest.mark.parametrize(
    ("r2", "verdict"),
    [
        (0.92, "20 % less squared error than"),
        (0.87, "30 % more squared error than"),
        (0.9005, "level with the best"),
    ],
)
def test_the_headline_tells_a_model_that_loses(r2: float, verdict: str, tables: Tables) -> None:
    """The guess leaves a tenth of the variance unexplained; the model 0.8, 1.3 and about as much of that."""
    score = {
        "rmse": 1.0,
        "mae": 0.8,
        "r2": r2,
        "wape": 0.05,
        "naive": {"last_value": {"mae": 1.0, "r2": 0.9}},
    }

    assert verdict in statement(fit.headline(replace(tables, metrics={"holdout": score})))


def test_the_naive_errors_follow_from_their_r2() -> None:
    """Twice the unexplained variance is 1.41 times the root mean squared error."""
    score = {"rmse": 10.0, "r2": 0.9, "naive": {"last_value": {"r2": 0.8}, "unknown": {"r2": None}}}

    assert fit.naive_errors(score) == {"last_value": pytest.approx(14.142, rel=1e-4)}


def test_the_card_and_the_scores_say_the_same(tables: Tables) -> None:
    """One measure, squared error saved, against one baseline, the best naive rule."""
    reason = light(tables).reasons[0].replace("\u00a0", " ")

    assert "22 % less squared error" in reason
    assert "22 % less squared error" in statement(fit.headline(tables))


def test_the_headline_prefers_the_window_nothing_has_seen(tables: Tables) -> None:
    assert "test window" in statement(fit.headline(tables))
    assert "the holdout" in statement(
        fit.headline(replace(tables, metrics={"holdout": tables.metrics["holdout"]}))
    )
    trained = fit.headline(replace(tables, metrics={"train": tables.metrics["train"]}))
    assert any("says nothing of new data" in note for note in trained.layout.meta["notes"])


def test_holdout_and_test_are_shaded(tables: Tables) -> None:
    layout = fit.national(tables).layout

    assert [note.text for note in layout.annotations] == ["holdout", "test"]
    assert len(layout.shapes) == 2
    assert pd.Timestamp(layout.shapes[0].x1) == pd.Timestamp(layout.shapes[1].x0)


def test_within_regions_is_reported_beside_all_differences(tables: Tables) -> None:
    assert "within a region over time" in statement(fit.holdout_scatter(tables))


def test_biased_errors_are_called_biased(tables: Tables) -> None:
    assert tables.predictions is not None
    low = tables.predictions.assign(predicted=tables.predictions["actual"] * 0.8)

    assert "too low on average" in statement(checks.residuals(replace(tables, predictions=low)))
    assert "carry over from week to week" in statement(checks.residuals(tables))


def test_a_training_loss_below_zero_is_told_by_its_ends(tables: Tables) -> None:
    assert tables.training is not None
    epochs = np.arange(len(tables.training))
    blind = tables.training.assign(
        stage="train", epoch=epochs, loss=np.linspace(-1.5, -3.5, len(epochs)), validation=np.nan
    )
    said = statement(checks.training(replace(tables, training=blind)))
    assert said.replace("\N{MINUS SIGN}", "-") == (
        f"The training loss went from -1.5 to -3.5 over {epochs[-1]} epochs"
    )


def test_training_that_was_cut_short_is_said(tables: Tables) -> None:
    assert tables.training is not None
    falling = tables.training.assign(validation=1 - 0.0004 * tables.training["epoch"])
    settled = tables.training.assign(validation=0.1 - 1e-6 * tables.training["epoch"])

    assert "has settled" in statement(checks.training(replace(tables, training=settled)))
    assert "still falls when training ends" in statement(checks.training(replace(tables, training=falling)))
    assert "lowest at epoch" in statement(checks.training(tables))


def test_r2_and_rmse_stand_under_the_loss_where_they_are_known(tables: Tables) -> None:
    """One stage has them, the other has a loss only."""
    assert tables.training is not None
    figure = checks.training(tables)
    headings = [note["text"] for note in figure.layout.annotations if note["text"].startswith("<b>")]
    fit = tables.training[tables.training["stage"] == "fit"]
    shown = [trace for trace in figure.data if trace["name"] == "validation"]

    kinds = ["Loss", "Loss", "R²", "RMSE"]
    assert [heading.split(":")[0] for heading in headings] == [f"<b>{k}" for k in kinds], "none is empty"
    assert [len(trace["y"]) for trace in shown] == [len(fit)] * 3
    assert shown[1]["y"][-1] == pytest.approx(fit["validation_r2"].iloc[-1], rel=1e-3)
    old = replace(tables, training=tables.training[["stage", "epoch", "loss", "validation"]])
    assert len(checks.training(old).data) == 3, "a model of an older program has its losses"
