from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.record.rows import Row
from jobs.refit.schedule import RefitProgress, batches, run_all
from jobs.refit.select import select_markets
from jobs.refit.task import TaskResult, Work
from mmm.config import MarketSpec


def test_progress_says_how_long_it_will_take() -> None:
    progress = RefitProgress(total=10, done=3, unchanged=1, failed=1, running=2, started=100.0)

    assert progress.line(now=110.0) == "3 done, 1 unchanged, 1 failed, 2 running, 3 left; 0.50/s, 10 s to go"


def test_progress_before_anything_finished_promises_nothing() -> None:
    assert RefitProgress(total=2, running=2, started=0.0).line(now=1.0).endswith("2 running, 0 left")


# --- with Ray ------------------------------------------------------------------------------------


def marked(work: Work) -> Path:
    """A file for each begin of a market."""
    folder = Path(work.out) / f"{work.spec.brand}-{work.spec.market}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(len(list(folder.iterdir())))).touch()
    return folder


def done(works: Sequence[Work]) -> TaskResult:
    """Every market went well."""
    return TaskResult(tuple(Row(work.spec.brand, work.spec.market, "done") for work in works))


def named(works: Sequence[Work]) -> list[Work]:
    """acme / us, if it is among them."""
    return [work for work in works if work.name == "acme / us"]


def dies_once(works: Sequence[Work]) -> TaskResult:
    """The worker of acme / us dies the first time."""
    for work in named(works):
        if len(list(marked(work).iterdir())) == 1:
            os._exit(9)
    return done(works)


def always_dies(works: Sequence[Work]) -> TaskResult:
    """The worker of acme / us dies every time."""
    for work in named(works):
        marked(work)
        os._exit(9)
    return done(works)


def surprises(works: Sequence[Work]) -> TaskResult:
    """One market meets an error nobody thought of."""
    if named(works):
        raise KeyError("surprise")
    return done(works)


def leaves(works: Sequence[Work]) -> TaskResult:
    """Markets that would rather be alone."""
    return done(works) if len(works) == 1 else TaskResult((), tuple(works))


SEARCHED = (50, 100, 150)


def spec_of(number: int) -> MarketSpec:
    """A market that is nothing but its name."""
    columns = {"date": "date", "kpi": "kpi", "channels": {"tv": {"spend": "tv"}}}
    return MarketSpec.model_validate(
        {"brand": "acme", "market": str(number), "data": {"path": "x"}, "columns": columns, "currency": "USD"}
    )


def test_many_markets_share_tasks_and_few_do_not(tmp_path: Path) -> None:
    works = [Work(spec_of(number), str(tmp_path), trials=int(number in SEARCHED)) for number in range(200)]

    assert {len(batch) for batch in batches(works[1:9], cpus=2)} == {1}
    assert {len(batch) for batch in batches(works[1:41], cpus=2)} == {5}
    assert max(len(batch) for batch in batches(works, cpus=2)) == 16
    assert {len(batch) for batch in batches(works[1:9], cpus=2, together=3)} == {2, 3}
    searched = [batch for batch in batches(works, cpus=2) if batch[0].trials]
    assert [len(batch) for batch in searched] == [1, 1, 1]
    assert sorted(work.name for batch in batches(works, cpus=2) for work in batch) == sorted(
        work.name for work in works
    )


@pytest.fixture
def works(portfolio: Path, tmp_path: Path, own_ray: None) -> list[Work]:
    """The four markets of the portfolio."""
    return [
        replace(work, timeout=240.0) for work in select_markets(str(portfolio), str(tmp_path / "marks")).work
    ]


@pytest.mark.ray
@pytest.mark.parametrize("together", [1, 4])
def test_a_worker_that_dies_is_tried_again(works: list[Work], together: int) -> None:
    progress = RefitProgress(total=4)
    rows = {row.name: row for row in run_all(works, progress, task=dies_once, poll=0.1, together=together)}

    assert {name: row.status for name, row in rows.items()} == dict.fromkeys(rows, "done")
    assert len(rows) == 4
    assert (rows["acme / us"].tries, rows["acme / de"].tries) == (2, 2 if together == 4 else 1)
    assert (progress.done, progress.running, progress.finished) == (4, 0, 4)


@pytest.mark.ray
@pytest.mark.parametrize("together", [1, 4])
def test_a_market_that_always_kills_its_worker_is_given_up_and_named(
    works: list[Work], together: int
) -> None:
    found = run_all(works, RefitProgress(total=4), tries=2, task=always_dies, poll=0.1, together=together)
    rows = {row.name: row for row in found}

    assert rows["acme / us"].reason.startswith("Given up after 2 tries: the worker died each time")
    assert len(list((Path(works[0].out) / "acme-us").iterdir())) == 2
    assert sum(row.status == "done" for row in rows.values()) == 3


@pytest.mark.ray
@pytest.mark.parametrize("together", [1, 4])
def test_an_error_nobody_thought_of_fails_one_market(works: list[Work], together: int) -> None:
    found = run_all(works, RefitProgress(total=4), task=surprises, poll=0.1, together=together)
    rows = {row.name: row for row in found}

    assert rows["acme / us"].reason == "unexpected KeyError: 'surprise'"
    assert sum(row.status == "done" for row in rows.values()) == 3


@pytest.mark.ray
def test_markets_that_are_left_are_begun_alone(works: list[Work]) -> None:
    rows = list(run_all(works, RefitProgress(total=4), task=leaves, poll=0.1, together=4))

    assert [(row.status, row.tries) for row in rows] == [("done", 1)] * 4
