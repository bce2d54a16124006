from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.errors import RequestError
from mmm.planning.request import BudgetRequest, parse_request, read_request

CHANNELS = ("tv", "search", "video")

EXAMPLE = """
budget: 1000000
horizon: 13
objective: kpi
bounds: {tv: {min: 50000, max: 300000}, search: {min_change: -0.3, max_change: 0.3}}
default_bounds: {min_change: -0.5, max_change: 0.5}
groups: [{channels: [tv, video], max: 400000}]
by_region: false
flighting: history
"""


def problems(data: object) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        parse_request(data, channels=CHANNELS, history_periods=100)
    return {problem.where: problem.message for problem in caught.value.problems}


def test_the_documented_request_is_read(tmp_path: Path) -> None:
    path = tmp_path / "request.yaml"
    path.write_text(EXAMPLE)
    request = read_request(path, channels=CHANNELS, history_periods=100)
    assert request.budget == 1e6
    assert request.bounds["search"].min_change == -0.3
    assert request.groups[0].channels == ("tv", "video")
    assert request.risk == "mean"


@pytest.mark.parametrize("budget", ["1e6", 1_000_000, "current"])
def test_budgets_as_yaml_reads_them(budget: object) -> None:
    assert parse_request({"budget": budget}).budget in (1e6, "current")


def test_a_request_survives_json() -> None:
    request = parse_request({"budget": 5, "fixed": {"tv": 2}, "flighting": {"tv": [1] * 13}, "risk": 0.1})
    assert BudgetRequest.model_validate_json(request.model_dump_json()) == request


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        {
            "budget": -1,
            "horizon": 0,
            "bounds": {"tvv": {"min": 3, "max": 1}},
            "groups": [{"channels": ["radio"], "max": 1}],
            "fixed": {"tv": float("nan")},
            "default_bounds": {"min_change": float("nan")},
            "flighting": "odd",
            "buget": 1,
        }
    )
    assert set(found) == {
        "budget",
        "horizon",
        "bounds.tvv",
        "groups[0].channels[0]",
        "fixed",
        "default_bounds.min_change",
        "flighting",
        "buget",
    }
    assert found["buget"] == "unknown key 'buget'; did you mean 'budget'? Correct or remove it."


@pytest.mark.parametrize(
    ("data", "where", "said"),
    [
        ({"budget": 0}, "budget", "above 0"),
        ({"budget": float("nan")}, "budget", "above 0"),
        ({"budget": float("inf")}, "budget", "above 0"),
        ({"budget": True}, "budget", "above 0"),
        ({"budget": 10**400}, "budget", "above 0"),
        ({"budget": 1, "horizon": 101}, "horizon", "the 100 periods of history"),
        ({"budget": 1, "horizon": 10**9}, "horizon", "less than or equal to 520"),
        ({"budget": 1, "horizon": 1.5}, "horizon", "integer"),
        ({"budget": 1, "bounds": {"search_": {}}}, "bounds.search_", "Did you mean 'search'?"),
        ({"budget": 1, "bounds": {"tv": {"min": 3, "max": 1}}}, "bounds.tv", "min 3 exceeds max 1"),
        ({"budget": 1, "bounds": {"tv": {"min": -3}}}, "bounds.tv.min", "greater than or equal to 0"),
        ({"budget": 1, "bounds": {"tv": {"min_change": -1.1}}}, "bounds.tv.min_change", "-1"),
        ({"budget": 1, "bounds": {"tv": {"min": 1, "min_change": 0}}}, "bounds.tv", "both"),
        ({"budget": 1, "bounds": {"tv": {"mini": 1}}}, "bounds.tv.mini", "unknown key"),
        ({"budget": 1, "groups": [{"channels": []}]}, "groups[0].channels", "no channel"),
        ({"budget": 1, "groups": [{"channels": ["tv", "tv"], "max": 1}]}, "groups[0].channels", "twice"),
        ({"budget": 1, "groups": [{"channels": ["tv"]}]}, "groups[0]", "limits nothing"),
        ({"budget": 1, "groups": [{"channels": ["tv"], "min_ratio": 1}]}, "groups[0]", "go together"),
        ({"budget": 1, "fixed": ["tv"], "bounds": {"tv": {}}}, "", "both fixed and bounds"),
        ({"budget": 1, "fixed": ["radio"]}, "fixed", "unknown channel"),
        ({"budget": 1, "risk": 0.7}, "risk", "lower quantile"),
        ({"budget": 1, "risk": "bold"}, "risk", "{cvar: 0.1}, {mean_sd: 1} and {regret: max}"),
        ({"budget": 1, "risk": {}}, "risk", "names nothing; name one of quantile, cvar, mean_sd, regret"),
        ({"budget": 1, "risk": {"cvar": 0.1, "mean_sd": 1}}, "risk", "names cvar, mean_sd; name one of"),
        ({"budget": 1, "risk": {"var": 0.1}}, "risk", "names var; name one of"),
        (
            {"budget": 1, "risk": {"cvar": 0.6}},
            "risk",
            "cvar is 0.6; expected a number above 0 and at most 0.5",
        ),
        ({"budget": 1, "risk": {"quantile": 0}}, "risk", "quantile is 0; expected"),
        ({"budget": 1, "risk": {"mean_sd": float("nan")}}, "risk", "mean_sd is nan"),
        ({"budget": 1, "risk": {"mean_sd": -1}}, "risk", "at most 10"),
        ({"budget": 1, "risk": {"regret": 0.1}}, "risk", "it can only be 'max'"),
        ({"objective": "profit", "risk": {"regret": "min"}}, "risk", "regret is 'min'"),
        ({"objective": "target_roi", "target": 2, "risk": {"regret": "max"}}, "", "finds its own total"),
        ({"budget": 1, "frontier": 1}, "frontier", "greater than or equal to 2"),
        ({"budget": 1, "frontier": 12}, "frontier", "less than or equal to 11"),
        ({"budget": 1, "frontier": True}, "frontier", "expected a number"),
        ({"objective": "kpi_target", "target": 2, "frontier": 3}, "", "frontier is set but"),
        ({"budget": "current", "mode": "increment"}, "", "mode increment needs what is added"),
        ({"objective": "profit", "mode": "increment"}, "", "mode increment needs what is added"),
        ({"budget": 1, "mode": "more"}, "mode", "'whole' or 'increment'"),
        (
            {"objective": "kpi_target", "target": 2, "budget": 9, "mode": "increment"},
            "",
            "finds its own total",
        ),
        ({"budget": 1, "chance": 0.8}, "", "chance is set but objective kpi has no KPI to reach"),
        ({"objective": "kpi_target", "target": 2, "chance": 0.4}, "chance", "greater than or equal to 0.5"),
        ({"objective": "kpi_target", "target": 2, "chance": 1}, "chance", "less than 1"),
        (
            {"objective": "kpi_target", "target": 2, "chance": 0.8, "risk": 0.1},
            "",
            "chance and risk are both set",
        ),
        ({"budget": 1, "flighting": [1, 2]}, "flighting", "has 2 weights"),
        ({"budget": 1, "horizon": 2, "flighting": [1, -2]}, "flighting", "weights must be"),
        ({"budget": 1, "horizon": 2, "flighting": [0, 0]}, "flighting", "weights must be"),
        ({"budget": 1, "unit_costs": {"tv": 0}}, "unit_costs.tv", "greater than 0"),
        ({"budget": 1, "target": 2}, "", "has none"),
        ({"objective": "target_roi"}, "", "target is missing"),
        ({"objective": "kpi"}, "", "budget is missing"),
        ({"budget": 1, "region_bounds": {}}, "", "by_region is false"),
        ({"budget": 1, "by_region": True, "region_bounds": {"min": 1}}, "region_bounds", "only"),
        ({1: 2}, "[1]", "strings"),
        ({"budget": 1, "fixed": [["tv"]]}, "fixed", "expected a channel"),
        ({"budget": 1, "flighting": {"radio": [1] * 13}}, "flighting", "unknown channel"),
        (None, "", "a mapping of fields"),
        ([1], "", "a mapping of fields"),
    ],
)
def test_bad_input_is_named(data: object, where: str, said: str) -> None:
    found = problems(data)
    assert said in found[where]


def test_explicit_nulls_are_defaults() -> None:
    request = parse_request({"objective": "profit", "budget": None, "target": None, "default_bounds": None})
    assert request == parse_request({"objective": "profit"})


@pytest.mark.parametrize("text", ["a: [", "\x00", "&a [*a]", "budget: !!python/object:os.system 1"])
def test_unreadable_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "request.yaml"
    path.write_text(text)
    with pytest.raises(RequestError):
        read_request(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere\.yaml"):
        read_request(tmp_path / "nowhere.yaml")


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("tv"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tv", "min", "max", "channels", "min_change"]) | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(BudgetRequest.model_fields)), junk, max_size=5))
def test_any_json_is_read_or_refused(data: dict[str, object]) -> None:
    with contextlib.suppress(RequestError):
        parse_request({"budget": 1} | data, channels=CHANNELS, history_periods=100)
