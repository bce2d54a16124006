"""Every kind of bad input: exit 2, one message with place, rule and way out, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.cli import main
from mmm.config import MarketSpec
from mmm.data.read import panel_from_frame
from mmm.errors import PanelError
from tests.data.panels import frame, spec, write, write_spec

Spoil = Callable[[pd.DataFrame], pd.DataFrame | None]


def cell(column: str, value: Any, row: int = 3) -> Spoil:
    def spoil(table: pd.DataFrame) -> None:
        table[column] = table[column].astype(object)
        table.loc[row, column] = value

    return spoil


def whole(column: str, value: Any) -> Spoil:
    def spoil(table: pd.DataFrame) -> None:
        table[column] = value

    return spoil


def dates(change: Callable[[pd.Series], pd.Series]) -> Spoil:
    def spoil(table: pd.DataFrame) -> None:
        table["date"] = change(pd.to_datetime(table["date"]))

    return spoil


def shift_one_region(table: pd.DataFrame) -> None:
    days = pd.to_datetime(table["date"])
    days = days.where(table["region"] != "NY", days + pd.Timedelta(days=1))
    table["date"] = days.dt.strftime("%Y-%m-%d")


def duplicate(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[3]]])


def copy_channel(table: pd.DataFrame) -> None:
    table["search_impressions"] = table["tv"]


BAD: dict[str, tuple[Spoil, list[str]]] = {
    "duplicate region-date": (duplicate, ["region 'CA', 2023-01-23", "Keep one row"]),
    "shifted region": (
        shift_one_region,
        ["60 of 180 dates are not Mondays", "'NY'", "2023-01-03", "shift these dates"],
    ),
    "dd/mm/yyyy": (
        dates(lambda days: days.dt.strftime("%d/%m/%Y")),
        ["'02/01/2023'", "date_format: '%d/%m/%Y'", "180 of 180"],
    ),
    "ambiguous dates": (
        lambda table: table[table["date"].str[8:].astype(int) <= 12].assign(
            date=lambda rows: pd.to_datetime(rows["date"]).dt.strftime("%d/%m/%Y")
        ),
        ["2 ways", "'%d/%m/%Y' or '%m/%d/%Y'"],
    ),
    "unpadded dates": (
        dates(lambda days: days.map(lambda day: f"{day.year}-{day.month}-{day.day}")),
        ["'2023-1-2'", "date_format: '%Y-%m-%d'"],
    ),
    "no date": (cell("date", None), ["1 of 180 dates", "row 4", "every row needs a date"]),
    "empty spend": (
        cell("tv", None),
        ["spend of 'tv'", "is empty in 1 row", "'CA', 2023-01-23", "fill.media"],
    ),
    "empty exposure": (
        cell("search_impressions", None),
        ["exposure of 'search'", "2023-01-23", "fill.media"],
    ),
    "empty control": (cell("price", None), ["control 'price' is empty", "2023-01-23", "fill.controls"]),
    "empty population": (cell("population", None), ["population", "2023-01-23", "every row"]),
    "empty column": (whole("price", None), ["control 'price' is empty in every row", "out of the spec"]),
    "empty KPI column": (whole("kpi", None), ["KPI 'kpi' is empty in every row"]),
    "negative spend": (cell("tv", -3), ["spend of 'tv'", "'CA', 2023-01-23 (-3)", "0 or more"]),
    "negative exposure": (cell("search_impressions", -3), ["exposure of 'search'", "(-3)", "0 or more"]),
    "negative population": (whole("population", -3), ["population", "(-3)", "above 0"]),
    "population differs": (cell("population", 7), ["'CA' (7 to 1e+06)", "one number"]),
    "infinite": (cell("tv", np.inf), ["spend of 'tv'", "infinite", "2023-01-23", "finite"]),
    "infinite KPI": (cell("kpi", np.inf), ["KPI 'kpi'", "infinite", "2023-01-23"]),
    "huge KPI": (cell("kpi", 1e39), ["KPI 'kpi' is beyond 1e+15", "(1e+39)", "unit"]),
    "thousands": (cell("tv", "12,623"), ["'12,623'", "'CA', 2023-01-23", "write 12623"]),
    "currency": (cell("tv", "$3.50"), ["'$3.50'", "'CA', 2023-01-23", "write 3.50"]),
    "words": (cell("price", "high"), ["'high'", "control 'price'", "not a number"]),
    "all-zero channel": (whole("tv", 0.0), ["channel 'tv'", "0 in every row", "Remove the channel"]),
    "constant KPI": (whole("kpi", 5.0), ["never changes", "Check the column"]),
    "duplicate channel": (copy_channel, ["exact copy of channel 'tv'", "Remove one"]),
    "missing column": (
        lambda table: table.rename(columns={"tv": "tv_spend"}),
        ["no such column (spend of 'tv'", "did you mean 'tv_spend'"],
    ),
    "missing date column": (
        lambda table: table.rename(columns={"date": "dates"}),
        ["date: no such column", "did you mean 'dates'"],
    ),
    "trailing space": (cell("region", "CA "), ["'CA '", "space", "Remove the spaces"]),
    "empty region": (cell("region", ""), ["1 rows have no region", "Name it"]),
    "swapped region and date": (
        lambda table: table.rename(columns={"region": "date", "date": "region"}),
        ["swap columns.region and columns.date"],
    ),
    "too few periods": (
        lambda table: table[table["date"] < "2023-06-01"],
        ["leave 14 of the panel's 22 periods", "21 are needed", "Shorten the holdout"],
    ),
    "region without KPI in training": (
        lambda table: table.assign(
            kpi=table["kpi"].where((table["region"] != "NY") | (table["date"] > "2024-01-01"))
        ),
        ["1 of 3 regions have no KPI in the training window ('NY')", "Remove these regions"],
    ),
    "two-week spacing": (lambda table: table.iloc[::2], ["14 days apart", "Aggregate"]),
    "mistyped year": (cell("date", "2223-01-06"), ["Is the first or the last date mistyped"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_panel_is_refused_with_place_rule_and_way_out(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, expected = BAD[case]
    table = frame()
    changed = spoil(table)
    path = write(tmp_path, table if changed is None else changed)
    before = sorted(tmp_path.iterdir())
    assert main(["validate", str(path)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    for text in expected:
        assert text in output.err
    assert "panel.csv has " in output.err or "splits" in output.err
    assert "Traceback" not in output.err
    assert sorted(tmp_path.iterdir()) == before


BAD_SPECS: dict[str, tuple[list[str], list[str]]] = {
    "no holdout": (
        ["splits.holdout=0"],
        ["splits.holdout", "0 is not allowed", "At least 1", "Omit it for the default, 13"],
    ),
    "holdout longer than the data": (
        ["splits.holdout=60"],
        ["splits.holdout", "leave none of the panel's 60 periods", "Shorten the holdout"],
    ),
    "holdout and carry-over": (
        ["splits.holdout=8", "model.adstock.max_lag=45"],
        ["leave 52 of the panel's 60 periods", "at least 53 are needed", "lower max_lag"],
    ),
    "unknown key": (["splits.holdaut=3"], ["splits.holdaut", "did you mean 'holdout'", "Correct or remove"]),
    "wrong type": (["splits.holdout=many"], ["splits.holdout", "'many' is not allowed", "integer"]),
    "unknown country": (["holidays.country=XX"], ["holidays.country", "'XX' is not known"]),
}


@pytest.mark.parametrize("case", BAD_SPECS)
def test_bad_setting_is_refused_with_place_rule_and_way_out(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, expected = BAD_SPECS[case]
    path = write(tmp_path, frame())
    before = sorted(tmp_path.iterdir())
    options = [word for setting in settings for word in ("--set", setting)]
    assert main(["validate", str(path), *options]) == 2
    message = capsys.readouterr().err
    for text in expected:
        assert text in message
    assert sorted(tmp_path.iterdir()) == before


def test_every_problem_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame()
    for column, value, row in (
        ("tv", "-3", 1),
        ("price", None, 70),
        ("search_spend", "$3", 5),
        ("region", "CA ", 9),
    ):
        spoil = cell(column, value, row)
        spoil(table)
    table = pd.concat([table, table.iloc[[100]]]).drop(columns="population")
    assert main(["validate", str(write(tmp_path, table))]) == 2
    message = capsys.readouterr().err
    assert "has 6 problems" in message
    for text in ("no such column", "(-3)", "'price' is empty", "'$3'", "'CA '", "repeat a region and date"):
        assert text in message


def test_examples_are_capped_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame()
    table["tv"] = -table["tv"] - 1
    assert main(["validate", str(write(tmp_path, table))]) == 2
    assert "and 177 more" in capsys.readouterr().err


WARNED: dict[str, tuple[Spoil, list[str]]] = {
    "absent in the middle": (
        lambda table: table.drop(index=[70, 71]),
        ["2 of 180 region-periods have no row, in 1 of 3 regions: 'NY' (2, first 2023-03-13)", "masked"],
    ),
    "absent everywhere": (
        lambda table: table[table["date"] != "2023-03-13"],
        ["1 periods are absent everywhere: 2023-03-13"],
    ),
    "empty KPI": (cell("kpi", None), ["KPI 'kpi' is empty in 1 of 180 rows", "'CA', 2023-01-23", "masked"]),
    "constant control": (whole("price", 3.0), ["control 'price'", "is 3 in every row", "Remove it"]),
    "leaking control": (
        lambda table: table.assign(price=table["kpi"]),
        ["control 'price'", "moves exactly as the KPI", "Remove it"],
    ),
    "correlated channels": (
        lambda table: table.assign(search_impressions=2 * table["tv"]),
        ["channel 'tv', channel 'search'", "move as one", "Merge them"],
    ),
    "spend without exposure": (
        cell("search_impressions", 0),
        ["channel 'search'", "spend is above 0 while exposure is 0 in 1 rows", "region 'CA', 2023-01-23"],
    ),
    "regions alike": (
        lambda table: pd.concat([table, table[table["region"] == "CA"].assign(region="ca")]),
        ["'CA' / 'ca'", "different regions"],
    ),
    "negative KPI": (cell("kpi", -4), ["negative in 1 rows", "2023-01-23 (-4)"]),
    "constant KPI in a region": (
        lambda table: table.assign(kpi=table["kpi"].where(table["region"] != "NY", 5.0)),
        ["never changes in 1 of 3 regions: 'NY'"],
    ),
    "less than a year": (lambda table: table, ["less than a year"]),
}


@pytest.mark.parametrize("case", WARNED)
def test_remarkable_panel_is_accepted_with_a_warning(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, expected = WARNED[case]
    table = frame(weeks=60)
    changed = spoil(table)
    values = spec()
    if case != "less than a year":
        values["splits"] = {"holdout": 7}
    path = write(tmp_path, table if changed is None else changed, values)
    assert main(["validate", str(path)]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    for text in expected:
        assert text in output.out


def test_swapped_spend_and_exposure_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = spec()
    values["columns"]["channels"]["search"] = {"spend": "search_impressions", "exposure": "search_spend"}
    assert main(["validate", str(write(tmp_path, frame(), values))]) == 0
    output = capsys.readouterr().out
    assert "spend of 'search' is read from column 'search_impressions', which sounds like exposure" in output
    assert "exposure of 'search' is read from column 'search_spend', which sounds like spend" in output


STRANGE: dict[str, tuple[Spoil, str | None]] = {
    "lists": (lambda table: table.assign(tv=pd.Series([[1, 2]] * len(table), dtype=object)), "'[1, 2]'"),
    "booleans": (lambda table: table.assign(price=[True, False] * 90), None),
    "mixed objects": (lambda table: table.assign(tv=pd.Series([1, "x", None] * 60, dtype=object)), "'x'"),
    "complex": (lambda table: table.assign(tv=table["tv"].astype(complex)), "not a number"),
    "no dates at all": (lambda table: table.assign(date=None), "180 of 180 dates"),
    "week numbers": (lambda table: table.assign(date=np.tile(np.arange(60), 3)), "a number and no date"),
    "no regions at all": (lambda table: table.assign(region=None), "180 rows have no region"),
    "nullable integers": (lambda table: table.assign(tv=table["tv"].round().astype("Int64")), None),
    "periods": (
        lambda table: table.assign(date=pd.PeriodIndex(pd.to_datetime(table["date"]), freq="D")),
        None,
    ),
    "hours": (lambda table: table.assign(date=pd.to_datetime(table["date"]) + pd.Timedelta(hours=13)), None),
    "durations": (lambda table: table.assign(tv=pd.Timedelta(days=1)), "not a number"),
    "one row": (lambda table: table.iloc[:1], "no time series"),
    "no rows": (lambda table: table.iloc[:0], "no rows"),
    "per cent": (lambda table: table.assign(price=table["price"].astype(str) + "%"), "per cent sign"),
    "euro": (lambda table: table.assign(tv="€ 1.234,50"), "currency sign; write the plain number"),
    "decimal comma": (lambda table: table.assign(tv="1,5"), "decimal comma; write 1.5"),
    "spaces around": (lambda table: table.assign(tv=" " + table["tv"].astype(str) + " "), None),
    "two columns of a name": (
        lambda table: pd.concat([table, table[["tv"]]], axis=1),
        "two columns named 'tv'",
    ),
}


@pytest.mark.parametrize("case", STRANGE)
def test_cells_of_strange_types_are_read_or_located(case: str) -> None:
    spoil, message = STRANGE[case]
    table = spoil(frame())
    assert table is not None
    market = MarketSpec.model_validate(spec())
    if message is None:
        assert panel_from_frame(table, market).panel.present_GT.all()
        return
    with pytest.raises(PanelError) as caught:
        panel_from_frame(table, market)
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)


def test_clean_panel_has_no_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = spec()
    values["splits"] = {"holdout": 7}
    assert main(["validate", str(write(tmp_path, frame(), values))]) == 0
    assert "warning" not in capsys.readouterr().out


def other_market(folder: Path) -> None:
    place = folder / "panel" / "brand=acme" / "market=de"
    place.mkdir(parents=True)
    frame().to_parquet(place / "part-0.parquet")


BAD_FILES: dict[str, tuple[Callable[[Path], Any], str, list[str]]] = {
    "no such file": (lambda folder: None, "panel.csv", ["no such file or folder", "data.path"]),
    "empty CSV": (lambda folder: (folder / "panel.csv").write_bytes(b""), "panel.csv", ["empty file"]),
    "header only": (
        lambda folder: frame().iloc[:0].to_csv(folder / "panel.csv", index=False),
        "panel.csv",
        ["no rows"],
    ),
    "blank CSV": (lambda folder: (folder / "panel.csv").write_bytes(b"\n\n"), "panel.csv", ["no header"]),
    "ragged CSV": (
        lambda folder: (folder / "panel.csv").write_text(frame().to_csv(index=False) + "CA,2024-03-04,1\n"),
        "panel.csv",
        ["cannot be read", "Expected 8 columns, got 3"],
    ),
    "UTF-16 CSV": (
        lambda folder: frame().to_csv(folder / "panel.csv", encoding="utf-16"),
        "panel.csv",
        ["UTF-8"],
    ),
    "empty Parquet": (
        lambda folder: (folder / "panel.parquet").write_bytes(b""),
        "panel.parquet",
        ["empty file"],
    ),
    "truncated Parquet": (
        lambda folder: (
            frame().to_parquet(folder / "whole"),
            (folder / "panel.parquet").write_bytes((folder / "whole").read_bytes()[:4000]),
        ),
        "panel.parquet",
        ["cannot be read", "truncated, damaged"],
    ),
    "spreadsheet": (
        lambda folder: (folder / "panel.xlsx").write_bytes(b"PK00"),
        "panel.xlsx",
        ["neither CSV"],
    ),
    "empty folder": (lambda folder: (folder / "panel").mkdir(), "panel", ["no .parquet or .csv file"]),
    "column named twice": (
        lambda folder: (folder / "panel.csv").write_text(
            frame().assign(tv2=1).to_csv(index=False).replace("tv2", "tv", 1)
        ),
        "panel.csv",
        ["two columns named 'tv'"],
    ),
    "no such partition": (
        other_market,
        "panel",
        ["no partition brand=acme/market=us", "brand=acme/market=de"],
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_refused(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare, name, expected = BAD_FILES[case]
    prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    path = write_spec(tmp_path, spec(name))
    assert main(["validate", str(path)]) == 2
    message = capsys.readouterr().err
    for text in [*expected, name]:
        assert text in message
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])
