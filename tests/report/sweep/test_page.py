from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from mmm.report import MissingTableError
from mmm.report.sweep import outcome
from mmm.report.sweep import settings as sweep_settings
from mmm.report.sweep import views as sweep_views
from mmm.report.sweep.page import sweep_page
from mmm.report.sweep.record import Sweep, setting_text
from tests.report.sight import WIDTHS, look_at, visit_page
from tests.report.sweep.sweeps import sweep_of

KEYS = ("test", "trials", "origins", "importance", "parallel", "shares", "pareto")


def title(figure: object) -> str:
    return str(figure.layout.meta["title"])  # type: ignore[attr-defined]


def test_the_page_is_one_file_that_loads_nothing() -> None:
    text = sweep_page(sweep_of())

    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=['\"]http", text)
    assert all(f"id='{key}'" in text for key in KEYS)
    assert "Trial 7 was chosen" in text and "left out" not in text


def test_names_of_users_are_text_and_no_markup() -> None:
    sweep = replace(sweep_of(), brand="<b>acme</b>", reason="<script>alert(1)</script>")

    text = sweep_page(sweep)

    assert "<b>acme</b>" not in text and "<script>alert" not in text


@pytest.mark.parametrize(
    ("sweep", "absent"),
    [
        (sweep_of(test=False), ["test"]),
        (sweep_of(trials=1, origins=1, chosen=0, test=False), list(set(KEYS) - {"trials"})),
    ],
)
def test_what_cannot_be_drawn_is_left_out_with_its_reason(sweep: Sweep, absent: list[str]) -> None:
    text = sweep_page(sweep)

    assert not any(f"<figure class='view' id='{key}'" in text for key in absent)
    assert "left out" in text


def test_titles_say_what_the_figures_show() -> None:
    sweep = sweep_of()

    assert title(sweep_views.trials(sweep)).startswith("The best of 20 trials scores 0.9500")
    assert title(outcome.test_window(sweep)).startswith("The settings chosen score 0.9300 and the spec's own")
    assert "explains 60" in title(sweep_settings.importance(sweep))
    assert title(sweep_views.channel_shares(sweep)).startswith("Among the 10 best trials")


def test_the_own_settings_are_not_shown_twice_where_they_stay() -> None:
    figure = outcome.test_window(sweep_of(chosen=0))

    assert list(figure.data[0].y) == ["The spec's own settings", "Last value"]


def test_an_axis_holds_words_numbers_and_what_was_not_set() -> None:
    sweep = sweep_of()

    drawn = sweep_settings.parallel(replace(sweep, importances={}))

    places = np.array([trace.y for trace in drawn.data], dtype=float)
    assert np.nanmin(places) == 0 and np.nanmax(places) == 1
    assert np.isnan(places).any(), "a setting that a trial did not have"
    with pytest.raises(MissingTableError):
        sweep_settings.parallel(sweep_of(trials=1, chosen=0))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "on"), (False, "off"), (0.0123, "0.0123"), (None, "left to the data"), ("x", "x")],
)
def test_settings_read_as_people_write_them(value: object, shown: str) -> None:
    assert setting_text(value) == shown


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
def test_every_view_is_drawn_and_readable(width: int, browser: Browser, tmp_path: Path) -> None:
    target = tmp_path / "sweep.html"
    target.write_text(sweep_page(sweep_of()), encoding="utf-8")

    visit = visit_page(browser, target, width)

    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    for key in KEYS:
        look_at(visit, key, tmp_path / f"{key}-{width}.png", ticks=key != "parallel")
    visit.page.context.close()


@pytest.mark.browser
def test_the_longest_bar_s_label_is_whole_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    target = tmp_path / "sweep.html"
    target.write_text(sweep_page(sweep_of()), encoding="utf-8")

    visit = visit_page(browser, target, 390)

    look_at(visit, "importance", tmp_path / "importance.png")
    visit.page.context.close()
