"""From requests to limits, by hand: two channels of money and one of exposure, in one region or in two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.planning.constraints import (
    aside_amounts,
    binding_limits,
    channel_limits,
    decisions,
    knee,
    limit_problems,
    searched_limits,
    stated_limits,
)
from mmm.planning.request import BudgetRequest, parse_request
from mmm.planning.response import StatusQuo
from mmm.planning.solve.limits import Limits

CHANNELS = ("tv", "search", "ooh")


def status_quo(regions: tuple[str, ...] = (), **change: Any) -> StatusQuo:
    """TV 100, search 40; 8 contacts of posters. By region a quarter of each is in the first."""
    current_C = np.array([100.0, 40.0, 8.0])
    current_X = np.outer(current_C, [0.25, 0.75]).ravel() if regions else current_C
    fields: dict[str, Any] = {
        "channels": CHANNELS,
        "current_X": current_X,
        "supported_X": 1.5 * current_X,
        "baseline_M": np.zeros(2),
        "regions": regions,
        "units": {"ooh": "contacts"},
    }
    return StatusQuo(**(fields | change))


def ask(**fields: Any) -> BudgetRequest:
    return parse_request({"budget": "current", **fields}, channels=CHANNELS)


def limits_of(now: StatusQuo, held: tuple[str, ...] = (), **fields: Any) -> Limits:
    request = ask(**fields)
    return stated_limits(request, now, decisions(request, now), held)


BOTH = ("north", "south")


# --- who is in the budget ------------------------------------------------------------------------


def test_exposure_without_a_cost_stands_beside_the_budget() -> None:
    chosen = decisions(ask(), status_quo(BOTH))

    assert (chosen.channels, chosen.aside, chosen.unit) == (("tv", "search"), ("ooh",), "USD")
    assert chosen.moved_Y.tolist() == [0, 1, 2, 3]
    assert chosen.channel_Y.tolist() == [0, 0, 1, 1]
    assert chosen.current_Y.tolist() == [25.0, 75.0, 10.0, 30.0]


def test_exposure_with_a_cost_is_bought_with_the_rest() -> None:
    chosen = decisions(ask(unit_costs={"ooh": 5.0}), status_quo())

    assert (chosen.channels, chosen.aside) == (CHANNELS, ())
    assert chosen.current_Y.tolist() == [100.0, 40.0, 40.0]
    assert chosen.cost_Y.tolist() == [1.0, 1.0, 5.0]


def test_without_any_money_the_budget_is_in_exposure() -> None:
    units = {"tv": "grps", "search": "clicks", "ooh": "clicks"}
    chosen = decisions(ask(), status_quo(units=units))

    assert (chosen.channels, chosen.aside, chosen.unit) == (CHANNELS, (), "clicks + grps")


def test_a_channel_in_the_middle_that_stands_beside_leaves_no_gap() -> None:
    chosen = decisions(ask(), status_quo(units={"search": "clicks"}))

    assert chosen.channels == ("tv", "ooh")
    assert chosen.moved_Y.tolist() == [0, 2]
    assert chosen.channel_Y.tolist() == [0, 1]


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "lower", "upper"),
    [
        ({}, [0.0, 0.0], [np.inf, np.inf]),
        ({"default_bounds": {"min_change": -0.5, "max_change": 0.25}}, [50.0, 20.0], [125.0, 50.0]),
        ({"bounds": {"tv": {"min": 30, "max": 120}}}, [30.0, 0.0], [120.0, np.inf]),
        ({"bounds": {"tv": {"min": 30, "max_change": 0.1}}}, [30.0, 0.0], [110.0, np.inf]),
        (
            {"bounds": {"tv": {"max": 60}}, "default_bounds": {"min_change": -0.5, "max_change": 0.25}},
            [0.0, 20.0],
            [60.0, 50.0],
        ),
        ({"fixed": ["search"]}, [0.0, 40.0], [np.inf, 40.0]),
        ({"fixed": {"search": 55}}, [0.0, 55.0], [np.inf, 55.0]),
        ({"fixed": {"tv": 0}}, [0.0, 0.0], [0.0, np.inf]),
    ],
)
def test_bounds_of_channels(fields: dict[str, Any], lower: list[float], upper: list[float]) -> None:
    limits = limits_of(status_quo(), **fields)

    assert limits.lower_X.tolist() == pytest.approx(lower)
    assert limits.upper_X.tolist() == pytest.approx(upper)
    assert limits.is_single_sum


def test_held_channels_keep_their_amount_whatever_their_bounds() -> None:
    limits = limits_of(status_quo(), ("tv",), default_bounds={"min_change": -0.5, "max_change": 0.25})

    assert (limits.lower_X.tolist(), limits.upper_X.tolist()) == ([100.0, 20.0], [100.0, 50.0])


def test_by_region_relative_bounds_hold_everywhere_and_absolute_ones_for_the_sum() -> None:
    limits = limits_of(
        status_quo(BOTH), by_region=True, bounds={"tv": {"min": 80, "max_change": 0.2}, "search": {"max": 50}}
    )

    assert limits.lower_X.tolist() == [0.0] * 4
    assert limits.upper_X.tolist() == [30.0, 90.0, np.inf, np.inf]
    assert limits.row_names_R == ("tv", "search")
    assert limits.rows_RX.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert (limits.row_lower_R.tolist(), limits.row_upper_R.tolist()) == ([80.0, 0.0], [np.inf, 50.0])


def test_bounds_of_regions_leave_channels_those_of_their_sum() -> None:
    limits = limits_of(
        status_quo(BOTH),
        by_region=True,
        default_bounds={"max_change": 0.1},
        region_bounds={"max_change": 1.0},
    )

    assert limits.upper_X.tolist() == [50.0, 150.0, 20.0, 60.0]
    assert limits.row_upper_R.tolist() == pytest.approx([110.0, 44.0])


@pytest.mark.parametrize(("current", "held"), [([25.0, 75.0], [15.0, 45.0]), ([0.0, 0.0], [30.0, 30.0])])
def test_a_fixed_amount_falls_on_regions_as_now_or_evenly(current: list[float], held: list[float]) -> None:
    now = status_quo(BOTH, current_X=np.array([*current, 10.0, 30.0, 1.0, 1.0]))
    limits = limits_of(now, by_region=True, budget=500, fixed={"tv": 60})

    assert limits.lower_X[:2].tolist() == limits.upper_X[:2].tolist() == held


# --- groups --------------------------------------------------------------------------------------


def test_sums_shares_and_ratios_are_rows() -> None:
    groups = [
        {"channels": ["tv", "search"], "min": 50, "max": 90},
        {"channels": ["tv"], "max_share": 0.6},
        {"channels": ["tv"], "relative_to": ["search"], "min_ratio": 1.5, "max_ratio": 4.0},
    ]
    limits = limits_of(status_quo(), groups=groups)

    assert limits.row_names_R == ("tv + search", "share of tv", "tv / search", "tv / search")
    assert limits.rows_RX.tolist() == pytest.approx(
        np.array([[1.0, 1.0], [0.4, -0.6], [1 / 1.5, -1.0], [0.25, -1.0]])
    )
    assert limits.row_lower_R.tolist() == [50.0, -np.inf, 0.0, -np.inf]
    assert limits.row_upper_R.tolist() == [90.0, 0.0, np.inf, 0.0]
    at_share = np.array([60.0, 40.0])
    assert limits.rows_RX[1] @ at_share == pytest.approx(0.0)
    assert limits.rows_RX[2] @ at_share >= 0 >= limits.rows_RX[3] @ at_share


# --- totals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        ({}, (140.0, 140.0)),
        ({"budget": 90}, (90.0, 90.0)),
        ({"budget": 90, "objective": "profit"}, (0.0, 90.0)),
        ({"budget": None, "objective": "profit"}, (0.0, np.inf)),
        ({"budget": "current", "objective": "target_roi", "target": 2}, (0.0, 140.0)),
    ],
)
def test_a_budget_is_spent_wholly_for_the_kpi_and_is_a_limit_else(
    fields: dict[str, Any], total: tuple[float, float]
) -> None:
    limits = limits_of(status_quo(), **fields)

    assert (limits.least, limits.most) == total


def test_the_solver_searches_a_finite_box_no_larger_than_the_total_needs() -> None:
    now = status_quo()
    request = ask(bounds={"tv": {"min": 30}})
    knee_Y = knee(now, decisions(request, now))
    stated = limits_of(now, bounds={"tv": {"min": 30}})
    searched = searched_limits(stated, knee_Y, by_region=False)

    assert knee_Y.tolist() == [150.0, 60.0]
    assert searched.upper_X.tolist() == [140.0, 110.0]  # 30 and all that is left of 140, or that alone
    open_ = searched_limits(stated.with_total(0.0, np.inf), knee_Y, by_region=False)
    assert open_.upper_X.tolist() == [1500.0, 600.0]
    assert open_.most == 2100.0
    regional = searched_limits(stated.with_total(900.0, 900.0), knee_Y, by_region=True)
    assert regional.upper_X.tolist() == [900.0, 600.0]  # ten times what was ever spent is enough for each


def test_where_nothing_was_spent_a_curve_matters_around_the_usual_amount() -> None:
    now = status_quo(current_X=np.array([0.0, 40.0, 8.0]), supported_X=np.array([0.0, 60.0, 8.0]))
    nothing = status_quo(current_X=np.zeros(3), supported_X=np.zeros(3))

    assert knee(now, decisions(ask(), now)).tolist() == [30.0, 60.0]
    assert knee(nothing, decisions(ask(budget=5), nothing)).tolist() == [1.0, 1.0]


# --- beside the budget ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({}, 8.0),
        ({"bounds": {"ooh": {"max": 20}}}, 20.0),
        ({"bounds": {"ooh": {"max_change": 0.5}}}, 12.0),
        ({"bounds": {"ooh": {"min": 2}}}, 8.0),
        ({"fixed": {"ooh": 3}}, 3.0),
        ({"fixed": ["ooh"]}, 8.0),
    ],
)
def test_exposure_beside_the_budget_runs_at_the_most_allowed(fields: dict[str, Any], amount: float) -> None:
    for regions in ((), BOTH):
        now, request = status_quo(regions), ask(**fields)
        found_X = aside_amounts(request, now, decisions(request, now))
        here = found_X[now.channel_X == 2]

        assert here.sum() == pytest.approx(amount)
        assert found_X[now.channel_X < 2].tolist() == now.current_X[now.channel_X < 2].tolist()
        if regions:
            assert here.tolist() == pytest.approx([0.25 * amount, 0.75 * amount])


def test_exposure_that_never_ran_falls_evenly_on_regions() -> None:
    now = status_quo(BOTH, current_X=np.array([25.0, 75.0, 10.0, 30.0, 0.0, 0.0]))
    request = ask(bounds={"ooh": {"max": 20}})

    assert aside_amounts(request, now, decisions(request, now))[4:].tolist() == [10.0, 10.0]


@pytest.mark.parametrize(
    ("fields", "where", "said"),
    [
        ({"groups": [{"channels": ["tv", "ooh"], "max": 9}]}, "groups[0]", "give unit_costs.ooh"),
        (
            {"groups": [{"channels": ["tv"], "relative_to": ["ooh"], "max_ratio": 1}]},
            "groups[0]",
            "no spend",
        ),
        ({"unit_costs": {"tv": 2}}, "unit_costs.tv", "has spend of its own"),
        ({"by_region": True}, "by_region", "no regions"),
        ({"bounds": {"ooh": {"min": 1}}}, "bounds.ooh", "more is always better"),
    ],
)
def test_what_this_model_cannot_mean(fields: dict[str, Any], where: str, said: str) -> None:
    now, request = status_quo(), ask(**fields)
    (problem,) = limit_problems(request, now, decisions(request, now))

    assert problem.where == where
    assert said in problem.message


def test_a_current_budget_of_nothing_is_refused() -> None:
    now, request = status_quo(current_X=np.zeros(3)), ask(horizon=7)
    (problem,) = limit_problems(request, now, decisions(request, now))

    assert (problem.where, problem.code) == ("budget", "no_current_spend")
    assert "last 7 periods" in problem.message
    assert not list(limit_problems(ask(budget=9), now, decisions(ask(budget=9), now)))


# --- what binds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("money", "binding"),
    [
        ([70.0, 50.0], {}),
        ([100.0, 20.0], {"tv": "max"}),
        ([99.995, 20.005], {"tv": "max"}),
        ([30.0, 55.0], {"tv": "min"}),
        ([70.0, 0.0], {"search": "min"}),
        ([60.0, 75.0], {"tv + search": "max"}),
        ([59.0, 91.0], {"tv + search": "max", "budget": "max"}),
    ],
)
def test_limits_at_which_a_plan_stands(money: list[float], binding: dict[str, str]) -> None:
    now = status_quo()
    fields: dict[str, Any] = {
        "budget": 150,
        "objective": "profit",
        "bounds": {"tv": {"min": 30, "max": 100}},
        "groups": [{"channels": ["tv", "search"], "max": 135}],
    }
    chosen = decisions(ask(**fields), now)

    assert binding_limits(chosen, limits_of(now, **fields), np.array(money)) == binding


def test_a_fixed_channel_is_said_to_be_and_the_whole_budget_is_no_limit_of_its_own() -> None:
    now = status_quo()
    chosen, limits = decisions(ask(fixed=["tv"]), now), limits_of(now, fixed=["tv"])

    assert binding_limits(chosen, limits, np.array([100.0, 40.0])) == {"tv": "fixed"}


def test_limits_of_a_channel_are_those_of_its_regions_and_of_its_sum() -> None:
    now = status_quo(BOTH)
    fields: dict[str, Any] = {"by_region": True, "bounds": {"tv": {"min_change": -0.5, "max": 110}}}
    chosen, limits = decisions(ask(**fields), now), limits_of(now, **fields)

    assert channel_limits(chosen, limits, 0) == (50.0, 110.0)
    assert channel_limits(chosen, limits, 1) == (0.0, np.inf)
