"""Reading a model's directory: what is absent or broken is named, nothing raises."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from mmm.report import MissingTableError, build_report, load_tables
from mmm.report.tables import COLUMNS, OPTIONAL, RECORDS
from tests.report.world import World, write_model


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


def test_a_report_of_some_regions_has_what_is_told_by_region(tmp_path: Path) -> None:
    """The same of a table that is a folder with a file for each part."""
    model = write_model(tmp_path / "model", World(regions=4, weeks=60, channels=2))
    every = load_tables(model).frame("predictions")
    names = sorted(every["region"].unique())
    found = load_tables(model, names[1:3])
    whole = model / "contributions.parquet"
    rows = pd.read_parquet(whole)
    whole.unlink()
    whole.mkdir()
    for place, name in enumerate(names):
        rows[rows["region"] == name].to_parquet(whole / f"part-{place:05d}.parquet", index=False)
    parts = load_tables(model, names[1:3])

    assert sorted(found.frame("predictions")["region"].unique()) == names[1:3]
    assert found.asked == tuple(names[1:3])
    assert found.effects is None and "without --regions" in found.absent["effects"]
    assert len(parts.frame("contributions")) == len(found.frame("contributions")) > 0
    with pytest.raises(MissingTableError, match="has no region 'nowhere'"):
        load_tables(model, ["nowhere"])


def test_the_page_of_some_regions_says_so(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", World(regions=4, weeks=60, channels=2))
    names = sorted(load_tables(model).frame("predictions")["region"].unique())
    text = build_report(model, tmp_path / "regions.html", names[:2]).read_text(encoding="utf-8")

    assert f"of {names[0]}, {names[1]} alone" in text
    assert "visits of these regions" in text and "national visits" not in text
    assert "views left out" in text and "without --regions" in text
