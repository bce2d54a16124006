"""The simulator's truth is true: it adds up, is reproducible and its best budget is the best."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mmm.config import MarketSpec
from mmm.errors import OutputError, SpecError
from mmm.portfolio import load_portfolio
from mmm.simulate.best_budget import best_budget
from mmm.simulate.portfolio import Design, simulate_market, write_portfolio
from mmm.simulate.truth import contributions_table, curves_table, effects_table, graph_table
from mmm.simulate.worlds import Influence, Response, World, carry_over, carry_over_weights, hill

TRUTH_FILES = {"contributions.parquet", "effects.parquet", "curves.parquet", "graph.parquet", "truth.json"}


@cache
def world_of(seed: int, regions: int = 6) -> World:
    return simulate_market(Design(regions=regions, weeks=104, channels=5), seed=seed)


def test_carry_over_of_an_impulse_by_hand() -> None:
    # 7 units at retention 0.5 over three periods: weights 4/7, 2/7, 1/7.
    weights_CL = carry_over_weights(np.array([0.5]), np.array([0.0]), lags=3)
    media_GTC = np.array([7.0, 0, 0, 0]).reshape(1, 4, 1)
    assert carry_over(media_GTC, weights_CL).ravel() == pytest.approx([4, 2, 1, 0])


def test_delayed_carry_over_peaks_after_its_delay() -> None:
    # 0.5 ** ((l - 1) ** 2) is 1/2, 1, 1/2, 1/16: times 16, 8 + 16 + 8 + 1 = 33.
    weights_CL = carry_over_weights(np.array([0.5]), np.array([1.0]), lags=4)
    assert weights_CL[0] == pytest.approx(np.array([8, 16, 8, 1]) / 33)


def test_hill_by_hand() -> None:
    assert hill(np.array([0.0, 2.0, 4.0]), np.array(2.0), np.array(2.0)) == pytest.approx([0.0, 0.5, 0.8])


def test_response_by_hand() -> None:
    # No carry-over, half saturation 1, slope 1, top 10: 10 * 3 / (3 + 1) = 7.5.
    response = Response(np.ones((1, 1)), np.array([1.0]), np.array([1.0]), np.array([[10.0]]))
    assert response.kpi_GTC(np.array([[[3.0]]])).item() == pytest.approx(7.5)


def test_influence_by_hand() -> None:
    # The first channel's pulse of 2 in week 1, carried over by halves, moves the second by 0.5 of it.
    own_GTC = np.array([[[2.0, 1.0], [0.0, 1.0]]])
    weights_CL = np.array([[0.5, 0.5], [1.0, 0.0]])
    influence = Influence(own_GTC, np.array([[0, 0.5], [0, 0]]), weights_CL, np.ones_like(own_GTC), (0, 1))
    assert influence.intensity_GTC()[0] == pytest.approx(np.array([[2.0, 1.5], [0.0, 1.5]]))
    assert influence.intensity_GTC(without=0)[0] == pytest.approx(np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert influence.intensity_GTC(without=1)[0] == pytest.approx(np.array([[2.0, 0.0], [0.0, 0.0]]))


@given(week=st.integers(0, 103), channel=st.integers(0, 4))
def test_no_effect_before_its_cause(week: int, channel: int) -> None:
    world = world_of(0)
    changed_GTC = world.intensity_GTC.copy()
    changed_GTC[:, week, channel] *= 3
    before = np.s_[:, :week]
    assert np.array_equal(world.response.kpi_GTC(changed_GTC)[before], world.direct_GTC[before])
    assert np.all(world.response.kpi_GTC(changed_GTC)[:, week:] >= world.direct_GTC[:, week:])


@pytest.mark.parametrize("regions", [1, 6])
@pytest.mark.parametrize("seed", range(3))
def test_contributions_add_up_to_the_kpi_less_noise(seed: int, regions: int) -> None:
    world = world_of(seed, regions)
    table = contributions_table(world)
    total = table.groupby(["region", "date"], sort=False)["value"].sum().to_numpy()
    assert total == pytest.approx((world.kpi_GT - world.noise_GT).ravel())
    assert (table.loc[table["kind"].isin(["baseline", "channel"]), "value"] >= 0).all()
    assert set(table["kind"]) == {"baseline", "seasonality", "control", "channel"}


def test_media_have_the_share_asked_for() -> None:
    for share in (0.1, 0.45):
        world = simulate_market(Design(regions=3, media_share=share), seed=4)
        assert world.direct_GTC.sum() / (world.kpi_GT - world.noise_GT).sum() == pytest.approx(share)


def test_noise_and_outliers_are_what_was_asked_for() -> None:
    plain = simulate_market(Design(noise=0, outliers=0), seed=1)
    assert np.abs(plain.noise_GT).max() <= 1e-9 * plain.kpi_GT.max()
    noisy = simulate_market(Design(regions=40, noise=0.04, outliers=0.02), seed=1)
    relative_GT = np.abs(noisy.noise_GT) / noisy.kpi_GT.mean(axis=1, keepdims=True)
    assert 0.015 < (relative_GT > 0.25).mean() < 0.025
    assert np.median(relative_GT) == pytest.approx(0.04 * 0.6745, rel=0.1)
    assert noisy.kpi_GT.min() >= 0


@pytest.mark.parametrize("seed", range(3))
def test_curves_pass_through_the_contributions(seed: int) -> None:
    world = world_of(seed)
    curves = curves_table(world, periods=91).pivot_table(
        index="multiplier", columns="channel", values="response"
    )
    effects = effects_table(world, periods=91).set_index("channel")
    assert curves.loc[1.0, list(world.channels)].to_numpy() == pytest.approx(effects["direct"].to_numpy())
    assert (curves.loc[0.0] == 0).all()
    assert (curves.diff().iloc[1:] > 0).all(axis=None)
    around = curves.loc[[0.9, 1.1]][list(world.channels)].diff().iloc[-1].to_numpy() / 0.2
    marginal = effects["marginal_roi"] * effects["spend"] / world.kpi_value
    assert around == pytest.approx(marginal.to_numpy(), rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_graph_has_no_cycle_and_carries_indirect_effects(seed: int) -> None:
    world = world_of(seed)
    strength_CC = world.graph_CC
    assert not np.linalg.matrix_power(strength_CC, len(world.channels)).any()
    assert len(graph_table(world)) == np.count_nonzero(strength_CC) == 3
    effects = effects_table(world).set_index("channel")
    causes = strength_CC.any(axis=1)
    assert (effects["indirect"].to_numpy()[causes] > 0).all()
    assert effects["indirect"].to_numpy()[~causes] == pytest.approx(0, abs=1e-6 * effects["direct"].sum())
    assert (effects["total"] - effects["direct"] - effects["indirect"]).abs().max() < 1e-6


def test_column_order_does_not_give_the_graph_away() -> None:
    upward = [np.triu(simulate_market(Design(regions=2), seed=s).graph_CC).any() for s in range(4)]
    downward = [np.tril(simulate_market(Design(regions=2), seed=s).graph_CC).any() for s in range(4)]
    assert all(upward)
    assert all(downward)


def test_spend_follows_hidden_demand_only_when_confounded() -> None:
    def correlation(confounding: float) -> float:
        world = simulate_market(Design(regions=20, confounding=confounding, edges=0), seed=2)
        demand_GT = np.diff(np.log(world.baseline_GT), axis=1)
        found = [
            np.corrcoef(demand_GT.ravel(), np.diff(np.log(world.influence.own_GTC[..., c]), axis=1).ravel())
            for c in range(len(world.channels))
        ]
        return float(max(pair[0, 1] for pair in found))

    assert correlation(1.0) > 0.3
    assert abs(correlation(0.0)) < 0.1


def test_same_seed_same_world_other_seed_other_world() -> None:
    design = Design(regions=3, weeks=60)
    pd.testing.assert_frame_equal(
        simulate_market(design, seed=7).frame(), simulate_market(design, seed=7).frame(), check_exact=True
    )
    assert not np.array_equal(simulate_market(design, seed=7).kpi_GT, simulate_market(design, seed=8).kpi_GT)


def test_plan_is_the_difference_between_running_and_not_running() -> None:
    world = world_of(1)
    dark = world.planned_C(np.zeros(5))
    one = world.planned_C(np.array([1.0, 0, 0, 0, 0]))
    assert one[1:] == pytest.approx(dark[1:])
    assert one[0] > dark[0] > 0  # what carries over from history remains
    assert world.kpi_under(np.ones(5)) == pytest.approx(world.planned_C(np.ones(5)).sum())


@pytest.mark.parametrize("seed", range(3))
def test_best_budget_beats_every_random_plan_of_the_same_money(seed: int) -> None:
    world = world_of(seed, regions=2)
    best = best_budget(world)
    assert best.spend_C.sum() == pytest.approx(best.current_spend_C.sum(), rel=1e-8)
    assert np.all(np.abs(best.multipliers_C - 1) <= 0.5 + 1e-12)
    assert best.kpi == pytest.approx(world.kpi_under(best.multipliers_C))
    assert best.lift > 0.01 * best.current_kpi

    rng, share_C = np.random.default_rng(seed), best.current_spend_C / best.current_spend_C.sum()
    found: list[float] = []
    while len(found) < 300:
        near = (
            best.multipliers_C + 0.1 * rng.standard_normal(5) if len(found) % 2 else rng.uniform(0.5, 1.5, 5)
        )
        plan_C = near / (share_C @ near)
        if np.all(np.abs(plan_C - 1) <= 0.5):
            found.append(world.kpi_under(plan_C))
    assert max(found) <= best.kpi * (1 + 1e-6)
    assert np.median(found) < best.kpi - 0.1 * best.lift


@pytest.mark.parametrize(("horizon", "change"), [(0, 0.5), (105, 0.5), (13, 0.0), (13, 1.5)])
def test_best_budget_refuses_what_has_no_answer(horizon: int, change: float) -> None:
    with pytest.raises(ValueError, match=r"it must be"):
        best_budget(world_of(0), horizon=horizon, max_change=change)


def test_one_channel_has_nothing_to_reallocate() -> None:
    world = simulate_market(Design(regions=1, channels=1), seed=0)
    assert best_budget(world).multipliers_C == pytest.approx([1.0])
    assert graph_table(world).empty


def test_frame_has_the_columns_of_its_kind() -> None:
    regional, national = world_of(0).frame(), world_of(0, regions=1).frame()
    assert list(regional.columns[:4]) == ["region", "population", "date", "kpi"]
    assert len(regional) == 6 * 104
    assert not regional.duplicated(["region", "date"]).any()
    assert not {"region", "population"} & set(national.columns)
    assert {"tv_spend", "tv_impressions", "search_spend"} <= set(national.columns)
    assert "search_impressions" not in national.columns
    assert regional["kpi"].to_numpy() == pytest.approx(world_of(0).kpi_GT.ravel())


def test_many_channels_have_names_of_their_own() -> None:
    names = simulate_market(Design(regions=1, weeks=30, channels=15), seed=0).channels
    assert len(set(names)) == 15


def test_design_reports_everything_wrong_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        Design(regions=0, weeks=5, channels=3, edges=9, media_share=1.0)
    assert [problem.where for problem in caught.value.problems] == [
        "regions",
        "weeks",
        "edges",
        "media_share",
    ]


def test_portfolio_on_disk_agrees_with_its_specs_and_truth(tmp_path: Path) -> None:
    path = write_portfolio(tmp_path / "pf", brands=2, markets=2, regions=3, weeks=60, channels=4, seed=3)
    specs = load_portfolio(str(path)).specs()
    assert [(s.brand, s.market) for s in specs] == [
        (b, m) for b in ("acme", "borealis") for m in ("de", "us")
    ]

    panels = []
    for key in ("acme_us", "acme_de", "borealis_us", "borealis_de"):
        file = path.parent / "specs" / f"{key}.yaml"
        spec = MarketSpec.model_validate(yaml.safe_load(file.read_text()))
        panel = pd.read_parquet(file.parent / spec.data.path)
        named = [column for c in spec.columns.channels.values() for column in (c.spend, c.exposure) if column]
        assert {"region", "date", "kpi", "population", *named, *spec.columns.controls} == set(panel.columns)
        truth = path.parent / "truth" / key
        assert {file.name for file in truth.iterdir()} == TRUTH_FILES
        contributions = pd.read_parquet(truth / "contributions.parquet")
        cut = np.sort(contributions["date"].unique())[-spec.splits.holdout]
        trained = contributions[(contributions["kind"] == "channel") & (contributions["date"] < cut)]
        effects = pd.read_parquet(truth / "effects.parquet").set_index("channel")
        totals = trained.groupby("component")["value"].sum()
        assert totals[effects.index].to_numpy() == pytest.approx(effects["direct"].to_numpy())
        facts = json.loads((truth / "truth.json").read_text())
        best = facts["best_budget"]
        assert best["lift"] == pytest.approx(best["kpi"] - best["current_kpi"])
        assert facts["train_periods"] == 47
        panels.append(panel["kpi"].to_numpy())
    assert len({values.tobytes() for values in panels}) == 4


def test_portfolio_is_reproducible_and_larger_ones_contain_smaller(tmp_path: Path) -> None:
    small = write_portfolio(
        tmp_path / "a", brands=1, markets=1, regions=1, weeks=40, channels=3, seed=5
    ).parent
    large = write_portfolio(
        tmp_path / "b", brands=1, markets=2, regions=1, weeks=40, channels=3, seed=5
    ).parent
    part = Path("panel/brand=acme/market=us/part-0.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(small / part), pd.read_parquet(large / part))
    assert "region" not in yaml.safe_load((small / "portfolio.yaml").read_text())["defaults"]["columns"]


def test_portfolio_replaces_only_when_told_to_and_only_its_own(tmp_path: Path) -> None:
    out = tmp_path / "pf"
    write_portfolio(out, brands=2, markets=1, regions=1, weeks=30, channels=2)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="already holds something"):
        write_portfolio(out, brands=1, markets=1, regions=1, weeks=30, channels=2)
    write_portfolio(out, brands=1, markets=1, regions=1, weeks=30, channels=2, force=True)
    assert [file.name for file in (out / "specs").iterdir()] == ["acme_us.yaml"]
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "wrong", [{"brands": 0}, {"markets": -1}, {"seed": -1}, {"weeks": 3}, {"channels": 0}]
)
def test_portfolio_refuses_numbers_it_cannot_draw_and_writes_nothing(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        write_portfolio(tmp_path / "pf", **wrong)
    assert not (tmp_path / "pf").exists()
