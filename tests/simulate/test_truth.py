"""The truth in the tables of a fitted model: effects, curves, shares."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm import true_shares
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.truth import CURVE_MULTIPLIERS, curves_table, effects_table, graph_table, parameters
from mmm.simulate.worlds import World

PERIODS = 60
"""Window of the totals, shorter than the world."""


@cache
def world() -> World:
    return simulate_market(Design(regions=3, weeks=80, channels=4), seed=11)


def test_shares_are_of_the_kpi_up_to_a_date(tmp_path: Path) -> None:
    """20 of 100 in the first week and 60 of 100 in the second: a fifth, then two fifths."""
    first, second = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-08")
    pd.DataFrame(
        {
            "date": [first, first, first, second, second],
            "component": ["baseline", "price", "tv", "baseline", "tv"],
            "kind": ["baseline", "control", "channel", "baseline", "channel"],
            "value": [85.0, -5.0, 20.0, 40.0, 60.0],
        }
    ).to_parquet(tmp_path / "contributions.parquet")

    assert true_shares(tmp_path, first).to_dict() == {"tv": pytest.approx(0.2)}
    assert true_shares(tmp_path, second).to_dict() == {"tv": pytest.approx(0.4)}


def test_returns_are_of_the_window_and_in_currency() -> None:
    table = effects_table(world(), PERIODS)
    direct_C = world().direct_GTC[:, :PERIODS].sum((0, 1))
    spend_C = world().spend_GTC[:, :PERIODS].sum((0, 1))

    np.testing.assert_allclose(table["roi"], 40.0 * direct_C / spend_C)
    np.testing.assert_allclose(table["total"], table["direct"] + table["indirect"])


def test_only_causes_have_indirect_effects() -> None:
    table = effects_table(world(), PERIODS).set_index("channel")
    causes = set(graph_table(world())["cause"])

    assert causes
    assert set(table.index[table["indirect"] > 1e-6 * table["direct"]]) == causes


def test_the_marginal_return_is_the_slope_of_the_curve_where_it_stands() -> None:
    """By a finer step than the table's own of one per cent."""
    low_C, high_C = world().curve_CP(np.array([0.999, 1.001]), PERIODS).T
    spend_C = world().spend_GTC[:, :PERIODS].sum((0, 1))
    table = effects_table(world(), PERIODS)

    np.testing.assert_allclose(table["marginal_roi"], (high_C - low_C) / 0.002 * 40.0 / spend_C, rtol=1e-3)


def test_curves_start_at_nothing_pass_through_the_effect_and_never_fall() -> None:
    table = curves_table(world(), PERIODS)
    curves = table.pivot_table(index="channel", columns="multiplier", values="response", sort=False)
    direct = effects_table(world(), PERIODS)["direct"]

    assert CURVE_MULTIPLIERS.tolist() == [round(0.1 * point, 1) for point in range(21)]
    np.testing.assert_allclose(curves[0.0], 0.0)
    np.testing.assert_allclose(curves[1.0], direct)
    assert (np.diff(curves.to_numpy(), axis=1) >= 0).all()
    spent = table[table["multiplier"] == 2.0].set_index("channel")["spend"]
    np.testing.assert_allclose(spent, 2 * world().spend_GTC[:, :PERIODS].sum((0, 1)))


def test_parameters_are_plain_numbers_of_the_same_window() -> None:
    facts = parameters(world(), PERIODS)
    best = facts["best_budget"]
    media = world().direct_GTC[:, :PERIODS].sum()
    expected = (world().kpi_GT - world().noise_GT)[:, :PERIODS].sum()

    assert facts["media_share"] == pytest.approx(media / expected)
    assert facts["train_periods"] == PERIODS
    assert sum(best["spend"].values()) == pytest.approx(sum(best["current_spend"].values()), rel=1e-8)
    assert best["lift"] == pytest.approx(best["kpi"] - best["current_kpi"]) and best["lift"] >= 0
    for name in world().channels:
        assert best["spend"][name] == pytest.approx(best["multipliers"][name] * best["current_spend"][name])
        assert 0.5 - 1e-9 <= best["multipliers"][name] <= 1.5 + 1e-9
