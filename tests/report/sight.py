"""What the browser tests look at: boxes of texts, axes and legends, and what covers or cuts what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

WIDTHS = (1280, 800)

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


def visit_page(browser: Browser, page: Path, width: int) -> Visit:
    """A page opened offline, everything drawn."""
    found = _opened(browser, page.as_uri(), width)
    found.page.wait_for_function("window.reportDrawn !== undefined")
    found.page.evaluate("first = window.reportDrawn")
    found.page.evaluate("reportDrawAll()")
    return found


def visit_view(browser: Browser, page: Path, width: int, key: str) -> Visit:
    """A page opened offline at one view, which is drawn."""
    found = _opened(browser, f"{page.as_uri()}#{key}", width)
    found.page.wait_for_selector(f"figure.view[id='{key}'][data-state=drawn]")
    return found


def _opened(browser: Browser, address: str, width: int) -> Visit:
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    found = Visit(context.new_page(), width)
    found.page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.goto(address)
    return found


def look_at(visit: Visit, key: str, picture: Path, *, ticks: bool = True) -> None:
    """A view is drawn, its legend covers nothing, and no text is cut.

    Args:
        visit: The page.
        key: Anchor of the view.
        picture: Where its picture goes.
        ticks: It has axes with labels.
    """
    view = visit.page.locator(f"figure.view[id='{key}']")
    found = view.evaluate(INSPECT)
    size = len(view.screenshot(path=picture))

    assert found["marks"] > 0
    assert found["areas"]
    assert found["ticks"] or not ticks
    assert size > 9_000, "nearly empty picture"
    for legend in found["legend"]:
        assert not [area for area in found["areas"] if overlap(legend, area)], "legend over the plot"
        assert not [tick for tick in found["ticks"] if overlap(legend, tick)], "legend over an axis"
    frame = found["frame"]
    cut = [
        text["text"] for text in found["texts"]
        if text["left"] < frame["left"] - 2 or text["right"] > frame["right"] + 2
        or text["top"] < frame["top"] - 2 or text["bottom"] > frame["bottom"] + 2
    ]  # fmt: skip
    assert cut == [], f"text runs out of the picture: {cut}"


def overlap(a: dict[str, float], b: dict[str, float], slack: float = 1.0) -> bool:
    """Two boxes share more than a hair's breadth."""
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    along = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return across > slack and along > slack
