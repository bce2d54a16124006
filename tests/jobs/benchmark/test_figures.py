"""Figures: each with what is needed to doubt it, on disk as they come."""

from __future__ import annotations

import threading
from pathlib import Path

import pandas as pd
import pytest

from jobs.benchmark.figures import ROWS, Figure, FigureLog, commit, figures, machine


def test_a_row_for_every_value_that_is_known() -> None:
    base = Figure(suite="truth", case="world 1", method="ridge", seed=7, seconds=1.5)
    found = figures(base, {"ROI error": 0.25, "coverage": None, "rank correlation": 1}, "x")

    assert [(row.metric, row.value, row.unit) for row in found] == [
        ("ROI error", 0.25, "x"),
        ("rank correlation", 1.0, "x"),
    ]
    assert {(row.suite, row.case, row.method, row.seed, row.seconds) for row in found} == {
        ("truth", "world 1", "ridge", 7, 1.5)
    }


def test_rows_lie_on_disk_after_every_addition(tmp_path: Path) -> None:
    log = FigureLog(tmp_path, "quick")
    assert pd.read_parquet(tmp_path / ROWS).empty
    log.add([Figure(suite="speed", metric="seconds per fit", value=2.0)])
    log.add([Figure(suite="graph", status="failed", note="no time")])
    rows = pd.read_parquet(tmp_path / ROWS)

    assert rows["suite"].tolist() == ["speed", "graph"]
    assert rows["status"].tolist() == ["measured", "failed"]
    assert rows["value"].tolist()[0] == 2.0 and pd.isna(rows["value"].tolist()[1])
    assert [path.name for path in tmp_path.iterdir()] == [ROWS], "no scratch file is left"


def test_every_row_says_where_and_of_what_it_is(tmp_path: Path) -> None:
    log = FigureLog(tmp_path, "default")
    log.add([Figure(suite="speed")])
    (row,) = log.frame().to_dict("records")

    assert row["machine"] == machine() and "cores" in row["machine"]
    assert row["commit"] == commit()
    assert "ray-mmm" in row["versions"] and "torch" in row["versions"]
    assert row["sizes"] == "default"
    assert pd.Timestamp(row["written"]).tzinfo is not None


def test_types_do_not_depend_on_what_came(tmp_path: Path) -> None:
    empty, full = FigureLog(tmp_path, "default").frame(), FigureLog(tmp_path, "default")
    full.add([Figure(suite="speed", value=1.0, seed=3, seconds=0.1, threads=2)])

    assert empty.dtypes.to_dict() == full.frame().dtypes.to_dict()
    assert str(empty["value"].dtype) == "float64" and str(empty["seed"].dtype) == "Int64"


def test_a_new_run_replaces_the_rows_of_the_last(tmp_path: Path) -> None:
    FigureLog(tmp_path, "default").add([Figure(suite="speed")])
    FigureLog(tmp_path, "default")

    assert pd.read_parquet(tmp_path / ROWS).empty


def test_rows_of_tasks_that_end_together_are_all_kept(tmp_path: Path) -> None:
    log = FigureLog(tmp_path, "default")
    threads = [
        threading.Thread(target=log.add, args=([Figure(suite="truth", case=f"world {number}")],))
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(log.frame()["case"]) == sorted(f"world {number}" for number in range(16))
    assert len(pd.read_parquet(tmp_path / ROWS)) == 16


@pytest.mark.parametrize("name", ["suite", "value", "status", "note", "machine", "commit", "written"])
def test_columns_that_tables_read_are_there_without_rows(tmp_path: Path, name: str) -> None:
    assert name in FigureLog(tmp_path, "default").frame().columns
