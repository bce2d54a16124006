"""Prices, frequency, what nobody buys, treatments and tests on the page; numbers are the library's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mmm import words
from mmm.analysis.frequency import best_frequency_table
from mmm.fitted import Fitted, load_fitted
from mmm.planning.budget import plan_budget
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.result import ScenarioChannel, ScenarioPlan
from tests.serve.page.site import READY, Visit, promoted, serving, visiting, write_models

pytestmark = pytest.mark.browser

HALF = {"min_change": -0.5, "max_change": 0.5}


@pytest.fixture(scope="module")
def fitted(folder: Path) -> Fitted:
    return load_fitted(folder / "drift" / "es")


@pytest.fixture
def driven(browser: Browser, site: str) -> Iterator[Visit]:
    """TV with reach and frequency, search at a price that rose, organic email, price as a treatment."""
    with visiting(browser, f"{site}#brand=drift&market=es") as opened:
        opened.page.wait_for_selector(READY)
        yield opened


def plain(text: str) -> str:
    return text.replace(words.NBSP, " ")


def row(plan: ScenarioPlan, channel: str) -> ScenarioChannel:
    return next(one for one in plan.channels if one.channel == channel)


def answered(visit: Visit) -> None:
    """Wait until the figures answer the plan in work."""
    visit.page.wait_for_timeout(150)
    expect(visit.page.locator("#result.waiting")).to_have_count(0)


def test_prices_are_stated_and_what_they_take_is_told(driven: Visit, fitted: Fitted) -> None:
    page = driven.page
    page.click("#buying > summary")
    page.select_option("[aria-label='Price of Search']", "elasticity")
    value = page.get_by_label("Search: per cent by which its price rises")
    value.fill("2")
    value.press("Tab")
    assert value.get_attribute("aria-invalid") == "true"
    value.fill("0.3")
    value.press("Tab")
    assert value.get_attribute("aria-invalid") is None
    driven.type("Search, planned, USD", "11k")
    answered(driven)
    question = {
        "horizon": 13, "prices": {"search": {"elasticity": 0.3}},
        "plans": {"p": {"spend": {"search": 11000.0}, "others": "current"}},
    }  # fmt: skip
    scenario = evaluate_scenario(fitted, question)
    own, now = row(scenario.plans[0], "search"), row(scenario.status_quo, "search")
    text = driven.text("#buying-table table >> nth=0")
    search = next(line for line in text.split("Search")[1:])

    assert own.units and own.price and own.marginal_price and now.price
    for figure in (own.units, own.price, own.marginal_price, now.price):
        assert plain(words.number(figure, 3)) in search
    assert own.marginal_price > own.price > now.price
    assert plain(words.number(scenario.plans[0].kpi.mean, 3)) in driven.text("#tiles")

    said = driven.optimize()
    total = sum(driven.amount(title) for title in ("TV", "Search", "Radio"))
    plan = plan_budget(
        fitted, {"budget": total, "default_bounds": HALF, "prices": {"search": {"elasticity": 0.3}}}
    )
    assert plan.lost_to_prices is not None
    assert driven.amount("Search") == pytest.approx(plan.spend["search"], rel=1e-3, abs=2)
    lost = plan.lost_to_prices.mean
    assert ("Dearer units take" if lost >= 0 else "Units that get cheaper add") in said
    assert plain(words.number(abs(lost), 2)) in said
    page.select_option("[aria-label='Price of Search']", "tiers")
    card = page.get_by_label("Search: Steps as units")
    card.fill("free")
    card.press("Tab")
    assert card.get_attribute("aria-invalid") == "true"
    card.fill("500: 0.9; 1.4")
    card.press("Tab")
    answered(driven)
    tiers = {"tiers": [{"up_to": 500, "price": 0.9}, {"price": 1.4}]}
    spend = {name: driven.amount(title) for name, title in (("tv", "TV"), ("search", "Search"))}
    spend |= {"radio": driven.amount("Radio")}
    stepped = evaluate_scenario(
        fitted,
        {"horizon": 13, "prices": {"search": tiers}, "plans": {"p": {"spend": spend, "others": "current"}}},
    )
    assert plain(words.number(row(stepped.plans[0], "search").marginal_price or 0, 3)) in driven.text(
        "#buying-table"
    )
    assert driven.complaints == []


def test_a_frequency_is_chosen_and_known_by_its_band(driven: Visit, fitted: Fitted) -> None:
    page = driven.page
    table = best_frequency_table(fitted)
    assert table is not None
    best = table.iloc[0]
    page.click("#buying > summary")
    text = driven.text("#buying-table table >> nth=1")
    assert f"{words.number(best['band_lower'])} to {words.number(best['band_upper'])}" in text
    assert f"{words.number(best['best_lower'])} to {words.number(best['best_upper'])}" in text
    assert ("No advice: today" in text) == (best["advice"] == "none")
    for choice, value in (("best", float(best["best"])), ("number", 4.5)):
        page.select_option("[aria-label='Frequency of TV']", choice)
        if choice == "number":
            driven.type("TV, contacts per person reached", "4.5")
        answered(driven)
        plan = {"spend": {}, "others": "current", "frequency": {"tv": value}}
        scenario = evaluate_scenario(fitted, {"horizon": 13, "plans": {"p": plan}})
        gain = plain(words.signed(words.number(scenario.plans[0].gain.mean)))
        assert f"KPI gained against now\n{gain}" in driven.text("#tiles")
    driven.optimize()
    found = plan_budget(fitted, {"budget": "current", "default_bounds": HALF, "frequency": {"tv": 4.5}})
    assert driven.amount("TV") == pytest.approx(found.spend["tv"], rel=1e-3, abs=1)
    assert driven.complaints == []


def test_what_nobody_buys_is_held_in_budgets_and_free_in_scenarios(driven: Visit, fitted: Fitted) -> None:
    email = driven.page.get_by_role("group", name="Email", exact=True)
    assert "Organic: not bought" in plain(email.inner_text())
    assert email.get_by_label("at least").count() == 0 and email.get_by_label("Hold").count() == 0
    amount = driven.page.get_by_label("Email, planned, exposure of email")
    amount.fill("32,000")
    amount.press("Enter")
    answered(driven)
    scenario = evaluate_scenario(
        fitted, {"horizon": 13, "plans": {"p": {"spend": {"email": 32000.0}, "others": "current"}}}
    )
    gain = plain(words.signed(words.number(scenario.plans[0].gain.mean)))
    assert f"KPI gained against now\n{gain}" in driven.text("#tiles")
    assert driven.optimize().startswith("Optimised.")
    assert amount.input_value() == "32,000"
    plan = plan_budget(fitted, {"budget": "current", "default_bounds": HALF, "fixed": {"email": 32000.0}})
    assert driven.amount("TV") == pytest.approx(plan.spend["tv"], rel=1e-3, abs=1)
    assert driven.complaints == []


def test_a_treatment_has_a_path_and_names_its_reference(driven: Visit, fitted: Fitted) -> None:
    driven.page.click("#weekly > summary")
    expect(driven.page.locator("#weekly-table")).to_contain_text("counted against")
    text = driven.text("#weekly-table")
    reference = float(fitted.panel.reference_GR[:, 0].mean())
    assert f"treatment: counted against {words.number(reference, 3)}" in plain(text)
    box = driven.page.locator("#weekly-table input[aria-label^='Price, ']").first
    box.fill("14")
    box.press("Tab")
    expect(driven.page.locator("#assumptions")).to_contain_text("price")
    answered(driven)
    path = [14.0, *[None] * 12]
    scenario = evaluate_scenario(
        fitted,
        {"horizon": 13, "controls": {"price": path}, "plans": {"p": {"spend": {}, "others": "current"}}},
    )
    assert plain(words.number(scenario.plans[0].kpi.mean, 3)) in driven.text("#tiles")
    assert driven.complaints == []


def test_a_treatment_with_a_cost_is_a_line_of_the_plan(browser: Browser, tmp_path: Path) -> None:
    """Its cost is stated, edited, kept in the address and taken away again; amounts are the library's."""
    fitted = promoted()
    with serving(write_models(tmp_path, fitted)) as own, visiting(browser, own) as visit:
        page = visit.page
        page.wait_for_selector(READY)
        lines = page.locator("#channels .channel")
        assert lines.count() == 3
        page.click("#buying > summary")
        visit.type("Promo, cost of one unit, USD", "0.05")
        expect(lines).to_have_count(4)
        answered(visit)
        costs = {"promo": {"cost": 0.05, "per": "kpi"}}
        question = {"horizon": 13, "treatment_costs": costs}
        now = evaluate_scenario(fitted, {**question, "plans": {"p": {"spend": {}, "others": "current"}}})
        assert visit.amount("Promo") == pytest.approx(row(now.status_quo, "promo").spend, abs=1)

        visit.type("Promo, planned, USD", "6k")
        answered(visit)
        less = evaluate_scenario(
            fitted, {**question, "plans": {"p": {"spend": {"promo": 6000.0}, "others": "current"}}}
        )
        told = visit.text("#buying-table")
        assert row(less.plans[0], "promo").value is not None
        assert plain(words.number(row(less.plans[0], "promo").value or 0, 3)) in told
        assert plain(words.number(less.plans[0].kpi.mean, 3)) in visit.text("#tiles")
        assert "1 treatment in the budget" in visit.text("#buying-title")

        assert visit.optimize().startswith("Optimised.")
        total = sum(visit.amount(title) for title in ("TV", "Search", "Radio", "Promo"))
        plan = plan_budget(fitted, {"budget": total, "default_bounds": HALF, "treatment_costs": costs})
        assert visit.amount("Promo") == pytest.approx(plan.spend["promo"], rel=1e-3, abs=2)

        page.click("#share")
        with visiting(browser, page.url) as linked:
            linked.page.wait_for_selector(READY)
            assert linked.amount("Promo") == visit.amount("Promo")
        page.select_option("[aria-label='Promo: how often its cost is paid']", "period")
        expect(page.locator("#channels")).to_contain_text("Now 4.4")
        visit.type("Promo, cost of one unit, USD", "20")
        paid = {**question, "treatment_costs": {"promo": {"cost": 20.0, "per": "period"}}}
        fees = evaluate_scenario(fitted, {**paid, "plans": {"p": {"spend": {}, "others": "current"}}})
        spent = words.number(row(fees.status_quo, "promo").spend, 3).split(words.NBSP)[0]
        expect(page.locator("#channels")).to_contain_text(f"Now {spent}")

        answered(visit)
        visit.type("Promo, cost of one unit, USD", "")
        expect(lines).to_have_count(3)
        answered(visit)
        assert visit.complaints == []


def test_what_would_settle_it_stands_beside_each_channel(browser: Browser, site: str, visit: Visit) -> None:
    assert "No tests have been designed" in visit.text("#settles")
    assert "mmm design DIR REQUEST.yaml --out DIR/tests.parquet" in visit.text("#settles")
    with visiting(browser, f"{site}#brand=acme&market=de") as designed:
        designed.page.wait_for_selector(READY)
        rows = [plain(text) for text in designed.page.locator("#settles tbody tr").all_inner_texts()]

        assert rows[0].startswith("TV") and "recommended" in rows[0]
        assert "go dark for 8 weeks in 2 regions" in rows[0] and "82 %" in rows[0] and "9 k" in rows[0]
        assert rows[1].startswith("Radio") and "costs more than it is worth" in rows[1]
        figure = plain(designed.page.locator("#curves figure").first.inner_text())
        assert "What would settle it: go dark for 8 weeks in 2 regions, net of its cost +9 k USD." in figure
        assert designed.complaints == []


def test_amounts_are_spread_evenly(driven: Visit) -> None:
    driven.page.click("#weekly > summary")
    before = driven.amount("TV")
    driven.page.click("#weekly-even")
    answered(driven)
    boxes = driven.page.locator("#weekly-table input[aria-label^='TV, ']")
    values = [float(box.input_value().replace(",", "")) for box in boxes.all()]

    assert values == pytest.approx([before / 13] * 13, abs=0.6)
    assert driven.amount("TV") == before
