"""The page in a browser: every view is drawn, readable, and nothing covers anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from mmm.report import SECTIONS, build_report
from tests.report.sight import WIDTHS, Visit, look_at, visit_page

pytestmark = pytest.mark.browser

KEYS = [entry.key for entries in SECTIONS.values() for entry in entries]


@pytest.fixture(scope="module", params=WIDTHS)
def visit(
    request: pytest.FixtureRequest, browser: Browser, wide: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """The report of thirteen channels, offline, all views drawn."""
    target = build_report(wide, tmp_path_factory.mktemp("page") / "report.html")
    found = visit_page(browser, target, request.param)
    yield found
    found.page.context.close()


def test_views_are_drawn_when_seen_and_without_a_complaint(visit: Visit) -> None:
    assert visit.page.evaluate("first") < len(KEYS) / 2
    assert visit.page.evaluate("reportDrawn") == len(KEYS)
    assert visit.complaints == []


def test_the_page_does_not_scroll_sideways(visit: Visit) -> None:
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.width


@pytest.mark.parametrize("key", KEYS)
def test_a_view_is_drawn_and_readable(key: str, visit: Visit, tmp_path: Path) -> None:
    look_at(visit, key, tmp_path / f"{key}-{visit.width}.png", ticks=key != "dag")


def test_the_region_selector_changes_the_chart(visit: Visit) -> None:
    view = visit.page.locator("figure.view[id='by-region']")
    before = view.evaluate("view => Array.from(view.querySelector('.plot')._fullData[2].y)")
    view.locator("select").select_option(index=7)
    after = view.evaluate("view => Array.from(view.querySelector('.plot')._fullData[2].y)")

    assert len(before) == len(after) > 50
    assert before != after


def test_any_window_is_picked_and_told_with_its_interval(visit: Visit, wide: Path) -> None:
    rows = pd.read_parquet(wide / "windows.parquet").sort_values("first")
    first, last = sorted(rows["first"].unique())[2:5:2]
    view = visit.page.locator("figure.view[id='window']")
    view.locator("select").first.select_option(label=f"{first:%b} {first.year}")
    view.locator("select").last.select_option(label=f"{last:%b} {last.year}")
    row = rows[(rows["first"] == first) & (rows["last"] == last) & (rows["channel"] == "")].iloc[0]
    figures = [f"{float(f'{row[name]:.3g}'):g}" for name in ("roi", "roi_lower", "roi_upper")]

    said = view.get_by_role("status")
    assert said.inner_text().endswith(f"all media returned {figures[0]} ({figures[1]} to {figures[2]}).")
    drawn = view.locator(".plot").evaluate("plot => plot.data[0].x[0]")
    assert f"{drawn:g}" == figures[0]
    view.locator("select").first.select_option(label=f"{last:%b} {last.year}")
    view.locator("select").last.select_option(label=f"{first:%b} {first.year}")
    assert view.locator("select").first.input_value() == view.locator("select").last.input_value()


def test_the_keyboard_walks_the_charts(visit: Visit) -> None:
    visit.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    visit.page.keyboard.press("j")

    visit.page.wait_for_function("document.activeElement.closest('figure.view')?.id === 'headline'")


def pages(paper: bytes) -> int:
    """Pages of a PDF as Chromium writes it."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", paper))


def test_it_prints_whole_and_its_first_page_alone(visit: Visit) -> None:
    """The button prints one sheet; what is printed next without it is the whole report again."""
    visit.page.evaluate("window.print = () => {}")
    visit.page.click("button[data-print=summary]")
    sheet = visit.page.pdf(prefer_css_page_size=True)
    whole = visit.page.pdf(prefer_css_page_size=True)

    assert pages(sheet) == 1
    assert whole.startswith(b"%PDF")
    assert len(whole) > 200_000
    assert pages(whole) > 10
    assert visit.complaints == []


def test_paper_has_no_controls(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    shown = visit.page.evaluate(
        "[...document.querySelectorAll('.modebar, .actions, .picker, nav.contents, details')]"
        ".filter((element) => element.checkVisibility()).length"
    )
    visit.page.emulate_media(media="null")  # not "screen", which paper would then show

    assert shown == 0


def test_a_dark_page_has_dark_charts_and_light_paper(browser: Browser, small: Path, tmp_path: Path) -> None:
    target = build_report(small, tmp_path / "report.html")
    context = browser.new_context(viewport={"width": 390, "height": 900}, color_scheme="dark", offline=True)
    page = context.new_page()
    page.goto(target.as_uri())
    page.evaluate("reportDrawAll()")
    background = "getComputedStyle(document.querySelector('#shares .main-svg')).backgroundColor"

    assert page.evaluate(background) == "rgb(24, 32, 42)"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_numbers_do_not_wait_for_the_library(browser: Browser, small: Path, tmp_path: Path) -> None:
    """The first page stands before the packed library, and is readable without any script."""
    target = build_report(small, tmp_path / "report.html")
    text = target.read_text(encoding="utf-8")
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(target.as_uri())

    assert text.index("class='director'") < 20_000 < text.index("id='library'")
    assert page.locator(".director tbody tr").count() == 6
    context.close()
