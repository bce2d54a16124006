"""Money against effect, returns by quarter, time to work, beliefs, parts of a plan, curves on one scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmm.report import Tables
from mmm.report.views import beliefs, curves, memory, money, plan, quarters
from tests.report.views.figures import statement


def test_spend_and_effect_are_shares_of_their_own_sums(tables: Tables) -> None:
    paid, brought = money.spend_and_effect(tables).data[:2]

    assert sum(paid.x) == pytest.approx(100)
    assert sum(brought.x) == pytest.approx(100)


def test_the_cost_of_a_unit_is_spend_over_effect_and_has_no_limit_where_the_effect_may_be_none(
    tables: Tables,
) -> None:
    """12 000 for 400 more visits is 30 each; with 200 to 600 it is 20 to 60, with -100 to 600 it is open."""
    assert tables.effects is not None
    row = tables.effects.iloc[:1].assign(spend=12_000.0, direct=400.0, direct_lower=200.0, direct_upper=600.0)
    known = money.unit_cost(replace(tables, effects=row)).data[0]
    figure = money.unit_cost(replace(tables, effects=row.assign(direct_lower=-100.0)))

    assert known.x[0] == pytest.approx(30)
    assert known.error_x.array[0] == pytest.approx(30)
    assert known.error_x.arrayminus[0] == pytest.approx(10)
    assert figure.data[0].customdata[0] == "20 to no limit"
    assert "1 line cut: those channels may bring next to nothing." in figure.layout.meta["notes"]


def test_returns_by_quarter_begin_with_all_media(tables: Tables) -> None:
    figure = quarters.by_quarter(tables)
    assert tables.returns is not None
    rows = tables.returns[(tables.returns["channel"] == "") & (tables.returns["window"] != "training")]

    np.testing.assert_allclose(figure.data[0].y, rows.sort_values("start")["roi"], rtol=1e-6)
    assert list(figure.data[0].x) == [
        "2023 Q1",
        "2023 Q2",
        "2023 Q3",
        "2023 Q4",
        "2024 Q1",
        "2024 Q2",
        "2024 Q3",
    ]


def test_time_to_half_and_most_of_the_effect(tables: Tables) -> None:
    """0.5, 0.3, 0.15, 0.05: half is there in the first period, 90 % in the third."""
    weights = [0.5, 0.3, 0.15, 0.05]
    kernel = pd.DataFrame(
        {"channel": "tv", "lag": range(4), "weight": weights, "lower": np.nan, "upper": np.nan}
    )
    figure = memory.realisation(replace(tables, adstock=kernel))

    assert statement(figure) == "TV has half of its effect within 1 week and 90 % within 3 weeks"
    assert figure.layout.meta["table"]["rows"] == [["tv", "50\u00a0%", "1 week", "3 weeks"]]


def test_a_prior_that_the_data_left_as_it_was_is_named(tables: Tables) -> None:
    assert statement(beliefs.priors(tables)) == "Of radio the data say little more than what was assumed"


def test_parts_of_a_plan_come_from_the_curves(tables: Tables) -> None:
    """A straight curve at 1.5 times today's spend: a third of what the plan brings there is new."""
    assert tables.curves is not None
    straight = tables.curves.assign(response=100 * tables.curves["multiplier"])
    now = dict.fromkeys(tables.plan["spend"], 10.0)
    rows = [{"channel": name, "kpi": {"mean": 90.0, "lower": 60.0, "upper": 120.0}} for name in now]
    found = tables.plan | {"current_spend": now, "spend": now | {"tv": 15.0}, "channels": rows}
    bars = plan.plan_effects(replace(tables, curves=straight, plan=found)).data[0]
    told = dict(zip(bars.y, bars.x, strict=True))

    unit = {"k": 1e3, "": 1.0}[bars.hovertemplate.partition("<")[0].rpartition("}")[2].strip("\u00a0")]
    assert told["tv"] * unit == pytest.approx(30)
    assert told["search"] == 0


def test_all_curves_share_their_axes(tables: Tables) -> None:
    figure = curves.all_curves(tables)

    assert {trace.xaxis for trace in figure.data} == {None}
    assert len([trace for trace in figure.data if trace.mode == "lines"]) == len(tables.channels)
