"""Plans at other frequencies, and people who cannot all be reached."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.analysis.frequency import best_frequency
from mmm.data.panel import Floats
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.model.frequency import HALF, SLOPE
from mmm.planning.budget import plan_budget
from mmm.planning.planner import Planner, ResponseKey
from mmm.planning.reaching import ReachKey, reach_key
from mmm.planning.record.commit import commit_plan
from mmm.planning.record.kept import read_record
from mmm.planning.request import parse_request
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.small import predictor_on, reach_panel, sketch

HORIZON = 8
SAME: dict[str, Any] = {
    "budget": "current",
    "horizon": HORIZON,
    "default_bounds": {"min_change": 0.0, "max_change": 0.0},
}


@cache
def model() -> Fitted:
    """A sketch whose people are reached more often than is best; reach is in persons."""
    panel = reach_panel()
    people_GTC = panel.media_GTC.copy()
    people_GTC[..., 0] *= 20.0
    parameters = {HALF: np.array([[-1.0], [-0.8]]), SLOPE: np.array([[0.0], [0.2]])}
    return sketch(
        replace(panel, media_GTC=people_GTC),
        members=2,
        parameters=parameters,
        model={"temporal": {"enabled": False}},
    )


@cache
def planner() -> Planner:
    return Planner(model())


def brought(reach: ReachKey, amount_X: Floats | None = None, **key: Any) -> Floats:
    response = planner().response(ResponseKey(HORIZON, "history", by_region=False, reach=reach, **key))
    current_X = planner().to_media.current(HORIZON)
    return response.to_money.kpi_M(current_X if amount_X is None else amount_X)


def test_the_status_quo_is_at_the_frequency_that_was() -> None:
    plan = plan_budget(model(), SAME)
    assert plan.gain is not None and plan.gain.mean == pytest.approx(0.0, abs=1e-9)
    panel = model().panel
    assert panel.contacts_GTC is not None
    twice: dict[str, Any] = {
        name: np.concatenate([getattr(panel, name), getattr(panel, name)[:, -HORIZON:]], 1)
        for name in (
            "media_GTC",
            "contacts_GTC",
            "spend_GTC",
            "kpi_GT",
            "present_GT",
            "controls_GTK",
            "kpi_value_GT",
        )
    }
    silent = {**twice, "media_GTC": twice["media_GTC"].copy()}
    silent["media_GTC"][:, -HORIZON:] = 0.0
    dates: Any = panel.dates[0] + 7 * np.arange(len(panel.dates) + HORIZON)
    within = [
        predictor_on(model(), replace(panel, dates=dates, **fields)).contributions_under(fields["media_GTC"])
        for fields in (twice, silent)
    ]
    by_hand_M = (within[0] - within[1])[:, :, -HORIZON:].sum((1, 2, 3))
    response = planner().response(ResponseKey(HORIZON, "history", by_region=False))
    current_X = planner().to_media.current(HORIZON)
    assert brought(ReachKey()) - response.after_horizon(current_X) == pytest.approx(by_hand_M, rel=1e-7)


def test_the_best_frequency_gains_at_the_same_money() -> None:
    plan = plan_budget(model(), {**SAME, "frequency": "best"})
    best = best_frequency(model(), 0)
    assert plan.gain is not None and plan.gain.mean > 0
    assert plan.current_kpi.mean == pytest.approx(plan_budget(model(), SAME).current_kpi.mean)
    stated = plan_budget(model(), {**SAME, "frequency": {"tv": best}})
    assert stated.gain is not None and stated.gain.mean == pytest.approx(plan.gain.mean)
    for other in (best + 1.5, best + 4.0):
        worse = plan_budget(model(), {**SAME, "frequency": {"tv": other}})
        assert worse.gain is not None and worse.gain.mean < plan.gain.mean
    assert any("tv: people are reached" in text for text in plan.warnings)


def test_a_scenario_at_another_frequency_says_what_the_plan_says() -> None:
    plan = plan_budget(model(), {**SAME, "frequency": {"tv": 1.5}})
    asked = {"spend": plan.spend, "frequency": {"tv": 1.5}}
    found = evaluate_scenario(model(), {"horizon": HORIZON, "plans": {"same": asked}})
    assert plan.gain is not None and found.plans[0].gain.mean == pytest.approx(plan.gain.mean, rel=1e-6)
    wrong = {**asked, "frequency": {"search": 2.0}}
    with pytest.raises(RequestError, match=r"plans\.same\.frequency.*no reach"):
        evaluate_scenario(model(), {"horizon": HORIZON, "plans": {"same": wrong}})


def test_a_scenario_under_a_limit_says_what_the_plan_says() -> None:
    more = 3.0 * float(planner().to_media.current(HORIZON).sum())
    asked = {**SAME, "budget": more, "default_bounds": {"min_change": 2.0, "max_change": 2.0}}
    limit = {"reach_ceiling": {"tv": 0.4}}
    plan = plan_budget(model(), {**asked, **limit})
    plans = {"limited": {"spend": plan.spend}}
    limited, free = (
        evaluate_scenario(model(), {"horizon": HORIZON, "plans": plans, **fields}) for fields in (limit, {})
    )
    assert plan.gain is not None
    assert limited.plans[0].gain.mean == pytest.approx(plan.gain.mean, rel=1e-6)
    assert limited.plans[0].gain.mean < 0.99 * free.plans[0].gain.mean
    assert limited.status_quo.kpi == free.status_quo.kpi
    assert any("40 % of the people" in text for text in limited.plans[0].warnings)
    assert not any("of the people" in text for text in limited.status_quo.warnings)
    with pytest.raises(RequestError, match=r"reach_ceiling.*search has no reach"):
        evaluate_scenario(model(), {"horizon": HORIZON, "plans": plans, "reach_ceiling": {"search": 0.4}})


def test_todays_amounts_reach_under_a_limit_whom_they_reached() -> None:
    limited = ReachKey(ceiling=((0, 0.9),))
    assert brought(limited) == pytest.approx(brought(ReachKey()), rel=1e-9)
    current_X = planner().to_media.current(HORIZON)
    more_X = current_X * np.array([4.0, 1.0, 1.0])
    assert (brought(limited, more_X) < brought(ReachKey(), more_X)).all()
    endless = [brought(limited, current_X * np.array([many, 1.0, 1.0])) for many in (1e4, 1e5)]
    assert endless[0] == pytest.approx(endless[1], rel=1e-6)


@pytest.mark.parametrize("reach", [ReachKey(), ReachKey(((0, 1.5),), ((0, 0.8),))])
def test_the_gradient_is_that_of_differences(reach: ReachKey) -> None:
    response = planner().response(ResponseKey(HORIZON, "history", by_region=False, reach=reach)).to_bought
    amount_X = 1.7 * planner().to_media.current(HORIZON)
    gradient_MX = response.gradient_MX(amount_X)
    for x in range(3):
        step_X = np.where(np.arange(3) == x, 1e-4 * amount_X, 0.0)
        slope_M = (response.kpi_M(amount_X + step_X) - response.kpi_M(amount_X - step_X)) / (2 * step_X[x])
        assert gradient_MX[:, x] == pytest.approx(slope_M, rel=1e-5)
    curves = response.curves
    assert curves is not None
    assert curves.table_MPX(amount_X[None])[:, 0].sum(1) == pytest.approx(response.kpi_M(amount_X), rel=1e-4)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"frequency": {"search": 2.0}}, "search has no reach"),
        ({"frequency": {"tvv": 2.0}}, "Did you mean 'tv'"),
        ({"frequency": {"tv": 0.5}}, "from 1 to 20 contacts"),
        ({"frequency": "often"}, "expected 'keep', 'best'"),
        ({"reach_ceiling": {"search": 0.5}}, "search has no reach"),
        ({"reach_ceiling": {"tv": 1.5}}, "less than or equal to 1"),
    ],
)
def test_what_cannot_be_planned_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        plan_budget(model(), {**SAME, **fields})


def test_models_without_reach_have_no_best_frequency() -> None:
    with pytest.raises(RequestError, match="no channel that is bought has reach"):
        plan_budget(sketch(), {**SAME, "frequency": "best"})
    asked = {"plans": {"a": {"spend": {}, "others": "current", "frequency": "best"}}}
    with pytest.raises(RequestError, match=r"plans\.a\.frequency.*no channel that is bought has reach"):
        evaluate_scenario(sketch(), {"horizon": HORIZON, **asked})
    nameless = replace(model(), panel=replace(model().panel, population_G=None))
    with pytest.raises(RequestError, match=r"columns\.population"):
        plan_budget(nameless, {**SAME, "reach_ceiling": {"tv": 0.5}})


def test_what_nobody_buys_stays_at_its_frequency() -> None:
    panel = replace(model().panel, organic=("tv",))
    held = replace(model(), panel=panel)
    assert reach_key(held, "best", {}) == ReachKey()
    assert reach_key(model(), "best", {}) != ReachKey()
    with pytest.raises(RequestError, match="no channel that is bought has reach"):
        plan_budget(held, {**SAME, "frequency": "best"})


@pytest.mark.parametrize(
    "fields", [{}, {"frequency": "best"}, {"frequency": {"tv": 3.0}, "reach_ceiling": {"tv": 0.6}}]
)
def test_a_record_promises_what_the_plan_said(fields: dict[str, Any], tmp_path: Path) -> None:
    current = float(planner().to_media.current(HORIZON).sum())
    more = {"min_change": 0.2, "max_change": 0.2}
    plan = plan_budget(model(), {**SAME, "budget": 1.2 * current, "default_bounds": more, **fields})
    path, _ = commit_plan(plan, model(), tmp_path / "plan.record")
    promise = read_record(path).promise

    assert plan.gain is not None
    assert np.mean(promise.gain_draws) == pytest.approx(plan.gain.mean, rel=1e-6)
    assert sum(one.spend["tv"] for one in promise.periods) == pytest.approx(plan.spend["tv"])
    if fields.get("frequency") == "best":
        assert promise.plan.request["frequency"] == {"tv": best_frequency(model(), 0)}


def test_a_request_without_them_keeps_frequency() -> None:
    asked = parse_request({"budget": "current"})
    assert asked.frequency == "keep" and asked.reach_ceiling == {}
