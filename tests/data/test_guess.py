"""Roles guessed from the column names of well-known files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from mmm.cli import main
from mmm.data.guess.drivers import treatment
from mmm.data.guess.roles import Guess, guess_roles
from mmm.data.starter import draft_spec
from mmm.errors import PanelError
from tests.data.cases import case
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
    }
    assert found.organic == {"Organic_channel0": {"exposure": "Organic_channel0_impression"}}
    assert found.treatments == {"Discount": {"reference": "min", "sign": "positive"}}
    assert found.controls == ["Competitor_Sales", "sentiment_score_control", "GQV"]


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
    }
    assert found.organic == {"newsletter": {"exposure": "newsletter"}}
    assert found.controls == ["competitor_sales_B"]
    assert found.unused == []


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
    }
    assert found.organic == {"email": {"exposure": "email"}}
    assert found.treatments == {"price": {"reference": "max", "sign": "negative"}}
    assert found.unused == ["search"]
    assert found.controls == []


def test_what_is_not_bought_is_told_by_its_name_and_by_having_no_spend() -> None:
    names = (
        "date sales tv_spend brand_searches_impressions push_sends crm_spend promo_depth competitor_price acv"
    )
    found = guess(names, national=True)

    assert found.mediators == {"brand_searches": {"exposure": "brand_searches_impressions"}}
    assert found.organic == {"push": {"exposure": "push_sends"}}
    assert list(found.channels) == ["tv", "crm"]
    assert {name: own["reference"] for name, own in found.treatments.items()} == {
        "promo_depth": "min",
        "acv": "median",
    }
    assert found.controls == ["competitor_price"]


@pytest.mark.parametrize(
    ("depths", "reference"), [([0.0, 0.0, 0.1, 0.2], "min"), ([0.0, 1.0], None), ([1.0, 2.0, 3.0], None)]
)
def test_promotions_are_a_lever_where_their_depth_stands(depths: list[float], reference: str | None) -> None:
    """A flag, or how many ran each week, stays a control."""
    found = treatment("promotion", {"promotion": np.array(6 * depths)})

    assert (found or {}).get("reference") == reference


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


def draft(folder: Path, table: pd.DataFrame, **csv: Any) -> str:
    table.to_csv(folder / "panel.csv", index=False, **csv)
    return draft_spec(str(folder / "panel.csv")).text


def weekly(**columns: Any) -> pd.DataFrame:
    """Two channels and sales, 60 weeks."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-01-02", periods=60, freq="7D").strftime("%Y-%m-%d")
    base = {"date": days, "sales": rng.gamma(50, 20, 60).round(1), "tv_spend": rng.gamma(2, 50, 60).round(1)}
    return pd.DataFrame({**base, "radio_spend": rng.gamma(2, 30, 60).round(1), **columns})


@pytest.mark.parametrize("name", ["OpenTV", "LinearTv", "YouTubeAds", "PaidSocial", "TVSpend"])
def test_words_written_together_are_words(name: str, tmp_path: Path) -> None:
    text = draft(tmp_path, weekly(**{name: np.arange(60.0) % 7}))

    assert f"spend: {name}" in text


def test_a_column_that_looks_like_spend_is_never_put_away_silently(tmp_path: Path) -> None:
    table = weekly(Kanal7=np.where(np.arange(60) % 3 == 0, 0.0, 90.0), price=10 + np.arange(60) % 5 / 10)
    text = draft(tmp_path, table)

    assert "#   Kanal7: not used, UNCLEAR: media or control?" in text
    assert "price: {reference: max, sign: negative}" in text
    assert "Lines above that are unclear: 3" in text


@pytest.mark.parametrize(("paid", "seen"), [("mdsp", "mdip"), ("cost", "imps"), ("a", "b")])
def test_prefixes_with_the_same_endings_are_sides_of_channels(paid: str, seen: str, tmp_path: Path) -> None:
    ends = ("dm", "nsp", "aud")
    sides = {f"{paid}_{end}": np.arange(60.0) % (5 + i) for i, end in enumerate(ends)}
    sides |= {f"{seen}_{end}": 900 * (np.arange(60.0) % (5 + i)) for i, end in enumerate(ends)}
    channels = yaml.safe_load(draft(tmp_path, weekly(**sides)))["columns"]["channels"]

    assert channels["dm"] == {"spend": f"{paid}_dm", "exposure": f"{seen}_dm"}
    assert channels["aud"] == {"spend": f"{paid}_aud", "exposure": f"{seen}_aud"}


def test_prices_are_no_kpi_and_parts_of_it_no_controls(tmp_path: Path) -> None:
    table = weekly(sales_per_visit=np.full(60, 9.5) + np.arange(60) % 3)
    table["online"] = (0.3 * table["sales"]).round(1)
    table["stores"] = table["sales"] - table["online"]
    spec = yaml.safe_load(text := draft(tmp_path, table))

    assert spec["columns"]["kpi"] == "sales"
    assert "online" not in spec["columns"]["controls"]
    assert "UNCLEAR: a part of 'sales'" in text


def test_semicolons_decimal_commas_and_currency_signs(tmp_path: Path) -> None:
    table = weekly().rename(columns={"tv_spend": "TV Kosten (€)"})
    assert "currency: EUR" in draft(tmp_path, table, sep=";", decimal=",")

    table["sales"] = [f"£{value:,.2f}" for value in table["sales"]]
    with pytest.raises(PanelError, match="it has a currency sign") as caught:
        draft(tmp_path, table)
    assert [problem.where for problem in caught.value.problems] == ["sales"]


def test_total_rows_are_left_out_and_short_panels_keep_a_holdout(tmp_path: Path) -> None:
    table = pd.concat([weekly(region=name) for name in ("north", "south", "Total")])
    spec = yaml.safe_load(draft(tmp_path, table[table["date"] < "2023-08-01"]))

    assert spec["regions"] == {"exclude": ["Total"]}
    assert spec["splits"]["holdout"] == 4


def test_init_is_done_only_for_a_spec_that_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weekly().to_csv(tmp_path / "panel.csv", index=False)
    assert main(["init", str(tmp_path / "panel.csv"), "--out", str(tmp_path / "a.yaml")]) == 0
    assert main(["validate", str(tmp_path / "a.yaml")]) == 0
    weekly(tv_spend=-1.0).to_csv(tmp_path / "panel.csv", index=False)
    capsys.readouterr()
    assert main(["init", str(tmp_path / "panel.csv")]) == 2
    assert "not valid yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("init_camelcase_media", ["OpenTV: {spend: OpenTV}", "PayTV: {spend: PayTV}"]),
        ("init_prefix_media", ["spend: mdsp_sem", "exposure: mdip_sem", "yr_nbr: not used"]),
        ("init_price_as_kpi", ["kpi: Test_Drive_Bookings", "kpi_value: Revenue_Per_Vehicle_Sale"]),
        ("latin1_header", ["kpi: Umsatz", "TV Ausgaben (€)", "currency: EUR"]),
    ],
)
def test_case(name: str, says: list[str]) -> None:
    text = draft_spec(str(case(name) / "panel.csv")).text

    assert [part for part in says if part not in text] == []


def test_case_init_currency_signs() -> None:
    with pytest.raises(PanelError, match=r"write 398\.00"):
        draft_spec(str(case("init_currency_signs") / "panel.csv"))


def guessed(columns: dict[str, list[Any]]) -> Guess:
    """Roles of a national weekly panel with these columns."""
    table = pa.table({"date": [f"2024-01-{day:02}" for day in range(1, 21)], **columns})
    return guess_roles({name: table[name].cast(pa.string()) for name in table.column_names})


AMOUNTS = [float(10 + 7 * n % 13) for n in range(20)]


@pytest.mark.parametrize(
    ("paid", "seen"),
    [("cost_fb", "imp_fb"), ("Kosten_Google", "Klicks_Google"), ("gasto_meta", "impresiones_meta")],
)
def test_words_before_a_channel_say_what_its_column_holds(paid: str, seen: str) -> None:
    found = guessed({paid: AMOUNTS, seen: [1000 * value for value in AMOUNTS], "sales": AMOUNTS[::-1]})

    assert list(found.channels.values()) == [{"spend": paid, "exposure": seen}]
    assert found.controls == []


def test_prices_of_media_are_no_amounts_and_rates_are_in_doubt() -> None:
    found = guessed(
        {"search_spend": AMOUNTS, "search_CPC": AMOUNTS, "conversion_rate": AMOUNTS, "sales": AMOUNTS[::-1]}
    )

    assert found.channels == {"search": {"spend": "search_spend"}}
    assert found.unused == ["search_CPC"]
    assert found.controls == ["conversion_rate"]
    assert set(found.doubts) == {"search_CPC", "conversion_rate"}


def test_a_sum_by_kind_of_shop_is_no_region() -> None:
    """Named after shops, but different in every row."""
    found = guessed(
        {"tv_spend": AMOUNTS, "Umsatz_Filiale": [value + n / 100 for n, value in enumerate(AMOUNTS)]}
    )

    assert found.region is None
    assert found.kpi == "Umsatz_Filiale"


def test_text_with_a_few_names_is_events_however_rare() -> None:
    calendar = ["none"] * 18 + ["strike", "strike"]
    found = guessed({"tv_spend": AMOUNTS, "sales": AMOUNTS[::-1], "calendar": calendar})

    assert found.events == ["calendar"] and found.controls == []
