"""Scenarios: forms of a plan, files, and everything wrong with them."""

from __future__ import annotations

import contextlib
import json
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
from tests.planning.scenario.plans import HORIZON, problems, rows, spent


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
