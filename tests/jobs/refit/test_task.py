from __future__ import annotations

import errno
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from jobs.record.rows import Row
from jobs.record.store import read_row
from jobs.refit.select import select_markets
from jobs.refit.task import FitTimeoutError, Work, refit_markets, time_limit
from tests.jobs.portfolios import QUICK, panel_of


@pytest.fixture
def work(portfolio: Path, tmp_path: Path) -> Work:
    """The first market of the portfolio."""
    return select_markets(str(portfolio), str(tmp_path / "out"), overrides=QUICK).work[0]


@pytest.fixture
def works(portfolio: Path, tmp_path: Path) -> tuple[Work, ...]:
    """The four markets of the portfolio."""
    return select_markets(str(portfolio), str(tmp_path / "out"), overrides=QUICK).work


def refit_market(work: Work) -> Row:
    """One market alone."""
    (row,) = refit_markets((work,)).rows
    return row


def test_a_market_is_fitted_once(work: Work) -> None:
    first, second = refit_market(work), refit_market(work)

    assert (first.status, second.status) == ("done", "unchanged")
    assert second.scores == first.scores
    assert second.shares == first.shares
    assert (Path(first.directory) / "model").is_dir()
    assert set(first.shares) == set(work.spec.columns.channels)


def test_new_data_or_settings_are_fitted_again(work: Work, portfolio: Path) -> None:
    first = refit_market(work)
    seeded = work.spec.model_copy(update={"train": work.spec.train.model_copy(update={"seed": 9})})
    path = panel_of(portfolio, work.spec.brand, work.spec.market)

    other_settings = refit_market(replace(work, spec=seeded))
    frame = pd.read_parquet(path)
    frame.loc[frame.index[-1], "kpi"] *= 1.01
    frame.to_parquet(path, index=False)
    other_data = refit_market(work)

    assert [other_settings.status, other_data.status] == ["done", "done"]
    assert len({first.key, other_settings.key, other_data.key}) == 3
    assert Path(first.directory).is_dir(), "models of earlier data stay"


def test_bad_data_come_back_with_every_problem(work: Work, portfolio: Path) -> None:
    path = panel_of(portfolio, work.spec.brand, work.spec.market)
    frame = pd.read_parquet(path)
    spend = next(iter(work.spec.columns.channels.values())).spend
    frame.loc[3, spend] = -1.0
    pd.concat([frame, frame.tail(1)]).to_parquet(path, index=False)

    row = refit_market(work)

    assert row.status == "failed"
    assert "2 problems" in row.reason
    assert str(spend) in row.reason and "before" in row.reason


def test_a_missing_partition_is_named(work: Work, portfolio: Path) -> None:
    panel_of(portfolio, work.spec.brand, work.spec.market).unlink()

    row = refit_market(work)

    assert row.status == "failed"
    assert f"brand={work.spec.brand}/market={work.spec.market}" in row.reason


def test_a_fit_that_takes_too_long_is_stopped(work: Work) -> None:
    endless = work.spec.train.model_copy(update={"epochs": 100_000})
    slow = replace(work, spec=work.spec.model_copy(update={"train": endless}), timeout=1.0)

    row = refit_market(slow)

    assert row.status == "failed"
    assert "longer than 1 s" in row.reason
    assert list(Path(work.out).rglob("*.parquet")) == []


def test_markets_at_once_come_back_as_one_by_one(works: tuple[Work, ...], tmp_path: Path) -> None:
    at_once = refit_markets(works)
    apart = [refit_market(replace(work, out=str(tmp_path / "apart"))) for work in works]

    assert at_once.left == ()
    for row, one in zip(at_once.rows, apart, strict=True):
        assert (row.name, row.status, row.key, row.until) == (one.name, "done", one.key, one.until)
        assert row.shares == pytest.approx(one.shares, abs=1e-5)
        assert row.scores.keys() == one.scores.keys()
        for name, score in one.scores.items():
            assert row.scores[name] == (score if score is None else pytest.approx(score, rel=1e-3, abs=1e-3))
        assert read_row(row.directory) is not None


def test_a_bad_market_leaves_its_company_alone(works: tuple[Work, ...], portfolio: Path) -> None:
    panel_of(portfolio, works[1].spec.brand, works[1].spec.market).write_bytes(b"no parquet")
    refit_market(works[0])

    rows = {row.name: row.status for row in refit_markets(works).rows}

    assert list(rows.values()).count("done") == 2
    assert rows[works[0].name] == "unchanged"
    assert rows[works[1].name] == "failed"


def test_large_markets_are_left_for_tasks_of_their_own(
    works: tuple[Work, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.refit.task.LARGE", 1)

    answer = refit_markets(works)

    assert (answer.rows, answer.left) == ((), works)
    assert refit_market(works[0]).status == "done"


def test_markets_at_once_whose_time_is_up_are_left(works: tuple[Work, ...]) -> None:
    answer = refit_markets([replace(work, timeout=0.05) for work in works])

    assert [work.name for work in answer.left] == [work.name for work in works]


def test_a_disk_that_is_full_fails_the_market_and_leaves_nothing(
    works: tuple[Work, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mmm.pipeline.save_fitted", full)

    rows = refit_markets(works).rows

    assert {row.status for row in rows} == {"failed"}
    assert "is full. Free some space" in rows[0].reason
    assert [path for path in Path(works[0].out).rglob("*") if path.is_file()] == []


def test_settings_may_be_searched_first(works: tuple[Work, ...]) -> None:
    plain, tuned = refit_market(works[0]), refit_market(replace(works[0], trials=2))

    assert tuned.status == "done"
    assert tuned.key != plain.key, "a searched model is not taken for one with the spec's own settings"
    assert any(finding.startswith("info settings_tuned") for finding in tuned.findings)
    assert refit_market(replace(works[0], trials=2)).status == "unchanged"


def test_a_feed_that_tells_the_past_otherwise_is_a_finding(work: Work, portfolio: Path) -> None:
    first = refit_market(work)
    path = panel_of(portfolio, work.spec.brand, work.spec.market)
    frame = pd.read_parquet(path)
    channel, columns = next(iter(work.spec.columns.channels.items()))
    frame[columns.spend] /= 1000.0
    frame.to_parquet(path, index=False)

    second = refit_market(replace(work, previous=first.directory))
    third = refit_market(replace(work, previous=str(portfolio)))

    codes = [finding.split(" ")[:3] for finding in second.findings if "restated" in finding]
    assert codes == [["warning", "history_restated", f"{channel}:"]]
    assert not [finding for finding in first.findings if "restated" in finding]
    assert third.status == "unchanged"


def watchdogs() -> int:
    """Threads that would end this process."""
    return sum(
        isinstance(thread, threading.Timer) and not thread.finished.is_set()
        for thread in threading.enumerate()
    )


@pytest.mark.parametrize("seconds", [1e-6, 1e-4, 1e-3])
def test_no_watchdog_outlives_a_limit_however_short(seconds: float) -> None:
    for _ in range(20):
        with pytest.raises(FitTimeoutError), time_limit(seconds, "x"):
            time.sleep(5)

    assert watchdogs() == 0


def test_an_alarm_is_no_error_of_a_file() -> None:
    with pytest.raises(FitTimeoutError), time_limit(0.05, "x"), suppress(OSError):
        time.sleep(5)


def test_an_alarm_that_was_swallowed_goes_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.refit.task.AGAIN", 0.05)

    def work() -> None:
        with suppress(FitTimeoutError):
            time.sleep(5)
        time.sleep(5)

    with pytest.raises(FitTimeoutError), time_limit(0.05, "x"):
        work()


def test_the_limit_ends_with_the_block() -> None:
    with pytest.raises(FitTimeoutError, match=r"longer than 0\.05 s"), time_limit(0.05, "x"):
        time.sleep(5)
    with time_limit(0.05, "x"):
        pass
    time.sleep(0.1)
