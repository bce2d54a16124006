from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.tune.store import StudyError, best_settings, open_study, read_rows
from jobs.tune.trial import with_settings
from mmm.storage import write_whole
from tests.jobs.tune.sweeps import SLOPE, row, stopped, sweep_of


def test_finished_trials_are_found_again(tmp_path: Path) -> None:
    spec, read = sweep_of()
    study = open_study(str(tmp_path), spec, read.panel)
    study.save()
    for item in (row(10, 0.9), row(2, 0.8)):
        study.save_row(item)

    again = open_study(str(tmp_path), spec, read.panel)

    assert again.rows() == [row(2, 0.8), row(10, 0.9)]
    assert again.identity == study.identity


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model.loss.l2": 0.5}, "model.loss.l2 is 0.001 there, 0.5 here"),
        ({"tune.origins": 2}, "tune.origins is 3 there, 2 here"),
        ({"splits.holdout": 5}, "splits.holdout is 6 there, 5 here"),
        ({"tune.space": {"train.learning_rate": {"low": 0.01, "high": 0.1}}}, SLOPE),
    ],
)
def test_a_study_of_another_spec_is_refused_with_the_difference(
    change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    spec, read = sweep_of()
    open_study(str(tmp_path), spec, read.panel).save()

    with pytest.raises(StudyError, match="Give another --out") as caught:
        open_study(str(tmp_path), with_settings(spec, change), read.panel)

    assert told in str(caught.value)


def test_where_a_fit_runs_may_change_and_data_may_not(tmp_path: Path) -> None:
    spec, read = sweep_of()
    open_study(str(tmp_path), spec, read.panel).save()

    elsewhere = with_settings(spec, {"train.threads": 2, "data.path": "other.csv"})
    open_study(str(tmp_path), elsewhere, read.panel)
    read.panel.kpi_GT[0, 0] += 1.0
    with pytest.raises(StudyError, match="fingerprint of the data"):
        open_study(str(tmp_path), spec, read.panel)


def test_a_setting_that_came_after_the_sweep_began_was_at_its_default(tmp_path: Path) -> None:
    spec, read = sweep_of()
    study = open_study(str(tmp_path), spec, read.panel)
    earlier = {path: value for path, value in study.identity.items() if path != "model.loss.huber_delta"}
    replace(study, identity=earlier).save()

    open_study(str(tmp_path), spec, read.panel)
    with pytest.raises(StudyError, match=r"model.loss.huber_delta is absent there, 2\.0 here"):
        open_study(str(tmp_path), with_settings(spec, {"model.loss.huber_delta": 2}), read.panel)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    spec, read = sweep_of()
    write_whole(f"{tmp_path}/trials/00001.json", b"{")
    with pytest.raises(StudyError, match=r"00001.json is damaged .* Remove the file"):
        read_rows(str(tmp_path))

    write_whole(f"{tmp_path}/study.json", b"[]")
    with pytest.raises(StudyError, match=r"study\.json is damaged"):
        open_study(str(tmp_path), spec, read.panel)


def test_a_warm_start_takes_the_best_finished_trials(tmp_path: Path) -> None:
    for item in (row(0, 0.95), row(1, 0.8), row(2, 0.9), stopped(3, 0.99), row(4, 0.7).failed("x")):
        write_whole(f"{tmp_path}/trials/{item.number:05d}.json", item.to_json().encode())

    assert best_settings(str(tmp_path), 2) == [{SLOPE: 1.2}, {SLOPE: 1.1}]
    with pytest.raises(StudyError, match="Check --warm-start"):
        best_settings(str(tmp_path / "nowhere"))
