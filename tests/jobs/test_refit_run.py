from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.refit_plan import plan
from jobs.refit_run import Tally, duration, run_all
from jobs.refit_task import Work
from jobs.rows import Row


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_says_how_long_it_will_take() -> None:
    tally = Tally(total=10, done=3, unchanged=1, failed=1, running=2, started=100.0)

    assert tally.line(now=110.0) == "3 done, 1 unchanged, 1 failed, 2 running, 3 left; 0.50/s, 10 s to go"


def test_progress_before_anything_finished_promises_nothing() -> None:
    assert Tally(total=2, running=2, started=0.0).line(now=1.0).endswith("2 running, 0 left")


# --- with Ray ------------------------------------------------------------------------------------


def marked(work: Work) -> Path:
    """A file for each begin of a market."""
    folder = Path(work.out) / f"{work.spec.brand}-{work.spec.market}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(len(list(folder.iterdir())))).touch()
    return folder


def dies_once(work: Work) -> Row:
    """The worker of acme / us dies the first time."""
    if work.name == "acme / us" and len(list(marked(work).iterdir())) == 1:
        os._exit(9)
    return Row(work.spec.brand, work.spec.market, "done")


def always_dies(work: Work) -> Row:
    """The worker of acme / us dies every time."""
    if work.name == "acme / us":
        marked(work)
        os._exit(9)
    return Row(work.spec.brand, work.spec.market, "done")


def surprises(work: Work) -> Row:
    """One market meets an error nobody thought of."""
    if work.name == "acme / us":
        raise KeyError("surprise")
    return Row(work.spec.brand, work.spec.market, "done")


@pytest.fixture
def works(portfolio: Path, tmp_path: Path, own_ray: None) -> list[Work]:
    """The four markets of the portfolio."""
    return [replace(work, timeout=60.0) for work in plan(str(portfolio), str(tmp_path / "marks")).work]


@pytest.mark.ray
def test_a_worker_that_dies_is_tried_again(works: list[Work]) -> None:
    tally = Tally(total=4)
    rows = {row.name: row for row in run_all(works, tally, task=dies_once, look=0.1)}

    assert {name: row.status for name, row in rows.items()} == dict.fromkeys(rows, "done")
    assert (rows["acme / us"].tries, rows["acme / de"].tries) == (2, 1)
    assert (tally.done, tally.running, tally.finished) == (4, 0, 4)


@pytest.mark.ray
def test_a_market_that_always_kills_its_worker_is_given_up_and_named(works: list[Work]) -> None:
    rows = {row.name: row for row in run_all(works, Tally(total=4), tries=2, task=always_dies, look=0.1)}

    assert rows["acme / us"].reason.startswith("Given up after 2 tries: the worker died each time")
    assert len(list((Path(works[0].out) / "acme-us").iterdir())) == 2
    assert sum(row.status == "done" for row in rows.values()) == 3


@pytest.mark.ray
def test_an_error_nobody_thought_of_fails_one_market(works: list[Work]) -> None:
    rows = {row.name: row for row in run_all(works, Tally(total=4), task=surprises, look=0.1)}

    assert rows["acme / us"].reason == "unexpected KeyError: 'surprise'"
    assert sum(row.status == "done" for row in rows.values()) == 3
