from __future__ import annotations

import json
import pickle
from dataclasses import asdict
from typing import Any, cast

import pytest
from ray import tune
from ray.exceptions import RayActorError, RayTaskError
from ray.tune.schedulers import FIFOScheduler

import jobs.tune.ray_tune
from jobs.tune.ray_tune import TuneSearcher, trainable
from jobs.tune.search import Search
from jobs.tune.trial import OriginScore, Settings, SweepData
from jobs.tune.trial_row import TrialRow
from mmm.errors import TrainingError
from tests.jobs.tune.sweeps import data_of, pretended


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.rows: list[TrialRow] = []

    def started(self, row: TrialRow) -> None: ...

    def scored(self, row: TrialRow) -> None: ...

    def finished(self, row: TrialRow) -> None:
        self.rows.append(row)


@pytest.fixture
def data() -> SweepData:
    return data_of(origins=2)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def searcher(data: SweepData, notes: Notes) -> TuneSearcher:
    return TuneSearcher(Search(data), notes)


def news(data: SweepData, config: dict[str, Any], place: int) -> dict[str, Any]:
    score = pretended(data, json.loads(config["settings"]), place)
    return {
        "place": place,
        "of": len(data.origins),
        "origin": json.dumps(asdict(score)),
        "score": score.score,
    }


def asked(searcher: TuneSearcher, name: str) -> dict[str, Any]:
    config = searcher.suggest(name)
    assert config is not None
    return config


def test_news_of_a_trial_end_it_at_its_last_origin(
    data: SweepData, searcher: TuneSearcher, notes: Notes
) -> None:
    config = asked(searcher, "a")

    assert [searcher.on_result("a", news(data, config, place)) for place in range(2)] == [True, True]
    assert [(row.number, row.state, len(row.scores)) for row in notes.rows] == [(0, "done", 2)]
    assert not searcher.on_result("a", news(data, config, 1)), (
        "Tune repeats the last news when the function ends"
    )
    assert len(notes.rows) == 1


def test_a_trial_begun_again_forgets_what_its_first_worker_said(
    data: SweepData, searcher: TuneSearcher, notes: Notes
) -> None:
    config = asked(searcher, "a")
    for place in (0, 0, 1):
        searcher.on_result("a", news(data, config, place))

    assert len(notes.rows[0].scores) == 2


def test_failures_and_dead_workers_end_a_trial_with_their_reason(
    searcher: TuneSearcher, notes: Notes
) -> None:
    for name in ("a", "b"):
        asked(searcher, name)

    assert not searcher.on_result("a", {"failed": "TrainingError: nan", "score": -1e9})
    searcher.crashed("b", "RayActorError: died")
    searcher.crashed("b", "said twice")

    assert [(row.state, row.reason) for row in notes.rows] == [
        ("failed", "TrainingError: nan"),
        ("failed", "RayActorError: died"),
    ]


class Dead:
    """A trial of Tune whose retries are used up."""

    def __init__(self, trial_id: str, error: Exception | None) -> None:
        self.trial_id, self._error = trial_id, error

    def get_pickled_error(self) -> Exception | None:
        return self._error


def test_tune_tells_of_dead_workers_what_they_died_of(searcher: TuneSearcher, notes: Notes) -> None:
    task = RayTaskError("train", "Traceback of many lines", TypeError("no such thing\nat all"))  # type: ignore[no-untyped-call]
    crashes = jobs.tune.ray_tune._Crashes(searcher)
    for name, error in (("a", RayActorError()), ("b", task), ("c", None)):
        asked(searcher, name)
        crashes.on_trial_error(1, [], cast("Any", Dead(name, error)))

    reasons = [row.reason for row in notes.rows]
    assert reasons[0].startswith("RayActorError: ")
    assert reasons[1:] == ["TypeError: no such thing", "its worker died"]


def test_the_worse_half_is_stopped(data: SweepData, searcher: TuneSearcher, notes: Notes) -> None:
    own = asked(searcher, "own")
    for place in range(2):
        searcher.on_result("own", news(data, own, place))
    asked(searcher, "worse")
    bad = {**news(data, own, 0)}
    bad["origin"] = json.dumps({**json.loads(bad["origin"]), "score": -5.0})

    assert not searcher.on_result("worse", bad)
    assert notes.rows[-1].state == "stopped" and "better half after 1 origin" in notes.rows[-1].reason


def test_tune_may_pickle_what_it_holds(searcher: TuneSearcher) -> None:
    scheduler = jobs.tune.ray_tune._Halving(searcher)
    crashes = jobs.tune.ray_tune._Crashes(searcher)

    assert type(pickle.loads(pickle.dumps(scheduler))) is FIFOScheduler
    assert type(pickle.loads(pickle.dumps(crashes))) is tune.Callback
    pickle.loads(pickle.dumps(searcher))


def test_a_worker_reports_every_origin_or_why_it_could_not(
    data: SweepData, searcher: TuneSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[dict[str, Any]] = []
    monkeypatch.setattr("ray.tune.report", reports.append)
    monkeypatch.setattr(jobs.tune.ray_tune, "score_origin", pretended)
    config = asked(searcher, "a")

    trainable(config, data)

    assert [report["place"] for report in reports] == [0, 1]

    def diverges(data: SweepData, settings: Settings, place: int) -> OriginScore:
        raise TrainingError("The loss became nan")

    monkeypatch.setattr(jobs.tune.ray_tune, "score_origin", diverges)
    trainable(config, data)

    assert reports[-1]["failed"] == "TrainingError: The loss became nan"
