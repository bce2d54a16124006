"""Controls that a request states: they move the forecast as the model says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.ahead import control_problems, with_stated
from mmm.planning.budget import plan_budget
from mmm.planning.forecast import controls_ahead, forecast_of
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.small import sketch, small_panel

HORIZON = 4


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch()


def ahead(fitted: Fitted, controls: dict[str, Any]) -> np.ndarray:
    dates = forecast_of(fitted, HORIZON).dates
    return with_stated(controls_ahead(fitted, dates), fitted.panel, controls)


def test_values_stand_where_they_were_stated(fitted: Fitted) -> None:
    prices = {"r0": 9.0, "r1": (8.0, 9.0, 10.0, 11.0), "r2": 12.0}

    assert ahead(fitted, {"price": (1.0, 2.0, 3.0, 4.0)})[:, :, 0].tolist() == [[1.0, 2.0, 3.0, 4.0]] * 3
    assert ahead(fitted, {"price": prices})[1, :, 0].tolist() == [8.0, 9.0, 10.0, 11.0]


def test_periods_that_are_left_empty_stay_as_they_are_taken(fitted: Fitted) -> None:
    taken = ahead(fitted, {})[:, :, 0]
    stated = ahead(fitted, {"price": (1.0, "", 3.0, "")})[:, :, 0]

    assert stated[:, [0, 2]].tolist() == [[1.0, 3.0]] * 3
    assert (stated[:, [1, 3]] == taken[:, [1, 3]]).all()
    assert not list(control_problems(fitted.panel, {"price": (1.0, "", 3.0, "")}, HORIZON))


def test_events_of_text_become_their_controls() -> None:
    panel = replace(small_panel(controls=1), controls=("calendar: Black Friday",))
    fitted = replace(sketch(), panel=panel)

    assert ahead(fitted, {"calendar": ("none", "black friday", "", "none")})[0, :, 0].tolist() == [0, 1, 0, 0]


def test_the_forecast_moves_with_them_and_gains_do_not(fitted: Fitted) -> None:
    request: dict[str, Any] = {
        "horizon": HORIZON,
        "plans": {"p": {"spend": {"tv": 900.0}, "others": "current"}},
    }
    plain = evaluate_scenario(fitted, request)
    stated = evaluate_scenario(fitted, {**request, "controls": {"price": [10.0, 14.0, 10.0, 10.0]}})
    moved = [
        after.kpi.mean - before.kpi.mean
        for before, after in zip(plain.plans[0].periods, stated.plans[0].periods, strict=True)
    ]

    assert abs(moved[1]) > 10 * max(abs(moved[0]), abs(moved[2]))
    assert stated.plans[0].gain == plain.plans[0].gain
    assert "price" in stated.assumptions[0]


def test_a_budget_states_them_too(fitted: Fitted) -> None:
    request: dict[str, Any] = {"budget": "current", "horizon": HORIZON}
    plain = plan_budget(fitted, request)
    stated = plan_budget(fitted, {**request, "controls": {"price": 14.0}})
    low, high = (
        forecast_of(fitted, HORIZON, {"price": price}).baseline_MH.sum(1).mean() for price in (10, 14)
    )

    assert [row.spend for row in stated.channels] == [row.spend for row in plain.channels]
    assert stated.kpi is not None
    assert plain.kpi is not None
    assert (stated.kpi.mean > plain.kpi.mean) == (high > low)


@pytest.mark.parametrize(
    ("controls", "says"),
    [
        ({"prise": 1.0}, "Did you mean 'price'"),
        ({"price": (1.0, 2.0)}, "expected one for each of the 4 periods"),
        ({"price": {"r0": 1.0}}, "no values for 2 of 3 regions"),
        ({"price": ("high", 1.0, 1.0, 1.0)}, "is a number"),
    ],
)
def test_what_cannot_be_meant_is_refused(fitted: Fitted, controls: dict[str, Any], says: str) -> None:
    assert says in str(next(control_problems(fitted.panel, controls, HORIZON)))
    with pytest.raises(RequestError, match=r"controls\."):
        plan_budget(fitted, {"budget": "current", "horizon": HORIZON, "controls": controls})


def test_a_plan_of_european_numbers_and_dates_is_read(fitted: Fitted, tmp_path: Path) -> None:
    dates = [f"{day.astype(object):%d.%m.%Y}" for day in forecast_of(fitted, HORIZON).dates]
    lines = ["date;channel;spend", *(f"{day};tv;120,5" for day in dates)]
    (tmp_path / "plan.csv").write_text("\n".join(lines), encoding="utf-8")
    plan = {"file": "plan.csv", "others": "current"}

    with pytest.raises(RequestError, match=r"date_format: '%d[.]%m[.]%Y'"):
        evaluate_scenario(fitted, {"plans": {"p": plan}}, files=True, base=str(tmp_path))
    with pytest.raises(RequestError, match="names no year"):
        evaluate_scenario(fitted, {"plans": {"p": {**plan, "date_format": "%d.%m"}}}, files=True)
    asked = {"plans": {"p": {**plan, "date_format": "%d.%m.%Y"}}}
    (tv, *_) = evaluate_scenario(fitted, asked, files=True, base=str(tmp_path)).plans[0].channels
    assert tv.spend == pytest.approx(4 * 120.5)
