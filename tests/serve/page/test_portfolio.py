"""Several markets on the page: moves in words, intervals, sorting, currencies, and plans that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mmm import words
from mmm.fitted import load_fitted
from mmm.planning.planner import planner_of
from mmm.planning.portfolio import answer_budgets
from mmm.planning.request import PortfolioTerms, parse_request
from tests.serve.fitted_models import named
from tests.serve.page.site import READY, Visit, model_of, serving, visiting, write_models

pytestmark = pytest.mark.browser

NAMES = ("acme/de", "acme/fr", "acme/us")


@pytest.fixture
def tab(browser: Browser, site: str) -> Iterator[Visit]:
    """The three markets of acme, chosen."""
    with visiting(browser, f"{site}#tab=portfolio&brand=acme&market=us") as visit:
        visit.page.wait_for_selector(READY)
        for box in visit.page.locator("fieldset.markets label").all():
            if "Acme" not in box.inner_text() and box.locator("input").is_enabled():
                box.locator("input").uncheck()
        yield visit


def optimized(visit: Visit) -> None:
    visit.page.click("#joint-optimize")
    visit.page.wait_for_selector("#joint-table table, #joint-said .message.bad")


def rows(visit: Visit) -> list[str]:
    return [
        text.replace(words.NBSP, " ")
        for text in visit.page.locator("#joint-table tbody tr").all_inner_texts()
    ]


def test_every_figure_has_its_interval_and_is_the_library_s(tab: Visit, folder: Path) -> None:
    optimized(tab)
    planners = {name: planner_of(load_fitted(folder / name)) for name in NAMES}
    channels = [f"{name}/{channel}" for name in NAMES for channel in planners[name].panel.channels]
    request = parse_request(
        {"budget": "current", "default_bounds": {"min_change": -0.3, "max_change": 0.3}}, channels=channels
    )
    plan = answer_budgets(planners, request, PortfolioTerms()).plan
    assert plan.gain is not None and plan.chance_of_gain is not None
    tiles = tab.text("#joint-tiles")

    assert f"{words.number(plan.gain.mean)} USD".replace(words.NBSP, " ") in tiles
    assert f"chance of a gain {round(100 * plan.chance_of_gain)} %" in tiles
    assert tiles.count("90 % interval") == 3
    found = rows(tab)
    assert len(found) == 3
    for row in found:
        assert row.count(" to ") >= 2
        assert row.count("USD") >= 3
        assert "more for" in row or "More for" in row or "Less for" in row
    assert tab.complaints == []


def test_columns_sort_by_what_they_hold(tab: Visit) -> None:
    optimized(tab)
    rising = ["Acme · DE", "Acme · FR", "Acme · US"]
    for order, expected in (("ascending", rising), ("descending", rising[::-1])):
        tab.page.get_by_role("button", name="Market", exact=True).click()
        expect(tab.page.locator(f"#joint-table th[aria-sort={order}]")).to_have_text("Market")
        assert [row.split("\t")[0].strip() for row in rows(tab)] == expected
    tab.page.get_by_role("button", name="Planned", exact=True).click()
    expect(tab.page.locator("#joint-table th[aria-sort=descending]")).to_have_text("Planned")
    changes = [row.split("\t")[2].split()[-2] for row in rows(tab)]
    moved = [float(change.replace("\u2212", "-").replace("as", "0")) for change in changes]
    assert moved == sorted(moved, reverse=True)


def test_an_infeasible_request_leaves_no_old_table(tab: Visit) -> None:
    optimized(tab)
    tab.page.wait_for_selector("#joint-plot[data-drawn]")
    tab.type("Total budget of all markets", "99 M")
    expect(tab.page.locator("#joint")).to_contain_text("Not computed for these settings yet")
    tab.page.click("#joint-optimize")
    expect(tab.page.locator("#joint")).to_have_text("No plan keeps all of this.")

    assert "These" in tab.text("#joint-said") or "outside" in tab.text("#joint-said")
    assert tab.page.locator("#joint-table table").count() == 0
    assert tab.page.locator("#joint-plot").is_hidden()
    assert tab.text("#joint-tiles") == ""
    tab.type("Total budget of all markets", "")
    optimized(tab)
    tab.page.wait_for_selector("#joint-plot[data-drawn]")
    assert tab.page.locator("#joint-said .message.bad").count() == 0
    assert tab.complaints == []


def test_a_portfolio_prints_its_table_and_chart(tab: Visit) -> None:
    optimized(tab)
    tab.page.wait_for_selector("#joint-plot[data-drawn]")
    tab.page.emulate_media(media="print")

    assert tab.page.locator("#joint-table table").is_visible()
    assert tab.page.locator("#joint-plot svg").first.is_visible()
    assert tab.page.locator("#joint-optimize").is_hidden()
    assert tab.page.get_by_role("button", name="Open the plan of Acme · US").is_hidden()


def test_enter_in_a_field_starts_nothing(tab: Visit) -> None:
    tab.page.fill("#joint-horizon", "4")
    tab.page.press("#joint-horizon", "Enter")
    tab.page.wait_for_timeout(300)

    assert tab.page.locator("#joint-table table").count() == 0


def test_a_market_without_a_price_cannot_compete(tab: Visit) -> None:
    box = tab.page.locator("fieldset.markets label", has_text="North")

    assert "no value of a KPI unit is stated" in box.inner_text()
    assert box.locator("input").is_disabled()


def test_other_currencies_need_a_rate_and_plans_open_in_their_own(browser: Browser, tmp_path: Path) -> None:
    models = write_models(
        tmp_path, model_of("acme", "us"), named(model_of("acme", "uk"), "acme", "uk", currency="GBP")
    )
    with serving(models) as site, visiting(browser, f"{site}#tab=portfolio&brand=acme&market=us") as visit:
        visit.page.wait_for_selector(READY)
        for box in visit.page.locator("fieldset.markets input").all():
            box.check()
        rate = visit.page.locator("#joint-rates input")
        foreign = "GBP" if "1 GBP in USD" in visit.text("#joint-rates") else "USD"
        market = {"GBP": "UK", "USD": "US"}[foreign]
        optimized(visit)
        assert f"Say what one {foreign} is" in visit.text("#joint-said")
        rate.fill("2")
        rate.press("Enter")
        visit.page.click("#joint-optimize")
        visit.page.wait_for_selector("#joint-table table")
        amounts = visit.page.locator("#joint-table tbody tr", has_text=f"Acme · {market}")
        planned = amounts.locator("td").nth(1).inner_text().split("\n")[0].replace(words.NBSP, " ")
        visit.page.get_by_role("button", name=f"Open the plan of Acme · {market}").click()
        expect(visit.page.locator("#about")).to_contain_text(f"Acme · {market}")
        visit.page.wait_for_selector("#tiles dd")
        own = visit.text("#tiles").split("\n")[1]

        number = {"k": 1e3, "M": 1e6}
        joint, letter, _ = planned.split(" ")
        single, own_letter, _ = own.split(" ")
        assert float(joint) * number[letter] == pytest.approx(
            2 * float(single) * number[own_letter], rel=0.02
        )
        assert visit.complaints == []
