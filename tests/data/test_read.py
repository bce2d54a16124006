"""The same panel whatever the format, the order of rows or the types of cells; shards; fingerprints."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.data.panel import Panel, data_fingerprint
from mmm.data.read import panel_from_frame, read_panel
from mmm.errors import PanelError
from tests.data.cases import case
from tests.data.panels import REGIONS, WEEKS, frame, spec, write
from tests.small import some_regions

FIELDS = ("present_GT", "kpi_GT", "media_GTC", "spend_GTC", "controls_GTK", "population_G", "kpi_value_GT")


def market(path: Path | str = "panel.csv", **changes: Any) -> MarketSpec:
    return MarketSpec.model_validate({**spec(str(path)), **changes})


def assert_equal(one: Panel, two: Panel) -> None:
    assert one.regions == two.regions
    np.testing.assert_array_equal(one.dates, two.dates)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field), err_msg=field)
    assert data_fingerprint(one) == data_fingerprint(two)


@pytest.fixture
def table() -> pd.DataFrame:
    return frame()


@pytest.fixture
def expected(table: pd.DataFrame) -> Panel:
    return panel_from_frame(table, market()).panel


def test_panel_holds_the_cells_of_its_rows(table: pd.DataFrame, expected: Panel) -> None:
    row = table.iloc[WEEKS + 4]
    assert expected.regions == REGIONS
    assert expected.frequency == "weekly"
    assert str(expected.dates[4]) == row["date"]
    assert expected.channels == ("tv", "search")
    assert expected.kpi_GT[1, 4] == row["kpi"]
    assert expected.media_GTC[1, 4].tolist() == [row["tv"], row["search_impressions"]]
    assert expected.spend_GTC[1, 4].tolist() == [row["tv"], row["search_spend"]]
    assert expected.has_spend_C.tolist() == [True, True]
    assert expected.has_exposure_C.tolist() == [False, True]
    assert expected.controls_GTK[1, 4].tolist() == [row["price"]]
    assert expected.population_G is not None
    assert expected.population_G.tolist() == [1e6, 2e6, 3e6]
    assert expected.present_GT.all()
    assert (expected.kpi_value_GT == 1.0).all()


def write_csv(table: pd.DataFrame, folder: Path) -> Path:
    table.sample(frac=1.0, random_state=1).assign(note="unused").to_csv(folder / "panel.csv", index=False)
    return folder / "panel.csv"


def write_gzip(table: pd.DataFrame, folder: Path) -> Path:
    table.to_csv(folder / "panel.csv.gz", index=False)
    return folder / "panel.csv.gz"


def write_semicolons(table: pd.DataFrame, folder: Path) -> Path:
    table.to_csv(folder / "panel.csv", index=False, sep=";", decimal=",")
    return folder / "panel.csv"


def write_quoted_bom(table: pd.DataFrame, folder: Path) -> Path:
    table.to_csv(folder / "panel.csv", index=False, quoting=1, encoding="utf-8-sig")
    return folder / "panel.csv"


def write_parquet(table: pd.DataFrame, folder: Path) -> Path:
    table.iloc[::-1].to_parquet(folder / "panel.parquet")
    return folder / "panel.parquet"


def write_typed_parquet(table: pd.DataFrame, folder: Path) -> Path:
    typed = table.assign(region=table["region"].astype("category"), date=pd.to_datetime(table["date"]))
    typed.to_parquet(folder / "panel.parquet")
    return folder / "panel.parquet"


def write_hive(table: pd.DataFrame, folder: Path) -> Path:
    other = table.assign(kpi=1.0, brand="acme", market="de")
    both = pd.concat([table.assign(brand="acme", market="us"), other])
    for (brand, name, region), part in both.groupby(["brand", "market", "region"]):
        place = folder / "panel" / f"brand={brand}" / f"market={name}" / f"region={region}"
        place.mkdir(parents=True)
        part.drop(columns=["brand", "market", "region"]).to_parquet(place / "part-0.parquet", index=False)
    (folder / "panel" / "_SUCCESS").write_text("")
    return folder / "panel"


def write_hive_csv(table: pd.DataFrame, folder: Path) -> Path:
    for region, part in table.groupby("region"):
        place = folder / "panel" / f"region={region}"
        place.mkdir(parents=True)
        part.drop(columns="region").to_csv(place / "part.csv", index=False)
    return folder / "panel"


@pytest.mark.parametrize(
    "writer",
    [
        write_csv,
        write_gzip,
        write_semicolons,
        write_quoted_bom,
        write_parquet,
        write_typed_parquet,
        write_hive,
        write_hive_csv,
    ],
)
def test_every_format_gives_the_same_panel(
    writer: Any, table: pd.DataFrame, expected: Panel, tmp_path: Path
) -> None:
    path = writer(table, tmp_path)
    assert_equal(read_panel(market(path)).panel, expected)
    assert_equal(read_panel(market(f"file://{path}")).panel, expected)


def test_fsspec_uri_is_read(table: pd.DataFrame, expected: Panel) -> None:
    import fsspec

    with fsspec.open("memory://bucket/panel.csv", "w") as stream:
        table.to_csv(stream, index=False)
    assert_equal(read_panel(market("memory://bucket/panel.csv")).panel, expected)


def test_files_of_unlike_number_types_are_joined(
    table: pd.DataFrame, expected: Panel, tmp_path: Path
) -> None:
    table["search_impressions"] = table["search_impressions"].astype(float)
    for index, (_, part) in enumerate(table.groupby("region")):
        if index == 0:
            part = part.assign(search_impressions=part["search_impressions"].astype(int))  # noqa: PLW2901
        part.to_parquet(tmp_path / f"part-{index}.parquet")
    assert_equal(read_panel(market(tmp_path)).panel, expected)


def timestamps(zone: str | None) -> Any:
    def convert(days: pd.Series) -> pd.Series:
        return pd.Series(pd.to_datetime(days)).dt.tz_localize(zone)

    return convert


DATE_TYPES: dict[str, Any] = {
    "timestamp": timestamps(None),
    "UTC": timestamps("UTC"),
    "New York": timestamps("America/New_York"),
    "Berlin": timestamps("Europe/Berlin"),
    "date": lambda days: pd.Series([dt.date.fromisoformat(day) for day in days], dtype=object),
    "nanoseconds": lambda days: pd.Series(pd.to_datetime(days)).astype("datetime64[ns]"),
    "compact": lambda days: days.str.replace("-", ""),
    "number": lambda days: days.str.replace("-", "").astype(int),
    "text with zone": lambda days: days + "T00:00:00+02:00",
    "text with time": lambda days: days + " 00:00:00",
}


@pytest.mark.parametrize("kind", DATE_TYPES)
def test_dates_of_every_type_are_accepted(
    kind: str, table: pd.DataFrame, expected: Panel, tmp_path: Path
) -> None:
    table["date"] = DATE_TYPES[kind](table["date"])
    assert_equal(panel_from_frame(table, market()).panel, expected)
    table.to_parquet(tmp_path / "panel.parquet")
    assert_equal(read_panel(market(tmp_path / "panel.parquet")).panel, expected)


def test_date_format_reads_what_is_not_iso(table: pd.DataFrame, expected: Panel) -> None:
    table["date"] = pd.to_datetime(table["date"]).dt.strftime("%d/%m/%Y")
    read = panel_from_frame(table, market(data={"path": "x.csv", "date_format": "%d/%m/%Y"}))
    assert_equal(read.panel, expected)
    with pytest.raises(PanelError, match=r"does not fit data\.date_format"):
        panel_from_frame(table, market(data={"path": "x.csv", "date_format": "%Y.%m.%d"}))


@pytest.mark.parametrize("codes", [[10, 20, 30], ["010", "020", "030"], [10.0, 20.0, 30.0]])
def test_region_codes_stay_as_written(codes: list[Any], table: pd.DataFrame, tmp_path: Path) -> None:
    table["region"] = table["region"].map(dict(zip(REGIONS, codes, strict=True)))
    written = tuple(code if isinstance(code, str) else str(int(code)) for code in codes)
    assert panel_from_frame(table, market()).panel.regions == written
    if not isinstance(codes[0], float):
        write(tmp_path, table)
        assert read_panel(market(tmp_path / "panel.csv")).panel.regions == written


def test_region_called_na_is_a_region(table: pd.DataFrame, tmp_path: Path) -> None:
    table["region"] = table["region"].replace("NY", "NA")
    write(tmp_path, table)
    assert read_panel(market(tmp_path / "panel.csv")).panel.regions == ("CA", "NA", "TX")


def test_national_panel_needs_no_region(table: pd.DataFrame) -> None:
    values = spec()
    del values["columns"]["region"]
    read = panel_from_frame(table[table["region"] == "CA"], MarketSpec.model_validate(values))
    assert read.panel.regions == ("national",)
    with pytest.raises(PanelError, match=r"name the region column in columns\.region"):
        panel_from_frame(table, MarketSpec.model_validate(values))


def test_absent_rows_are_masked_and_never_invented(table: pd.DataFrame) -> None:
    panel = panel_from_frame(table.drop(index=[WEEKS + 2, WEEKS + 3]), market()).panel
    assert (~panel.present_GT).sum() == 2
    assert not panel.present_GT[1, 2:4].any()
    assert np.isnan(panel.kpi_GT[1, 2:4]).all()
    assert (panel.media_GTC[1, 2:4] == 0).all()
    assert (panel.spend_GTC[1, 2:4] == 0).all()
    mean = panel.controls_GTK[1, panel.present_GT[1], 0].mean()
    np.testing.assert_allclose(panel.controls_GTK[1, 2:4, 0], mean)
    assert panel.observed_GT.sum() == 3 * WEEKS - 2


def test_kpi_value_may_be_a_column_or_a_control(table: pd.DataFrame) -> None:
    table["margin"] = 2.5
    assert (panel_from_frame(table, market(kpi_value="margin")).panel.kpi_value_GT == 2.5).all()
    by_price = panel_from_frame(table, market(kpi_value="price")).panel
    np.testing.assert_array_equal(by_price.kpi_value_GT, by_price.controls_GTK[:, :, 0])
    table.loc[3, "margin"] = 0.0
    with pytest.raises(PanelError, match="KPI value 'margin' is not positive"):
        panel_from_frame(table, market(kpi_value="margin"))


def fill(media: str = "refuse", controls: str = "refuse") -> dict[str, Any]:
    return {"path": "panel.csv", "fill": {"media": media, "controls": controls}}


def test_empty_media_are_zero_where_asked(table: pd.DataFrame) -> None:
    table.loc[3, "tv"] = np.nan
    read = panel_from_frame(table, market(data=fill(media="zero")))
    assert read.panel.media_GTC[0, 3, 0] == 0.0
    assert [finding.code for finding in read.findings] == ["filled_values", "short_training"]


@pytest.mark.parametrize(("policy", "value"), [("previous", 9.0), ("mean", 10.0), ("zero", 0.0)])
def test_empty_controls_are_filled_as_asked(policy: str, value: float, table: pd.DataFrame) -> None:
    table["price"] = [9.0, 11.0] * (len(table) // 2)
    table.loc[[1, 4], "price"] = np.nan
    table.loc[1, "price"] = np.nan
    panel = panel_from_frame(table, market(data=fill(controls=policy))).panel
    if policy == "mean":
        value = float(table["price"].iloc[:WEEKS].mean())
    assert panel.controls_GTK[0, 1, 0] == pytest.approx(value)


def test_a_control_without_any_value_in_a_region_cannot_be_filled(table: pd.DataFrame) -> None:
    table.loc[table["region"] == "NY", "price"] = np.nan
    with pytest.raises(PanelError, match="no value at all in 'NY'"):
        panel_from_frame(table, market(data=fill(controls="previous")))


def test_events_and_holidays_join_the_controls(table: pd.DataFrame) -> None:
    table["launch"] = (table["date"] == "2023-05-29").astype(int)
    values = {**spec(), "holidays": {"country": "US"}}
    values["columns"]["events"] = ["launch"]
    panel = panel_from_frame(table, MarketSpec.model_validate(values)).panel
    assert panel.controls[:2] == ("price", "launch")
    christmas = panel.controls.index("holiday: Christmas Day")
    week = int(np.flatnonzero(panel.dates == np.datetime64("2023-12-25"))[0])
    assert panel.controls_GTK[:, week, christmas].tolist() == [1.0, 1.0, 1.0]
    assert panel.controls_GTK[:, :, christmas].sum() == 3.0


def test_shards_are_slices_of_the_whole_panel(table: pd.DataFrame, expected: Panel, tmp_path: Path) -> None:
    late = table[(table["region"] != "TX") | (table["date"] > "2023-03-01")].copy()
    late.loc[late.index[WEEKS + 5], "kpi"] = np.nan
    path = write_parquet(late, tmp_path)
    whole = read_panel(market(path)).panel
    for g, region in enumerate(REGIONS):
        shard = read_panel(market(path), regions=[region]).panel
        assert shard.regions == (region,)
        assert_equal(shard, some_regions(whole, [g]))
        np.testing.assert_array_equal(shard.dates, whole.dates)
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(shard, field), getattr(whole, field)[g : g + 1])
    with pytest.raises(PanelError, match="no rows of 'NYC'"):
        read_panel(market(path), regions=["CA", "NYC"])


def test_a_shard_reads_only_its_row_groups(table: pd.DataFrame, tmp_path: Path) -> None:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    pq.write_table(arrow, tmp_path / "panel.parquet", row_group_size=WEEKS)
    from mmm.data.source import _row_filter

    fragment = next(ds.dataset(tmp_path / "panel.parquet").get_fragments())
    wanted = _row_filter(arrow.schema, "region", ["NY"])
    assert len(fragment.split_by_row_group()) == 3
    assert len(fragment.split_by_row_group(wanted)) == 1


def test_only_named_columns_are_read(table: pd.DataFrame, expected: Panel, tmp_path: Path) -> None:
    table["unused"] = "x"
    table.to_parquet(tmp_path / "panel.parquet")
    whole = (tmp_path / "panel.parquet").read_bytes()
    unused = pq.ParquetFile(tmp_path / "panel.parquet").metadata.row_group(0).column(8)
    assert unused.path_in_schema == "unused"
    start = unused.dictionary_page_offset
    spoiled = (
        whole[:start] + b"\xff" * unused.total_compressed_size + whole[start + unused.total_compressed_size :]
    )
    (tmp_path / "panel.parquet").write_bytes(spoiled)
    assert_equal(read_panel(market(tmp_path / "panel.parquet")).panel, expected)


@given(seed=st.integers(0, 2**16))
def test_fingerprint_ignores_row_order_and_sees_every_cell(seed: int) -> None:
    table = frame(weeks=40)
    reference = data_fingerprint(panel_from_frame(table, market()).panel)
    shuffled = table.sample(frac=1.0, random_state=seed)
    assert data_fingerprint(panel_from_frame(shuffled, market()).panel) == reference
    row = seed % len(table)
    column = ("kpi", "tv", "search_spend", "price")[seed % 4]
    table[column] = table[column] + 0.25 * (table.index == row)
    assert data_fingerprint(panel_from_frame(table, market()).panel) != reference


def test_absent_row_and_missing_kpi_have_unlike_fingerprints(table: pd.DataFrame) -> None:
    absent = panel_from_frame(table.drop(index=3), market()).panel
    table.loc[3, ["kpi"]] = np.nan
    assert data_fingerprint(panel_from_frame(table, market()).panel) != data_fingerprint(absent)


def test_real_panel_is_read_fast(real_panel: Path) -> None:
    spec = load_market(str(real_panel))
    start = time.perf_counter()
    read = read_panel(spec)
    assert time.perf_counter() - start < 2.0
    assert read.panel.kpi_GT.shape == (190, 109)
    assert read.panel.present_GT.sum() == 20_370
    assert [finding.code for finding in read.findings] == ["closed_periods", "absent_periods"]
    assert (read.split.n_train, read.split.n_holdout, read.split.n_test) == (96, 13, 0)


def test_events_as_text_are_one_event_for_each_name(tmp_path: Path) -> None:
    table = frame()
    calendar = ["none"] * len(table)
    calendar[5] = calendar[65] = "Black Friday"
    calendar[66] = "store  opening"
    values = spec() | {"columns": spec()["columns"] | {"events": ["calendar"]}}
    read = read_panel(load_market(str(write(tmp_path, table.assign(calendar=calendar), values))))
    placed = read.panel.controls_GTK[:, :, 1:]

    assert read.panel.controls == ("price", "calendar: Black Friday", "calendar: store opening")
    assert [index.tolist() for index in np.nonzero(placed)] == [[0, 1, 1], [5, 5, 6], [0, 0, 1]]
    empty = [None if word == "none" else word for word in calendar]
    again = read_panel(load_market(str(write(tmp_path, table.assign(calendar=pd.Series(empty)), values))))
    assert np.array_equal(again.panel.controls_GTK, read.panel.controls_GTK)
    shard = read_panel(load_market(str(tmp_path / "spec.yaml")), regions=["TX"])
    assert shard.panel.controls == read.panel.controls


def test_case_events_as_text() -> None:
    read = read_panel(load_market(str(case("events_as_text") / "spec.yaml")))

    assert read.panel.controls == ("calendar: black friday", "calendar: store opening")
