"""Data handed over in Python: dates and regions of an index are used or refused, rows are paired by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.data.arrays import DATES, KPI, REGIONS, LongFrame, long_frame
from mmm.errors import PanelError

MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")


def given(index: Any = None, **more: Any) -> LongFrame:
    rng = np.random.default_rng(0)
    rows = 60 if index is None else len(index)
    x = pd.DataFrame({"tv": rng.gamma(2, 50, rows), "search": rng.gamma(2, 20, rows)}, index=index)
    y = pd.Series(1000 + 2 * x["tv"].to_numpy(), index=x.index, name="kpi")
    values: dict[str, Any] = {"media": x, "kpi": y, "regions": None, "dates": None, "controls": None}
    return long_frame(**{**values, **{key: value(x, y) for key, value in more.items()}})


@pytest.mark.parametrize(
    "index",
    [
        MONTHS,
        MONTHS.to_period("M"),
        pd.Index(MONTHS.strftime("%Y-%m-%d")),
        pd.Index([day.date() for day in MONTHS], dtype=object),
        pd.Index([int(day.strftime("%Y%m%d")) for day in MONTHS]),
    ],
)
def test_dates_of_an_index_are_used(index: pd.Index) -> None:
    frame = given(index).frame
    kept = pd.PeriodIndex(frame[DATES]).to_timestamp() if isinstance(index, pd.PeriodIndex) else frame[DATES]

    assert pd.to_datetime(pd.Series(kept).astype(str)).tolist() == MONTHS.tolist()


def test_dates_of_the_kpi_count_where_media_have_none() -> None:
    frame = given(None, kpi=lambda x, y: y.set_axis(MONTHS)).frame

    assert frame[DATES].tolist() == MONTHS.tolist()


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(MONTHS.strftime("%d/%m/%Y")),
        pd.Index(MONTHS.strftime("%b-%y")),
        pd.Index([int(day.strftime("%Y%m")) for day in MONTHS]),
        pd.RangeIndex(1, 61, name="week"),
        pd.Index(["north", "south"] * 30),
    ],
)
def test_an_index_that_may_be_dates_or_regions_is_refused(index: pd.Index) -> None:
    with pytest.raises(PanelError, match=r"Pass dates= and regions="):
        given(index)


def test_regions_and_dates_of_two_levels_are_told_apart() -> None:
    index = pd.MultiIndex.from_product([["north", "south"], MONTHS[:30]], names=["geo", "when"])
    for order in (index, index.swaplevel()):
        found = given(order)
        assert found.regional
        assert found.frame[REGIONS].tolist() == ["north"] * 30 + ["south"] * 30
        assert found.frame[DATES].tolist() == [*MONTHS[:30], *MONTHS[:30]]


def test_rows_are_paired_by_index() -> None:
    shuffled = given(MONTHS, kpi=lambda x, y: y.sample(frac=1.0, random_state=1))
    controls = given(MONTHS, controls=lambda x, y: pd.DataFrame({"p": y}).sample(frac=1.0, random_state=2))

    assert shuffled.frame[KPI].tolist() == given(MONTHS).frame[KPI].tolist()
    assert controls.frame["p"].tolist() == controls.frame[KPI].tolist()


def test_rows_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(PanelError, match="row labels") as caught:
        given(pd.RangeIndex(5, 65), kpi=lambda x, y: y.set_axis(pd.RangeIndex(60)))
    assert caught.value.problems[0].where == KPI


def test_arrays_and_row_numbers_are_taken_in_order() -> None:
    filtered = given(pd.Index(np.arange(60) * 2))
    arrays = given(None, media=lambda x, y: x.to_numpy(), kpi=lambda x, y: y.to_numpy())

    assert str(filtered.frame[DATES].iloc[1])[:10] == str(arrays.frame[DATES].iloc[1])[:10] == "2000-01-10"
    assert list(arrays.channels) == ["channel_1", "channel_2"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"media": lambda x, y: pd.concat([x, x[["tv"]]], axis=1)}, "two columns named tv"),
        ({"controls": lambda x, y: pd.DataFrame({"y": y})}, "argument of its own"),
        ({"dates": lambda x, y: MONTHS[:-1]}, "has 59 rows"),
    ],
)
def test_names_and_lengths_are_checked(more: dict[str, Any], says: str) -> None:
    with pytest.raises(PanelError, match=says):
        given(None, **more)
