"""A registered version as users of MLflow load it."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from jobs.record.runs import find_run
from jobs.record.tracking import Tracking, open_tracking
from jobs.record.versions import Registry, model_name
from mmm.errors import RequestError
from mmm.fitted import Fitted, save_fitted
from mmm.plan_model import PlanModel, write_plan_model
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.jobs.rows import row
from tests.small import sketch, small_panel


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """A model of three channels, the first by exposure, two regions and four draws."""
    return sketch(small_panel(regions=2), members=4)


@pytest.fixture(scope="module")
def folder(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files, as a job leaves them."""
    folder = tmp_path_factory.mktemp("fitted")
    save_fitted(fitted, folder)
    write_plan_model(fitted, folder)
    return folder


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """An MLflow record on sqlite."""
    found = open_tracking(None, str(tmp_path_factory.mktemp("record")))
    assert found is not None
    return found


def plan(fitted: Fitted) -> pd.DataFrame:
    """Three periods, more in each."""
    return pd.DataFrame({name: [100.0, 200.0, 300.0] for name in fitted.panel.channels})


def test_a_champion_is_loaded_by_its_alias_and_says_the_kpi_of_a_plan(
    fitted: Fitted, folder: Path, tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.uri)
    told = row(brand="acme", directory=str(folder), key="abc")
    Registry(tracking).record(told, fitted.spec)
    mlflow.set_tracking_uri(tracking.uri)
    mlflow.set_registry_uri(tracking.uri)

    model = mlflow.pyfunc.load_model(f"models:/{model_name('acme', 'us')}@champion")
    said = model.predict(plan(fitted))

    spend = {name: values.tolist() for name, values in plan(fitted).items()}
    (direct,) = evaluate_scenario(fitted, {"spend": spend}).plans
    np.testing.assert_allclose(said["kpi"], [period.kpi.mean for period in direct.periods])
    assert (said["observed_lower"] < said["kpi"]).all() and (said["kpi"] < said["observed_upper"]).all()
    assert said["date"].tolist() == [period.date for period in direct.periods]
    assert model.metadata.signature.inputs.input_names() == list(fitted.panel.channels)
    example = model.input_example
    assert example is not None and list(example) == list(fitted.panel.channels)
    assert len(model.predict(example)) == len(example)
    with pytest.raises(mlflow.exceptions.MlflowException, match="schema"):
        model.predict(plan(fitted).drop(columns="search"))


def test_a_version_is_of_a_logged_model_that_its_run_made(
    fitted: Fitted, folder: Path, tracking: Tracking
) -> None:
    told = row(brand="logged", directory=str(folder), key="ghi")
    Registry(tracking).record(told, fitted.spec)

    version = tracking.client.get_model_version_by_alias(model_name("logged", "us"), "champion")
    run = find_run(tracking, "ghi")
    assert run is not None
    model_id, place = run.model()
    assert model_id is not None
    assert place == version.source
    logged = tracking.client.get_logged_model(model_id)
    assert (logged.status, logged.tags["brand"], logged.source_run_id) == ("READY", "logged", run.id)
    assert version.tags["model_id"] == model_id
    mlflow.set_tracking_uri(tracking.uri)
    assert len(mlflow.pyfunc.load_model(f"models:/{model_id}").predict(plan(fitted))) == 3


def test_data_losses_and_scores_stand_in_the_run(fitted: Fitted, folder: Path, tracking: Tracking) -> None:
    told = row(brand="other", directory=str(folder), key="def", data_fingerprint="f" * 64)
    Registry(tracking).record(told, fitted.spec)

    found = find_run(tracking, "def")
    assert found is not None
    run = tracking.client.get_run(found.id)
    assert run.inputs is not None
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.digest == "f" * 36
    assert {tag.key: tag.value for tag in data.tags}["fingerprint"] == "f" * 64
    assert json.loads(data.dataset.source)["uri"] == fitted.spec.data.path
    (point,) = tracking.client.get_metric_history(found.id, "loss.train")
    assert (point.step, point.value) == (10, 0.5)


def test_a_plan_without_a_channel_is_refused_in_words(fitted: Fitted) -> None:
    with pytest.raises(RequestError, match="has no column 'search'; a plan has one for each of tv, search"):
        PlanModel(fitted).predict(plan(fitted).drop(columns="search"))


@pytest.mark.parametrize(
    ("brand", "name"),
    [
        ("acme", "main.marketing.mmm_acme__us"),
        ("l'été & co", "main.marketing.mmm_l__t____co__us_"),
    ],
)
def test_names_for_registries_of_few_characters(
    brand: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMM_REGISTRY_PREFIX", "main.marketing.mmm_")

    found = model_name(brand, "us")

    assert found.startswith(name)
    assert len(found) == len(name) + (6 if name.endswith("_") else 0)
    assert model_name("l_été & co", "us") != found
