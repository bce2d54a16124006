from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.record.ledger import Entry, Ledger, Standing
from jobs.record.rows import read_table
from jobs.refit.command import main
from jobs.refit.judge import judge
from mmm.fitted import save_fitted
from tests.jobs.portfolios import QUICK, panel_of
from tests.small import sketch, small_panel

SET = [word for setting in QUICK for word in ("--set", setting)]
WHOLE = small_panel(regions=1, periods=60)
NEVER = frozenset[tuple[str, date]]()


@pytest.fixture
def weekly(tmp_path: Path) -> list[Standing]:
    """Champions of the data until period 41, 42, ... 59 (counted from 1), and a challenger of period 50."""
    found = []
    for periods in range(41, 60):
        folder = tmp_path / str(periods)
        save_fitted(sketch(WHOLE.until(periods)), folder)
        found.append(
            Standing(
                brand="acme",
                market="us",
                version=periods,
                key=str(periods),
                role="challenger" if periods == 50 else "champion",
                directory=str(folder),
                spec_digest="spec",
                until=WHOLE.dates[periods - 1].astype(date),
                made_at=datetime.now(UTC),
            )
        )
    return found


def by_period(entries: list[Entry], period: int) -> dict[str, int]:
    """Key to horizon of what was judged in a period, counted from 1."""
    day = WHOLE.dates[period - 1].astype(date)
    return {entry.key: entry.horizon for entry in entries if entry.period == day}


def test_versions_of_1_4_8_and_13_weeks_ago_are_judged(weekly: list[Standing]) -> None:
    entries = judge(WHOLE, weekly, NEVER, {})

    # The champion of week 50 was that of 49; the challenger of 50 is judged beside it.
    assert by_period(entries, 60) == {"59": 1, "56": 4, "52": 8, "47": 13, "50": 10}
    assert by_period(entries, 51) == {"49": 2, "47": 4, "43": 8, "50": 1}
    for entry in entries:
        actual = WHOLE.kpi_GT[0, np.flatnonzero(WHOLE.dates == np.datetime64(entry.period))[0]]
        assert entry.actual == pytest.approx(actual)
        assert entry.error == pytest.approx(entry.actual - entry.expected)
        assert entry.covered == (entry.lower <= entry.actual <= entry.upper)


def test_what_the_ledger_has_is_not_judged_again(weekly: list[Standing]) -> None:
    entries = judge(WHOLE, weekly, NEVER, {})
    known = frozenset((entry.key, entry.period) for entry in entries[:-3])

    assert judge(WHOLE, weekly, known, {}) == entries[-3:]


def test_a_model_that_is_gone_is_left_out(weekly: list[Standing]) -> None:
    gone = replace(weekly[10], directory="/nowhere")

    assert {entry.key for entry in judge(WHOLE, [weekly[0], gone], NEVER, {})} == {"41"}


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_refit_with_newer_data_judges_the_models_before(portfolio: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = panel_of(portfolio, "acme", "us")
    frame = pd.read_parquet(path)
    arguments = [str(portfolio), "--out", str(out), "--brand", "acme", "--market", "us", *SET]
    for weeks in (4, 1, 0):
        frame.iloc[: len(frame) - weeks].to_parquet(path, index=False)
        assert main(arguments) == 0

    ledger = pd.read_parquet(out / "ledger.parquet")
    row = read_table(str(out))["acme", "us"]

    assert ledger["horizon"].tolist() == [1, 2, 3, 4, 1]
    assert ledger["version"].tolist() == [1, 1, 1, 1, 2]
    actual = frame.set_index("date")["kpi"]
    dates = pd.to_datetime(ledger["period"])
    np.testing.assert_allclose(ledger["actual"], actual.loc[dates].to_numpy())
    assert str(ledger["period"].max()) == row.until
    assert len(Ledger(str(out)).standings("acme", "us")) == 3
