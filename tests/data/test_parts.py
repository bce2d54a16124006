"""A panel in parts: what is said of it is what one process says that reads all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.panel import parts_fingerprint, region_digests
from mmm.data.parts.outline import Outline
from mmm.data.parts.reading import index_panel, read_part, whole_of, whole_only
from mmm.data.read import read_panel
from mmm.errors import PanelError
from tests.data.panels import frame, spec

REGIONS = ("CA", "FL", "IL", "NY", "OH", "TX", "WA")
Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def of_parts(panel: pd.DataFrame, folder: Path, size: int, **data: Any) -> tuple[MarketSpec, Outline]:
    """Spec and outline of a frame that is written in row groups and read so many regions at a time."""
    path = folder / "panel.parquet"
    pq.write_table(pa.Table.from_pandas(panel, preserve_index=False), path, row_group_size=120)
    content = spec(str(path))
    content["data"] |= data
    market = validate(MarketSpec, content, "test")
    index = index_panel(market)
    names = [index.regions[first : first + size] for first in range(0, len(index.regions), size)]
    return market, whole_of(market, index, [read_part(market, index, own) for own in names])


def late(panel: pd.DataFrame) -> pd.DataFrame:
    gone = (panel["region"] == "NY") & (panel["date"] < "2024-02-12")
    return panel.drop(panel[gone].index)


def closed(panel: pd.DataFrame) -> pd.DataFrame:
    shut = (panel["region"] == "WA") & panel["date"].between("2023-04-01", "2023-07-01")
    panel.loc[shut, ["kpi", "tv", "search_spend", "search_impressions"]] = 0.0
    return panel


def gaps(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel.index[150], "kpi"] = np.nan
    return panel.drop(panel.index[[3, 70, 200, 201]])


def twice(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel["region"] == "WA", "kpi"] = panel.loc[panel["region"] == "CA", "kpi"].to_numpy()
    return panel


def copied(panel: pd.DataFrame) -> pd.DataFrame:
    first = panel.loc[panel["region"] == "CA", "tv"].to_numpy()
    panel["tv"] = np.tile(first, len(REGIONS))
    return panel


def units(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel["date"] >= "2023-08-07", ["tv", "search_spend"]] *= 100.0
    return panel


def unseen(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel.index[[100, 300]], "search_impressions"] = 0.0
    return panel


def constant(panel: pd.DataFrame) -> pd.DataFrame:
    panel["price"] = 10.0
    return panel


@pytest.mark.parametrize("size", [2, 3, 7])
@pytest.mark.parametrize("spoil", [late, closed, gaps, twice, copied, units, unseen, constant])
def test_everything_said_is_what_one_process_says(spoil: Spoil, size: int, tmp_path: Path) -> None:
    panel = spoil(frame(REGIONS))
    market, found = of_parts(panel, tmp_path, size)
    whole = read_panel(market)

    assert found.regions == whole.panel.regions
    np.testing.assert_array_equal(found.observed_G, whole.panel.observed_GT.sum(1))
    digests = region_digests(whole.panel)
    assert found.fingerprint == parts_fingerprint(whole.panel, digests)
    told = {(one.code, one.where): one for one in found.findings}
    for finding in whole.findings:
        own = told.pop((finding.code, finding.where))
        if finding.code == "missing_kpi":
            # Rows are counted within the part that holds them.
            own = replace(own, what=finding.what)
        assert own == finding
    assert not told
    assert len(whole.findings) > 0


def no_media(panel: pd.DataFrame) -> pd.DataFrame:
    panel["tv"] = 0.0
    return panel


def same_channels(panel: pd.DataFrame) -> pd.DataFrame:
    panel["tv"] = panel["search_impressions"]
    return panel


def negative(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel.index[[10, 400]], "tv"] = -3.0
    return panel


def no_level(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel["region"] == "OH", "kpi"] = np.nan
    return panel


def doubled(panel: pd.DataFrame) -> pd.DataFrame:
    panel.loc[panel.index[5], "date"] = panel.loc[panel.index[4], "date"]
    return panel


@pytest.mark.parametrize("spoil", [no_media, same_channels, negative, no_level, doubled])
def test_everything_wrong_is_told_with_its_place(spoil: Spoil, tmp_path: Path) -> None:
    panel = spoil(frame(REGIONS))
    with pytest.raises(PanelError) as found:
        of_parts(panel, tmp_path, 3)
    with pytest.raises(PanelError) as whole:
        read_panel(validate(MarketSpec, spec(str(tmp_path / "panel.parquet")), "test"))

    assert {(one.code, one.where) for one in found.value.problems} == {
        (one.code, one.where) for one in whole.value.problems
    }
    assert str(tmp_path) in str(found.value)


def test_a_problem_of_several_parts_is_told_once(tmp_path: Path) -> None:
    panel = negative(frame(REGIONS))
    with pytest.raises(PanelError) as found:
        of_parts(panel, tmp_path, 3)

    (problem,) = found.value.problems
    assert "region 'CA'" in problem.message
    assert problem.message.endswith("Likewise in 1 more part of the panel.")


def test_closed_periods_may_be_kept(tmp_path: Path) -> None:
    panel = closed(frame(REGIONS))
    _, left_out = of_parts(panel, tmp_path, 3)
    _, kept = of_parts(panel, tmp_path, 3, closed="keep")

    assert left_out.observed_G.sum() + 13 == kept.observed_G.sum()
    assert "structural_zeros" in {finding.code for finding in kept.findings}


def test_what_needs_all_regions_is_named(tmp_path: Path) -> None:
    frame(REGIONS).to_csv(tmp_path / "panel.csv", index=False)
    content = spec(str(tmp_path / "panel.csv"))
    content["columns"]["treatments"] = {"price": {"reference": "max", "sign": "negative"}}
    content["columns"]["controls"] = []

    needs = whole_only(validate(MarketSpec, content, "test"))
    assert needs == ["a panel in Parquet", "no treatments (columns.treatments)"]
