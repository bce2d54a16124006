from __future__ import annotations

import math
from dataclasses import replace

import pytest

from jobs.tune.choice import choose, difference, pareto_front
from jobs.tune.trial_row import TrialRow
from mmm.config import TuneSpec
from tests.jobs.tune.sweeps import origin, row, stopped

TUNE = TuneSpec()


def test_the_best_trial_is_chosen_when_it_wins_beyond_noise() -> None:
    found = choose([row(0, 0.90, 0.80, 0.70), row(1, 0.92, 0.82, 0.73), row(2, 0.91, 0.81, 0.71)], TUNE)

    assert found.row.number == 1
    assert found.gain == pytest.approx(0.07 / 3)


def test_a_gain_within_its_error_leaves_the_specs_own_settings() -> None:
    found = choose([row(0, 0.90, 0.80, 0.70), row(1, 0.99, 0.80, 0.62)], TUNE)

    assert (found.row.number, found.best.number) == (0, 1)
    assert "stay" in found.reason and "not beyond" in found.reason


def test_the_chosen_never_scores_below_the_specs_own_settings() -> None:
    found = choose([row(0, 0.90, 0.80), row(1, 0.89, 0.79), stopped(2, 0.99)], TUNE)

    assert found.row.number == 0 and "No trial beat" in found.reason


def test_a_smaller_gain_that_is_sure_comes_before_a_larger_one_that_is_not() -> None:
    found = choose([row(0, 0.90, 0.80), row(1, 1.10, 0.79), row(2, 0.91, 0.82)], TuneSpec(origins=2))

    assert (found.row.number, found.best.number) == (2, 1)


def test_of_trials_that_origins_do_not_tell_apart_the_steadiest_is_chosen() -> None:
    rows = [
        moved(0, 0.7, 0.1, 0.7),
        moved(1, 0.90, 0.3, 0.92),
        moved(2, 0.91, 0.1, 0.90),
        moved(3, 0.8, 0.0, 0.8),
    ]

    found = choose(rows, TuneSpec(origins=2))

    assert (found.row.number, found.best.number) == (2, 1)
    assert "Trial 1 scored 0.9100" in found.reason and "move least" in found.reason


def test_one_origin_cannot_tell_chance() -> None:
    found = choose([row(0, 0.90), row(1, 0.91)], TuneSpec(origins=1))

    assert found.row.number == 1 and math.isnan(found.error) and "chance" in found.reason


def test_differences_are_paired_by_origin() -> None:
    gain, error = difference(row(1, 0.5, 0.9, 0.1), row(0, 0.4, 0.7, -0.2))

    assert gain == pytest.approx(0.2)
    assert error == pytest.approx(0.1 / math.sqrt(3))


def moved(number: int, score: float, shift: float, second: float | None = None) -> TrialRow:
    """A trial whose shares move by a known amount between two origins."""
    before = {"tv": 0.5, "search": 0.5}
    later = score if second is None else second
    scores = (origin(score, {"tv": 0.5 + shift, "search": 0.5}), origin(later, before))
    return replace(row(number), scores=scores)


def test_no_trial_beats_one_of_the_front_in_both() -> None:
    rows = [moved(0, 0.8, 0.2), moved(1, 0.9, 0.3), moved(2, 0.7, 0.1), moved(3, 0.7, 0.25), stopped(4, 1.0)]

    assert pareto_front(rows) == {0, 1, 2}


def test_with_stability_only_trials_are_chosen_that_move_no_more() -> None:
    tune = TuneSpec(objective="score_and_stability", origins=2)

    found = choose([moved(0, 0.8, 0.2), moved(1, 0.95, 0.4), moved(2, 0.9, 0.1)], tune)

    assert found.row.number == 2
