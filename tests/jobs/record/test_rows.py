from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from jobs.record.rows import TABLE, Row, read_table, write_table
from mmm.errors import OutputError
from tests.jobs.rows import row


def test_a_row_survives_json() -> None:
    before = row(findings=("warning code where: what",), version=3)

    assert Row.from_json(before.to_json()) == before


def test_the_table_gives_back_its_rows(tmp_path: Path) -> None:
    rows = [row(), row(market="de", status="failed", reason="2 problems", shares={}, roi={}, scores={})]

    write_table(rows, str(tmp_path))
    found = read_table(str(tmp_path))

    assert found["acme", "us"].shares == {"tv": 0.2, "search": 0.1}
    assert found["acme", "us"].scores["holdout_skill"] == 0.4
    assert (found["acme", "de"].status, found["acme", "de"].reason) == ("failed", "2 problems")


def test_other_programs_find_the_columns_of_the_contract(tmp_path: Path) -> None:
    table = pd.read_parquet(write_table([row()], str(tmp_path)))

    assert {"brand", "market", "status", "reason", "holdout_skill", "shares", "roi", "seconds"} <= set(table)
    assert [dict(pairs) for pairs in table["shares"]] == [{"tv": 0.2, "search": 0.1}]


def test_no_table_is_an_empty_one(tmp_path: Path) -> None:
    assert read_table(str(tmp_path)) == {}


def test_a_table_of_failures_only_can_be_written_and_read(tmp_path: Path) -> None:
    write_table([Row("acme", "us", "failed", "why")], str(tmp_path))

    assert read_table(str(tmp_path))["acme", "us"].reason == "why"


def test_a_table_is_replaced_whole(tmp_path: Path) -> None:
    write_table([row(), row(market="de")], str(tmp_path))
    write_table([row()], str(tmp_path))

    assert list(read_table(str(tmp_path))) == [("acme", "us")]
    assert [path.name for path in tmp_path.iterdir()] == ["portfolio.parquet"]


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(b"no parquet")
    with pytest.raises(OutputError, match=r"is no table of a refit \(.*Move it away"):
        read_table(str(tmp_path))

    pd.DataFrame({"brand": ["acme"]}).to_parquet(tmp_path / TABLE)
    with pytest.raises(OutputError, match="is no table of a refit"):
        read_table(str(tmp_path))


def test_settings_found_by_a_search_stand_in_the_table(tmp_path: Path) -> None:
    tuned = row(settings={"model.saturation.slope_min": 1.2, "train.epochs": 900})
    write_table([tuned, row(market="de")], str(tmp_path))

    found = read_table(str(tmp_path))
    assert found["acme", "us"].settings == tuned.settings
    assert found["acme", "de"].settings == {}


def test_many_rows_are_written_in_groups_and_read_again(tmp_path: Path) -> None:
    rows = [row(brand=f"brand {n}") for n in range(2_500)]
    place = write_table(rows, str(tmp_path))

    written = pq.ParquetFile(place).metadata
    assert [written.row_group(n).num_rows for n in range(written.num_row_groups)] == [1_000, 1_000, 500]
    assert list(read_table(str(tmp_path))) == [(one.brand, one.market) for one in rows]
