"""Feeds that broke are said with date and factor; sound ones are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.config.files import load_market
from mmm.data.history import history_findings
from mmm.data.panel import Floats, Panel
from mmm.data.schema import Finding
from mmm.market import read_market
from mmm.portfolio import load_portfolio
from mmm.simulate.portfolio import write_portfolio
from tests.data.cases import case
from tests.small import small_panel


def feed(regions: int = 1, periods: int = 120, **changes: Any) -> Panel:
    """A sound panel of three paid channels, of which one has exposure."""
    return replace(small_panel(regions=regions, periods=periods, channels=3), **changes)


def of_code(panel: Panel, code: str) -> list[Finding]:
    return [finding for finding in history_findings(panel) if finding.code == code]


def after(panel: Panel, t: int, factor: float) -> Floats:
    """A factor from period ``t`` on, shape T."""
    return np.where(np.arange(len(panel.dates)) >= t, factor, 1.0)


def test_sound_markets_have_none(tmp_path: Path) -> None:
    write_portfolio(tmp_path / "p", brands=2, markets=4, seed=3)
    for spec in load_portfolio(str(tmp_path / "p" / "portfolio.yaml")).specs():
        assert history_findings(read_market(spec).panel) == []
    assert history_findings(feed(regions=3)) == []


@pytest.mark.parametrize("factor", [1 / 7.5345, 1 / 1.95583, 13.7603])
def test_a_change_of_currency_is_said_with_date_and_factor(factor: float) -> None:
    panel = feed(regions=3)
    factor_T = after(panel, 60, factor)
    broken = replace(
        panel, kpi_GT=panel.kpi_GT * factor_T, spend_GTC=panel.spend_GTC * factor_T[None, :, None]
    )

    (said,) = of_code(broken, "unit_break")
    assert said.where == str(panel.dates[60])
    assert "KPI" in said.what
    assert "'radio'" in said.what
    stated = max(factor, 1 / factor)
    assert any(f"{value:.1f}" in said.what for value in np.arange(0.85 * stated, 1.15 * stated, 0.05))


def test_a_price_that_jumps_is_that_channels_alone() -> None:
    panel = feed()
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[:, :, 0] *= after(panel, 80, 0.1)

    (said,) = of_code(replace(panel, spend_GTC=spend_GTC), "unit_break")
    assert said.where == str(panel.dates[80])
    assert "spend per exposure of 'tv' is 1/10" in said.what


def test_one_channel_in_thousands_is_said() -> None:
    panel = feed()
    factor_T = after(panel, 40, 1e-3)
    spend_GTC, media_GTC = panel.spend_GTC.copy(), panel.media_GTC.copy()
    spend_GTC[:, :, 1] *= factor_T
    media_GTC[:, :, 1] *= factor_T

    (said,) = of_code(replace(panel, spend_GTC=spend_GTC, media_GTC=media_GTC), "unit_break")
    assert "spend of 'search'" in said.what
    assert said.where == str(panel.dates[40])


def test_all_spend_in_another_currency_is_said_though_the_kpi_is_in_units() -> None:
    panel = feed()
    factor_T1 = after(panel, 70, 1 / 7.5345)[:, None]

    (said,) = of_code(replace(panel, spend_GTC=panel.spend_GTC * factor_T1), "unit_break")
    assert "'tv'" in said.what
    assert "'radio'" in said.what


@pytest.mark.parametrize("last", [True, False])
def test_a_period_cut_short_is_said(last: bool) -> None:
    panel = feed(regions=3)
    part_T = np.ones(len(panel.dates))
    part_T[-1 if last else 0] = 3 / 7
    media_GTC, spend_GTC = panel.media_GTC * part_T[:, None], panel.spend_GTC * part_T[:, None]
    cut = replace(panel, kpi_GT=panel.kpi_GT * part_T, spend_GTC=spend_GTC, media_GTC=media_GTC)

    (said,) = of_code(cut, "partial_period")
    assert said.where == str(panel.dates[-1 if last else 0])
    assert any(f"{part}\u00a0%" in said.what for part in (42, 43, 44))


def test_a_fall_that_comes_every_year_is_no_part_of_a_period() -> None:
    panel = feed(periods=105)
    season_T = np.where(np.arange(105) % 52 == 0, 0.4, 1.0)

    assert of_code(replace(panel, kpi_GT=panel.kpi_GT * season_T), "partial_period") == []


def copied(panel: Panel) -> Panel:
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[:, :, 1] = spend_GTC[:1, :, 1]
    return replace(panel, spend_GTC=spend_GTC, media_GTC=spend_GTC)


def double(panel: Panel) -> Panel:
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[2] = kpi_GT[0] * 1.0002
    return replace(panel, kpi_GT=kpi_GT)


def renamed(panel: Panel) -> Panel:
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[2] = kpi_GT[0]
    kpi_GT[0, 60:] = kpi_GT[2, :60] = np.nan
    return replace(panel, kpi_GT=kpi_GT, present_GT=np.isfinite(kpi_GT))


def with_total(panel: Panel) -> Panel:
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[2] = kpi_GT[:2].sum(0)
    return replace(panel, kpi_GT=kpi_GT)


def swapped(panel: Panel) -> Panel:
    exposed = panel.spend_GTC * 12.0
    return replace(
        panel, media_GTC=exposed, spend_GTC=panel.spend_GTC[:, :, [1, 0, 2]], has_exposure_C=np.ones(3, bool)
    )


def unpaid(panel: Panel) -> Panel:
    return replace(panel, spend_GTC=panel.spend_GTC * [0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (copied, "national_amount_in_regions", "Spend of 'search' is the same in each of 3 regions"),
        (double, "region_twice", "'r0' and 'r2'"),
        (renamed, "region_renamed", "'r0' ends on"),
        (with_total, "total_region", "'r2' is the sum of all others"),
        (swapped, "swapped_spend", "goes with the exposure of the other"),
        (unpaid, "no_spend", "spend is 0 in every row"),
    ],
)
def test_copies_and_mix_ups_are_said(spoil: Callable[[Panel], Panel], code: str, says: str) -> None:
    (said,) = of_code(spoil(feed(regions=3)), code)

    assert says in said.what


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("currency_switch", "unit_break", "From 2023-02-27 on KPI"),
        ("national_spend_in_every_region", "national_amount_in_regions", "4 regions"),
        ("last_week_partial", "partial_period", "2024-06-24"),
    ],
)
def test_case(name: str, code: str, says: str) -> None:
    read = read_market(load_market(str(case(name) / "spec.yaml")))

    (said,) = [finding for finding in read.findings if finding.severity == "warning"]
    assert said.code == code
    assert says in said.what


@pytest.mark.parametrize("name", ["scenario_promo", "paused_channel", "plan_european"])
def test_sound_case(name: str) -> None:
    read = read_market(load_market(str(case(name) / "spec.yaml")))

    assert [finding.code for finding in read.findings if finding.severity != "info"] == []
