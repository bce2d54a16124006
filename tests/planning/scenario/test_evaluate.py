"""Scenarios: predictions by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.fitted import Fitted
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.result import Scenario
from tests.planning.scenario.plans import HORIZON, ask, rows, spent
from tests.small import chain_graph, sketch, small_panel, without_value


@pytest.mark.parametrize("form", ["totals", "periods", "regions", "rows", "others"])
def test_the_status_quo_in_any_form_gains_nothing(fitted: Fitted, form: str) -> None:
    table = rows(fitted)
    table["date"] = table["date"].astype(str)
    by_region = table.groupby(["channel", "region"], sort=False)["spend"].apply(list)
    plans: dict[str, dict[str, Any]] = {
        "totals": {"spend": spent(fitted)},
        "periods": {"spend": {name: by_region[name].to_dict() for name in fitted.panel.channels}},
        "regions": {
            "spend": {
                name: {region: sum(values) for region, values in by_region[name].items()}
                for name in fitted.panel.channels
            }
        },
        "rows": {"rows": table.to_dict("records")},
        "others": {"spend": {}, "others": "current"},
    }
    plan = ask(fitted, plans[form])
    # Channel 0 is bought at a price of its own in each period, so only its repeated totals are exact.
    tolerance = 0.0 if form in ("totals", "others") else 1e-3

    assert plan.spend == pytest.approx(spent(fitted))
    assert abs(plan.gain.mean) <= tolerance * plan.kpi.mean
    assert plan.profit_gain is not None
    assert plan.profit_gain.mean == pytest.approx(2.0 * plan.gain.mean, abs=1e-6)


def test_what_media_bring_has_no_bound_below_zero_and_a_gain_may_have_one(fitted: Fitted) -> None:
    plan = ask(fitted, {"spend": {"tv": 2.0 * spent(fitted)["tv"]}, "others": "current"})
    estimates = [one for row in plan.channels for one in (row.kpi, row.roi, row.marginal_roi) if one]
    less = ask(fitted, {"spend": {"tv": 0.0}, "others": "current"})

    assert all(one.lower is not None and one.lower >= 0 for one in estimates)
    assert less.gain.mean < 0
    assert less.gain.lower is not None and less.gain.lower < 0
    assert less.chance_of_gain is not None and plan.chance_of_gain is not None
    assert less.chance_of_gain < 0.5 < plan.chance_of_gain


def test_the_kpi_of_the_horizon_is_the_sum_of_its_periods(fitted: Fitted) -> None:
    plan = ask(fitted, {"spend": {"tv": 1000.0, "search": [1.0, 2.0, 3.0, 4.0]}, "others": "none"})

    assert sum(period.kpi.mean for period in plan.periods) == pytest.approx(plan.horizon_kpi.mean)
    assert [period.spend["search"] for period in plan.periods] == [1.0, 2.0, 3.0, 4.0]
    assert sum(period.spend["tv"] for period in plan.periods) == pytest.approx(1000.0)
    assert plan.budget == pytest.approx(1010.0)
    assert plan.periods[0].date == "2023-12-04"


def test_no_media_bring_the_baseline_and_what_history_still_brings(fitted: Fitted) -> None:
    plan = ask(fitted, {"spend": {}, "others": "none"})

    assert plan.effect_after_horizon.mean == pytest.approx(0.0, abs=1e-9)
    assert all(period.kpi.mean >= period.baseline for period in plan.periods)
    assert plan.total_roi is None
    assert all(channel.roi is None for channel in plan.channels)
    assert plan.gain.mean < 0


def test_returns_are_value_over_amounts(fitted: Fitted) -> None:
    plan = ask(fitted, {"spend": {"tv": 2000.0, "search": 1000.0, "radio": 0.0}})
    tv = plan.channels[0]
    assert plan.total_roi is not None
    assert plan.gain_roi is not None
    assert tv.roi is not None

    assert tv.roi.mean == pytest.approx(2.0 * tv.kpi.mean / 2000.0)
    assert plan.total_roi.mean == pytest.approx(2.0 * sum(c.kpi.mean for c in plan.channels) / 3000.0)
    change = plan.budget - sum(spent(fitted).values())
    assert plan.gain_roi.mean == pytest.approx(2.0 * plan.gain.mean / change)
    assert plan.profit_gain is not None
    assert plan.profit_gain.mean == pytest.approx(2.0 * plan.gain.mean - change)


def test_marginal_returns_are_those_of_a_little_more(fitted: Fitted) -> None:
    spend = {"tv": 2000.0, "search": 1000.0, "radio": 500.0}
    plan, more = ask(fitted, {"spend": spend}), ask(fitted, {"spend": {**spend, "tv": 2000.1}})

    assert plan.channels[0].marginal_roi.mean == pytest.approx(
        2.0 * (more.kpi.mean - plan.kpi.mean) / 0.1, rel=1e-3
    )


def test_an_observation_is_less_certain_than_its_expectation(fitted: Fitted) -> None:
    expected = ask(fitted, {"spend": spent(fitted)})
    assert expected.horizon_kpi.lower is not None
    for period in expected.periods:
        assert period.kpi.lower is not None
        assert period.kpi.observed_lower < period.kpi.lower < period.kpi.mean < period.kpi.observed_upper
    half = expected.horizon_kpi.observed_upper - expected.horizon_kpi.mean
    assert half < sum(period.kpi.observed_upper - period.kpi.mean for period in expected.periods)


def test_one_member_leaves_the_model_s_interval_unknown() -> None:
    plan = ask(sketch(members=1), {"spend": {}, "others": "current"})

    assert plan.horizon_kpi.lower is None
    assert plan.horizon_kpi.observed_lower < plan.horizon_kpi.mean
    assert plan.gain.upper is None


def test_total_effects_count_what_a_channel_moves() -> None:
    panel = small_panel()
    fitted = sketch(graph=chain_graph(panel.channels, 0.05))
    more = {"spend": {"tv": 2 * spent(fitted)["tv"]}, "others": "current"}
    direct, total = (ask(fitted, more, effects=kind) for kind in ("direct", "total"))

    assert total.gain.mean > direct.gain.mean
    assert ask(fitted, {"spend": spent(fitted)}, effects="total").gain.mean == pytest.approx(0.0, abs=1e-6)


def test_what_goes_beyond_the_data_is_marked(fitted: Fitted) -> None:
    far = ask(fitted, {"spend": {name: 400 * value for name, value in spent(fitted).items()}})
    assert far.extrapolated == fitted.panel.channels
    assert "beyond what was ever spent" in far.warnings[0]

    peak = ask(fitted, {"spend": {"tv": [spent(fitted)["tv"], 0, 0, 0]}, "others": "current"})
    assert peak.extrapolated == ()
    assert "some period" in peak.warnings[0]


def test_a_channel_without_spend_is_no_part_of_the_budget() -> None:
    panel = small_panel()
    has_spend_C = np.array([False, True, True])
    bare = sketch(replace(panel, has_spend_C=has_spend_C, spend_GTC=panel.spend_GTC * has_spend_C))
    plan = ask(bare, {"spend": {"tv": 1e6, "search": 10.0, "radio": 5.0}})

    assert plan.budget == 15.0
    assert plan.channels[0].unit == "exposure of tv"
    assert plan.total_roi is None


def test_the_answer_survives_json(fitted: Fitted) -> None:
    answer = evaluate_scenario(fitted, {"horizon": HORIZON, "spend": spent(fitted)})

    assert Scenario.model_validate(json.loads(answer.model_dump_json())) == answer
    assert [plan.name for plan in answer.plans] == ["plan"]


def test_without_a_value_of_the_kpi_scenarios_tell_no_money(fitted: Fitted) -> None:
    plan = ask(without_value(fitted), {"spend": {"tv": 2000.0}, "others": "current"})

    assert (plan.profit_gain, plan.gain_roi, plan.total_roi) == (None, None, None)
    assert all(channel.roi is None for channel in plan.channels)
    assert plan.channels[0].marginal_roi.mean > 0
