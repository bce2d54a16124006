"""Numbers with marks: one reading is taken and said, two are refused with both."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm.cli import main
from mmm.config.files import load_market
from mmm.data.read import PanelRead, panel_from_frame, read_panel
from mmm.errors import PanelError
from mmm.storage import unreachable
from tests.data.cases import case
from tests.data.panels import frame, spec, write, write_spec


def european(values: pd.Series, decimals: int) -> pd.Series:
    """Numbers as ``1.012,50``."""
    return values.map(lambda value: f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,")))


def read(folder: Path, table: pd.DataFrame, *settings: str, sep: str = ";") -> PanelRead:
    return read_panel(load_market(str(write(folder, table, spec(), sep=sep)), settings))


def with_columns(change: dict[str, int | None], scale: float = 1.0) -> pd.DataFrame:
    """The small panel with some columns written the European way, with so many decimals."""
    table = frame()
    for column, decimals in change.items():
        table[column] = european(scale * table[column], decimals or 0)
    return table


@pytest.mark.parametrize("sep", [";", "\t", "|", ","])
def test_whole_numbers_with_dots_for_thousands_are_refused_with_both_readings(
    sep: str, tmp_path: Path
) -> None:
    """Amounts from 1 to 3000, e.g. 398 and 1.012: within one column a factor of 1000."""
    table = with_columns({"tv": 0}, 5.0)
    with pytest.raises(PanelError, match=r"data.decimal") as caught:
        read(tmp_path, table, sep=sep)

    (problem,) = caught.value.problems
    first = next(cell for cell in table["tv"] if "." in cell)
    assert problem.where == "tv"
    assert f"{first} or {first.replace('.', '')}" in problem.message


@pytest.mark.parametrize(("mark", "factor"), [(",", 1000.0), (".", 1.0)])
def test_the_setting_decides(mark: str, factor: float, tmp_path: Path) -> None:
    table = with_columns({"tv": 0}, 5.0)
    dotted = table["tv"].str.contains(".", regex=False)
    panel = read(tmp_path, table, f"data.decimal='{mark}'").panel
    plain = table["tv"].astype(float).where(~dotted, table["tv"].astype(float) * factor)

    assert panel.media_GTC[..., 0].ravel().tolist() == pytest.approx(plain.tolist())


def test_a_decimal_comma_elsewhere_in_the_file_decides_and_is_said(tmp_path: Path) -> None:
    table = with_columns({"tv": 0, "search_spend": 2, "kpi": 1, "search_impressions": 0, "price": 2}, 20.0)
    found = read(tmp_path, table)

    assert found.panel.media_GTC[..., 0].max() > 1000
    assert found.panel.kpi_GT.ravel() == pytest.approx(20.0 * frame()["kpi"].to_numpy())
    (said,) = [finding for finding in found.findings if finding.code == "thousands_read"]
    assert "tv: '" in said.what


def test_commas_for_thousands_or_decimals_are_refused_too(tmp_path: Path) -> None:
    table = frame()
    table["tv"] = [f"{5 * value:,.0f}" for value in table["tv"]]
    with pytest.raises(PanelError, match="the comma stands before three digits"):
        read(tmp_path, table)


def test_three_decimals_of_which_the_file_is_sure_are_read(tmp_path: Path) -> None:
    """A ratio such as 0.912 tells the mark, and a column of exactly three decimals then has one reading."""
    table = frame()
    table["price"] = [f"{value:.3f}" for value in table["price"]]

    assert read(tmp_path, table).panel.controls_GTK[..., 0].ravel() == pytest.approx(
        table["price"].astype(float).to_numpy()
    )


def test_text_in_a_frame_is_refused_alike(tmp_path: Path) -> None:
    table = with_columns({"tv": 0}, 5.0)
    market = load_market(str(write_spec(tmp_path, spec())))
    with pytest.raises(PanelError, match="before three digits"):
        panel_from_frame(table, market)


def test_western_letters_are_read_and_said_and_others_refused(tmp_path: Path) -> None:
    table = frame(regions=("Málaga", "Köln", "Århus"))
    table.to_csv(tmp_path / "panel.csv", index=False, encoding="cp1252")
    market = load_market(str(write_spec(tmp_path, spec())))
    found = read_panel(market)
    assert found.panel.regions == ("Köln", "Málaga", "Århus")
    assert found.findings[0].code == "encoding_assumed"

    frame(regions=("Москва", "Тверь")).to_csv(tmp_path / "panel.csv", index=False, encoding="cp1251")
    with pytest.raises(PanelError, match=r"encoding cannot be told.*data.encoding"):
        read_panel(market)
    told = load_market(str(write_spec(tmp_path, spec())), ["data.encoding=cp1251"])
    assert read_panel(told).panel.regions == ("Москва", "Тверь")


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "panel.csv")
    with pytest.raises(PanelError, match="neither a file nor a folder"):
        read_panel(load_market(str(write_spec(tmp_path, spec()))))


def test_a_closed_port_is_no_missing_file(tmp_path: Path) -> None:
    path = write_spec(tmp_path, spec("http://127.0.0.1:9/panel.csv"))
    with pytest.raises(PanelError, match="could not be reached"):
        read_panel(load_market(str(path)))
    assert unreachable(None, "panel.csv", "/data/panel.csv") is None


def test_unpadded_dates_are_one_problem(tmp_path: Path) -> None:
    table = frame()
    days = pd.to_datetime(table["date"])
    table["date"] = [f"{day.year}-{day.month}-{day.day}" for day in days]
    with pytest.raises(PanelError) as caught:
        read(tmp_path, table, sep=",")
    assert [problem.code for problem in caught.value.problems] == ["bad_date"]


@pytest.mark.parametrize("form", ["{0}-W{1:02}", "{0}W{1:02}", "{0}-W{1:02}-1"])
def test_iso_weeks_are_their_mondays(form: str, tmp_path: Path) -> None:
    table = frame()
    table["date"] = [form.format(*day.isocalendar()[:2]) for day in pd.to_datetime(table["date"])]

    assert np.array_equal(read(tmp_path, table).panel.dates, read(tmp_path, frame()).panel.dates)


def test_weeks_without_a_letter_are_read_when_asked_for(tmp_path: Path) -> None:
    table = frame()
    weeks = [day.isocalendar()[:2] for day in pd.to_datetime(table["date"])]
    table["date"] = [f"{year}{week:02}" for year, week in weeks]
    with pytest.raises(PanelError, match="%G%V"):
        read(tmp_path, table)

    assert str(read(tmp_path, table, "data.date_format='%G%V'").panel.dates[0]) == "2023-01-02"


def test_case_thousands_dots(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(case("thousands_dots") / "spec.yaml")]) == 2
    assert "1.012 or 1012" in capsys.readouterr().err


def test_case_iso_week_format(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(case("iso_week_format") / "spec.yaml")

    assert main(["validate", path]) == 0
    assert "3\u00a0Jan\u00a02022 to 24\u00a0Jun\u00a02024" in capsys.readouterr().out
    assert main(["validate", path, "--set", "data.date_format='%q'"]) == 2
