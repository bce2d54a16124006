"""Roles guessed from the column names of well-known files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from mmm.cli import main
from mmm.data.guess import Guess, guess_roles
from tests.data.panels import frame

WORDS = {
    "geo": ("a", "b"),
    "region": ("a", "b"),
    "DMA": ("a", "b"),
    "events": ("na", "event1"),
    "city_name": "xy",
}


def guess(names: str, dates: str = "%Y-%m-%d", national: bool = False) -> Guess:
    rng = np.random.default_rng(0)
    periods = 24 if national else 12
    days = np.arange("2024-01-01", "2024-12-31", 7, dtype="datetime64[D]")[:periods].tolist()
    columns = {}
    for name in names.split():
        if name.lower() in ("date", "time", "week", "date_week", "ds"):
            cells = [day.strftime(dates) for day in days] * (24 // periods)
        elif name in WORDS:
            cells = [WORDS[name][row // 12 if not national else row % 2] for row in range(24)]
        elif name.startswith(("event_", "holiday")):
            cells = [row % 2 for row in range(24)]
        else:
            cells = rng.gamma(2.0, 10.0, 24).tolist()
        columns[name] = pa.chunked_array([cells])
    return guess_roles(columns)


def test_meridian() -> None:
    found = guess(
        "geo time Channel0_impression Channel1_impression Channel0_spend Channel1_spend Competitor_Sales "
        "Discount GQV Organic_channel0_impression sentiment_score_control conversions "
        "revenue_per_conversion population"
    )
    assert (found.region, found.date, found.kpi, found.population) == (
        "geo",
        "time",
        "conversions",
        "population",
    )
    assert found.kpi_value == "revenue_per_conversion"
    assert found.channels == {
        "Channel0": {"exposure": "Channel0_impression", "spend": "Channel0_spend"},
        "Channel1": {"exposure": "Channel1_impression", "spend": "Channel1_spend"},
        "Organic_channel0": {"exposure": "Organic_channel0_impression"},
    }
    assert found.controls == ["Competitor_Sales", "sentiment_score_control", "Discount", "GQV"]


def test_robyn() -> None:
    found = guess(
        "DATE revenue tv_S ooh_S print_S facebook_I search_clicks_P search_S competitor_sales_B facebook_S "
        "events newsletter",
        national=True,
    )
    assert (found.region, found.date, found.kpi) == (None, "DATE", "revenue")
    assert found.channels == {
        "tv": {"spend": "tv_S"},
        "ooh": {"spend": "ooh_S"},
        "print": {"spend": "print_S"},
        "facebook": {"exposure": "facebook_I", "spend": "facebook_S"},
        "search": {"exposure": "search_clicks_P", "spend": "search_S"},
        "newsletter": {"exposure": "newsletter"},
    }
    assert found.controls == ["competitor_sales_B"]
    assert found.unused == ["events"]


def test_pymc_marketing() -> None:
    found = guess("date_week y x1 x2 event_1 event_2 dayofyear t", national=True)
    assert (found.date, found.kpi) == ("date_week", "y")
    assert found.channels == {"x1": {"spend": "x1"}, "x2": {"spend": "x2"}}
    assert found.events == ["event_1", "event_2"]
    assert found.controls == ["dayofyear", "t"]


def test_deepcausalmmm() -> None:
    found = guess("DMA week visits ch01_impressions impressions_ch02 control_01 control_02")
    assert (found.region, found.date, found.kpi) == ("DMA", "week", "visits")
    assert found.channels == {
        "ch01": {"exposure": "ch01_impressions"},
        "ch02": {"exposure": "impressions_ch02"},
    }
    assert found.controls == ["control_01", "control_02"]


def test_bare_names_of_media_and_text_that_identifies_rows() -> None:
    found = guess("ds city_name sales tv search search_spend search_impressions email price")
    assert (found.region, found.kpi) == ("city_name", "sales")
    assert found.channels == {
        "search": {"spend": "search_spend", "exposure": "search_impressions"},
        "tv": {"spend": "tv"},
        "email": {"exposure": "email"},
    }
    assert found.unused == ["search"]
    assert found.controls == ["price"]


def test_date_format_is_proposed() -> None:
    assert guess("date y x1", dates="%d.%m.%Y").date_format == "%d.%m.%Y"


@pytest.mark.parametrize("name", ["panel.csv", "panel.parquet"])
def test_guessed_spec_of_a_clean_panel_is_valid(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = frame()
    (tmp_path / "data").mkdir()
    place = tmp_path / "data" / name
    table.to_csv(place, index=False) if name.endswith("csv") else table.to_parquet(place)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "specs" / "us.yaml"
    assert main(["init", f"data/{name}", "--out", str(out), "--brand", "acme", "--market", "no"]) == 0
    values = yaml.safe_load(out.read_text())
    assert values["market"] == "no"
    assert values["data"]["path"] == f"../data/{name}"
    assert values["columns"]["channels"]["search"] == {
        "spend": "search_spend",
        "exposure": "search_impressions",
    }
    assert main(["validate", str(out)]) == 0
    capsys.readouterr()
    assert main(["init", f"data/{name}", "--brand", "acme", "--market", "no"]) == 0
    assert capsys.readouterr().out == out.read_text().replace("../data", "data")
    assert main(["init", f"data/{name}", "--out", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err


def test_nothing_like_a_kpi_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame()[["date", "price"]].to_csv(tmp_path / "panel.csv", index=False)
    assert main(["init", str(tmp_path / "panel.csv"), "--out", str(tmp_path / "spec.yaml")]) == 2
    message = capsys.readouterr().err
    assert "no column looks like the KPI" in message
    assert "no column looks like the media" in message
    assert not (tmp_path / "spec.yaml").exists()


def test_real_panel_is_guessed(real_panel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(real_panel.with_name("real_panel.parquet"))]) == 0
    columns = yaml.safe_load(capsys.readouterr().out)["columns"]
    assert columns == yaml.safe_load(real_panel.read_text())["columns"]
