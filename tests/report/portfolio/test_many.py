"""The page of many markets: a screenful of each table, the rest when it is asked for, from the file alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mmm.report.paging import SCREENFUL
from mmm.report.portfolio.outcome import outcome_of
from mmm.report.portfolio.page import LISTED, render_portfolio
from mmm.report.portfolio.records import market_records
from tests.report.portfolio.portfolios import failed, portfolio
from tests.report.portfolio.test_advice import PLAN, returns
from tests.report.sight import WIDTHS, Visit, visit_page

BRANDS, MARKETS = 150, 4
FAILED = 41
"""One of them by the portfolio itself."""


def text_of(brands: int) -> str:
    """The page of so many brands in four markets, some of which failed, the others with money and moves."""
    rows = portfolio(brands, MARKETS)
    rows[5:45] = [failed(row["brand"], row["market"], "no KPI") for row in rows[5:45]]
    links = {(row["brand"], row["market"]): "report.html" for row in rows}
    outcome = outcome_of(returns(), PLAN)
    told = {(row["brand"], row["market"]): outcome for row in rows if row["status"] != "failed"}
    return render_portfolio(market_records(rows, links, told))


@pytest.fixture(scope="module")
def text() -> str:
    return text_of(BRANDS)


def test_rows_in_the_page_do_not_grow_with_the_markets(text: str) -> None:
    """120 markets more are 840 rows more in seven tables, which would be 400 kB."""
    smaller = text_of(BRANDS - 30)

    assert text.count("<tr") == smaller.count("<tr") < 10 * SCREENFUL
    assert 0 < len(text) - len(smaller) < 40_000
    assert text.count("<li class='error'>") == LISTED
    assert f"Every failure, {FAILED} in all" in text


@pytest.fixture(scope="module", params=WIDTHS)
def visit(
    request: pytest.FixtureRequest, browser: Browser, text: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    page = tmp_path_factory.mktemp("many") / "portfolio.html"
    page.write_text(text, encoding="utf-8")
    found = visit_page(browser, page, request.param)
    yield found
    found.page.context.close()


@pytest.mark.browser
def test_a_table_is_turned_over_searched_and_sorted(visit: Visit) -> None:
    page = visit.page
    table = page.locator("section:has(#all) .paged")
    said, body = table.locator("[role=status]"), table.locator("tbody tr")
    assert body.count() == SCREENFUL
    before = body.first.inner_text()

    table.get_by_role("button", name="Next").click()
    page.wait_for_timeout(300)
    assert said.inner_text() == "51 to 100 of 600"
    assert body.count() == SCREENFUL and body.first.inner_text() != before
    table.get_by_role("button", name="Previous").click()
    assert body.first.inner_text() == before

    name = body.nth(1).locator("td").nth(1).inner_text()
    table.get_by_role("searchbox").fill(name)
    page.wait_for_timeout(300)
    found = re.fullmatch(r"1 to (\d+) of \1", said.inner_text())
    assert found is not None and int(found[1]) == body.count() < SCREENFUL
    table.get_by_role("searchbox").fill("no such market")
    page.wait_for_timeout(300)
    assert (said.inner_text(), body.count()) == ("none", 0)
    table.get_by_role("searchbox").fill("")

    table.locator("th button", has_text="Skill").press("Enter")
    page.wait_for_timeout(300)
    shown = [float(cell.replace("\u2212", "-").split("\u00a0")[0]) for cell in column(visit, 4)]
    assert len(shown) == SCREENFUL and shown == sorted(shown)
    assert body.first.locator("a").get_attribute("href") == "report.html"


def column(visit: Visit, at: int) -> list[str]:
    """Texts of a column of the table of all brand-markets."""
    cells: list[str] = visit.page.locator("section:has(#all) tbody tr").evaluate_all(
        "(rows, at) => rows.map((row) => row.cells[at].textContent)", at
    )
    return cells


@pytest.mark.browser
def test_a_folded_table_of_numbers_is_paged_too(visit: Visit) -> None:
    view = visit.page.locator("figure.view[id='roi']")
    view.locator("summary").click()
    view.get_by_role("searchbox").fill("failed")
    visit.page.wait_for_timeout(300)

    assert view.locator("[role=status]").inner_text() == f"1 to {FAILED} of {FAILED}"
    view.locator("summary").click()


@pytest.mark.browser
def test_nothing_complains_scrolls_sideways_or_bars_the_way(
    visit: Visit, barriers: object, tmp_path: Path
) -> None:
    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.width
    assert barriers(visit.page) == []  # type: ignore[operator]
    assert visit.page.evaluate("document.querySelectorAll('*').length") < 10_000
