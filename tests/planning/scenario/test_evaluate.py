"""Scenarios: predictions by hand, forms of a plan, files, and everything wrong with them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.request import parse_scenario, read_scenario
from mmm.planning.scenario.result import Scenario, ScenarioPlan
from tests.small import chain_graph, sketch, small_panel

HORIZON = 4


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch()


def spent(fitted: Fitted) -> dict[str, float]:
    """The last periods' amounts."""
    totals = fitted.panel.spend_GTC[:, -HORIZON:].sum((0, 1))
    return dict(zip(fitted.panel.channels, totals.tolist(), strict=True))


def rows(fitted: Fitted, *, by_region: bool = True) -> pd.DataFrame:
    """The last periods' amounts as a plan for the next ones."""
    panel = fitted.panel
    dates = panel.dates[-1] + 7 * np.arange(1, HORIZON + 1)
    index = pd.MultiIndex.from_product(
        [panel.regions, dates.astype("datetime64[s]"), panel.channels], names=["region", "date", "channel"]
    )
    table = pd.DataFrame({"spend": panel.spend_GTC[:, -HORIZON:].ravel()}, index=index).reset_index()
    if by_region:
        return table
    return table.groupby(["date", "channel"], as_index=False).agg(spend=("spend", "sum"))


def ask(fitted: Fitted, plan: dict[str, Any], **fields: Any) -> ScenarioPlan:
    return evaluate_scenario(fitted, {"horizon": HORIZON, **fields, "plans": {"p": plan}}).plans[0]


def problems(fitted: Fitted, request: object, **settings: Any) -> str:
    with pytest.raises(RequestError) as caught:
        evaluate_scenario(fitted, request, **settings)  # type: ignore[arg-type]
    return str(caught.value)


# --- what is predicted ---------------------------------------------------------------------------


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


# --- files and forms -----------------------------------------------------------------------------


@pytest.mark.parametrize("by_region", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_plans_from_files(fitted: Fitted, tmp_path: Path, suffix: str, by_region: bool) -> None:
    path = tmp_path / f"autumn.{suffix}"
    table = rows(fitted, by_region=by_region)
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    answer = evaluate_scenario(fitted, read_scenario(str(path), channels=fitted.panel.channels))

    assert answer.horizon == HORIZON
    assert answer.plans[0].name == "autumn"
    assert answer.plans[0].spend == pytest.approx(spent(fitted))


def test_a_request_may_name_files_beside_it(fitted: Fitted, tmp_path: Path) -> None:
    rows(fitted).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "plan.yaml").write_text("plans:\n  a: {file: a.csv}\n  b: {spend: {tv: 1e3}, others: none}\n")
    request = read_scenario(str(tmp_path / "plan.yaml"), channels=fitted.panel.channels)
    answer = evaluate_scenario(fitted, request, base=str(tmp_path))

    assert [plan.name for plan in answer.plans] == ["a", "b"]
    assert answer.horizon == HORIZON


def test_a_request_from_afar_reads_no_files(fitted: Fitted) -> None:
    assert "files are not read here" in problems(fitted, {"file": "/etc/passwd"})


def test_the_horizon_is_what_the_plans_cover(fitted: Fitted) -> None:
    def horizon(**plan: Any) -> int:
        return evaluate_scenario(fitted, {**plan, "others": "current"}).horizon

    assert horizon(spend={"tv": 1.0}) == 13
    assert horizon(spend={"tv": [1.0] * 7}) == 7


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"spend": {"tvv": 1.0}, "others": "none"}, "unknown channel 'tvv'. Did you mean 'tv'?"),
        ({"spend": {"tv": 1.0}}, "names no amount for search, radio"),
        ({"spend": {"tv": -1.0}, "others": "none"}, "is -1.0; expected an amount"),
        ({"spend": {"tv": float("nan")}, "others": "none"}, "is nan; expected an amount"),
        ({"spend": {"tv": [1.0, 2.0]}, "others": "none"}, "has 2 values; expected one for each of the 4"),
        ({"spend": {"tv": {"r9": 1.0}}, "others": "none"}, "unknown region 'r9'"),
        ({"spend": {"tv": {"r0": 1.0}}, "others": "none"}, "names no amount for 2 of 3 regions: r1, r2"),
        ({"spend": {"tv": {}}, "others": "none"}, "names no region"),
        ({"spend": {"tv": True}, "others": "none"}, "is True; expected an amount"),
        ({}, "gives no amounts"),
        ({"spend": {}, "rows": []}, "gives spend and rows"),
        ({"spend": {}, "others": "none", "flighting": [1.0]}, "has 1 values"),
        ({"spend": {}, "others": "none", "flghting": "even"}, "did you mean 'flighting'"),
        ({"spend": {}, "others": "all"}, "others"),
    ],
)
def test_bad_plans_are_explained(fitted: Fitted, plan: dict[str, Any], said: str) -> None:
    assert said in problems(fitted, {"horizon": HORIZON, "plans": {"p": plan}})


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"plans": {}}, "plans"),
        ([], "a scenario is a mapping"),
        ({"horizon": 0, "spend": {}, "others": "none"}, "horizon"),
        ({"horizon": 49, "spend": {}, "others": "none"}, "must not exceed the 48 periods of history"),
        ({"spend": {}, "others": "none", "level": 1.0}, "level"),
        ({"plan": {"spend": {}}}, "did you mean 'plans'"),
    ],
)
def test_bad_requests_are_explained(fitted: Fitted, request_: object, said: str) -> None:
    assert said in problems(fitted, request_)


def test_every_problem_of_every_plan_is_told(fitted: Fitted) -> None:
    text = problems(
        fitted, {"horizon": 2, "plans": {"a": {"spend": {"tv": [1.0]}}, "b": {"spend": {"search": [1.0]}}}}
    )
    assert "4 problems" in text
    for place in ("plans.a:", "plans.a.spend.tv:", "plans.b:", "plans.b.spend.search:"):
        assert place in text


def without(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    gone = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        gone &= (table[column] == value).to_numpy()
    return table[~gone]


def spoiled(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    first, last = table["date"].min(), table["date"].max()
    changed = table.assign(date=table["date"].astype(str), spend=table["spend"].astype(object))
    gone: dict[str, dict[str, object]] = {
        "week": {"date": first},
        "channel": {"channel": "radio"},
        "region": {"channel": "tv", "region": "r1"},
        "cell": {"channel": "tv", "region": "r1", "date": last},
    }
    if kind in gone:
        return without(table, **gone[kind])
    if kind == "twice":
        return pd.concat([table, table.tail(1)])
    if kind == "past":
        return table.assign(date=table["date"] - pd.Timedelta(weeks=4))
    changes: dict[str, tuple[str, object]] = {
        "negative": ("spend", -5.0),
        "empty": ("spend", None),
        "text": ("spend", "1,000"),
        "date": ("date", "soon"),
        "name": ("channel", "tvv"),
        "place": ("region", "r7"),
    }
    if kind in changes:
        column, value = changes[kind]
        changed[column] = [value, *changed[column].iloc[1:]]
        return changed
    return table.rename(columns={"spend": "spent"} if kind == "column" else {"region": "regoin"})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("week", "'tv' in 'r0' misses 1 of 4 periods: 2023-12-04"),
        ("channel", "names no amount for radio"),
        ("region", "'tv' has no row in 1 of 3 regions: r1"),
        ("cell", "'tv' in 'r1' misses 1 of 4 periods: 2023-12-25"),
        ("twice", "'radio' in 'r2' repeats 1 of 4 periods: 2023-12-25"),
        ("past", "none of the 4 periods of the plan, which start on 2023-12-04, after the data"),
        ("negative", "row 1 (-5): an amount is a number from 0"),
        ("empty", "row 1 (nan): an amount is a number from 0"),
        ("text", "thousands separator"),
        ("date", "row 1 ('soon')"),
        ("name", "unknown channel 'tvv'. Did you mean 'tv'?"),
        ("place", "unknown region 'r7'"),
        ("column", "unknown column 'spent'. Did you mean 'spend'?"),
        ("columns", "unknown column 'regoin'. Did you mean 'region'?"),
    ],
)
def test_bad_plan_files_are_explained(fitted: Fitted, tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / "plan.csv"
    spoiled(rows(fitted), kind).to_csv(path, index=False)
    request = {"horizon": HORIZON, "file": str(path)}

    assert said in problems(fitted, request, files=True)


@pytest.mark.parametrize("name", ["nope.csv", "nope.yaml", "plan.docx"])
def test_files_that_are_no_plans_are_explained(fitted: Fitted, tmp_path: Path, name: str) -> None:
    (tmp_path / "plan.docx").write_bytes(b"PK\x03\x04 no plan")
    with pytest.raises(RequestError, match=r"no such file|neither CSV nor Parquet"):
        evaluate_scenario(fitted, read_scenario(str(tmp_path / name), channels=fitted.panel.channels))


def test_rows_with_and_without_a_region_are_refused(fitted: Fitted) -> None:
    row = {"date": "2023-12-04", "channel": "tv", "spend": 1.0}
    assert "in all of them or in none" in problems(fitted, {"rows": [row, {**row, "region": "r0"}]})


def test_a_parsed_request_is_checked_again(fitted: Fitted) -> None:
    request = parse_scenario({"spend": {"tvv": 1.0}, "others": "none"})
    assert "unknown channel 'tvv'" in problems(fitted, request)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from(["tv", "r0", "none", "2023-12-04"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tv", "search", "radio", "r0", "r1", "r2", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(
    request_=st.fixed_dictionaries(
        {},
        optional={
            "horizon": ANYTHING | st.integers(1, 60),
            "spend": ANYTHING,
            "rows": ANYTHING,
            "others": st.sampled_from(["current", "none"]) | ANYTHING,
            "flighting": ANYTHING,
            "level": ANYTHING,
            "effects": ANYTHING,
        },
    )
)
def test_any_json_is_answered_or_refused(fitted: Fitted, request_: dict[str, Any]) -> None:
    with contextlib.suppress(RequestError):
        assert json.dumps(evaluate_scenario(fitted, request_).model_dump(), allow_nan=False)
