"""Writers killed at each step that the filesystem sees: the next one finishes, tidily."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.lock import lock_of, locked
from jobs.record.store import put, read_row
from mmm.errors import OutputError
from mmm.output import prepare_output, write_text
from mmm.pipeline import fit_market
from mmm.storage import write_whole
from mmm.train.checkpoint import FileCheckpoint
from tests.jobs.rows import row

STEPS = ("open", "os.", "shutil.", "fcntl.", "ctypes.")


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Do some work in a process that is killed just before one of its steps; whether it came so far."""
    if (pid := os.fork()) == 0:
        left = [step]

        def count(event: str, _: tuple[Any, ...]) -> None:
            if event.startswith(STEPS):
                left[0] -= 1
                if left[0] == -1:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def each_step(folder: Path, work: Callable[[Path], None], check: Callable[[Path], None]) -> int:
    """Kill a writer at each of its steps, do its work again, and look at what is there; returns the steps."""
    for step in range(1000):
        home = folder / str(step)
        home.mkdir()
        if not killed_at(step, lambda home=home: work(home)):  # type: ignore[misc]
            return step
        work(home)
        check(home)
    raise AssertionError("it has no end")


def model(folder: Path, text: str) -> None:
    (folder / "model").mkdir()
    (folder / "model" / "provenance.json").write_text(text)


def test_a_file(tmp_path: Path) -> None:
    def work(home: Path) -> None:
        write_text(home / "plan.json", "whole", force=True)
        write_whole(str(home / "row.json"), b"whole")

    def check(home: Path) -> None:
        assert {path.name: path.read_text() for path in home.iterdir()} == dict.fromkeys(
            ("plan.json", "row.json"), "whole"
        )

    assert each_step(tmp_path, work, check) > 10


def test_a_model_that_is_replaced_is_the_old_or_the_new_one_at_every_moment(tmp_path: Path) -> None:
    def replace(home: Path, text: str) -> None:
        with prepare_output(home / "out", force=True) as scratch:
            model(scratch, text)

    for step in range(1000):
        home = tmp_path / str(step)
        replace(home, "old")
        if not killed_at(step, lambda home=home: replace(home, "new")):  # type: ignore[misc]
            break
        assert (home / "out" / "model" / "provenance.json").read_text() in ("old", "new")
        replace(home, "newer")
        assert [path.name for path in home.iterdir()] == ["out"]
    assert step > 10


def test_a_fit_with_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any, checkpoint: FileCheckpoint, **__: Any) -> SimpleNamespace:
        checkpoint.open({"spec": "one"})
        checkpoint.save("train", {"epoch": 1})
        return SimpleNamespace()

    monkeypatch.setattr("mmm.pipeline.read_market", lambda _: None)
    monkeypatch.setattr("mmm.pipeline.fit_panel", fit)
    monkeypatch.setattr("mmm.pipeline.write_result", lambda _, scratch, report: model(scratch, "whole"))

    def work(home: Path) -> None:
        with suppress(OutputError):
            # It was finished already.
            fit_market(SimpleNamespace(), home / "out", resume=True)  # type: ignore[arg-type]

    def check(home: Path) -> None:
        assert [path.name for path in home.iterdir()] == ["out"]
        assert (home / "out" / "model" / "provenance.json").read_text() == "whole"

    assert each_step(tmp_path, work, check) > 20


def test_a_fit_of_a_portfolio_behind_its_lock(tmp_path: Path) -> None:
    def work(home: Path) -> None:
        with locked(lock_of(str(home)), "python -m jobs.refit"):
            put(str(home / "models" / "key"), row(), lambda scratch: model(scratch, "whole"))
            write_whole(str(home / "portfolio.parquet"), b"whole")

    def check(home: Path) -> None:
        assert sorted(path.name for path in home.iterdir()) == ["models", "portfolio.parquet"]
        assert [path.name for path in (home / "models").iterdir()] == ["key"]
        assert read_row(str(home / "models" / "key")) == row()

    assert each_step(tmp_path, work, check) > 20
