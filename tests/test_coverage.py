"""The check of coverage: ranks are those of the truth, and a model that is too sure is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from mmm.cli import command as cli
from mmm.coverage import LEVELS, coverage_ranks, coverage_table, simulated, training_totals
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.train.fit import fit
from tests.data.panels import frame, write
from tests.small import market, sketch, small_panel, split_of, with_gaps

TRAIN = {"inference": "posterior", "draws": 50, "effort": 0.3, "epochs": 60}
MODEL = {"temporal": {"enabled": False}, "graph": {"mode": "none"}}


def quiet(done: int, worlds: int) -> None:
    """Says nothing."""


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    panel = small_panel(regions=1)
    return fit(market(panel, train=TRAIN, model=MODEL), panel, split_of(panel))


def ranks_of(ranks: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"world": np.arange(len(ranks)) // 2, "rank": ranks})


def test_a_world_is_the_draw_and_its_noise_where_the_kpi_was_observed() -> None:
    model = sketch(with_gaps(small_panel(regions=3)))
    panel = simulated(model, 1, np.random.default_rng(0))
    seen_GT = panel.observed_GT
    away_GT = panel.kpi_GT - model.predictor.parts.prediction_MGT[1]
    scaled = (away_GT / model.predictor.noise_MG[1][:, None])[seen_GT & (panel.kpi_GT > 0)]

    assert_allclose(panel.kpi_GT[~seen_GT], model.panel.kpi_GT[~seen_GT])
    assert abs(np.median(scaled)) < 0.3
    assert 0.5 < np.percentile(np.abs(scaled), 50) < 0.95  # of Student's t of 5 degrees of freedom: 0.73
    assert not np.array_equal(panel.kpi_GT, simulated(model, 1, np.random.default_rng(1)).kpi_GT)


def test_even_ranks_are_covered_as_they_should() -> None:
    table = coverage_table(ranks_of(list(np.linspace(0.0025, 0.9975, 200)))).set_index("level")

    assert_allclose(table["covered"], LEVELS, atol=0.011)
    assert_allclose(table["below"], table["above"], atol=0.006)


def test_truths_that_stand_aside_are_told_on_their_side() -> None:
    table = coverage_table(ranks_of([0.01, 0.02, 0.5, 0.4]))
    at_90 = table[table["level"] == 0.9].to_dict("records")[0]

    # One world lies wholly outside, one wholly inside.
    assert at_90 == pytest.approx({"level": 0.9, "covered": 0.5, "below": 0.5, "above": 0.0, "error": 0.5})


def test_ranks_are_of_the_truth_of_each_channel(fitted: Fitted) -> None:
    heard: list[tuple[int, int]] = []
    ranks = coverage_ranks(fitted, 3, 0, lambda done, worlds: heard.append((done, worlds)))

    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert list(ranks["channel"]) == list(fitted.panel.channels) * 3
    truth_MC = training_totals(fitted)
    assert_allclose(ranks["truth"][: len(fitted.panel.channels)], truth_MC[0])
    assert ranks["rank"].between(0, 1).all() and (ranks["width"] > 0).all()
    # Simulated from the model, a truth lies outside all of its new draws for few channels only.
    assert ranks["rank"].between(0.001, 0.999).mean() > 0.6


def test_a_model_that_is_too_sure_is_caught(fitted: Fitted) -> None:
    """The negative control: the same fits with all draws at their mean."""
    ranks = coverage_ranks(fitted, 4, 1, quiet)
    sure = ranks.assign(rank=np.where(ranks["truth"] > ranks["estimate"], 1.0, 0.0))

    assert coverage_table(sure)["covered"].max() == 0.0
    assert coverage_table(ranks)["covered"].max() > 0.0


def test_what_cannot_be_checked_is_said_at_once(fitted: Fitted) -> None:
    few = replace(fitted, parameters={name: value[:3] for name, value in fitted.parameters.items()})

    with pytest.raises(RequestError) as error:
        coverage_ranks(few, 1, 0, quiet)
    assert [problem.code for problem in error.value.problems] == ["few_draws", "few_worlds"]


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = write(tmp_path, frame())
    settings = ["train.draws=50", "train.effort=0.1", "train.epochs=20", "model.graph.mode=none"]
    words = [word for setting in settings for word in ("--set", setting)]
    out = tmp_path / "ranks.csv"

    assert cli.main(["check", str(spec), "--coverage", "--worlds", "2", "--out", str(out), *words]) == 0
    told = capsys.readouterr()
    assert "holds the truth" in told.out and "2 worlds simulated" in told.out
    assert told.err.splitlines()[-2:] == ["world 1 of 2", "world 2 of 2"]
    assert set(pd.read_csv(out)["world"]) == {0, 1}
    assert cli.main(["check", str(spec), "--coverage", "--out", str(out), *words]) == 2
    assert "ranks.csv" in capsys.readouterr().err
