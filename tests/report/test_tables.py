"""Reading a model's directory: what is absent or broken is named, nothing raises."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from mmm.report import MissingTableError, load_tables
from mmm.report.tables import COLUMNS, OPTIONAL, RECORDS


def test_every_file_is_read(small: Path) -> None:
    tables = load_tables(small)

    assert set(tables.absent) == {"scored_predictions"}
    always = {*COLUMNS, *RECORDS} - {"scored_predictions"}
    assert all(getattr(tables, name) is not None for name in always)
    assert (tables.about.kpi, tables.about.currency, tables.about.period) == ("visits", "USD", "week")


def test_an_empty_directory_has_a_reason_for_everything(tmp_path: Path) -> None:
    tables = load_tables(tmp_path)

    assert set(tables.absent) == {*COLUMNS, *RECORDS}
    assert {name: tables.absent[name] for name in OPTIONAL} == OPTIONAL
    assert tables.absent["curves"] == "curves.parquet is not in this directory"
    with pytest.raises(MissingTableError, match=r"curves\.parquet is not in this directory"):
        tables.frame("curves")


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(MissingTableError, match="is not a directory"):
        load_tables(tmp_path / "nowhere")


def test_broken_files_are_named_with_what_is_wrong(small: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    shutil.copytree(small, broken)
    (broken / "curves.parquet").write_bytes(b"no parquet at all")
    (broken / "metrics.json").write_text("{", encoding="utf-8")
    pd.DataFrame({"cause": ["tv"], "effect": ["search"]}).to_parquet(broken / "graph.parquet")
    tables = load_tables(broken)

    assert tables.absent == {
        "curves": "curves.parquet cannot be read (ArrowInvalid)",
        "metrics": "metrics.json cannot be read (JSONDecodeError)",
        "graph": "graph.parquet lacks weight, probability",
        "scored_predictions": OPTIONAL["scored_predictions"],
    }


def test_channels_come_from_whatever_is_there(small: Path, tmp_path: Path) -> None:
    everything = load_tables(small).channels
    shutil.copy(small / "graph.parquet", tmp_path)

    assert load_tables(tmp_path).channels == everything
    assert list(everything) == sorted(everything)
