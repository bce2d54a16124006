"""Whatever is asked, a plan keeps every limit of the request, and only the impossible is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mmm.data.panel import Floats
from mmm.planning.plan import Plan
from mmm.planning.response import StatusQuo
from tests.planning.hills import Hills, plan_of, random_context, random_hills

Rows = list[tuple[Floats, float, float]]


@st.composite
def questions(draw: st.DrawFn) -> tuple[Hills, StatusQuo, dict[str, Any]]:
    """A random market with a random request: bounds, fixed channels, groups, shares and ratios."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels = draw(st.integers(2, 7))
    regions = draw(st.sampled_from([0, 0, 0, 2, 5]))
    scale = draw(st.sampled_from([1.0, 1e3, 1e5, 1e9]))
    hills = random_hills(rng, channels * max(regions, 1), members=3, scale=scale)
    context = random_context(rng, channels, regions=regions, members=3, scale=scale)
    current = float(context.current_X.sum())
    request: dict[str, Any] = {"budget": "current", "by_region": regions > 0}
    if draw(st.booleans()):
        request["budget"] = float(np.round(current * rng.uniform(0.3, 2.0), int(rng.integers(0, 4))) + 0.01)
    if draw(st.booleans()):
        request["default_bounds"] = {"min_change": -rng.uniform(0, 1), "max_change": rng.uniform(0, 2)}
    names = list(context.channels)
    if draw(st.booleans()):
        whole = float(context.current_X[context.channel_X == 0].sum())
        low, high = np.sort(whole * rng.uniform(0.0, 2.0, 2)).tolist()
        request["bounds"] = {names[0]: {"min": low, "max": high}}
    if draw(st.booleans()):
        request["fixed"] = [names[-1]]
    if draw(st.booleans()):
        share = rng.uniform(0.1, 0.7)
        request["groups"] = [
            {"channels": names[:2], "max_share": share},
            {"channels": names[-2:], "max": rng.uniform(0.3, 1.5) * current},
            {"channels": names[:1], "relative_to": names[1:2], "min_ratio": rng.uniform(0.0, 1.0)},
        ][: int(rng.integers(1, 4))]
    request["objective"] = draw(st.sampled_from(["kpi", "kpi", "kpi", "profit"]))
    request["risk"] = draw(st.sampled_from(["mean", "mean", 0.2]))
    return hills, context, request


def stated(request: dict[str, Any], context: StatusQuo) -> tuple[Floats, Floats, Rows]:
    """The request's limits in words turned into numbers once more, apart from the planner's own code."""
    current_X, channel_X = context.current_X, context.channel_X
    lower_X, upper_X = np.zeros_like(current_X), np.full_like(current_X, np.inf)
    rows: Rows = []
    for c, name in enumerate(context.channels):
        mine = channel_X == c
        default = request.get("default_bounds", {})
        if name in request.get("fixed", []):
            lower_X[mine] = upper_X[mine] = current_X[mine]
        elif name in request.get("bounds", {}):
            own = request["bounds"][name]
            rows.append((mine.astype(float), own["min"], own["max"]))
        elif default:
            lower_X[mine] = current_X[mine] * (1 + default["min_change"])
            upper_X[mine] = current_X[mine] * (1 + default["max_change"])
    for group in request.get("groups", []):
        inside = np.isin(channel_X, [context.channels.index(name) for name in group["channels"]]).astype(
            float
        )
        if "max_share" in group:
            rows.append((inside - group["max_share"], -np.inf, 0.0))
        if "max" in group:
            rows.append((inside, -np.inf, group["max"]))
        if "min_ratio" in group:
            other = np.isin(channel_X, [context.channels.index(n) for n in group["relative_to"]])
            rows.append((inside - group["min_ratio"] * other, 0.0, np.inf))
    total = float(current_X.sum()) if request["budget"] == "current" else request["budget"]
    rows.append((np.ones_like(current_X), total if request["objective"] == "kpi" else 0.0, total))
    return lower_X, upper_X, rows


def possible(lower_X: Floats, upper_X: Floats, rows: Rows, size: float) -> bool:
    """Some plan keeps the limits with a little to spare."""
    matrix = np.array([row for row, _, _ in rows] + [-row for row, _, _ in rows])
    ends = np.array([high for _, _, high in rows] + [-low for _, low, _ in rows]) / size
    finite = np.isfinite(ends)
    box = np.column_stack([lower_X, upper_X]) / size
    result = linprog(np.zeros(len(box)), matrix[finite], ends[finite] - 1e-7, bounds=box)
    equal = linprog(np.zeros(len(box)), matrix[finite], ends[finite], bounds=box)
    return bool(result.status == 0 or equal.status == 0)


def amounts(plan: Plan) -> Floats:
    if plan.regions is not None:
        return np.array([row.spend for row in plan.regions])
    return np.array(list(plan.spend.values()))


@settings(max_examples=100)
@given(questions())
def test_plans_keep_every_limit(question: tuple[Hills, StatusQuo, dict[str, Any]]) -> None:
    hills, context, request = question
    plan = plan_of(hills, request, context)
    lower_X, upper_X, rows = stated(request, context)
    size = rows[-1][2]
    if not plan.feasible:
        assert plan.clashes
        assert not possible(lower_X, upper_X, rows, size)
        return
    amount_X = amounts(plan)
    slack = 1e-6 * size
    assert np.all(amount_X >= lower_X - slack)
    assert np.all(amount_X <= upper_X + slack)
    for row, low, high in rows:
        assert low - slack <= float(row @ amount_X) <= high + slack
    if request["objective"] == "kpi":
        assert abs(float(amount_X.sum()) - size) <= max(1e-9 * size, 1e-8)
    if plan.gain is not None and request["risk"] == "mean" and request["objective"] == "kpi":
        status_quo_allowed = all(
            low - 1e-9 * size <= float(row @ context.current_X) <= high + 1e-9 * size
            for row, low, high in rows
        )
        inside = np.all(context.current_X >= lower_X) and np.all(context.current_X <= upper_X)
        if status_quo_allowed and inside:
            assert plan.gain.mean >= -1e-9 * abs(plan.current_kpi.mean)
