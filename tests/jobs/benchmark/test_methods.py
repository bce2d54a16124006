"""Methods that compete: the textbook one recovers an easy world, the controls do what they say."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.benchmark import methods
from jobs.benchmark.baselines import greedy_plan, last_touch, ridge_answer, same_money, spend_share
from jobs.benchmark.case import Case, read_answer, world_case
from jobs.benchmark.figures import BenchmarkError
from jobs.benchmark.methods import Peer, interpreter
from jobs.benchmark.suites.graph import granger_scores, mean_graph
from jobs.benchmark.suites.real import real_spec, write_panel
from jobs.benchmark.suites.scores import rank_correlation, share_distance
from jobs.benchmark.suites.truth import judge, make_truth
from jobs.benchmark.tasks import QUICK, RunOptions
from jobs.stress.process import ProgramError
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.simulate.portfolio import Design, simulate_market

EASY = Design(
    regions=10, weeks=156, channels=3, edges=0, confounding=0.0, noise=0.01, outliers=0.0, media_share=0.5,
    region_spread=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def easy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, np.ndarray]:
    world = simulate_market(EASY, seed=4)
    case = world_case(world, tmp_path_factory.mktemp("easy"), "easy")
    return case, world.direct_GTC[:, : case.read.split.n_train].sum((0, 1))


def test_ridge_recovers_an_easy_world_where_spend_share_does_not(easy: tuple[Case, np.ndarray]) -> None:
    case, truth_C = easy
    ridge, control = ridge_answer(case), spend_share(case, float(truth_C.sum()))
    assert ridge.direct_C is not None and control.direct_C is not None
    # Its shapes get the split right; the level lies outside the data, where shapes differ.
    assert share_distance(ridge.direct_C, truth_C) < 0.05 < share_distance(control.direct_C, truth_C)
    assert rank_correlation(ridge.direct_C, truth_C) == pytest.approx(1.0)


def test_answers_are_of_one_piece(easy: tuple[Case, np.ndarray]) -> None:
    case, _ = easy
    answer = ridge_answer(case)
    assert answer.curves_CP is not None and answer.direct_C is not None and answer.plan_C is not None
    np.testing.assert_allclose(answer.curves_CP[:, 10], answer.direct_C)
    np.testing.assert_allclose(answer.curves_CP[:, 0], 0.0, atol=1e-9)
    assert (np.diff(answer.curves_CP, axis=1) >= -1e-9).all()
    money = case.last_spend_C
    assert answer.plan_C @ money == pytest.approx(money.sum())
    assert np.abs(answer.plan_C - 1).max() <= 0.5 + 1e-9


def test_controls_are_handed_the_total(easy: tuple[Case, np.ndarray]) -> None:
    case, truth_C = easy
    for control in (spend_share, last_touch):
        answer = control(case, float(truth_C.sum()))
        assert answer.direct_C is not None
        assert answer.direct_C.sum() == pytest.approx(truth_C.sum())
    np.testing.assert_array_equal(spend_share(case, 1.0).plan_C, 1.0)


def test_greedy_plan_moves_money_to_the_best_returns() -> None:
    plan_C = greedy_plan(np.array([1.0, 3.0, 2.0]), np.array([10.0, 10.0, 10.0]))
    np.testing.assert_allclose(plan_C, [0.5, 1.5, 1.0])


def test_same_money_finds_the_better_curve() -> None:
    grid_P = np.linspace(0.5, 1.5, 21)
    plan_C = same_money(grid_P, np.stack([grid_P, 3 * grid_P]), np.array([5.0, 5.0]))
    np.testing.assert_allclose(plan_C, [0.5, 1.5], atol=1e-6)


def test_granger_finds_a_lagged_cause_and_its_direction() -> None:
    rng = np.random.default_rng(0)
    cause_GT = rng.exponential(1.0, (20, 100))
    effect_GT = 1.0 + 0.8 * np.roll(cause_GT, 1, axis=1) + 0.3 * rng.normal(size=(20, 100))
    score_CC = granger_scores(np.stack([effect_GT, cause_GT], -1)[:, 1:])
    assert score_CC[1, 0] > 10 > score_CC[0, 1]


def test_mean_graph_counts_edges_of_the_others() -> None:
    edge = np.array([[False, True], [False, False]])
    np.testing.assert_array_equal(mean_graph([edge, ~edge & ~np.eye(2, dtype=bool)], (2, 2))[0, 1], 0.5)
    assert not mean_graph([], (2, 2)).any()


DRIVER = """
import json, sys, pathlib, numpy as np
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
kpi_GT = np.load(folder / "panel.npz")["kpi_GT"]
np.save(folder / "predicted.npy", np.nan_to_num(kpi_GT))
(folder / "answer.json").write_text(json.dumps({"seconds": 1.5, "direct": {c: 2.0 for c in job["channels"]}}))
"""


def peer_of(tmp_path: Path, program: str) -> Peer:
    driver = tmp_path / "driver.py"
    driver.write_text(program)
    return Peer("fake", (("nothing==1",),), str(driver))


def test_a_peer_answers_through_its_folder_and_long_fits_are_kept(
    tmp_path: Path, easy: tuple[Case, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _ = easy
    monkeypatch.setattr(methods, "interpreter", lambda *_: Path(sys.executable))
    peer, kept = peer_of(tmp_path, DRIVER), methods.Kept(tmp_path)

    answer = methods.ask_peer(case, peer, tmp_path)
    assert answer.seconds == 1.5
    assert answer.direct_C is not None and answer.predicted_GT is not None
    np.testing.assert_array_equal(answer.direct_C, 2.0)
    np.testing.assert_allclose(answer.predicted_GT, case.read.panel.kpi_GT)

    assert kept.find(case, peer) is None
    kept.keep(case, peer, case.folder_of(peer.name), answer.peak_mb)
    found = kept.find(case, peer)
    assert found is not None and found.seconds == 1.5
    assert kept.find(case, replace(peer, steps=(("nothing==2",),))) is None


def test_a_peer_that_breaks_or_says_nothing_is_an_error(
    tmp_path: Path, easy: tuple[Case, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _ = easy
    monkeypatch.setattr(methods, "interpreter", lambda *_: Path(sys.executable))
    with pytest.raises(ProgramError, match="ZeroDivisionError"):
        methods.ask_peer(case, peer_of(tmp_path, "1 / 0"), tmp_path, label="broken")
    with pytest.raises(BenchmarkError, match="cannot be read"):
        methods.ask_peer(case, peer_of(tmp_path, "pass"), tmp_path, label="silent")


def test_a_peer_that_cannot_be_installed_is_an_error_and_leaves_no_stamp(tmp_path: Path) -> None:
    peer = Peer("fake", (("--no-index", "no-such-distribution-anywhere==1"),), "x.py")
    with pytest.raises(BenchmarkError, match="its environment cannot be made"):
        interpreter(peer, tmp_path)
    assert not list(tmp_path.glob("fake-*/complete"))


def test_the_published_panel_is_renamed_and_nothing_else(tmp_path: Path) -> None:
    weeks, regions = 60, ("501", "502")
    rng = np.random.default_rng(0)
    published = pd.DataFrame(
        {
            "dmacode": np.repeat(regions, weeks),
            "weekid": np.tile(np.arange(300, 300 + weeks), 2),
            "impressions_Channel_01_delayed_lag_1": rng.uniform(1, 9, 2 * weeks),
            "impressions_Channel_02_null": rng.uniform(1, 9, 2 * weeks),
            "target_visits": rng.uniform(50, 90, 2 * weeks),
            "control_01": rng.uniform(0, 1, 2 * weeks),
        }
    )

    spec = load_market(str(write_panel(published, tmp_path)))
    panel = read_panel(spec).panel

    assert panel.channels == ("ch01", "ch02")
    assert panel.controls == ("control_01",)
    assert str(panel.dates[0]) == "2023-01-02"
    np.testing.assert_allclose(panel.kpi_GT.ravel(), published["target_visits"])
    assert real_spec(tmp_path / "real_panel.yaml", tmp_path) == tmp_path / "real_panel.yaml"
    with pytest.raises(BenchmarkError, match="other columns"):
        write_panel(published.drop(columns="weekid"), tmp_path)
    with pytest.raises(BenchmarkError, match="no panel spec"):
        real_spec(tmp_path / "absent.yaml", tmp_path)


def order_of(tmp_path: Path, **changes: Any) -> RunOptions:
    run_options = RunOptions(
        suites=("truth",), peers=(), out=tmp_path, work=tmp_path / "work", cache=tmp_path / "cache", seed=7,
        cores=1, panel=None, quick=True, sizes=QUICK,
    )  # fmt: skip
    return replace(run_options, **changes)


def test_the_truth_itself_scores_perfectly(tmp_path: Path) -> None:
    truth = make_truth(order_of(tmp_path), 0)
    folder = truth.case.folder_of("oracle")
    names = truth.world.channels
    said = {
        "seconds": 0.0,
        "direct": dict(zip(names, truth.direct_C.tolist(), strict=True)),
        "lower": dict(zip(names, (0.9 * truth.direct_C).tolist(), strict=True)),
        "upper": dict(zip(names, (1.1 * truth.direct_C).tolist(), strict=True)),
        "curves": dict(zip(names, truth.curves_CP.tolist(), strict=True)),
        "plan": dict(zip(names, truth.best.multipliers_C.tolist(), strict=True)),
        "graph_CC": truth.world.graph_CC.tolist(),
    }
    (folder / "answer.json").write_text(json.dumps(said))

    found = judge(truth, read_answer(folder, names, None))

    assert found["attribution error"] == pytest.approx(0.0)
    assert found["share error"] == pytest.approx(0.0)
    assert found["rank correlation"] == pytest.approx(1.0)
    assert found["ROI error"] == pytest.approx(0.0)
    assert found["curve error"] == pytest.approx(0.0)
    assert found["lift earned"] == pytest.approx(1.0)
    assert found["coverage"] == 1.0
    assert found["interval width"] == pytest.approx(0.2)
    assert found["graph AUROC"] == 1.0
