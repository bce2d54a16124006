from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.promote import main, promote, roll_back
from jobs.record.rows import Row
from jobs.record.runs import find_run, record_fit, start_run
from jobs.record.tracking import Tracking, TrackingError, open_tracking
from jobs.record.versions import Registry, RegistryError, model_name
from jobs.refit.recorder import Recorder
from mmm.config import MarketSpec
from tests.jobs.rows import row

SPEC = MarketSpec.model_validate(
    yaml.safe_load(
        "{brand: acme, market: us, data: {path: p}, "
        "columns: {date: date, kpi: kpi, channels: {tv: {spend: tv}, search: {spend: search}}}}"
    )
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Place of an MLflow record on sqlite, made once: its first tables take seconds."""
    folder = str(tmp_path_factory.mktemp("record"))
    assert open_tracking(None, folder) is not None
    return folder


@pytest.fixture
def tracking(database: str, monkeypatch: pytest.MonkeyPatch) -> Tracking:
    """A connection to it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = open_tracking(None, database)
    assert found is not None
    return found


@pytest.fixture
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Row:
    """A fitted model of a brand that no other test has."""
    folder = tmp_path / "fitted"
    folder.mkdir()
    (folder / "metrics.json").write_text("{}")
    brand = request.node.name
    return row(brand=brand, key=hashlib.sha256(brand.encode()).hexdigest()[:15] + "0", directory=str(folder))


def newer(model: Row, digit: str, **changes: Any) -> Row:
    """The next fit of the same market."""
    return replace(model, key=model.key[:-1] + digit, **changes)


def test_the_first_fit_is_champion_and_its_files_are_kept(tracking: Tracking, model: Row) -> None:
    recorded = Registry(tracking).record(model, SPEC)

    assert (recorded.version, recorded.role) == (1, "champion")
    version = tracking.client.get_model_version(model_name(model.brand, "us"), "1")
    assert version.source is not None and version.run_id is not None
    assert Path(version.source.removeprefix("file://"), "metrics.json").exists()
    run = tracking.client.get_run(version.run_id)
    assert (run.info.status, run.data.metrics["holdout_r2"], run.data.tags["data_fingerprint"]) == (
        "FINISHED",
        0.8,
        "data",
    )
    assert float(run.data.params["train.learning_rate"]) == SPEC.train.learning_rate


def test_a_fit_is_registered_once_however_often_it_is_recorded(tracking: Tracking, model: Row) -> None:
    registry = Registry(tracking)
    first = registry.record(model, SPEC)

    again = registry.record(replace(model, status="unchanged"), SPEC)
    by_another_process = Registry(tracking).record(model, SPEC)

    assert {first.version, again.version, by_another_process.version} == {1}


def test_a_version_of_the_legacy_digest_gets_the_key_of_today(tracking: Tracking, model: Row) -> None:
    Registry(tracking).record(model, SPEC)
    now = newer(model, "f", spec_digest="today")

    found = [Registry(tracking).record(now, SPEC, legacy_key=model.key) for _ in range(2)]

    assert [(item.version, item.role) for item in found] == [(1, "champion")] * 2
    version = Registry(tracking).version(model_name(model.brand, "us"), 1)
    assert (version.row.key, version.row.spec_digest) == (now.key, "today")
    run = find_run(tracking, now.key)
    assert run is not None and find_run(tracking, model.key) is None
    assert tracking.client.get_run(run.id).data.tags["spec_digest"] == "today"
    assert Registry(tracking).record(newer(model, "e"), SPEC, legacy_key="0" * 16).version == 2


def test_settings_found_by_a_search_are_those_of_the_run(tracking: Tracking, model: Row) -> None:
    tuned = replace(model, settings={"model.saturation.slope_min": 1.2})

    Registry(tracking).record(tuned, SPEC)

    run = find_run(tracking, model.key)
    assert run is not None
    params = tracking.client.get_run(run.id).data.params
    assert params["model.saturation.slope_min"] == "1.2"
    assert params["model.saturation.spread"] == "1.0"


def test_a_run_without_its_version_is_not_made_again(tracking: Tracking, model: Row) -> None:
    """A job that died between the two."""
    run = start_run(tracking, "x", {"key": model.key})
    record_fit(run, model)

    Registry(tracking).record(model, SPEC)

    assert tracking.client.get_model_version(model_name(model.brand, "us"), "1").run_id == run.id


def test_a_version_without_a_role_gets_one(tracking: Tracking, model: Row) -> None:
    """A job that died before it judged."""
    registry = Registry(tracking)
    registry.record(model, SPEC)
    tracking.client.delete_registered_model_alias(model_name(model.brand, "us"), "champion")

    assert Registry(tracking).record(model, SPEC).role == "champion"


def test_a_better_model_takes_over_and_a_worse_one_waits(tracking: Tracking, model: Row) -> None:
    registry = Registry(tracking)
    registry.record(model, SPEC)

    better = registry.record(newer(model, "1", scores={"holdout_skill": 0.6}), SPEC)
    worse = registry.record(newer(model, "2", scores={"holdout_skill": 0.1}), SPEC)

    assert (better.version, better.role, better.reason) == (2, "champion", "")
    assert (worse.version, worse.role) == (3, "challenger")
    assert "skill fell from 0.600 to 0.100" in worse.reason
    assert registry.models()[model_name(model.brand, "us")] == {"champion": 2, "challenger": 3, "previous": 1}


def test_a_person_decides_and_can_go_back(
    tracking: Tracking, model: Row, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Registry(tracking)
    registry.record(model, SPEC)
    registry.record(newer(model, "1", shares={"tv": 0.9}), SPEC)
    name = model_name(model.brand, "us")

    assert main(["--list", "--out", database]) == 0
    assert main([model.brand, "us", "--out", database]) == 0
    assert registry.models()[name] == {"champion": 2, "previous": 1}
    assert registry.version(name, 2).reason == ""
    assert main([model.brand, "us", "--rollback", "--out", database]) == 0
    assert registry.models()[name]["champion"] == 1
    assert promote(registry, model.brand, "us", 2).number == 2
    assert "version 2 is champion" in capsys.readouterr().out


def test_what_is_not_there_is_named(tracking: Tracking, model: Row, database: str) -> None:
    registry = Registry(tracking)
    registry.record(model, SPEC)

    with pytest.raises(RegistryError, match="nothing waits"):
        promote(registry, model.brand, "us")
    with pytest.raises(RegistryError, match="no champion before"):
        roll_back(registry, model.brand, "us")
    with pytest.raises(RegistryError, match="no version 7"):
        promote(registry, model.brand, "us", 7)
    assert main(["nobody", "us", "--out", database]) == 2


def test_a_model_waits_no_more_when_it_is_said_which_channel_was_renamed(
    tracking: Tracking, model: Row
) -> None:
    Registry(tracking).record(model, SPEC)
    values = SPEC.model_dump(mode="json")
    values["columns"]["channels"] = {"tv": {"spend": "tv"}, "paid_search": {"spend": "search"}}
    unsaid = MarketSpec.model_validate(values)
    said = MarketSpec.model_validate({**values, "renamed": {"paid_search": "search"}})
    new = newer(model, "1", shares={"tv": 0.2, "paid_search": 0.1}, roi={"tv": 1.5, "paid_search": 3.0})

    found = [Registry(tracking).record(new, spec) for spec in (unsaid, unsaid, said)]

    assert [(item.version, item.role) for item in found] == [
        (2, "challenger"),
        (2, "challenger"),
        (2, "champion"),
    ]


def test_a_first_model_below_the_floors_waits_for_a_person(tracking: Tracking, model: Row) -> None:
    garbage = replace(model, scores={"holdout_skill": -8543.0})
    registry = Registry(tracking)

    recorded = registry.record(garbage, SPEC)

    assert (recorded.version, recorded.role) == (1, "challenger")
    assert "holdout skill is -8.54e+03" in recorded.reason
    assert registry.champion(model_name(model.brand, "us")) is None
    assert promote(registry, model.brand, "us").number == 1


def test_names_of_two_markets_never_meet() -> None:
    assert model_name("a,market", "b") != model_name("a", "market,b")


def test_a_server_that_is_down_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(TrackingError, match=r"http://127\.0\.0\.1:9 "):
        open_tracking("http://127.0.0.1:9", str(tmp_path))


def test_remote_results_need_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    with pytest.raises(TrackingError, match="MLFLOW_TRACKING_URI"):
        open_tracking(None, "s3://bucket/out")
    assert open_tracking("none", "s3://bucket/out") is None


class Flaky:
    """A registry that is away for the first calls."""

    def __init__(self, away: int) -> None:
        self.away, self.taken = away, 0
        self.calls = threading.Semaphore(0)

    def record(self, row: Row, spec: MarketSpec, legacy_key: str | None, objection: str) -> Row:
        """Refuse while away."""
        self.calls.release()
        if self.away > 0:
            self.away -= 1
            raise TrackingError("away")
        self.taken += 1
        return replace(row, version=self.taken, role="champion")


def test_rows_wait_for_a_server_that_comes_back() -> None:
    recorder = Recorder(Flaky(away=2), pause=0.01)  # type: ignore[arg-type]
    recorder.add(row(), SPEC)
    recorder.add(row(market="de"), SPEC)

    assert recorder.finish(wait=30) == []
    assert [found.version for found in recorder.recorded.values()] == [1, 2]


def test_rows_of_a_server_that_stays_away_are_named() -> None:
    recorder = Recorder(Flaky(away=10**9), pause=0.01)  # type: ignore[arg-type]
    recorder.add(row(), SPEC)

    assert recorder.finish(wait=0.05) == [row()]
    assert recorder.trouble == "away"


def test_what_else_speaks_against_a_model_lets_it_wait_even_the_first(tracking: Tracking, model: Row) -> None:
    recorded = Registry(tracking).record(model, SPEC, objection="its settings lost the test window")

    assert recorded.role == "challenger"
    assert "lost the test window" in recorded.reason


def test_a_run_that_a_killed_job_left_open_is_gone_on_with(
    tracking: Tracking, model: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("jobs.record.runs.Run.keep_model", killed)
        with pytest.raises(Killed):
            Registry(tracking).record(model, SPEC)

    Registry(tracking).record(model, SPEC)

    runs = tracking.client.search_runs([tracking.experiment_id], f"tags.key = '{model.key}'")
    assert [run.info.status for run in runs] == ["FINISHED"]
