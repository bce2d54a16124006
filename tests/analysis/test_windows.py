"""Returns of any stretch of training: each is that of the same days asked for alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from mmm.analysis import tables
from mmm.analysis.tables import returns_between, windows_table
from mmm.fitted import Fitted
from tests.small import sketch, small_panel


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch(small_panel(periods=60), members=5)


@pytest.mark.parametrize(
    ("first", "last"), [("2023-03", "2023-03"), ("2023-02", "2023-07"), ("2023-01", "2023-12")]
)
def test_a_window_is_that_of_its_days(fitted: Fitted, first: str, last: str) -> None:
    rows = windows_table(fitted)
    months = [pd.Period(name, "M") for name in (first, last)]
    mine = rows[(rows["first"] == months[0].start_time) & (rows["last"] == months[1].start_time)]
    end = min(months[1].end_time, pd.Timestamp(fitted.panel.dates[fitted.split.n_train - 1]))
    asked = returns_between(fitted, str(months[0].start_time.date()), str(end.date())).set_index("channel")

    assert list(mine["channel"]) == [*fitted.panel.channels, ""]
    for column in ("spend", "roi", "roi_lower", "roi_upper"):
        assert_allclose(mine[column], asked.loc[mine["channel"], column], rtol=1e-9)


def test_every_pair_of_months_is_there_once(fitted: Fitted) -> None:
    rows = windows_table(fitted)
    months = len(pd.PeriodIndex(fitted.panel.dates[: fitted.split.n_train], freq="M").unique())

    assert len(rows) == months * (months + 1) // 2 * (len(fitted.panel.channels) + 1)
    assert not rows.duplicated(["first", "last", "channel"]).any()
    assert (rows["roi_lower"] <= rows["roi"]).all() and (rows["roi"] <= rows["roi_upper"]).all()


def test_long_training_goes_by_quarters(fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_MONTHS", 6)

    assert set(windows_table(fitted)["first"].dt.month) <= {1, 4, 7, 10}


def test_what_was_never_bought_has_no_return(fitted: Fitted) -> None:
    spend_GTC = fitted.panel.spend_GTC.copy()
    spend_GTC[..., 1] = 0.0
    rows = windows_table(replace(fitted, panel=replace(fitted.panel, spend_GTC=spend_GTC)))

    assert "search" not in set(rows["channel"])
    assert np.isfinite(rows["roi"]).all()
