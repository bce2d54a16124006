"""Plans that begin after a gap: the KPI of their own periods, and what still acts across it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmm.data.calendar import Calendar
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.budget import plan_budget
from mmm.planning.forecast import forecast_of
from mmm.planning.planner import planner_of
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.result import Scenario
from tests.small import chain_graph, sketch, small_panel

GAP, HORIZON = 5, 4


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch()


def starts(fitted: Fitted, periods: int = GAP + HORIZON) -> list[str]:
    calendar = Calendar(fitted.panel.dates, fitted.panel.frequency)
    return [str(date) for date in calendar.after(periods)]


def asked(fitted: Fitted, plans: dict[str, Any], **more: Any) -> Scenario:
    return evaluate_scenario(fitted, {"plans": plans, **more})


def repeated(fitted: Fitted, periods: int) -> dict[str, list[float]]:
    """Amounts of the last periods again, by channel."""
    spend_TC = planner_of(fitted).to_media.amount_GTC.sum(0)
    return {name: spend_TC[-periods:, c].tolist() for c, name in enumerate(fitted.panel.channels)}


@pytest.mark.parametrize("meanwhile", ["current", "none"])
def test_a_plan_after_a_gap_brings_what_the_same_amounts_bring_in_one_long_plan(
    fitted: Fitted, meanwhile: str
) -> None:
    """The long plan has the gap's amounts in its first periods; its last periods are the short plan's."""
    own = {name: [100.0, 0.0, 50.0, 900.0] for name in fitted.panel.channels}
    gap = repeated(fitted, GAP) if meanwhile == "current" else dict.fromkeys(own, [0.0] * GAP)
    (short,) = asked(fitted, {"own": {"spend": own}}, start=starts(fitted)[GAP], meanwhile=meanwhile).plans
    (long,) = asked(fitted, {"both": {"spend": {name: gap[name] + own[name] for name in own}}}).plans

    assert [period.date for period in short.periods] == starts(fitted)[GAP:]
    found = [period.kpi.mean for period in short.periods]
    # The long plan falls on regions as the last nine periods did, the short one as the last four.
    assert_allclose(found, [period.kpi.mean for period in long.periods[GAP:]], rtol=2e-2)
    assert short.horizon_kpi.mean == pytest.approx(sum(found))


def test_on_one_region_it_is_the_same_to_rounding() -> None:
    panel = small_panel(regions=1)
    # Spend is media, so that no price of exposure differs between the two plans.
    panel = replace(panel, media_GTC=panel.spend_GTC, has_exposure_C=np.zeros(3, dtype=np.bool_))
    fitted = sketch(panel)
    own = {name: [100.0, 0.0, 50.0, 900.0] for name in panel.channels}
    gap = repeated(fitted, GAP)
    short = asked(fitted, {"own": {"spend": own}}, start=starts(fitted)[GAP]).plans[0]
    long = asked(fitted, {"both": {"spend": {name: gap[name] + own[name] for name in own}}}).plans[0]

    for late, whole in zip(short.periods, long.periods[GAP:], strict=True):
        assert_allclose(
            list(late.kpi.model_dump().values()), list(whole.kpi.model_dump().values()), rtol=1e-12
        )
    assert short.effect_after_horizon.mean < long.effect_after_horizon.mean + 1e-6


def test_the_forecast_after_a_gap_is_the_end_of_the_longer_one(fitted: Fitted) -> None:
    late, whole = forecast_of(fitted, HORIZON, wait=GAP), forecast_of(fitted, GAP + HORIZON)

    assert list(late.dates) == list(whole.dates[GAP:])
    assert_allclose(late.baseline_MH, whole.baseline_MH[:, GAP:])
    assert_allclose(late.noise_HH, whole.noise_HH[GAP:, GAP:])


def test_rows_that_begin_later_say_where_the_plan_begins(fitted: Fitted) -> None:
    rows = [
        {"date": date, "channel": channel, "spend": 100.0}
        for date in starts(fitted)[GAP:]
        for channel in fitted.panel.channels
    ]
    found = asked(fitted, {"own": {"rows": rows}})

    assert found.dates == tuple(starts(fitted)[GAP:])
    assert found.assumptions[0].startswith(f"Until {starts(fitted)[GAP]} the amounts of the last periods")
    spent = {name: [100.0] * HORIZON for name in fitted.panel.channels}
    assert (
        found.plans[0].kpi == asked(fitted, {"own": {"spend": spent}}, start=starts(fitted)[GAP]).plans[0].kpi
    )


@pytest.mark.parametrize("effects", ["direct", "total"])
def test_a_budget_after_a_gap_is_the_scenario_of_its_amounts(effects: str) -> None:
    panel = small_panel()
    fitted = sketch(graph=chain_graph(panel.channels, 0.02))
    common = {"horizon": HORIZON, "start": starts(fitted)[GAP], "effects": effects}
    plan = plan_budget(
        fitted,
        {"budget": "current", "default_bounds": {"min_change": -0.3, "max_change": 0.3}, **common},
    )
    scenario = evaluate_scenario(fitted, {"plans": {"best": {"spend": plan.spend}}, **common})

    assert plan.kpi is not None and plan.gain is not None
    assert scenario.plans[0].kpi.mean == pytest.approx(plan.kpi.mean, rel=1e-9)
    assert scenario.plans[0].gain.mean == pytest.approx(plan.gain.mean, rel=1e-6)
    assert f"4 periods from {common['start']}" in plan.message
    assert any(f"Until {common['start']}" in text for text in plan.warnings)


def test_media_in_the_gap_carry_over_into_the_plan_and_their_absence_shows(fitted: Fitted) -> None:
    plans = {"own": {"spend": {}, "others": "none"}}
    with_media, without = (
        asked(fitted, plans, start=starts(fitted)[1], horizon=HORIZON, meanwhile=meanwhile).plans[0]
        for meanwhile in ("current", "none")
    )

    assert with_media.periods[0].kpi.mean > without.periods[0].kpi.mean
    assert with_media.periods[0].baseline == without.periods[0].baseline


def test_controls_of_a_plan_after_a_gap_are_those_of_its_own_periods(fitted: Fitted) -> None:
    plans = {"own": {"spend": {}, "others": "current"}}
    dear, cheap = (
        asked(fitted, plans, start=starts(fitted)[GAP], horizon=HORIZON, controls={"price": path}).plans[0]
        for path in ([14, 10, 10, 10], [10, 10, 10, 10])
    )
    moved = [a.kpi.mean - b.kpi.mean for a, b in zip(dear.periods, cheap.periods, strict=True)]

    assert abs(moved[0]) > 1
    assert_allclose(moved[1:], 0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2023-12-05", "on which no period after the data begins. Write 2023-12-04 or 2023-12-11"),
        ("2022-01-03", "on which no period after the data begins. Write 2023-12-04"),
        ("2024-12-30", "more than the 48 periods of history after the data"),
    ],
)
def test_a_start_that_is_none_is_refused(fitted: Fitted, start: str, said: str) -> None:
    for ask in (
        lambda: plan_budget(fitted, {"budget": "current", "start": start}),
        lambda: asked(fitted, {"own": {"spend": {}, "others": "current"}}, start=start),
    ):
        with pytest.raises(RequestError, match="start") as caught:
            ask()
        assert said in str(caught.value)
