from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

import jobs.tune.search
from jobs.tune.search import Search, check_own, run_trial, search_in_process
from jobs.tune.space import own_params
from jobs.tune.trial import OriginScore, Settings, SweepData
from jobs.tune.trial_row import TrialRow
from mmm.errors import SpecError, TrainingError
from tests.jobs.tune.sweeps import GRU, L2, SIZE, SLOPE, data_of, pretended, row, sweep_of


@pytest.fixture
def no_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores come from a formula."""
    monkeypatch.setattr(jobs.tune.search, "score_origin", pretended)


def told(search: Search) -> list[tuple[int, str, dict[str, object], float | None]]:
    return [(r.number, r.state, dict(r.settings), r.score) for _, r in sorted(search.rows.items())]


def searched(data: SweepData, trials: int, rows: tuple[TrialRow, ...] = ()) -> Search:
    search = Search(data, rows)
    while len(search.rows) < trials:
        run_trial(data, search)
    return search


@pytest.mark.usefixtures("no_fits")
def test_the_specs_own_settings_come_first_and_are_never_stopped() -> None:
    search = searched(data_of(), 12)

    assert search.rows[0].settings == {} and search.rows[0].state == "done"
    assert {row.state for row in search.rows.values()} == {"done", "stopped"}


@pytest.mark.usefixtures("no_fits")
def test_the_same_seed_asks_the_same_and_another_does_not() -> None:
    first, second, other = (searched(data_of(seed=seed), 12) for seed in (1, 1, 2))

    assert told(first) == told(second)
    assert told(first) != told(other)


@pytest.mark.usefixtures("no_fits")
@pytest.mark.parametrize("known", [1, 5, 9])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(known: int) -> None:
    data = data_of()
    whole = searched(data, 12)
    kept = tuple(TrialRow.from_json(whole.rows[number].to_json()) for number in range(known))

    assert told(searched(data, 12, kept)) == told(whole)


@pytest.mark.usefixtures("no_fits")
def test_a_gap_in_the_numbers_is_filled_first() -> None:
    data = data_of()
    whole = searched(data, 6)

    search = Search(data, [whole.rows[number] for number in (0, 1, 3, 4)])

    assert [search.ask().number for _ in range(3)] == [2, 5, 6]


@pytest.mark.usefixtures("no_fits")
def test_the_search_finds_what_is_better() -> None:
    spec, read = sweep_of(prune=False)

    found = search_in_process(spec, read, trials=25)

    own = found.trials[0].score
    assert found.score is not None and own is not None
    assert found.score > own
    assert abs(float(found.settings[SLOPE]) - 1.3) < 0.25  # type: ignore[arg-type]
    assert found.spec.model.saturation.slope_min == found.settings[SLOPE]
    assert len(found.trials) == 25


@pytest.mark.usefixtures("no_fits")
def test_conditional_settings_are_searched_only_where_their_condition_holds() -> None:
    rows = searched(data_of(), 15).rows.values()

    assert {(row.settings[GRU], SIZE in row.settings) for row in rows if row.settings} == {
        (True, True),
        (False, False),
    }


@pytest.mark.usefixtures("no_fits")
def test_settings_of_an_earlier_study_are_tried_right_after_the_own() -> None:
    data = data_of()
    search = Search(data, first=[{SLOPE: 1.31, L2: 1e-3, GRU: False, "model.no.longer": 3}])

    run_trial(data, search)
    asked = search.ask()

    assert asked.settings == {SLOPE: 1.31, L2: 1e-3, GRU: False}


def test_a_trial_that_breaks_is_marked_and_the_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(data: SweepData, settings: Settings, place: int) -> OriginScore:
        if settings and len(asked) < 2:
            asked.append(settings)
            raise TrainingError("The loss became nan") if len(asked) == 1 else MemoryError("none left")
        return pretended(data, settings, place)

    asked: list[Settings] = []
    monkeypatch.setattr(jobs.tune.search, "score_origin", breaks)

    search = searched(data_of(), 6)

    assert [search.rows[number].state for number in (0, 1, 2)] == ["done", "failed", "failed"]
    assert search.rows[1].reason == "TrainingError: The loss became nan"
    assert len(search.rows) == 6


def test_a_sweep_without_its_own_trial_compares_nothing() -> None:
    check_own([row(0, 0.9)])
    with pytest.raises(SpecError, match="failed: boom"):
        check_own([row(0).failed("boom")])
    with pytest.raises(SpecError, match="was not finished"):
        check_own([row(1, 0.9)])


def test_no_trials_are_refused() -> None:
    spec, read = sweep_of()

    with pytest.raises(SpecError, match="at least 1"):
        search_in_process(spec, read, trials=0)


def test_own_settings_left_to_the_data_are_known_by_their_value() -> None:
    params = own_params(data_of(space=None))

    assert params["model.adstock.max_lag"] == 13
    assert params["model.priors.share_sd"] == 0.15
    assert params["model.baseline.national_knots"] == 4
    assert params[SLOPE] == 2.0


@pytest.mark.usefixtures("no_fits")
def test_the_study_can_be_read_by_optuna(tmp_path: Path) -> None:
    search = searched(data_of(objective="score_and_stability"), 5)

    search.export(tmp_path / "sweep.log")

    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "sweep.log"))
    )
    study = optuna.load_study(study_name="sweep", storage=storage)
    assert len(study.trials) == 5 and len(study.directions) == 2


@pytest.mark.usefixtures("no_fits")
def test_trials_stopped_for_want_of_time_count_no_more_than_they_know() -> None:
    data = data_of(objective="score_and_stability")
    late = replace(row(1, 0.9), state="stopped", reason="time was up")

    search = Search(data, [row(0, 0.9, 0.8, 0.7), late])

    assert search.ask().number == 2
