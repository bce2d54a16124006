"""Pages that are written reach everybody: wide and narrow, light and dark, long names and a nation alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from mmm.analysis.stability import SHUFFLED, judged, weekly_table
from mmm.report import build_report
from mmm.report.stability.page import Loop, stability_page
from mmm.report.sweep.page import sweep_page
from tests.report.conftest import LONE, SMALL
from tests.report.sight import Visit, look_at, overlap, visit_page, visit_view
from tests.report.sweep.sweeps import sweep_of
from tests.report.world import World, write_model
from tests.serve.page.site import LONG_NAMES

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class LongNames(World):
    """Fifteen channels with the names of a media plan."""

    channels: int = len(LONG_NAMES)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels."""
        return LONG_NAMES[: self.channels]


def report_of(world: World) -> Callable[[Path], Path]:
    """Writes the report of a model's folder."""
    return lambda folder: build_report(write_model(folder / "model", world))


def written(text: str) -> Callable[[Path], Path]:
    """Writes a page."""

    def write(folder: Path) -> Path:
        path = folder / "page.html"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def steady() -> str:
    """The page of a loop of four weeks over eight long-named channels."""
    names = LONG_NAMES[:8]
    shares = {name: (8 - place) / 36 for place, name in enumerate(names)}
    weeks = []
    for week in range(4):
        direct = pd.Series([1e5 * share * (1 + 0.02 * week) for share in shares.values()])
        bounds = {"direct": direct, "direct_lower": 0.8 * direct, "direct_upper": 1.2 * direct}
        weeks.append((f"2025-01-{6 + 7 * week:02d}", pd.DataFrame({"channel": names, **bounds}), shares))
    table = weekly_table(weeks)
    found = judged(table, [shares] * 4, shares, shares | {f"{SHUFFLED}{names[0]}": 0.05})
    return stability_page(
        Loop("Grand Continental Beverages, United Kingdom & Ireland", "orders", table, found)
    )


PAGES: dict[str, Callable[[Path], Path]] = {
    "report": report_of(SMALL),
    "report of long names": report_of(LongNames()),
    "report of a nation": report_of(LONE),
    "sweep": written(sweep_page(sweep_of())),
    "loop": written(steady()),
}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_keeps_anybody_out(
    name: str,
    width: int,
    scheme: str,
    browser: Browser,
    barriers: Callable[[Page], list[str]],
    tmp_path: Path,
) -> None:
    visit = visit_page(browser, PAGES[name](tmp_path), width)
    visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visit.page.wait_for_timeout(200)

    assert barriers(visit.page) == []
    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.context.close()


def test_names_of_windows_do_not_cover_each_other_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    visit = visit_page(browser, PAGES["report of a nation"](tmp_path), 390)
    names = (
        "[...document.querySelectorAll('figure.view .annotation text')]"
        ".filter((one) => ['holdout', 'test'].includes(one.textContent))"
        ".map((one) => one.getBoundingClientRect()).map((box) => [box.left, box.right, box.top, box.bottom])"
    )
    boxes = visit.page.evaluate(names)
    edge = visit.page.evaluate("document.querySelector('figure.view .plot').getBoundingClientRect().right")
    visit.page.context.close()

    assert len(boxes) >= 2
    assert all(right <= edge for _, right, *_ in boxes)
    for place, (left, right, top, bottom) in enumerate(boxes):
        for other_left, other_right, other_top, other_bottom in boxes[:place]:
            across = min(right, other_right) - max(left, other_left)
            assert across <= 1 or min(bottom, other_bottom) - max(top, other_top) <= 1


@pytest.mark.parametrize("width", [1280, 390])
def test_few_regions_leave_room_for_long_names(width: int, browser: Browser, tmp_path: Path) -> None:
    """Names below few rows were cut, and the ends of the scale of colours lay on each other."""
    visit = visit_view(browser, report_of(LongNames(regions=4))(tmp_path), width, "regions")
    look_at(visit, "regions", tmp_path / "regions.png")
    bar = boxes(visit, "figure.view[id='regions'] .cbaxis text")
    apart = [
        one["top"] >= other["bottom"] or other["top"] >= one["bottom"] for one, other in combinations(bar, 2)
    ]
    visit.page.context.close()

    assert len(bar) == 3 and all(apart)


def test_dates_of_one_chart_do_not_lie_on_the_heading_of_the_next(browser: Browser, tmp_path: Path) -> None:
    visit = visit_view(browser, PAGES["report of a nation"](tmp_path), 390, "season-trend")
    ticks = boxes(visit, "figure.view[id='season-trend'] [class*=xaxislayer] text")
    headings = boxes(visit, "figure.view[id='season-trend'] .annotation text")
    visit.page.context.close()

    assert len(headings) >= 2 and len(ticks) >= 4
    assert not [(one["text"], other["text"]) for one in headings for other in ticks if overlap(one, other)]


def boxes(visit: Visit, selector: str) -> list[dict[str, Any]]:
    """Where texts stand in their view: the page may scroll between two questions."""
    found: list[dict[str, Any]] = visit.page.evaluate(
        "selector => [...document.querySelectorAll(selector)].map((one) => {"
        " const r = one.getBoundingClientRect(), of = one.closest('figure.view').getBoundingClientRect();"
        " return {left: r.left - of.left, right: r.right - of.left, top: r.top - of.top,"
        "  bottom: r.bottom - of.top, text: one.textContent}; })",
        selector,
    )
    return found


def test_every_bubble_is_named_beside_it_or_below_and_no_name_lies_on_another(
    browser: Browser, tmp_path: Path
) -> None:
    visit = visit_view(browser, PAGES["report of long names"](tmp_path), 1280, "bubbles")
    beside = boxes(visit, "figure.view[id='bubbles'] .textpoint")
    below = boxes(visit, "figure.view[id='bubbles'] .legendtext")
    bubbles = boxes(visit, "figure.view[id='bubbles'] .points path")
    visit.page.context.close()
    shown = [one for one in beside if one["text"].strip()]

    assert len(shown) + len(below) == len(bubbles) == len(LONG_NAMES)
    assert not [1 for one, other in combinations([*shown, *below], 2) if overlap(one, other)]
    assert max(one["bottom"] for one in bubbles) < min(one["top"] for one in below)
    assert not [(one["text"]) for one in shown for other in bubbles if overlap(one, other, 3.0)]


def test_a_chart_that_no_sheet_holds_is_made_smaller_on_paper(browser: Browser, tmp_path: Path) -> None:
    visit = visit_view(browser, PAGES["report of long names"](tmp_path), 1280, "curves")
    visit.page.set_viewport_size({"width": 704, "height": 1017})
    visit.page.emulate_media(media="print")
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    visit.page.wait_for_timeout(500)
    heights = visit.page.locator("figure.view").evaluate_all(
        "views => views.map((view) => [view.id, view.getBoundingClientRect().height])"
    )
    visit.page.context.close()

    assert [name for name, height in heights if height > 1017] == []


def test_half_transparent_colours_are_those_of_the_dark_on_a_dark_page(
    browser: Browser, tmp_path: Path
) -> None:
    """A band of the accent, which is written as rgba(), is as light as the line in it."""
    visit = visit_page(browser, PAGES["report"](tmp_path), 1280)
    fill = (
        "document.querySelector('figure.view[id=national] .plot').data.find((one) => one.fillcolor).fillcolor"
    )
    light = visit.page.evaluate(fill)
    visit.page.emulate_media(color_scheme="dark")
    dark = light
    for _ in range(100):
        visit.page.wait_for_timeout(100)
        dark = visit.page.evaluate(fill)
        if dark != light:
            break
    visit.page.context.close()

    assert (light, dark) == ("rgba(11,92,143,0.18)", "rgba(90,169,221,0.18)")


def test_a_phone_shows_the_whole_first_table_and_every_name(browser: Browser, tmp_path: Path) -> None:
    visit = visit_page(browser, PAGES["report of long names"](tmp_path), 390)
    cells = visit.page.evaluate(
        "[...document.querySelectorAll('.director tbody td')].map((cell) => [cell.dataset.head,"
        " getComputedStyle(cell, '::before').content, cell.getBoundingClientRect().right])"
    )
    names = visit.page.locator("figure.view[id='roi'] .ytick text").all_text_contents()
    visit.page.context.close()

    assert len(cells) == 5 * len(LONG_NAMES)
    assert {head for head, *_ in cells} == {
        "Spend",
        "Share of spend, of effect",
        "ROI",
        "Next USD",
        "Recommended",
    }
    assert all(said == f'"{head}"' and right <= 390 for head, said, right in cells)
    assert len(set(names)) == len(LONG_NAMES)
