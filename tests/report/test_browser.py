"""The page in a browser: every view is drawn, readable, and nothing covers anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mmm.report import SECTIONS, build_report

pytestmark = pytest.mark.browser

KEYS = [entry.key for entries in SECTIONS.values() for entry in entries]
WIDTHS = (1280, 800)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

INSPECT = """view => {
  const plot = view.querySelector(".plot");
  const box = (element) => {
    const r = element.getBoundingClientRect();
    return {left: r.left, right: r.right, top: r.top, bottom: r.bottom, text: element.textContent};
  };
  const seen = (selector) => Array.from(plot.querySelectorAll(selector), box)
    .filter((b) => b.right - b.left > 1 && b.bottom - b.top > 1);
  return {
    frame: box(plot),
    areas: seen(".nsewdrag"),
    legend: seen("g.legend .bg"),
    ticks: seen(".xtick text, .ytick text, .xaxislayer-above text, .yaxislayer-above text"),
    texts: seen("svg.main-svg text"),
    marks: plot.querySelectorAll(".trace path, .point, .hm image, path.js-fill, path.js-line").length,
  };
}"""


@dataclass
class Visit:
    """One page at one width, with what its console said."""

    page: Page
    width: int
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module", params=WIDTHS)
def visit(
    request: pytest.FixtureRequest, browser: Browser, wide: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """The report of thirteen channels, offline, all views drawn."""
    target = build_report(wide, tmp_path_factory.mktemp("page") / "report.html")
    context = browser.new_context(viewport={"width": request.param, "height": 900}, offline=True)
    found = Visit(context.new_page(), request.param)
    found.page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.goto(target.as_uri())
    found.page.wait_for_selector("figure.view[data-state=drawn]")
    found.page.evaluate("first = window.reportDrawn")
    found.page.evaluate("reportDrawAll()")
    yield found
    context.close()


def overlap(a: dict[str, float], b: dict[str, float], slack: float = 1.0) -> bool:
    """Two boxes share more than a hair's breadth."""
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    along = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return across > slack and along > slack


def test_views_are_drawn_when_seen_and_without_a_complaint(visit: Visit) -> None:
    assert visit.page.evaluate("first") < len(KEYS) / 2
    assert visit.page.evaluate("reportDrawn") == len(KEYS)
    assert visit.complaints == []


def test_the_page_does_not_scroll_sideways(visit: Visit) -> None:
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.width


@pytest.mark.parametrize("key", KEYS)
def test_a_view_is_drawn_and_readable(key: str, visit: Visit, tmp_path: Path) -> None:
    view = visit.page.locator(f"figure.view[id='{key}']")
    found = view.evaluate(INSPECT)
    picture = view.screenshot(path=tmp_path / f"{key}-{visit.width}.png")

    assert found["marks"] > 0
    assert found["areas"]
    assert found["ticks"] or key == "dag"
    assert len(picture) > 12_000, "nearly empty picture"
    for legend in found["legend"]:
        assert not [area for area in found["areas"] if overlap(legend, area)], "legend over the plot"
        assert not [tick for tick in found["ticks"] if overlap(legend, tick)], "legend over an axis"
    frame = found["frame"]
    cut = [
        text["text"] for text in found["texts"]
        if text["left"] < frame["left"] - 2 or text["right"] > frame["right"] + 2
        or text["top"] < frame["top"] - 2 or text["bottom"] > frame["bottom"] + 2
    ]  # fmt: skip
    assert cut == [], "text runs out of the picture"


def test_the_region_selector_changes_the_chart(visit: Visit) -> None:
    view = visit.page.locator("figure.view[id='by-region']")
    before = view.evaluate("view => Array.from(view.querySelector('.plot')._fullData[2].y)")
    view.locator("select").select_option(index=7)
    after = view.evaluate("view => Array.from(view.querySelector('.plot')._fullData[2].y)")

    assert len(before) == len(after) > 50
    assert before != after


def test_the_keyboard_walks_the_charts(visit: Visit) -> None:
    visit.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    visit.page.keyboard.press("j")

    visit.page.wait_for_function("document.activeElement.closest('figure.view')?.id === 'headline'")


def test_it_prints(visit: Visit) -> None:
    paper = visit.page.pdf(prefer_css_page_size=True)

    assert paper.startswith(b"%PDF")
    assert len(paper) > 200_000
    assert visit.complaints == []
