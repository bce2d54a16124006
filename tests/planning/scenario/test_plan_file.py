"""Plan files as planners exchange them: workbooks, a column for each channel, and answers as workbooks."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from mmm.errors import PanelError, RequestError
from mmm.fitted import Fitted
from mmm.planning.planner import planner_of
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.plan_file import read_plan_file, scenario_workbook
from mmm.planning.scenario.request import read_scenario
from mmm.tabular.workbook import first_sheet, workbook
from tests.planning.scenario.plans import HORIZON, rows, spent


def wide(fitted: Fitted) -> pd.DataFrame:
    """The last periods once more, a column for each channel."""
    return rows(fitted, by_region=False).pivot(index="date", columns="channel", values="spend").reset_index()


def write(table: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".xlsx":
        lines = [list(table.columns), *table.astype(object).to_numpy().tolist()]
        path.write_bytes(workbook({"plan": lines}))
    else:
        table.to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize("name", ["plan.csv", "plan.xlsx"])
@pytest.mark.parametrize("is_wide", [True, False])
def test_amounts_are_read_from_any_layout(
    fitted: Fitted, tmp_path: Path, name: str, *, is_wide: bool
) -> None:
    table = wide(fitted) if is_wide else rows(fitted, by_region=False)
    found = read_plan_file(planner_of(fitted), write(table, tmp_path / name))
    amounts = rows(fitted, by_region=False).groupby("channel")["spend"].apply(tuple)

    assert len(found.dates) == HORIZON
    assert set(found.channels) == set(fitted.panel.channels)
    assert found.regions == ()
    assert {channel: pytest.approx(amount) for channel, amount in found.spend.items()} == amounts.to_dict()


def test_regions_are_read_too(fitted: Fitted, tmp_path: Path) -> None:
    found = read_plan_file(planner_of(fitted), write(rows(fitted, by_region=True), tmp_path / "plan.xlsx"))

    assert found.regions == fitted.panel.regions
    amounts = found.spend["tv"]
    assert isinstance(amounts, dict)
    assert sorted(amounts) == sorted(fitted.panel.regions)


def test_a_workbook_is_a_plan_of_the_command_too(fitted: Fitted, tmp_path: Path) -> None:
    path = write(wide(fitted), tmp_path / "autumn.xlsx")
    answer = evaluate_scenario(fitted, read_scenario(path, channels=fitted.panel.channels))

    assert answer.plans[0].name == "autumn"
    assert answer.plans[0].spend == pytest.approx(spent(fitted))


def test_what_is_downloaded_can_be_uploaded(fitted: Fitted, tmp_path: Path) -> None:
    scenario = evaluate_scenario(
        fitted,
        {"horizon": HORIZON, "plans": {"=more/tv": {"spend": {"tv": 900.0}, "others": "current"}}},
    )
    content = scenario_workbook(scenario)
    (tmp_path / "plan.xlsx").write_bytes(content)
    found = read_plan_file(planner_of(fitted), str(tmp_path / "plan.xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(content))
    plans = list(book["plans"].iter_rows(values_only=True))

    assert sum(found.spend["tv"]) == pytest.approx(900.0)  # type: ignore[arg-type]
    assert plans[1][0] == "=more/tv"
    assert book["plans"]["A2"].data_type == "s"
    assert plans[1][plans[0].index("gain")] == pytest.approx(scenario.plans[0].gain.mean)
    assert [row[0] for row in plans[1:]] == ["=more/tv", "status quo"]
    assert book["channels"].max_row == 1 + 2 * len(fitted.panel.channels)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.rename(columns={"tv": "tvv"}), "unknown channel 'tvv'"),
        (lambda t: t.assign(tv=["much", *t["tv"][1:]]), "row 1"),
        (lambda t: t.assign(tv=-1.0), "an amount is a number from 0 to 1e13"),
        (lambda t: t.iloc[1:], "misses 1 of"),
        (lambda t: t.drop(columns="date"), "a plan needs the column 'date'"),
        (lambda t: t[["date"]], "a plan needs the column 'channel'"),
    ],
)
def test_what_is_wrong_with_a_column_for_each_channel_is_said(
    fitted: Fitted, tmp_path: Path, change: object, said: str
) -> None:
    path = write(change(wide(fitted)), tmp_path / "plan.csv")  # type: ignore[operator]
    with pytest.raises(RequestError) as caught:
        read_plan_file(planner_of(fitted), path)

    assert said in str(caught.value)


def test_what_is_no_workbook_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    path.write_bytes(b"PK\x03\x04 no workbook")
    with pytest.raises(RequestError, match="cannot be read as a workbook"):
        read_plan_file(planner_of(fitted), str(path))

    path.write_bytes(workbook({"plan": []}))
    with pytest.raises(PanelError, match="nothing in its first sheet"):
        first_sheet(path)


def test_a_small_file_that_unpacks_to_a_very_large_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 51_000_000)

    assert path.stat().st_size < 100_000
    with pytest.raises(PanelError, match="unpacks to more than 50 MB"):
        first_sheet(path)
