"""From a spec to a model's directory: every file of the contract, consistent; nothing half written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.config.files import load_market
from mmm.errors import CheckpointError, OutputError
from mmm.fitted import load_fitted
from mmm.pipeline import Result, fit_market
from mmm.train.checkpoint import FileCheckpoint
from tests.data.panels import frame, spec, write

TABLES = {
    "predictions": ["region", "date", "split", "actual", "predicted", "lower", "upper"],
    "contributions": ["region", "date", "component", "kind", "value", "lower", "upper"],
    "effects": [
        "channel",
        "spend",
        *(
            f"{name}{end}"
            for name in ("direct", "indirect", "total", "roi", "marginal_roi")
            for end in ("", "_lower", "_upper")
        ),
    ],
    "curves": ["channel", "multiplier", "spend", "response", "lower", "upper", "marginal", "supported"],
    "hill": ["channel", "top", "half_saturation", "slope", "r2", "saturation_point"],
    "graph": ["cause", "effect", "weight", "probability"],
}
SCORES = {"r2", "r2_within", "rmse", "nrmse", "mae", "wape", "bias", "n", "naive", "skill"}
QUICK = (
    "train.inference=ensemble",
    "train.epochs=15",
    "train.members=2",
    "train.validation=0",
    "model.temporal.hidden=3",
)


def fit_small(folder: Path, *settings: str, out: str = "model", **options: Any) -> Result:
    path = write(folder, frame(weeks=52), spec())
    return fit_market(load_market(str(path), [*QUICK, *settings]), folder / out, report=False, **options)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    fit_small(folder)
    return folder / "model"


class Interrupt:
    """Progress that stops the fit at an epoch."""

    def update(self, stage: str, epoch: int, epochs: int, **figures: float) -> None:
        if epoch == 5:
            raise KeyboardInterrupt


def test_every_file_of_the_contract_is_there(written: Path) -> None:
    for name, columns in TABLES.items():
        table = pd.read_parquet(written / f"{name}.parquet")
        assert set(columns) <= set(table.columns), name
    metrics = json.loads((written / "metrics.json").read_text())
    assert set(metrics) == {"train", "holdout"}
    for scores in metrics.values():
        assert set(scores) == SCORES
        assert set(scores["naive"]) == {"region_mean", "last_value", "recent_mean", "seasonal"}
    for row in json.loads((written / "diagnostics.json").read_text()):
        assert set(row) == {"severity", "code", "where", "what", "why", "what_to_do"}
        assert all(isinstance(value, str) for value in row.values())


def test_values_of_a_cell_add_up_to_its_prediction(written: Path) -> None:
    values = pd.read_parquet(written / "contributions.parquet").groupby(["region", "date"])["value"].sum()
    predictions = pd.read_parquet(written / "predictions.parquet").set_index(["region", "date"])

    np.testing.assert_allclose(values.loc[predictions.index], predictions["predicted"], rtol=1e-9)
    assert len(predictions) == 3 * 52


def test_curves_at_one_are_the_direct_effects(written: Path) -> None:
    curves = pd.read_parquet(written / "curves.parquet")
    at_one = curves[curves["multiplier"] == 1.0].set_index("channel")["response"]
    direct = pd.read_parquet(written / "effects.parquet").set_index("channel")["direct"]

    np.testing.assert_allclose(at_one.loc[direct.index], direct, rtol=1e-9)


def test_the_model_on_disk_says_what_the_tables_say(written: Path) -> None:
    fitted = load_fitted(written)
    predictions = pd.read_parquet(written / "predictions.parquet")
    expected_GT = fitted.predictor.parts.prediction_MGT.mean(0)

    np.testing.assert_allclose(predictions["predicted"], expected_GT[fitted.panel.present_GT], rtol=1e-12)
    assert {"data_fingerprint", "spec_digest", "seed", "versions", "epochs"} <= set(fitted.provenance)


def test_nothing_is_left_beside_the_model(tmp_path: Path) -> None:
    fit_small(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "panel.csv", "spec.yaml"]


def test_a_model_is_not_replaced_unless_told_to(tmp_path: Path) -> None:
    first = fit_small(tmp_path)
    with pytest.raises(OutputError, match="already holds a fitted model"):
        fit_small(tmp_path, "train.seed=1")
    second = fit_small(tmp_path, "train.seed=1", force=True)

    assert not np.array_equal(first.fitted.parameters["share"], second.fitted.parameters["share"])
    assert load_fitted(tmp_path / "model").spec.train.seed == 1


def test_an_interrupted_fit_leaves_a_checkpoint_only_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileCheckpoint.__init__, "__kwdefaults__", {"every": 0.0})
    with pytest.raises(KeyboardInterrupt):
        fit_small(tmp_path, progress=Interrupt())
    assert not (tmp_path / "model").exists()
    assert (tmp_path / ".model.checkpoint" / "train.pt").exists()
    with pytest.raises(CheckpointError, match="spec changed"):
        fit_small(tmp_path, "train.seed=9", resume=True)
    resumed = fit_small(tmp_path, resume=True)
    straight = fit_small(tmp_path, out="other")

    assert not (tmp_path / ".model.checkpoint").exists()
    for name, value in straight.fitted.parameters.items():
        np.testing.assert_array_equal(resumed.fitted.parameters[name], value, err_msg=name)


def test_a_refit_on_all_keeps_the_scores_of_the_scored_fit(tmp_path: Path) -> None:
    plain = fit_small(tmp_path, out="plain")
    result = fit_small(tmp_path, "train.refit_on_all=true")

    assert result.metrics == plain.metrics
    assert result.fitted.trained_until == 52
    assert result.fitted.provenance["scores_of"] == "fit on the training window"
    assert load_fitted(tmp_path / "model").trained_until == 52


@pytest.mark.parametrize("settings", [("model.graph.mode=none",), ("train.members=1",)])
def test_every_kind_of_market_gets_through(tmp_path: Path, settings: tuple[str, ...]) -> None:
    result = fit_small(tmp_path, *settings)

    assert (tmp_path / "model" / "effects.parquet").exists()
    assert result.tables["effects"]["direct"].notna().all()


def test_a_national_market_gets_through(tmp_path: Path) -> None:
    national = frame(regions=("only",), weeks=52).drop(columns=["region", "population"])
    values = spec()
    del values["columns"]["region"], values["columns"]["population"]
    path = write(tmp_path, national, values)
    fit_market(load_market(str(path), QUICK), tmp_path / "model")

    assert set(pd.read_parquet(tmp_path / "model" / "predictions.parquet")["region"]) == {"national"}
    assert (tmp_path / "model" / "report.html").stat().st_size > 10_000
