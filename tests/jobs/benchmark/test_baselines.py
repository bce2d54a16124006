"""What the model is compared with does what its page says, by hand: a weak rival would flatter us."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from jobs.benchmark.baselines import (
    HALVES,
    TAIL,
    Regression,
    _choose,
    _columns,
    _fit,
    _media,
    _tail_error,
    greedy_plan,
    last_touch,
    same_money,
    spend_share,
)
from jobs.benchmark.case import Case
from mmm.data.panel import Floats

REGIONS, PERIODS, CHANNELS = 4, 120, 2


@dataclass(frozen=True)
class Slip:
    """A case as far as the two that only split look at it: spend, KPI, training window."""

    spend_GTC: Floats
    kpi_GT: Floats
    until: int

    @property
    def read(self) -> Any:
        panel = SimpleNamespace(spend_GTC=self.spend_GTC, kpi_GT=self.kpi_GT)
        return SimpleNamespace(panel=panel, split=SimpleNamespace(train=slice(0, self.until)))

    @property
    def last_spend_C(self) -> Floats:
        return np.asarray(self.spend_GTC[:, -13:].sum((0, 1)))


def slip() -> Case:
    """Two weeks of training in one region: TV alone brings 90, then TV 30 and search 10 bring 40."""
    spend_GTC = np.array([[[50.0, 0.0], [30.0, 10.0], [0.0, 1000.0]]])
    return cast("Case", Slip(spend_GTC, np.array([[90.0, 40.0, 5.0]]), until=2))


def test_spend_share_splits_by_the_money_of_the_training_window() -> None:
    """80 to 10; what search spent afterwards is of no account."""
    answer = spend_share(slip(), 180.0)

    assert answer.direct_C is not None and answer.plan_C is not None
    np.testing.assert_allclose(answer.direct_C, [160.0, 20.0])
    np.testing.assert_allclose(answer.plan_C, [1.0, 1.0])


def test_last_touch_splits_each_week_by_its_own_money() -> None:
    """TV has 90 and three quarters of 40, search the last quarter: 120 to 10."""
    answer = last_touch(slip(), 260.0)

    assert answer.direct_C is not None
    np.testing.assert_allclose(answer.direct_C, [240.0, 20.0])


@pytest.mark.parametrize(
    ("roi", "spend", "plan"),
    [
        ([1.0, 2.0], [10.0, 10.0], [0.5, 1.5]),
        ([2.0, 1.0], [10.0, 30.0], [1.5, 0.5 + 10 / 30]),
        ([3.0, 2.0, 1.0], [30.0, 10.0, 20.0], [1.5, 0.5, 0.5]),
        ([1.0, 9.0], [10.0, 0.0], [1.5, 0.5]),
    ],
    ids=["two alike", "one is full", "the first takes all", "a channel without money"],
)
def test_a_greedy_plan_fills_the_best_first(roi: list[float], spend: list[float], plan: list[float]) -> None:
    found_C = greedy_plan(np.array(roi), np.array(spend))

    if min(spend) > 0:
        assert found_C @ np.array(spend) == pytest.approx(sum(spend))
        np.testing.assert_allclose(found_C, plan)
    else:
        assert np.isfinite(found_C).all()


def test_the_same_money_ends_where_slopes_are_equal() -> None:
    """√a and 2√b with a + b = 2 rise alike where b is four times a: at 0.4 and 1.6."""
    grid_P = np.linspace(0.2, 1.8, 161)
    plan_C = same_money(grid_P, np.stack([np.sqrt(grid_P), 2 * np.sqrt(grid_P)]), np.array([10.0, 10.0]))

    np.testing.assert_allclose(plan_C, [0.4, 1.6], atol=0.01)


def test_media_are_carried_over_and_bend() -> None:
    """An impulse of 8 with half kept: 4, 2, 1; over itself and a half-saturation of 2: 2/3, 1/2, 1/3."""
    media_GTC = np.zeros((1, 3, 2))
    media_GTC[0, 0] = 8.0
    bent_GTC = _media(media_GTC, ((0.5, 2.0), (0.5, None)))

    np.testing.assert_allclose(bent_GTC[0, :, 0], [2 / 3, 1 / 2, 1 / 3])
    np.testing.assert_allclose(bent_GTC[0, :, 1], np.log1p([4.0, 2.0, 1.0]))


def regression(weights: tuple[float, float], *, noise: float = 0.0, until: int = 100) -> Regression:
    """A KPI made of a trend, and of two channels with half kept and half-saturation 1."""
    rng = np.random.default_rng(3)
    media_GTC = rng.gamma(2.0, 0.5, (REGIONS, PERIODS, CHANNELS))
    trend_GT1 = np.broadcast_to((np.arange(PERIODS) / PERIODS)[None, :, None], (REGIONS, PERIODS, 1))
    bent_GTC = _media(media_GTC, ((0.5, 1.0), (0.5, 1.0)))
    kpi_GT = 0.7 + 0.1 * np.arange(REGIONS)[:, None] + 0.3 * trend_GT1[..., 0] + bent_GTC @ np.array(weights)
    kpi_GT = kpi_GT + noise * rng.standard_normal(kpi_GT.shape)
    known_GT = np.broadcast_to(np.arange(PERIODS) < until, kpi_GT.shape).copy()
    return Regression(kpi_GT, known_GT, trend_GT1, media_GTC, until)


def fitted(data: Regression, **options: bool) -> tuple[Floats, Floats]:
    return _fit(data, _columns(data, ((0.5, 1.0), (0.5, 1.0))), 1e-9, data.until, **options)


@pytest.mark.parametrize("bounded", [False, True])
def test_the_regression_finds_what_it_is_made_of(bounded: bool) -> None:
    weight_B, intercept_G = fitted(regression((0.5, 0.2)), bounded=bounded)

    np.testing.assert_allclose(weight_B, [0.3, 0.5, 0.2], atol=1e-5)
    np.testing.assert_allclose(intercept_G, [0.7, 0.8, 0.9, 1.0], atol=1e-5)


def test_no_channel_is_said_to_do_harm() -> None:
    data = regression((0.5, -0.2))

    assert fitted(data)[0][2] == pytest.approx(-0.2, abs=1e-5)
    assert fitted(data, bounded=True)[0][2] == pytest.approx(0.0, abs=1e-9)


def test_what_comes_after_training_changes_nothing() -> None:
    data = regression((0.5, 0.2))
    data.target_GT[:, data.until :] = 1e6

    np.testing.assert_allclose(fitted(data)[0], [0.3, 0.5, 0.2], atol=1e-5)


def test_the_tail_that_chooses_is_not_fitted() -> None:
    """The KPI of the tail is 1 higher, which a fit that saw it would take for a trend."""
    data = regression((0.5, 0.2))
    data.target_GT[:, data.until - TAIL : data.until] += 1.0

    assert _tail_error(data, ((0.5, 1.0), (0.5, 1.0)), 1e-9) == pytest.approx(1.0, abs=1e-3)


def test_shapes_are_chosen_by_the_tail() -> None:
    shapes, penalty = _choose(regression((0.5, 0.4), noise=0.01))

    assert [decay for decay, _ in shapes] == [0.5, 0.5]
    assert all(half in HALVES for _, half in shapes)
    assert penalty < 1.0
