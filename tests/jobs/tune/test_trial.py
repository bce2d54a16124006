from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jobs.tune.trial import (
    OriginScore,
    first_periods,
    instability,
    known_by,
    prepare_sweep,
    score_origin,
    with_settings,
)
from mmm.config import Experiment
from mmm.data.read import PanelRead
from mmm.errors import SpecError
from tests.jobs.tune.sweeps import GRU, HOLDOUT, PERIODS, SLOPE, TEST, data_of, origin, sweep_of


def poisoned(read: PanelRead) -> PanelRead:
    """The panel with a test window of huge and unknown numbers."""
    panel, test = read.panel, read.split.test
    kpi_GT, media_GTC = panel.kpi_GT.copy(), panel.media_GTC.copy()
    spend_GTC, controls_GTK = panel.spend_GTC.copy(), panel.controls_GTK.copy()
    kpi_GT[0, test], kpi_GT[1, test] = 1e30, np.nan
    media_GTC[:, test], spend_GTC[:, test], controls_GTK[:, test] = 1e30, np.nan, -1e30
    panel = replace(panel, kpi_GT=kpi_GT, media_GTC=media_GTC, spend_GTC=spend_GTC, controls_GTK=controls_GTK)
    return replace(read, panel=panel)


def plain(score: OriginScore) -> OriginScore:
    return replace(score, seconds=0.0)


def test_origins_end_before_the_test_window_the_newest_first() -> None:
    data = data_of(origins=3)

    assert len(data.panel.dates) == PERIODS - TEST
    ends = [split.n_periods for split in data.origins]
    assert ends == [PERIODS - TEST - k * HOLDOUT for k in range(3)]
    assert {split.n_holdout for split in data.origins} == {HOLDOUT}


def test_a_poisoned_test_window_changes_no_trial() -> None:
    spec, read = sweep_of(origins=2)
    settings = {SLOPE: 1.2}
    clean = prepare_sweep(spec, read.panel, read.split)
    dirty = prepare_sweep(spec, poisoned(read).panel, read.split)

    for place in range(2):
        assert plain(score_origin(clean, settings, place)) == plain(score_origin(dirty, settings, place))


def test_what_comes_after_an_origin_reaches_neither_its_fit_nor_its_scales() -> None:
    data = data_of(origins=2)
    cut = data.origins[1].n_train
    kpi_GT = data.panel.kpi_GT.copy()
    kpi_GT[:, cut:] *= 3.0
    changed = replace(data, panel=replace(data.panel, kpi_GT=kpi_GT))

    before, after = (score_origin(one, {}, 1) for one in (data, changed))

    assert before.shares == after.shares and before.curve == after.curve
    assert before.score != after.score


def test_the_gap_is_neither_trained_on_nor_scored() -> None:
    data = data_of(origins=1, gap=4)
    split = data.origins[0]
    kpi_GT = data.panel.kpi_GT.copy()
    kpi_GT[:, split.n_train : split.n_train + 4] = 1e9
    changed = replace(data, panel=replace(data.panel, kpi_GT=kpi_GT))

    assert split.n_periods - split.n_train == 4 + HOLDOUT
    assert plain(score_origin(data, {}, 0)) == plain(score_origin(changed, {}, 0))


def test_settings_reach_the_fit() -> None:
    data = data_of(origins=1)

    spec = with_settings(data.spec, {SLOPE: 1.25, GRU: False})

    assert spec.model.saturation.slope_min == 1.25 and not spec.model.temporal.enabled
    assert score_origin(data, {SLOPE: 1.0}, 0).score != score_origin(data, {}, 0).score


@pytest.mark.parametrize("score", ["r2", "r2_within", "skill", "mase"])
def test_a_sweep_looks_at_the_score_it_was_asked_for(score: str) -> None:
    found = score_origin(data_of(origins=1, score=score), {}, 0)

    assert found.score == found.metrics[score]
    assert set(found.shares) == {"tv", "search"} and 0 < sum(found.shares.values()) < 1


def test_mase_is_one_less_the_error_over_that_of_the_last_value() -> None:
    data = data_of(origins=1)
    split, kpi_GT = data.origins[0], data.panel.kpi_GT
    last_G1 = kpi_GT[:, [split.n_train - 1]]
    error = np.abs(kpi_GT[:, split.holdout] - last_G1).mean()

    metrics = score_origin(data, {}, 0).metrics

    assert metrics["mase"] == pytest.approx(1 - metrics["mae"] / error)


def test_too_few_periods_for_the_origins_are_refused_with_the_way_out() -> None:
    with pytest.raises(SpecError, match=r"Lower tune.origins \(now 9\)"):
        data_of(origins=9)


def test_a_holdout_without_a_score_is_refused() -> None:
    spec, read = sweep_of(origins=1)
    kpi_GT = read.panel.kpi_GT.copy()
    kpi_GT[:, read.split.holdout] = np.nan

    with pytest.raises(SpecError, match="has no r2: too short, without a known KPI"):
        prepare_sweep(spec, replace(read.panel, kpi_GT=kpi_GT), read.split)


def test_lift_tests_that_end_after_training_are_left_out() -> None:
    spec, read = sweep_of()
    dates = read.panel.dates

    def lift(end: int) -> Experiment:
        return Experiment(
            channel="tv", start=dates[end - 2].item(), end=dates[end].item(), lift=1.0, standard_error=1.0,
            spend_change=10.0,
        )  # fmt: skip

    spec = spec.model_copy(update={"experiments": (lift(20), lift(40))})

    assert known_by(spec, read.panel, 30).experiments == spec.experiments[:1]
    assert known_by(spec, read.panel, PERIODS).experiments == spec.experiments


def test_the_first_periods_are_all_that_is_left() -> None:
    _, read = sweep_of()

    cut = first_periods(read.panel, 30)

    assert {cut.kpi_GT.shape[1], cut.media_GTC.shape[1], cut.controls_GTK.shape[1], len(cut.dates)} == {30}


def test_instability_is_the_share_of_effect_that_moves_between_origins() -> None:
    scores = (origin(1, {"tv": 0.3, "search": 0.1}), origin(1, {"tv": 0.2, "search": 0.2}))

    assert instability(scores) == pytest.approx(0.2 / 0.4)
    assert instability(scores[:1]) is None
