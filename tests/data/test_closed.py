"""Closed periods are told from sales of 0, left out, and said with their dates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmm.config.files import load_market
from mmm.data.closed import closed_periods, without_closed
from mmm.data.panel import Bools, Panel
from mmm.data.read import read_panel
from mmm.market import read_market
from tests.data.cases import case
from tests.data.panels import frame, spec, write
from tests.small import small_panel


def shut(panel: Panel, closed_GT: Bools, *, media: bool = False) -> Panel:
    """The panel with KPI 0, and unless ``media`` no media either, in some cells."""
    keep_GT1 = ~closed_GT[:, :, None] | media
    return replace(
        panel,
        kpi_GT=np.where(closed_GT, 0.0, panel.kpi_GT),
        media_GTC=panel.media_GTC * keep_GT1,
        spend_GTC=panel.spend_GTC * keep_GT1,
    )


def weeks(panel: Panel, *chosen: int, regions: slice = slice(None)) -> Bools:
    closed_GT = np.zeros_like(panel.present_GT)
    closed_GT[regions, list(chosen)] = True
    return closed_GT


@pytest.mark.parametrize("media", [False, True])
def test_a_long_run_of_zeros_is_closed(media: bool) -> None:
    panel = small_panel(periods=80)
    expected_GT = weeks(panel, *range(10, 22)) | weeks(panel, *range(60, 65), regions=slice(1, 2))

    assert np.array_equal(closed_periods(shut(panel, expected_GT, media=media)), expected_GT)


def test_a_day_off_each_week_is_closed() -> None:
    panel = small_panel(periods=120)
    expected_GT = weeks(panel, *range(6, 120, 7))

    assert np.array_equal(closed_periods(shut(panel, expected_GT)), expected_GT)


def test_media_pauses_alone_are_not() -> None:
    panel = small_panel(periods=80)
    off_GT = weeks(panel, *range(20, 50))
    media_GTC = panel.media_GTC * ~off_GT[:, :, None]

    assert not closed_periods(replace(panel, media_GTC=media_GTC, spend_GTC=media_GTC)).any()


def test_a_kpi_that_is_zero_now_and_then_is_open() -> None:
    """Two orders a week by region: 1 week in 7 has none, in runs as chance has it."""
    panel = small_panel(periods=150)
    orders_GT = np.random.default_rng(0).poisson(2.0, panel.kpi_GT.shape).astype(np.float64)
    media_GTC = panel.media_GTC * (np.arange(150) % 5 < 3)[:, None]

    assert not closed_periods(replace(panel, kpi_GT=orders_GT, media_GTC=media_GTC)).any()


def test_a_kpi_that_is_always_zero_is_left_to_other_checks() -> None:
    panel = small_panel()

    assert not closed_periods(shut(panel, np.ones_like(panel.present_GT))).any()


def test_left_out_means_masked_and_absent_where_nothing_ran() -> None:
    panel = small_panel(periods=80)
    closed_GT = weeks(panel, *range(10, 22))
    masked = without_closed(shut(panel, closed_GT), closed_GT)
    with_media = without_closed(shut(panel, closed_GT, media=True), closed_GT)

    assert np.array_equal(masked.observed_GT, ~closed_GT)
    assert np.array_equal(masked.present_GT, ~closed_GT)
    assert np.array_equal(with_media.observed_GT, ~closed_GT)
    assert with_media.present_GT.all()


def test_the_setting_decides_and_the_finding_says_when(tmp_path: Path) -> None:
    table = frame()
    closed = table["date"].between("2023-03-06", "2023-05-08")
    table.loc[closed, ["kpi", "tv", "search_spend", "search_impressions"]] = 0.0
    path = str(write(tmp_path, table, spec()))
    out, kept = (read_panel(load_market(path, [f"data.closed={how}"])) for how in ("leave_out", "keep"))

    (said,) = [finding for finding in out.findings if finding.code == "closed_periods"]
    assert "2023-03-06 to 2023-05-08 (10 periods in every region)" in said.what
    assert out.panel.observed_GT.sum() == 3 * 50
    assert [f.severity for f in kept.findings if f.code == "structural_zeros"] == ["error"]
    assert kept.panel.observed_GT.all()


def test_case_closed_season() -> None:
    read = read_market(load_market(str(case("closed_season") / "spec.yaml")))

    (said,) = [finding for finding in read.findings if finding.code == "closed_periods"]
    assert "2023-10-01 to 2024-03-31 (183 periods)" in said.what
    assert int(read.panel.observed_GT.sum()) == 227
