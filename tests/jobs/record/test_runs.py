from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
import yaml

from jobs.record.runs import Run, find_run, mlflow_name, record_fit, resume_run, settings_of, start_run
from jobs.record.tracking import Tracking, TrackingError, open_tracking
from mmm.config import MarketSpec
from tests.jobs.rows import row

BRANDED = "Paid Search - Non-Brand (Google & Bing)"
SPEC = MarketSpec.model_validate(
    yaml.safe_load(
        "{brand: acme, market: us, data: {path: p}, "
        "columns: {date: date, kpi: kpi, channels: {tv: {spend: tv}, 'A/B (c)': {spend: search}}}, "
        "model: {priors: {channels: {'A/B (c)': {share: {mean: 0.1, sd: 0.05}}}}}}"
    )
)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """One database for the module: making it takes longer than all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        found = open_tracking(None, str(tmp_path_factory.mktemp("tracking")))
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["share.tv", "train.learning_rate", "share.TV - Spots 2", "share.a_b"])
def test_names_that_mlflow_takes_stay(name: str) -> None:
    assert mlflow_name(name) == name


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (f"share.{BRANDED}", "share.Paid Search - Non-Brand _Google _ Bing_ "),
        ("share.Fernsehen für Ältere", "share.Fernsehen f_r _ltere "),
        ("share.a/../b", "share.a_.__b "),
        ("x" * 300, "x" * 243 + " "),
    ],
)
def test_other_names_are_written_in_its_characters(name: str, start: str) -> None:
    found = mlflow_name(name)

    assert re.fullmatch(re.escape(start) + "[0-9a-f]{6}", found)
    assert len(found) <= 250


def test_names_that_would_be_the_same_are_told_apart() -> None:
    assert len({mlflow_name(name) for name in ("a&b", "a+b", "a_b")}) == 3


def test_settings_are_listed_by_path() -> None:
    settings = settings_of(SPEC)

    assert settings["train.members"] == 8
    assert settings["model.graph.mode"] == "notears"
    assert settings["model.priors.channels.A/B (c).share.mean"] == 0.1


def test_a_fit_of_channels_with_any_name_is_recorded(tracking: Tracking, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    names = [BRANDED, "A/B (c)", "\u30c6\u30ec\u30d3", ".", "a..b", "x" * 400]
    fit = row(key="0123456789abcdef", directory=str(tmp_path), shares=dict.fromkeys(names, 0.1))

    run = start_run(tracking, "acme / us", {"key": fit.key}, settings_of(SPEC))
    record_fit(run, fit)

    found = find_run(tracking, fit.key)
    assert found is not None and found.id == run.id
    data = tracking.client.get_run(run.id).data
    assert sum(name.startswith("share.") and value == 0.1 for name, value in data.metrics.items()) == 6
    assert data.params["model.temporal.enabled"] == "1"
    assert data.tags["directory"] == str(tmp_path)
    assert Path(run.model()[1].removeprefix("file://"), "metrics.json").exists()


@pytest.mark.parametrize(
    "at", ["log_model_artifacts", "finalize_logged_model", "log_outputs", "set_terminated"]
)
def test_a_recording_that_was_broken_off_is_gone_on_with_and_doubles_nothing(
    at: str, tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    fit = row(key=f"{at:0<16.16}", directory=str(tmp_path))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = start_run(tracking, "acme / us", {"key": fit.key})
    with monkeypatch.context() as patch:
        patch.setattr(tracking.client, at, full)
        with pytest.raises(TrackingError, match="its disk is full"):
            record_fit(run, fit)
    record_fit(Run(tracking, run.id), fit)

    made = tracking.client.search_logged_models([tracking.experiment_id], f"source_run_id = '{run.id}'")
    assert [str(model.status) for model in made] == ["READY"]
    assert run.model()[0] == made[0].model_id
    assert Path(made[0].artifact_location.removeprefix("file://"), "metrics.json").read_text() == "{}"
    assert len(tracking.client.get_metric_history(run.id, "seconds")) == 1
    assert tracking.client.get_run(run.id).info.status == "FINISHED"


def test_more_is_recorded_than_mlflow_takes_at_once(tracking: Tracking) -> None:
    params = {f"setting.{number}": number for number in range(130)}

    run = start_run(tracking, "many", {}, params)
    run.log(("loss", 1.0 / step, step) for step in range(1, 1202))
    run.close()

    data = tracking.client.get_run(run.id).data
    assert len(data.params) == 130
    assert len(tracking.client.get_metric_history(run.id, "loss")) == 1201


def test_a_run_is_found_by_key_and_status_and_opened_again(tracking: Tracking) -> None:
    run = start_run(tracking, "x", {"key": "feed"})
    assert find_run(tracking, "feed") is None
    assert find_run(tracking, "feed", "RUNNING") is not None

    run.close("FAILED")
    again = resume_run(tracking, run.id)

    assert again is not None and again.id == run.id
    assert tracking.client.get_run(run.id).info.status == "RUNNING"
    assert resume_run(tracking, "0" * 32) is None


def test_what_is_empty_is_left_out(tracking: Tracking) -> None:
    run = start_run(tracking, "x", {}, {"a": None, "b": [], "c": {}, "d": False, "e": 0})

    assert tracking.client.get_run(run.id).data.params == {"d": "0", "e": "0"}
