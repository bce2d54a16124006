"""Tasks of a benchmark: failures are rows, others go on; programs are measured and stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from jobs.benchmark.figures import ROWS, BenchmarkError, Figure, FigureLog
from jobs.benchmark.tasks import Task, TaskRunner
from jobs.stress.process import ProgramError, run_measured, started


def task(method: str, value: float | Exception, *, alone: bool = False) -> Task:
    def work() -> list[Figure]:
        if isinstance(value, Exception):
            raise value
        return [Figure(suite="s", method=method, metric="m", value=value)]

    return Task(suite="s", case="c", method=method, work=work, alone=alone, seed=3)


def test_a_failure_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    console = Console(file=(tmp_path / "said.txt").open("w"), width=200)
    runner = TaskRunner(FigureLog(tmp_path, "quick"), console, cores=2, expect=20.0)

    runner.run(
        [
            task("alone", 1.0, alone=True),
            task("ours", BenchmarkError("no index")),
            task("odd", ValueError("odd")),
            task("good", 2.0),
        ]
    )
    console.file.close()

    rows = pd.read_parquet(tmp_path / ROWS).set_index("method")
    assert rows["status"].to_dict() == {
        "alone": "measured", "ours": "failed", "odd": "failed", "good": "measured"
    }  # fmt: skip
    assert rows.loc["ours", "note"] == "no index"
    assert rows.loc["odd", "note"] == "ValueError: odd"
    assert rows.loc["good", "value"] == 2.0
    assert len(runner.failures) == 2
    assert "FAILED, no index" in (tmp_path / "said.txt").read_text()


def test_every_row_says_where_it_comes_from(tmp_path: Path) -> None:
    log = FigureLog(tmp_path, "default")
    log.add([Figure(suite="s", metric="m", value=1.0)])

    row = pd.read_parquet(tmp_path / ROWS).iloc[0]

    assert "cores" in row["machine"]
    assert "torch" in row["versions"]
    assert row["commit"]
    assert row["sizes"] == "default"


def test_a_program_is_measured(tmp_path: Path) -> None:
    code = "import time; x = bytearray(60_000_000); time.sleep(0.3)"

    usage = run_measured([sys.executable, "-c", code], tmp_path / "log", limit=30)

    assert 0.3 <= usage.seconds < 20
    assert usage.peak_mb > 57
    assert usage.cpu_seconds < usage.seconds + 1


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="exit status 3: too bad"):
        run_measured([sys.executable, "-c", "print('too bad'); exit(3)"], tmp_path / "log", limit=30)
    with pytest.raises(ProgramError, match="cannot be started"):
        run_measured([tmp_path / "nothing"], tmp_path / "log", limit=30)


def test_a_program_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    began = time.perf_counter()
    with pytest.raises(ProgramError, match=r"longer than 0\.5 s"):
        run_measured([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log", limit=0.5)
    assert time.perf_counter() - began < 15


def test_a_program_ends_with_its_block(tmp_path: Path) -> None:
    with started([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log") as process:
        assert process.poll() is None
    assert process.wait(5) != 0
