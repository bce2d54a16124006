from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from jobs.record.runs import PARENT, Run
from jobs.record.tracking import Tracking, TrackingError, open_tracking
from jobs.tune.record import TuneRecord
from jobs.tune.store import Study
from tests.jobs.tune.sweeps import GRU, SLOPE, row, stopped, sweep_of


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """One database for the module: making it takes longer than all tests; every test begins a sweep."""
    found = open_tracking(None, str(tmp_path_factory.mktemp("tracking")))
    assert found is not None
    return found


def record_of(tracking: Tracking, parent: str = "", out: str = "") -> TuneRecord:
    spec, _ = sweep_of()
    return TuneRecord(tracking, Study(out or secrets.token_hex(4), {}, parent), spec)


def test_every_trial_is_a_run_below_the_sweeps_with_numbers_and_curves(tracking: Tracking) -> None:
    record = record_of(tracking)
    for item in (row(0, 0.9, 0.8), row(1, 0.7, 0.6, **{GRU: True}), stopped(2, 0.5), row(3).failed("nan")):
        record.trial(item)
    record.finish({"best_score": 0.85}, {"best.yaml": "a: 1\n"})

    client = tracking.client
    runs = client.search_runs([tracking.experiment_id], f"tags.`{PARENT}` = '{record.parent}'")
    by_number = {run.data.tags["trial"]: run for run in runs}
    assert sorted(by_number) == ["0", "1", "2", "3"]
    assert by_number["1"].data.params == {SLOPE: "1.1", GRU: "1"}
    assert by_number["3"].info.status == "FAILED" and by_number["3"].data.tags["reason"] == "nan"
    one = by_number["1"].info.run_id
    assert [point.value for point in client.get_metric_history(one, "score_of_origin")] == [0.7, 0.6]
    assert by_number["1"].data.metrics["score"] == pytest.approx(0.65), "the mean over origins"
    pruned = by_number["2"]
    assert (pruned.info.status, pruned.info.run_name, pruned.data.tags["pruned"]) == (
        "KILLED",
        "trial 2 (pruned)",
        "true",
    )
    assert client.get_metric_history(by_number["0"].info.run_id, "loss")[0].step == 10
    parent = client.get_run(record.parent)
    assert parent.info.status == "FINISHED" and parent.data.metrics == {"best_score": 0.85}
    assert [item.path for item in client.list_artifacts(record.parent)] == ["best.yaml"]


def test_a_sweep_that_goes_on_records_each_trial_once(tracking: Tracking) -> None:
    first = record_of(tracking)
    first.trial(row(0, 0.9))
    first.trial(row(0, 0.9))

    again = record_of(tracking, first.parent)
    again.trial(row(0, 0.9))
    again.trial(row(1, 0.9))

    runs = tracking.client.search_runs([tracking.experiment_id], f"tags.`{PARENT}` = '{first.parent}'")
    assert again.parent == first.parent
    assert sorted(run.data.tags["trial"] for run in runs) == ["0", "1"]


class Killed(BaseException):
    """The end of a driver, as far as a record can tell."""


def test_what_a_killed_driver_left_open_is_gone_on_with(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = record_of(tracking, out="killed")

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Run, "close", killed)
        with pytest.raises(Killed):
            begun.trial(row(0, 0.9))

    # The driver died before it wrote down which run is its sweep's.
    again = record_of(tracking, out="killed")
    again.trial(row(0, 0.9))
    again.finish({"best_score": 0.9}, {})

    assert again.parent == begun.parent
    runs = tracking.client.search_runs([tracking.experiment_id], f"tags.`{PARENT}` = '{again.parent}'")
    assert Counter(run.info.status for run in runs) == {"FINISHED": 1}
    other = TuneRecord(tracking, Study("killed", {"seed": 1}), sweep_of()[0])
    assert other.parent != again.parent, "the sweep of another spec at the same place"


def test_a_parent_that_is_gone_is_begun_anew(tracking: Tracking) -> None:
    assert record_of(tracking, "0" * 32).parent != "0" * 32


def test_a_server_that_goes_away_is_told_as_such(tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    record = record_of(tracking)

    def away(*_: object, **__: object) -> None:
        raise OSError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(tracking.client, "log_batch", away)
        with pytest.raises(TrackingError, match="connection refused"):
            record.trial(row(0, 0.9))
    record.trial(replace(row(0, 0.9), reason="again"))

    runs = tracking.client.search_runs(
        [tracking.experiment_id], f"tags.`{PARENT}` = '{record.parent}' and attributes.status = 'FINISHED'"
    )
    assert len(runs) == 1
