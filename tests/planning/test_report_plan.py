"""What a plan states of solved amounts: every number recomputed in numpy from the curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.planning.constraints import decisions, stated_limits
from mmm.planning.plan import ChannelPlan, Plan
from mmm.planning.report_plan import SolvedPlan, stated_plan, tidy
from mmm.planning.request import parse_request
from mmm.planning.response import StatusQuo
from tests.planning.hills import Hills, Summed

CHANNELS, BOTH = ("tv", "search", "ooh"), ("north", "south")
MEMBERS = 3
VALUE = 2.5
TOP = np.array([[90.0, 60.0, 30.0]]) * np.array([[0.9], [1.0], [1.2]])
HILLS = Hills(TOP, np.full((MEMBERS, 3), 50.0), np.ones((MEMBERS, 3)))
REGIONAL = Hills(np.repeat(TOP, 2, 1) / 2, np.full((MEMBERS, 6), 25.0), np.ones((MEMBERS, 6)))
BASELINE_M = np.array([1000.0, 1010.0, 990.0])
CURRENT_C, PLANNED_C = np.array([100.0, 40.0, 8.0]), np.array([80.0, 60.0, 8.0])
"""TV and search in money; posters in contacts beside the budget."""


def solved(
    amount_X: Floats = PLANNED_C, *, regions: bool = False, summed: bool = False, **change: Any
) -> SolvedPlan:
    """Amounts as if found; ``change`` is of the request, of the status quo or of what was found."""
    asked = {name: change.pop(name) for name in tuple(change) if name not in StatusQuo.__dataclass_fields__}
    found = {name: asked.pop(name) for name in ("held", "proven", "searched") if name in asked}
    current_X = np.outer(CURRENT_C, [0.25, 0.75]).ravel() if regions else CURRENT_C
    fields: dict[str, Any] = {
        "channels": CHANNELS,
        "current_X": current_X,
        "supported_X": 1.5 * current_X,
        "baseline_M": BASELINE_M,
        "regions": BOTH if regions else (),
        "kpi_value": VALUE,
        "units": {"ooh": "contacts"},
    }
    now = StatusQuo(**(fields | change))
    request = parse_request({"budget": 140, "by_region": regions, **asked}, channels=CHANNELS)
    chosen = decisions(request, now)
    hills = REGIONAL if regions else HILLS
    return SolvedPlan(
        Summed(hills) if summed else hills,
        request,
        now,
        chosen,
        amount_X,
        amount_X[chosen.moved_Y] * chosen.cost_Y,
        stated_limits(request, now, chosen),
        **found,
    )


def row(plan: Plan, channel: str) -> ChannelPlan:
    return next(item for item in plan.channels if item.channel == channel)


def brought(amount_C: Floats) -> Floats:
    """KPI of each member and channel."""
    return np.asarray(TOP * amount_C / (50.0 + amount_C))


@pytest.mark.parametrize("summed", [False, True])
def test_gains_and_returns_are_those_of_the_curves(summed: bool) -> None:
    plan = stated_plan(solved(summed=summed))
    gain_M = brought(PLANNED_C).sum(1) - brought(CURRENT_C).sum(1)
    assert plan.kpi is not None and plan.gain is not None and plan.profit_gain is not None
    assert plan.total_roi is not None

    assert plan.kpi.mean == pytest.approx((BASELINE_M + brought(PLANNED_C).sum(1)).mean())
    assert plan.current_kpi.mean == pytest.approx((BASELINE_M + brought(CURRENT_C).sum(1)).mean())
    assert plan.gain.mean == pytest.approx(gain_M.mean())
    assert plan.profit_gain.mean == pytest.approx(VALUE * gain_M.mean())  # the same money
    assert plan.total_roi.mean == pytest.approx(VALUE * brought(PLANNED_C)[:, :2].sum(1).mean() / 140.0)
    for place, name in enumerate(CHANNELS[:2]):
        roi = row(plan, name).roi
        assert roi is not None
        assert roi.mean == pytest.approx(VALUE * brought(PLANNED_C)[:, place].mean() / PLANNED_C[place])
        slope = (TOP[:, place] * 50.0 / (50.0 + PLANNED_C[place]) ** 2).mean()
        assert plan.marginal_roi[name] == pytest.approx(VALUE * slope)


def test_amounts_are_stated_beside_the_status_quo() -> None:
    plan = stated_plan(solved())

    assert plan.spend == {"tv": 80.0, "search": 60.0, "ooh": 8.0}
    assert (plan.budget, plan.current_budget) == (140.0, 140.0)
    assert [item.change for item in plan.channels] == pytest.approx([-0.2, 0.5, 0.0])
    assert [item.share for item in plan.channels] == [pytest.approx(80 / 140), pytest.approx(60 / 140), None]
    assert [item.unit for item in plan.channels] == ["USD", "USD", "contacts"]
    assert row(plan, "ooh").lower_limit == row(plan, "ooh").upper_limit == 8.0
    assert any("ooh: has exposure but no spend" in line for line in plan.warnings)


def test_a_profit_counts_the_money_that_is_not_spent() -> None:
    plan = stated_plan(solved(np.array([50.0, 40.0, 8.0]), objective="profit"))
    gain_M = brought(np.array([50.0, 40.0, 8.0])).sum(1) - brought(CURRENT_C).sum(1)
    assert plan.profit_gain is not None

    assert plan.profit_gain.mean == pytest.approx(VALUE * gain_M.mean() + 50.0)
    assert plan.message == "Most profit, at 90 USD over 13 periods."


def test_a_price_of_exposure_turns_contacts_into_money() -> None:
    plan = stated_plan(solved(unit_costs={"ooh": 5.0}, budget=180))
    slope = (TOP[:, 2] * 50.0 / 58.0**2).mean()

    assert plan.spend["ooh"] == 40.0
    assert plan.current_spend["ooh"] == 40.0
    assert plan.budget == 180.0
    assert plan.marginal_roi["ooh"] == pytest.approx(VALUE * slope / 5.0)
    assert row(plan, "ooh").supported_max == pytest.approx(1.5 * 40.0)


def test_without_a_value_of_the_kpi_nothing_is_said_in_money() -> None:
    plan = stated_plan(solved(kpi_value=None))
    slope = (TOP[:, 0] * 50.0 / 130.0**2).mean()

    assert plan.profit_gain is None
    assert plan.total_roi is None
    assert set(plan.roi.values()) == {None}
    assert plan.marginal_roi["tv"] == pytest.approx(slope)  # KPI units for one more of money


@pytest.mark.parametrize(
    ("planned", "beyond"),
    [
        ([150.0, 60.0, 8.0], ()),
        ([150.1, 60.0, 8.0], ("tv", "search")),  # more than all that was ever spent: no split is within it
        ([149.9, 60.01, 8.0], ("search",)),
        ([80.0, 60.0, 12.1], ("ooh",)),
    ],
)
def test_amounts_beyond_the_data_are_named(planned: list[float], beyond: tuple[str, ...]) -> None:
    plan = stated_plan(solved(np.array(planned)))

    assert plan.extrapolated == beyond
    assert any("beyond what was ever spent" in line for line in plan.warnings) == bool(beyond)


def test_a_channel_that_gets_nothing_has_no_return_but_a_next_one() -> None:
    plan = stated_plan(solved(np.array([140.0, 0.0, 8.0])))
    steps = 60.0 * np.array([0.01, 0.03, 0.1, 0.3, 1.0])  # of the most that was ever spent
    best = (TOP[:, 1].mean() / (50.0 + steps)).max()

    assert row(plan, "search").roi is None
    assert row(plan, "search").kpi.mean == 0.0
    assert plan.marginal_roi["search"] == pytest.approx(VALUE * best)


def test_one_member_has_no_bounds() -> None:
    plan = stated_plan(solved(baseline_M=np.array([1000.0])))
    several = stated_plan(solved())

    assert several.gain is not None and several.gain.lower is not None
    assert several.gain.lower < several.gain.mean < (several.gain.upper or 0.0)
    assert plan.message == several.message == "Best split of 140 USD over 13 periods."


def test_regions_add_up_to_their_channel_and_have_their_own_next_return() -> None:
    planned_X = np.array([30.0, 50.0, 15.0, 45.0, 2.0, 6.0])
    plan = stated_plan(solved(planned_X, regions=True))
    assert plan.regions is not None
    by_name = {(item.channel, item.region): item for item in plan.regions}

    assert [(item.channel, item.region) for item in plan.regions][:3] == [
        ("tv", "north"),
        ("tv", "south"),
        ("search", "north"),
    ]
    assert plan.spend == {"tv": 80.0, "search": 60.0, "ooh": 8.0}
    top = TOP[:, 0].mean() / 2
    slopes = [top * 25.0 / (25.0 + amount) ** 2 for amount in (30.0, 50.0)]
    assert by_name["tv", "north"].marginal_roi == pytest.approx(VALUE * slopes[0])
    assert plan.marginal_roi["tv"] == pytest.approx(VALUE * (30 * slopes[0] + 50 * slopes[1]) / 80)
    assert not by_name["tv", "north"].extrapolated  # 37.5 were spent there
    assert plan.extrapolated == ()
    planned_X[0] = 37.6
    assert stated_plan(solved(planned_X, regions=True)).extrapolated == ("tv",)


def test_what_holds_a_channel_is_said() -> None:
    resting = np.array([100.0, 0.0, 8.0])
    relative = stated_plan(solved(resting, current_X=resting, default_bounds={"max_change": 0.5}))
    held = stated_plan(solved(held=("tv",)))
    one = stated_plan(solved(baseline_M=np.zeros(1), risk=0.1))

    assert any(
        line.startswith("search: nothing was spent in the last 13 periods") for line in relative.warnings
    )
    assert any(line.startswith("tv: held at the current amount") for line in held.warnings)
    assert any("one member, so risk cannot be judged" in line for line in one.warnings)


@pytest.mark.parametrize(("proven", "status"), [(True, "optimal"), (False, "feasible")])
def test_only_a_proven_plan_is_optimal(proven: bool, status: str) -> None:
    assert stated_plan(solved(proven=proven)).status == status


def test_the_end_of_the_range_searched_is_said() -> None:
    free: dict[str, Any] = {"objective": "profit", "budget": None}
    stated = solved(**free).stated
    for end, at_end in ((80.0, True), (300.0, False)):
        searched = replace(stated, upper_X=np.array([end, 400.0]))
        told = stated_plan(solved(**free, searched=searched)).warnings
        assert any("end of the range searched" in line for line in told) == at_end


def test_effects_after_the_horizon_are_stated_where_they_are_known() -> None:
    plan = stated_plan(solved(after_horizon=lambda amount_X: np.full(MEMBERS, 0.5 * amount_X.sum())))

    assert plan.effect_after_horizon is not None
    assert plan.effect_after_horizon.mean == pytest.approx(0.5 * 148.0)
    assert stated_plan(solved()).effect_after_horizon is None


def test_amounts_are_free_of_the_noise_of_adding_up() -> None:
    assert tidy(0.1 + 0.2) == 0.3
    assert tidy(123456789.123) == 123456789.123
