"""Odds and risk on the page: what is always told, plans from cautious to bold, additional money, chances."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mmm import words
from mmm.fitted import Fitted, load_fitted
from mmm.planning.budget import plan_budget
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.serve.page.site import Visit, visiting

pytestmark = pytest.mark.browser

HALF = {"min_change": -0.5, "max_change": 0.5}
CHANNELS = {"tv": "TV", "search": "Search", "radio": "Radio"}


@pytest.fixture(scope="module")
def fitted(folder: Path) -> Fitted:
    return load_fitted(folder / "acme" / "us")


def told(value: float) -> str:
    """A gain as the page writes it."""
    return words.signed(words.number(value)).replace(words.NBSP, " ")


def amounts(visit: Visit) -> dict[str, float]:
    return {name: visit.amount(title) for name, title in CHANNELS.items()}


def near(spend: dict[str, float]) -> dict[str, object]:
    """Amounts as fields show them: whole, but for small ones."""
    return {name: pytest.approx(amount, rel=1e-3, abs=1) for name, amount in spend.items()}


def test_odds_of_a_plan_by_hand_are_always_told(visit: Visit, fitted: Fitted) -> None:
    visit.type("TV, planned, USD", "7k")
    expect(visit.page.locator("#verdict")).to_contain_text("more KPI")
    expect(visit.page.locator("#result.waiting")).to_have_count(0)
    spend = {"tv": 7000.0}
    plan = evaluate_scenario(
        fitted, {"horizon": 13, "plans": {"p": {"spend": spend, "others": "current"}}}
    ).plans[0]
    assert plan.gain_at is not None and plan.cvar is not None and plan.regret is not None
    tiles = visit.text("#tiles")

    at = " / ".join(told(value) for value in (plan.gain_at.p5, plan.gain_at.p50, plan.gain_at.p95))
    assert f"Gain at 5 / 50 / 95 %\n{at}" in tiles
    assert f"in the worst tenth of cases {told(plan.cvar)}" in tiles
    regret = words.number(plan.regret.mean).replace(words.NBSP, " ")
    assert f"expected regret {regret} USD against the best plan shown" in tiles
    assert visit.complaints == []


def test_plans_from_cautious_to_bold_are_drawn_and_taken(visit: Visit, fitted: Fitted) -> None:
    page = visit.page
    page.click("#further > summary")
    page.select_option("#frontier-size", "5")
    assert page.locator("#frontier").is_hidden()
    visit.optimize()
    plan = plan_budget(fitted, {"budget": "current", "default_bounds": HALF, "frontier": 5})
    assert plan.frontier is not None
    rows = page.locator("#frontier-table tbody tr")
    expect(rows).to_have_count(5)
    for place, one in enumerate(plan.frontier):
        text = rows.nth(place).inner_text().replace(words.NBSP, " ")
        assert one.cvar is not None
        for value in (one.gain.mean, one.cvar):
            assert words.signed(words.number(value, 3)).replace(words.NBSP, " ") in text

    page.get_by_role("button", name="Take the plan that is most cautious").click()
    assert amounts(visit) == near(plan.frontier[0].spend)
    expect(page.locator("#result.waiting")).to_have_count(0)
    assert told(plan.frontier[0].gain.mean) in visit.text("#tiles")
    page.locator("#frontier-plot").scroll_into_view_if_needed()
    page.wait_for_selector("#frontier-plot[data-drawn]")
    page.wait_for_timeout(500)
    page.locator("#frontier-plot .point").last.dispatch_event("click")
    box = page.locator("#frontier-plot .point").last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#frontier-table tr.taken th")).to_contain_text("boldest")
    assert amounts(visit) == near(plan.frontier[-1].spend)
    page.select_option("#swing", "0.2")
    assert page.locator("#frontier").is_hidden()
    assert visit.complaints == []


def test_additional_money_goes_on_top(visit: Visit, fitted: Fitted) -> None:
    page = visit.page
    before = amounts(visit)
    page.click("#further > summary")
    page.select_option("#mode", "increment")
    visit.type("On top of what is spent, USD", "3,000")
    said = visit.optimize()
    plan = plan_budget(fitted, {"budget": 3000, "mode": "increment", "default_bounds": HALF})

    assert "of 3,000 USD on top of what is spent" in said
    assert amounts(visit) == near(plan.spend)
    assert all(amounts(visit)[name] >= before[name] - 1 for name in before)
    assert plan.gain is not None and told(plan.gain.mean) in visit.text("#tiles")
    assert visit.complaints == []


def test_a_target_is_reached_with_the_chance_asked_for(visit: Visit, fitted: Fitted) -> None:
    page = visit.page
    page.select_option("#goal", "kpi_target")
    target = float(page.input_value("#target").replace(",", ""))
    page.select_option("#chance", "0.8")
    page.uncheck("#capped")
    page.select_option("#swing", "none")
    said = visit.optimize()
    plan = plan_budget(fitted, {"objective": "kpi_target", "target": target, "chance": 0.8})
    assert plan.chance_of_target is not None

    assert "reached in 80 % of the draws" in said
    assert f"with a chance of {words.chance(plan.chance_of_target)}".replace(words.NBSP, " ") in said
    assert amounts(visit) == near(plan.spend)
    page.click("#further > summary")
    assert page.locator("#risk").is_hidden() and page.locator("#frontier-size").is_hidden()
    assert visit.complaints == []


def test_a_link_holds_how_it_was_asked(browser: Browser, visit: Visit) -> None:
    page = visit.page
    page.click("#further > summary")
    page.select_option("#mode", "increment")
    page.select_option("#frontier-size", "7")
    page.select_option("#risk", "mean_2sd")
    page.click("#share")
    expect(page.locator("#shared")).to_contain_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    with visiting(browser, link) as other:
        other.page.wait_for_selector("html[data-ready]")
        chosen = {name: other.page.input_value(f"#{name}") for name in ("mode", "frontier-size", "risk")}

        assert chosen == {"mode": "increment", "frontier-size": "7", "risk": "mean_2sd"}
        assert other.complaints == []
