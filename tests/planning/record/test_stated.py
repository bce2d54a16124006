"""Spend that somebody stated becomes a plan of record as it is: by region, by period, or both."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.data.panel import Panel
from mmm.errors import RecordError, RequestError
from mmm.planning.planner import Planner
from mmm.planning.record.commit import commit_plan, read_plan
from mmm.planning.record.kept import Record, read_record
from mmm.planning.record.planned import planned_periods
from mmm.planning.record.stated import StatedSpend
from mmm.planning.record.variance import Actuals, explain
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.request import parse_scenario
from tests.planning.treatments.promoted import promoted
from tests.small import sketch, small_panel

WHOLE = small_panel(regions=2, periods=60)
KNOWN, HORIZON = 52, 8
MODEL = sketch(WHOLE.until(KNOWN), members=5)
TODAY = dt.date(2024, 1, 1)
NORTH, SOUTH = WHOLE.regions
FIRST, SECOND, THIRD = WHOLE.channels

BY_REGION = {FIRST: {NORTH: 9000.0, SOUTH: 500.0}, SECOND: {NORTH: 0.0, SOUTH: 4000.0}, THIRD: 3000.0}
BY_BOTH = {
    FIRST: {NORTH: [1000.0, *[0.0] * 7], SOUTH: [0.0] * 7 + [2000.0]},
    SECOND: [100.0, 200.0, 300.0, 400.0, 0.0, 0.0, 0.0, 0.0],
    THIRD: {NORTH: 800.0, SOUTH: [50.0] * 8},
}
STATED: tuple[dict[str, Any], ...] = (
    {"spend": BY_REGION},
    {"spend": BY_BOTH},
    {"spend": {FIRST: BY_BOTH[FIRST]}, "others": "current"},
    {"spend": {FIRST: 5000.0}, "others": "none", "flighting": "even"},
)


def asked(plan: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"horizon": HORIZON, "plans": {"autumn": plan}, **more}


def committed(said: dict[str, Any], folder: Path) -> Record:
    path, _ = commit_plan(parse_scenario(said), MODEL, folder / "stated.record", day=TODAY)
    return read_record(path)


def came_as_planned(record: Record) -> Panel:
    """Data in which exactly the plan ran, at its prices, with the controls that it assumed."""
    planned = planned_periods(Planner(record.fitted), record.promise.plan)
    ahead = WHOLE.controls_GTK[:, : KNOWN + planned.wait.periods]
    return replace(
        WHOLE,
        media_GTC=np.concatenate([WHOLE.media_GTC[:, :KNOWN], planned.media_GPC], 1),
        spend_GTC=np.concatenate([WHOLE.spend_GTC[:, :KNOWN], planned.spend_GPC], 1),
        controls_GTK=np.concatenate([ahead, planned.controls_GHK], 1),
    )


def actual(panel: Panel) -> Actuals:
    return Actuals(brand="acme", market="us", panel=panel, renamed={})


@pytest.mark.parametrize("plan", STATED)
def test_a_record_promises_what_the_scenario_said(plan: dict[str, Any], tmp_path: Path) -> None:
    promise = committed(asked(plan), tmp_path).promise
    shown = evaluate_scenario(MODEL, asked(plan)).plans[0]

    assert isinstance(promise.plan, StatedSpend)
    assert promise.plan.found.gain == shown.gain and promise.plan.spend == shown.spend
    assert np.mean(promise.gain_draws) == pytest.approx(shown.gain.mean, rel=1e-9, abs=1e-9)
    assert [one.kpi.mean for one in promise.periods] == pytest.approx([one.kpi.mean for one in shown.periods])
    for mine, theirs in zip(promise.periods, shown.periods, strict=True):
        assert mine.spend == pytest.approx(theirs.spend)


def test_amounts_stay_in_the_region_and_the_week_they_were_stated_for(tmp_path: Path) -> None:
    record = committed(asked({"spend": BY_BOTH}), tmp_path)
    spend_GPC = planned_periods(Planner(record.fitted), record.promise.plan).spend_GPC

    assert spend_GPC[0, :, 0] == pytest.approx([1000.0, *[0.0] * 7])
    assert spend_GPC[1, :, 0] == pytest.approx([*[0.0] * 7, 2000.0])
    assert spend_GPC[..., 1].sum(0) == pytest.approx(BY_BOTH[SECOND])
    assert spend_GPC[0, :, 2].sum() == pytest.approx(800.0)
    assert spend_GPC[1, :, 2] == pytest.approx(50.0)


@pytest.mark.parametrize(
    "said",
    [
        *map(asked, STATED),
        asked({"spend": BY_REGION}, prices={FIRST: {"elasticity": 0.3}}),
        asked({"spend": BY_REGION}, start=str(WHOLE.dates[KNOWN + 2]), horizon=6),
    ],
)
def test_what_ran_as_stated_leaves_only_the_rest(said: dict[str, Any], tmp_path: Path) -> None:
    record = committed(said, tmp_path)
    found = explain(record, actual(came_as_planned(record)))

    for part in (found.delivery, found.price, found.baseline):
        assert part.mean == pytest.approx(0.0, abs=1e-6)
    assert found.planned_kpi.mean == pytest.approx(sum(one.kpi.mean for one in record.promise.periods))


@pytest.mark.parametrize(
    "plan",
    [
        {"spend": {"promo": 40_000.0}, "others": "current"},
        {"spend": {"tv": 5000.0, "promo": 20_000.0}, "others": "current", "flighting": "even"},
        {"spend": {"tv": 5000.0}, "others": "none"},
    ],
)
@pytest.mark.parametrize("per", ["kpi", "period"])
def test_a_treatment_with_a_cost_is_kept_with_its_money(
    per: str, plan: dict[str, Any], tmp_path: Path
) -> None:
    fitted = promoted()
    said = asked(plan, treatment_costs={"promo": {"cost": 2.0, "per": per}})
    path, _ = commit_plan(parse_scenario(said), fitted, tmp_path / "stated.record", day=TODAY)
    record = read_record(path)
    promise, shown = record.promise, evaluate_scenario(fitted, said).plans[0]

    assert promise.plan.spend["promo"] == pytest.approx(shown.spend["promo"])
    assert np.mean(promise.gain_draws) == pytest.approx(shown.gain.mean, rel=1e-9, abs=1e-9)
    assert [one.kpi.mean for one in promise.periods] == pytest.approx([one.kpi.mean for one in shown.periods])
    promo_GH = planned_periods(Planner(record.fitted), promise.plan).controls_GHK[..., -1]
    assert promo_GH.mean() == pytest.approx(
        next(row.value for row in shown.channels if row.channel == "promo")
    )


def test_money_that_moved_to_another_region_is_delivery(tmp_path: Path) -> None:
    """The same total where the plan did not have it: nothing that a plan without regions could tell."""
    record = committed(asked({"spend": BY_REGION}), tmp_path)
    swapped = {**BY_REGION, FIRST: {NORTH: 500.0, SOUTH: 9000.0}}
    ran = came_as_planned(committed(asked({"spend": swapped}), tmp_path / "other"))
    found = explain(record, actual(ran))
    before, after = (evaluate_scenario(MODEL, asked({"spend": one})).plans[0] for one in (BY_REGION, swapped))

    expected = after.horizon_kpi.mean - before.horizon_kpi.mean
    assert abs(expected) > 1.0
    assert found.delivery.mean == pytest.approx(expected, rel=1e-6)
    assert found.price.mean == pytest.approx(0.0, abs=1e-6)


def test_a_plan_file_is_kept_in_full(tmp_path: Path) -> None:
    dates = np.arange(WHOLE.dates[KNOWN], WHOLE.dates[KNOWN] + np.timedelta64(7 * HORIZON, "D"), 7)
    rows = [(str(date), name, 10.0 * i) for i, name in enumerate(WHOLE.channels, 1) for date in dates]
    pd.DataFrame(rows, columns=["date", "channel", "spend"]).to_csv(tmp_path / "plan.csv", index=False)
    request = read_plan(tmp_path / "plan.csv")
    path, _ = commit_plan(request, MODEL, tmp_path / "plan.record", base=str(tmp_path), day=TODAY)
    (tmp_path / "plan.csv").unlink()
    plan = read_record(path).promise.plan

    assert isinstance(plan, StatedSpend)
    assert plan.request["plans"]["plan"]["spend"][SECOND] == [20.0] * HORIZON
    assert plan.horizon == HORIZON


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        (
            {"plans": {"a": {"spend": {FIRST: 1.0}, "others": "none"}, "b": {"spend": {}, "others": "none"}}},
            RecordError, r"has 2 plans \(a, b\)\. Commit them one by one",
        ),
        (asked({"spend": {FIRST: {NORTH: 1}}, "others": "none"}), RequestError, "for 1 of 2 regions"),
        (asked({"spend": {FIRST: 1.0}}), RequestError, "names no amount for"),
    ],
)  # fmt: skip
def test_what_cannot_be_committed_is_refused(
    said: dict[str, Any], error: type[Exception], text: str, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(said))
    request = read_plan(path)
    with pytest.raises(error, match=text):
        commit_plan(request, MODEL, tmp_path / "plan.record")
