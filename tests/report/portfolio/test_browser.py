"""The portfolio's page in a browser: drawn, readable, and a click leads into a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from mmm.report.portfolio.outcome import Outcome, outcome_of
from mmm.report.portfolio.page import SECTIONS, render_portfolio
from mmm.report.portfolio.records import market_records
from tests.report.portfolio.portfolios import fitted, portfolio
from tests.report.portfolio.test_advice import PLAN, returns
from tests.report.sight import WIDTHS, Visit, look_at, overlap, visit_page

pytestmark = pytest.mark.browser

KEYS = [entry.key for entries in SECTIONS.values() for entry in entries]


@pytest.fixture(scope="module", params=WIDTHS)
def visit(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """The page of twelve brand-markets, one of them failed, each with a report beside."""
    folder = tmp_path_factory.mktemp("portfolio")
    rows = portfolio(4, 3)
    links: dict[tuple[str, str], str] = {}
    outcomes: dict[tuple[str, str], Outcome] = {}
    for row in rows:
        name = f"{row['brand']} {row['market']}.html"
        (folder / name).write_text(f"<title>{name}</title>", encoding="utf-8")
        key = row["brand"], row["market"]
        links[key] = quote(name)
        if row["status"] != "failed":
            outcomes[key] = outcome_of(returns(scale=1.0 + len(outcomes)), PLAN)
    page = folder / "portfolio.html"
    page.write_text(render_portfolio(market_records(rows, links, outcomes)), encoding="utf-8")
    found = visit_page(browser, page, request.param)
    yield found
    found.page.context.close()


@pytest.mark.parametrize("key", KEYS)
def test_a_view_is_drawn_and_readable(key: str, visit: Visit, tmp_path: Path) -> None:
    look_at(visit, key, tmp_path / f"{key}-{visit.width}.png")


def test_nothing_complains_and_nothing_scrolls_sideways(visit: Visit) -> None:
    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.width


def test_the_selector_shows_another_channel(visit: Visit) -> None:
    view = visit.page.locator("figure.view[id='roi']")
    before = view.evaluate("view => view.querySelector('.plot')._fullData[0].z.flat()")
    view.locator("select").select_option(label="TV")

    assert view.evaluate("view => view.querySelector('.plot')._fullData[0].z.flat()") != before


def sorted_by_keyboard(visit: Visit, table: str, heading: str, column: int) -> list[float]:
    """Numbers of a column that Enter on its heading sorts, rising and then falling."""
    button = visit.page.locator(f"{table} th button", has_text=heading)
    read = "(rows, at) => rows.map((row) => row.cells[at].dataset.sort).filter((text) => text).map(Number)"
    numbers: list[float] = []
    for rising in (True, False):
        button.press("Enter")
        numbers = visit.page.locator(f"{table} tbody tr").evaluate_all(read, column)
        assert numbers == sorted(numbers, reverse=not rising)
    return numbers


def test_a_heading_sorts_the_table_by_keyboard(visit: Visit) -> None:
    assert len(sorted_by_keyboard(visit, "section table.sortable", "Skill", 4)) == 11


def test_moves_sort_by_money_and_nothing_serious_keeps_anybody_out(
    visit: Visit, barriers: Callable[[Page], list[str]]
) -> None:
    assert len(sorted_by_keyboard(visit, "#advice", "Spent on media", 1)) == 11
    assert visit.page.locator("#advice tbody tr").count() == 11
    schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    for scheme in schemes:
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.wait_for_timeout(200)
        assert barriers(visit.page) == []


def test_a_click_on_a_cell_opens_its_report(visit: Visit) -> None:
    page = visit.page.context.new_page()
    page.goto(visit.page.url)
    page.evaluate("reportDrawAll()")
    area = page.locator("figure.view[id='skill'] .nsewdrag")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.375 * box["height"])

    page.wait_for_url("**/brand001%20m1.html")
    page.close()


@pytest.fixture(scope="module")
def phone(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Long-named brands in long-named markets on a phone."""
    brands = ("Grand Continental Beverages", "Sparkling Waters & Mineral Refreshments")
    rows = [
        fitted(brand, market) for brand in brands for market in ("United Kingdom & Ireland", "Germany", "us")
    ]
    outcomes = {(row["brand"], row["market"]): outcome_of(returns(), PLAN) for row in rows}
    page = tmp_path_factory.mktemp("phone") / "portfolio.html"
    page.write_text(render_portfolio(market_records(rows, {}, outcomes)), encoding="utf-8")
    found = visit_page(browser, page, 390)
    yield found
    found.page.context.close()


def test_a_phone_shows_every_cell_of_a_row_and_still_sorts(phone: Visit) -> None:
    """The column of moves lay out of sight."""
    cells = phone.page.evaluate(
        "[...document.querySelectorAll('.cards tbody td')].map((cell) => [getComputedStyle(cell, '::before')"
        ".content, cell.dataset.head, cell.getBoundingClientRect().right])"
    )

    assert len(cells) == 6 * (7 + 12)
    assert all(said == f'"{head}"' and right <= 390 for said, head, right in cells)
    assert len(sorted_by_keyboard(phone, "#advice", "Spent on media", 1)) == 6


def test_names_over_the_columns_of_a_map_do_not_cover_each_other_on_a_phone(phone: Visit) -> None:
    ticks = phone.page.locator("figure.view[id='skill'] [class*=xaxislayer] text")
    boxes = ticks.evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")

    assert len(boxes) == 3
    assert not [1 for one, other in combinations(boxes, 2) if overlap(one, other)]
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_paper_no_table_runs_over_what_follows_it(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    limits = visit.page.locator(".index .scroll").evaluate_all(
        "all => all.map((one) => [getComputedStyle(one).maxHeight, one.scrollHeight <= one.clientHeight])"
    )
    visit.page.emulate_media(media="screen")

    assert limits == [["none", True]] * 2


def test_it_prints(visit: Visit) -> None:
    paper = visit.page.pdf(prefer_css_page_size=True)

    assert paper.startswith(b"%PDF")
    assert len(paper) > 50_000
    assert visit.complaints == []
