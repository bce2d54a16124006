"""One region holds up no other: new ones are left out and named, and a spec can leave any out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mmm.cli import main
from mmm.config.files import load_market
from mmm.data.read import PanelRead, read_panel
from mmm.errors import PanelError
from mmm.market import read_market
from tests.data.cases import case
from tests.data.panels import frame, spec, write, write_spec


def read(folder: Path, table: pd.DataFrame, *settings: str) -> PanelRead:
    return read_panel(load_market(str(write(folder, table, spec())), settings))


@pytest.mark.parametrize("periods", [3, 8, 10])
def test_a_region_that_opens_late_is_left_out_and_named(periods: int, tmp_path: Path) -> None:
    """The holdout has 8 periods: the region has 0 or 2 before it."""
    table = frame()
    first = table["date"].unique()[-periods]
    found = read(tmp_path, table[(table["region"] != "TX") | (table["date"] >= first)])
    kpi = table.loc[(table["region"] == "TX") & (table["date"] >= first), "kpi"].sum()

    assert found.panel.regions == ("CA", "NY")
    (said,) = [finding for finding in found.findings if finding.code == "region_left_out"]
    assert f"'TX' (since {first}, KPI {kpi:,.0f} in {periods} periods)" in said.what


def test_a_region_with_some_history_stays(tmp_path: Path) -> None:
    table = frame()
    first = table["date"].unique()[-20]

    assert len(read(tmp_path, table[(table["region"] != "TX") | (table["date"] >= first)]).panel.regions) == 3


def test_zeros_before_an_opening_are_no_history(tmp_path: Path) -> None:
    table = frame()
    before = (table["region"] == "TX") & (table["date"] < table["date"].unique()[-8])
    table.loc[before, ["kpi", "tv", "search_spend", "search_impressions"]] = 0.0

    assert read(tmp_path, table).panel.regions == ("CA", "NY")


@pytest.mark.parametrize("key", ["regions.exclude", "data.regions.exclude"])
def test_regions_can_be_left_out_whatever_is_in_them(key: str, tmp_path: Path) -> None:
    table = frame()
    table["tv"] = table["tv"].astype(object)
    table.loc[table["region"] == "NY", "tv"] = "n/k"

    assert read(tmp_path, table, f"{key}=[NY]").panel.regions == ("CA", "TX")


@pytest.mark.parametrize(
    ("names", "says"), [("[NV]", "no rows of 'NV'"), ("[CA, NY, TX]", "Keep at least one")]
)
def test_regions_to_leave_out_are_checked(names: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(PanelError, match=says):
        read(tmp_path, frame(), f"regions.exclude={names}")


def test_case_region_opens_in_holdout() -> None:
    path = str(case("region_opens_in_holdout") / "spec.yaml")
    found = read_market(load_market(path))

    assert found.panel.regions == ("east", "north", "south")
    assert any("'west' (since 2024-02-12" in finding.what for finding in found.findings)
    excluded = read_market(load_market(path, ["regions.exclude=[west]"]))
    assert [finding.code for finding in excluded.findings if finding.severity != "info"] == []


@pytest.mark.parametrize("value", [["CA"], {"name": "CA"}, b"CA"])
def test_regions_that_are_no_names_are_refused(
    value: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = frame()
    table["region"] = pd.Series([value] * len(table))
    table.to_parquet(tmp_path / "panel.parquet")
    path = write_spec(tmp_path, spec("panel.parquet"))

    with pytest.raises(PanelError, match="a region is text or a whole number"):
        read_panel(load_market(str(path)))
    assert main(["init", str(tmp_path / "panel.parquet")]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_case_list_region() -> None:
    with pytest.raises(PanelError, match="list<element: string>"):
        read_market(load_market(str(case("hostile") / "list_region" / "spec.yaml")))
