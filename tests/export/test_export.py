"""Tables for others: what is in them, where it comes from, how it is written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from mmm.cli import command as cli
from mmm.errors import ModelFileError, OutputError
from mmm.export import TABLES, exported, models_below, write_tables
from mmm.export import write as writing
from mmm.fitted import save_fitted
from tests.report.world import World, write_model
from tests.small import sketch


def model_at(folder: Path, market: str = "us", world: World | None = None, **spec: Any) -> Path:
    """A fitted model's directory of that market, with a value of its KPI unless told otherwise."""
    write_model(folder, world or World(regions=2, channels=4))
    (folder / "model").mkdir(exist_ok=True)
    told: dict[str, Any] = {
        "brand": "acme",
        "market": market,
        "currency": "USD",
        "kpi_value": 14.0,
        "columns": {"kpi": "visits"},
    }
    (folder / "model" / "spec.json").write_text(json.dumps(told | spec), encoding="utf-8")
    (folder / "model" / "provenance.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_at(tmp_path_factory.mktemp("export") / "us")


@pytest.fixture(scope="module")
def tables(model: Path) -> dict[str, pd.DataFrame]:
    return exported([model])


def test_every_table_is_there_with_brand_and_market_first(tables: dict[str, pd.DataFrame]) -> None:
    assert list(tables) == list(TABLES)
    for frame in tables.values():
        assert list(frame.columns[:2]) == ["brand", "market"]
        assert set(frame["brand"]) == {"acme"}


def test_the_page_names_every_table(repository: Path) -> None:
    page = (repository / "docs" / "exports.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(TABLES)


def test_the_numbers_are_those_of_the_models_files(model: Path, tables: dict[str, pd.DataFrame]) -> None:
    returns = pd.read_parquet(model / "returns.parquet")
    whole = returns[(returns["window"] == "training") & (returns["channel"] == "")].iloc[0]
    roi, spend = (
        frame[(frame["window"] == "training") & (frame["channel"] == "all media")].iloc[0]
        for frame in (tables["channel_roi"], tables["channel_spend"])
    )

    assert roi["roi"] == whole["roi"]
    assert spend["spend"] == whole["spend"]
    assert roi["kpi_per_spend"] == pytest.approx(whole["effect"] / whole["spend"])
    assert roi["cost_per_kpi_upper"] == pytest.approx(whole["spend"] / whole["effect_lower"])
    single = tables["channel_spend"].query("window == 'training' and channel != 'all media'")
    assert single["share_of_spend"].sum() == pytest.approx(1.0)
    plan = json.loads((model / "plan.json").read_text(encoding="utf-8"))
    assert dict(zip(tables["plan"]["channel"], tables["plan"]["spend"], strict=True)) == plan["spend"]
    assert tables["plan_total"]["gain_lower"].item() == plan["gain"]["lower"]


def test_what_is_not_bought_has_no_spend_and_no_share(tmp_path: Path) -> None:
    folder = model_at(tmp_path / "us")
    parts = pd.read_parquet(folder / "contributions.parquet").astype({"component": str, "kind": str})
    last = parts.loc[parts["kind"] == "channel", "component"].iloc[-1]
    parts.loc[parts["component"] == last, "kind"] = "organic"
    parts.to_parquet(folder / "contributions.parquet")
    effects = pd.read_parquet(folder / "effects.parquet")
    effects.assign(per_1000=3.0).to_parquet(folder / "effects.parquet")
    found = exported([folder])
    outcome, spend = (
        found[name].query("window == 'training'") for name in ("channel_outcome", "channel_spend")
    )

    held = outcome[outcome["channel"] == last]
    assert held["kind"].item() == "organic" and np.isnan(held["share_of_effect"].item())
    assert np.isnan(spend.loc[spend["channel"] == last, "spend"].item())
    for table, share in ((outcome, "share_of_effect"), (spend, "share_of_spend")):
        assert table.loc[table["kind"] == "channel", share].sum() == pytest.approx(1.0)
    assert (outcome.loc[outcome["channel"] != "all media", "per_1000"] == 3.0).all()


def test_without_a_stated_value_no_return_in_money_is_told(tmp_path: Path) -> None:
    found = exported([model_at(tmp_path / "us", kpi_value=None)])

    assert "roi" not in found["channel_roi"] and "value" not in found["channel_outcome"]
    assert found["channel_roi"]["cost_per_kpi"].gt(0).all()


def test_a_model_of_an_older_program_has_the_training_window(tmp_path: Path) -> None:
    folder = model_at(tmp_path / "us")
    (folder / "returns.parquet").unlink()
    found = exported([folder])

    assert set(found["channel_roi"]["window"]) == {"training"}
    assert found["channel_outcome"]["effect"].sum() > 0


def test_markets_stack(tmp_path: Path) -> None:
    found = exported([model_at(tmp_path / name, name) for name in ("de", "us")])

    assert list(found["model"]["market"]) == ["de", "us"]
    assert len(found["channel_spend"].query("window == 'training'")) == 2 * 5


def test_a_workbook_holds_them_as_they_are(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    out = write_tables(tables, tmp_path / "t.xlsx", "xlsx")
    book = load_workbook(out)

    assert book.sheetnames == ["contents", *TABLES]
    for name, frame in tables.items():
        sheet = pd.read_excel(out, sheet_name=name)
        assert list(sheet.columns) == list(frame.columns)
        assert len(sheet) == len(frame)
        numbers = frame.select_dtypes("number").columns
        np.testing.assert_allclose(sheet[numbers].astype(float), frame[numbers].astype(float), rtol=1e-12)
    assert book["fit"]["D2"].is_date and book["fit"].freeze_panes == "A2"


def test_text_in_a_workbook_is_never_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"brand": ["=1+1"], "what": ["a\x07bell"], "value": [np.nan]})
    book = load_workbook(write_tables({"model": frame}, tmp_path / "t.xlsx", "xlsx"))

    assert [cell.value for cell in book["model"][2]] == ["=1+1", "abell", None]
    assert book["model"]["A2"].data_type == "s"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_folder_holds_a_file_for_each(form: Any, tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    out = write_tables(tables, tmp_path / "tables", form)
    read = pd.read_csv if form == "csv" else pd.read_parquet

    assert sorted(path.stem for path in out.iterdir()) == sorted(TABLES)
    assert read(out / f"channel_roi.{form}")["roi"].sum() == pytest.approx(tables["channel_roi"]["roi"].sum())


def test_nothing_is_replaced_unasked(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    out = tmp_path / "t.xlsx"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="already exists"):
        write_tables(tables, out, "xlsx")
    assert out.read_text(encoding="utf-8") == "mine"

    write_tables(tables, out, "xlsx", force=True)
    assert load_workbook(out).sheetnames[0] == "contents"


def test_a_table_too_long_for_a_sheet_names_the_way_out(
    tables: dict[str, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_ROWS", 10)
    with pytest.raises(OutputError, match=r"has \d+ rows; a sheet holds 10. Use --format csv or parquet"):
        write_tables(tables, tmp_path / "t.xlsx", "xlsx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "form", "said"), [("f", "csv", "is a file"), ("d", "xlsx", "is a folder")])
def test_a_place_of_the_other_kind_is_refused(
    name: str, form: Any, said: str, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "d").mkdir()
    with pytest.raises(OutputError, match=said):
        write_tables(tables, tmp_path / name, form, force=True)


def refit_at(folder: Path, places: dict[str, str]) -> None:
    """A refit's table of two markets with a model and one that never had one."""
    rows = [
        {"brand": "acme", "market": market, "key": "k1", "directory": place}
        for market, place in places.items()
    ]
    pd.DataFrame(rows).to_parquet(folder / "portfolio.parquet")


def test_a_refit_gives_the_models_of_its_table_wherever_it_was_moved(tmp_path: Path) -> None:
    places = {}
    for market in ("de", "us"):
        inside = model_at(tmp_path / "refit" / "models" / "brand=acme" / f"market={market}" / "k1", market)
        places[market] = str(inside)
    model_at(tmp_path / "refit" / "models" / "brand=acme" / "market=us" / "older", "us")
    refit_at(tmp_path / "refit", {**places, "fr": ""})
    moved = tmp_path / "moved"
    shutil.move(tmp_path / "refit", moved)

    assert models_below(moved) == [
        moved / "models" / "brand=acme" / f"market={market}" / "k1" for market in ("de", "us")
    ]


def test_models_that_lie_elsewhere_are_named(tmp_path: Path) -> None:
    refit_at(tmp_path, {"us": "s3://bucket/refit/models/acme"})
    with pytest.raises(ModelFileError, match="s3://bucket/refit/models/acme"):
        models_below(tmp_path)


def test_a_folder_of_models_gives_each(tmp_path: Path) -> None:
    folders = [model_at(tmp_path / name, name) for name in ("a", "b")]

    assert models_below(tmp_path) == folders


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_models_says_what_to_give(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="Give the --out of mmm fit"):
        models_below(tmp_path / name)


def test_the_command_writes_where_it_says(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", str(model), "--out", str(tmp_path / "t.xlsx")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/t.xlsx: {len(TABLES)} tables of 1 model\n"
    assert cli.main(["export", str(model), "--out", str(tmp_path / "folder")]) == 0
    assert (tmp_path / "folder" / "plan.csv").exists()
    assert cli.main(["export", str(tmp_path / "nowhere")]) == 2
    assert "holds no fitted model" in capsys.readouterr().err


def test_a_window_of_ones_own_is_told_besides(tmp_path: Path) -> None:
    folder = model_at(tmp_path / "us")
    save_fitted(sketch(), folder)
    found = exported([folder], ("2023-01-01", "2023-03-31"))
    rows = found["channel_roi"].query("window == '2023-01-01 to 2023-03-31'")

    assert "all media" in set(rows["channel"])
    assert rows["kpi_per_spend_upper"].notna().any()
