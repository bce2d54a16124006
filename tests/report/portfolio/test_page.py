"""The portfolio's page: what it says of a refit, with failures, of one market, of many."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from typing import Any

import pytest

from mmm.report.moves import Between
from mmm.report.paging import SCREENFUL
from mmm.report.portfolio import returns, views
from mmm.report.portfolio.outcome import ALL, Outcome
from mmm.report.portfolio.page import SECTIONS, render_portfolio
from mmm.report.portfolio.records import MarketRecord, Remark, market_records
from mmm.report.tables import MissingTableError
from mmm.report.theme import channel_colours
from tests.report.model.test_build import Outline
from tests.report.portfolio.portfolios import failed, fitted, portfolio

KEYS = [entry.key for entries in SECTIONS.values() for entry in entries]


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    return parser


def records(*rows: dict[str, Any]) -> tuple[MarketRecord, ...]:
    return market_records(rows, {(r["brand"], r["market"]): f"{r['brand']}-{r['market']}.html" for r in rows})


def cells(figure: Any) -> dict[tuple[str, str], str]:
    """Text of every cell by row and column label."""
    return {
        (row, column): values[r][c] or marks[r][c]
        for values, marks in [(figure.data[0].text, figure.data[1].text)]
        for r, row in enumerate(figure.data[0].y)
        for c, column in enumerate(figure.data[0].x)
    }


def test_every_view_is_on_the_page_with_its_alt_text() -> None:
    found = outline(render_portfolio(records(*portfolio())))

    assert [name for name in found.ids if name in KEYS] == KEYS
    assert all(len(label) > 40 for label in found.labels)
    assert found.loads == ["data:,"]
    assert {a[1:] for a in found.anchors if a.startswith("#")} <= set(found.ids)


def test_return_of_all_media_is_weighted_by_what_was_spent() -> None:
    """TV: 20 % of the KPI at ROI 2 cost 10; search: 30 % at ROI 1 cost 30; together 50 for 40."""
    (record,) = records(
        fitted("acme", "us", shares={"tv": 0.2, "search": 0.3}, roi={"tv": 2.0, "search": 1.0})
    )

    assert record.media_share == pytest.approx(0.5)
    assert record.media_roi == pytest.approx(1.25)


def test_a_channel_without_spend_counts_in_the_share_and_not_in_the_return() -> None:
    (record,) = records(fitted("acme", "us", shares={"tv": 0.2, "email": 0.3}, roi={"tv": 2.0}))

    assert record.media_share == pytest.approx(0.5)
    assert record.media_roi == pytest.approx(2.0)


def test_the_test_window_counts_where_there_is_one() -> None:
    (held,) = records(fitted("acme", "us", holdout_skill=0.4, test_skill=None))
    (tested,) = records(fitted("acme", "us", holdout_skill=0.4, test_skill=-0.2))

    assert (held.skill, tested.skill) == (0.4, -0.2)


def test_findings_are_taken_apart() -> None:
    remark = Remark.parse("warning holdout_bias holdout: forecast 10 % too high")

    assert (remark.severity, remark.code, remark.text) == (
        "warning", "holdout_bias", "holdout: forecast 10 % too high",
    )  # fmt: skip
    assert remark.grave
    assert not Remark.parse("info uncertain_roi tv: ROI is 2").grave


def test_a_refit_with_failures_says_which_and_why() -> None:
    rows = records(
        fitted("acme", "us"), failed("acme", "de", "spend is -3 <b>\nkpi is no number"), fitted("b", "us")
    )
    text = render_portfolio(rows)
    figure = views.skill(rows)

    assert "1 brand-market failed; all others stand" in text
    assert "spend is -3 &lt;b&gt;\nkpi is no number" in text
    assert "Report of its last good model" in text
    assert cells(figure)["acme", "de"] == "failed"
    assert cells(figure)["b", "de"] == "", "no such brand-market"
    assert "2 of 2 models" in figure.layout.meta["title"]


def test_a_refit_of_which_everything_failed_is_still_a_page() -> None:
    found = outline(render_portfolio(records(failed("acme", "us", "x"), failed("acme", "de", "y"))))

    assert {"failures", "left-out", "all"} <= set(found.ids)
    assert "roi" not in found.ids


def test_a_single_market_reads_well() -> None:
    text = render_portfolio(records(fitted("acme", "us", share_shift=None)))

    assert "Portfolio: acme in us" in text
    assert "1 of 1 model beats the best guess without a model" in text
    assert "<b>Share changes</b>: no brand-market was fitted before" in text
    assert "No report lies beside" not in text


def test_a_model_that_waits_is_named_with_its_reason() -> None:
    text = render_portfolio(records(fitted("acme", "us", role="challenger", reason="its skill fell by 0.3")))

    assert "1 new model not taken into use by itself" in text
    assert "its skill fell by 0.3" in text


def test_cells_lead_to_the_report_of_their_own_brand_market() -> None:
    figure = returns.roi(records(*portfolio(3, 2)))
    for r, row in enumerate(figure.data[0].y):
        for c, column in enumerate(figure.data[0].x):
            here = figure.data[0].customdata[r][c] or figure.data[1].customdata[r][c]
            assert here[0] == f"{row}-{column}.html"


def test_the_selector_has_every_channel_and_its_values() -> None:
    rows = records(fitted("acme", "us", roi={"tv": 4.0, "search": 0.5}, shares={"tv": 0.1, "search": 0.1}))
    menu = returns.roi(rows).layout.updatemenus[0]

    assert [button.label for button in menu.buttons] == ["All media", "Search", "TV"]
    assert [button.args[0]["z"][0][0][0] for button in menu.buttons] == pytest.approx(
        [math.log2(0.2 / (0.1 / 4 + 0.1 / 0.5)), -1.0, 2.0], abs=1e-4
    )


def test_channels_have_the_same_colour_as_in_the_reports() -> None:
    rows = records(fitted("acme", "us", roi={"tv": 4.0, "search": 0.5}, shares={"tv": 0.1, "search": 0.1}))
    figure = returns.roi_by_channel(rows)
    palette = channel_colours(["search", "tv"])
    red, green, blue = (int(palette["tv"][at : at + 2], 16) for at in (1, 3, 5))

    assert figure.data[0].y[0] == "tv"
    assert figure.data[0].marker.color == f"rgba({red},{green},{blue},0.6)"


def test_share_changes_name_the_largest() -> None:
    rows = records(fitted("acme", "us", share_shift=0.25), fitted("acme", "de", share_shift=0.02))

    assert "In 1 of 2 brand-markets more than 10" in views.share_change(rows).layout.meta["title"]
    assert "acme / us" in views.share_change(rows).layout.meta["title"]
    with pytest.raises(MissingTableError, match="fitted before"):
        views.share_change(records(fitted("acme", "us", share_shift=None)))


def test_findings_that_as_many_models_share_come_in_the_order_of_their_codes() -> None:
    codes = ["weak_prior_data", "residual_drift", "holdout_bias"]
    rows = records(*(fitted("acme", m, findings=[f"warning {code} x: y" for code in codes]) for m in "ab"))

    assert views.finding_kinds(rows).data[0].y == (
        "The forecast is off in one direction",
        "Of late the KPI has left the model's level",
        "Weak prior data",
    )


def test_hostile_names_cannot_leave_their_place() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    text = render_portfolio(records(fitted(evil, "us"), failed("acme", evil, evil)))

    assert evil not in text
    assert outline(text).loads == ["data:,"]


def test_brands_with_like_names_keep_rows_of_their_own() -> None:
    rows = records(*(fitted(f"a brand with a very long name {n}", "us") for n in range(3)))

    assert len(set(views.skill(rows).data[0].y)) == 3


def test_many_markets_of_few_brands_go_down_the_page() -> None:
    rows = records(*(fitted("acme", f"m{n:02d}") for n in range(40)))
    figure = views.skill(rows)

    assert figure.data[0].x == ("acme",)
    assert len(figure.data[0].y) == 40


def test_three_hundred_brand_markets_are_light_and_all_in_the_table() -> None:
    text = render_portfolio(records(*portfolio(150, 2, channels=13)))

    assert len(text.encode()) <= 2e6
    every = text.partition("id='all'")[2]
    assert every.count("<tr") == 1 + SCREENFUL
    (packed,) = re.findall(r"<script type='text/plain'>([^<]+)</script></div>", every)
    rows = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert len({(brand[0], market[0]) for _, _, brand, market, *_ in rows}) == 300
    assert "120 of 150 brands are drawn" in text


def test_markets_that_do_not_say_what_a_kpi_unit_is_worth_have_no_return() -> None:
    stated = "info value_not_stated kpi_value: What a KPI unit is worth is not stated."
    (plain,) = records(fitted("acme", "us", roi={"tv": 40.0}, findings=[stated]))

    assert math.isnan(plain.media_roi) and plain.roi == {}
    counted = Outcome(currency="EUR", spend=2e3, value=Between(90.0, 80.0, 99.0), roi={ALL: Between(0.045)})
    row = fitted("acme", "us", roi={"tv": 0.04}, findings=[stated])
    (told,) = market_records([row], outcomes={("acme", "us"): counted})
    assert math.isnan(told.media_roi) and math.isnan(told.outcome.value.mean), "KPI units are no money"
    with pytest.raises(MissingTableError, match="kpi_value"):
        returns.roi([plain])
