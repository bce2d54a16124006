"""The planner page in a browser, as a planner uses it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, expect

from mmm import words
from mmm.fitted import load_fitted
from mmm.planning.budget import plan_budget
from tests.serve.page.site import READY, Visit, model_of, serving, visiting, write_models
from tests.small import without_value

pytestmark = pytest.mark.browser

WIDTHS = (1280, 800, 390, 320)


def saved(download: Download) -> str:
    return Path(download.path()).read_text(encoding="utf-8")


def test_from_picking_a_market_to_a_shared_link(
    browser: Browser, site: str, folder: Path, tmp_path: Path
) -> None:
    with visiting(browser, site) as visit:
        page = visit.page
        page.wait_for_selector(READY)
        page.select_option("#brand", "borealis")
        expect(page.locator("#about")).to_contain_text("Borealis · DE")
        page.select_option("#brand", "acme")
        page.select_option("#market", "us")
        expect(page.locator("#about")).to_contain_text("Acme · US")
        assert re.search(
            r"Model version .+, data from 2 Jan 2023 to 27 Nov 2023.+weeks, 4 Sep 2023 to 27 Nov 2023",
            visit.text("#about"),
        )

        page.locator("#curves").scroll_into_view_if_needed()
        expect(page.locator("#curves .plot[data-drawn]")).to_have_count(3)
        assert "Next 1 USD returns" in visit.text("#curves figure >> nth=0")

        now = visit.amount("TV")
        visit.type("TV, at most, USD", str(round(0.9 * now)))
        assert visit.optimize().startswith("Optimised.")
        assert visit.amount("TV") <= 0.9 * now + 1
        fitted = load_fitted(folder / "acme" / "us")
        plan = plan_budget(fitted, {
            "budget": "current", "horizon": 13, "default_bounds": {"min_change": -0.5, "max_change": 0.5},
            "bounds": {"tv": {"min_change": -0.5, "max": round(0.9 * now)}},
        })  # fmt: skip
        assert plan.gain is not None
        assert words.signed(words.number(plan.gain.mean)) in visit.text("#tiles")

        page.fill("#scenario-name", "Less TV")
        page.click("#add")
        expect(page.locator("#compared thead th")).to_have_count(3)
        page.get_by_label("Search, planned spend").press("PageUp")
        page.click("#add")
        expect(page.locator("#compared thead th")).to_have_count(4)
        assert "KPI gained" in visit.text("#compared")
        for plot in ("#gains", "#mix"):
            page.locator(plot).scroll_into_view_if_needed()
            page.wait_for_selector(f"{plot}[data-drawn]")

        with page.expect_download() as csv_download:
            page.click("#save-csv")
        rows = list(csv.DictReader(io.StringIO(saved(csv_download.value))))
        with page.expect_download() as json_download:
            page.click("#save-json")
        answer = json.loads(saved(json_download.value))
        assert {row["scenario"] for row in rows} == {"Now, repeated", "Plan in work", "Less TV", "Scenario 1"}
        less = next(row for row in rows if row["scenario"] == "Less TV" and row["channel"] == "all")
        assert float(less["gain"]) == pytest.approx(plan.gain.mean, rel=1e-3)
        assert less["gain_lower"] and less["gain_upper"]
        assert [one["name"] for one in answer["scenarios"]][2:] == ["Less TV", "Scenario 1"]
        assert answer["request"]["plans"]["s1"]["spend"]["tv"] == pytest.approx(plan.spend["tv"])

        page.click("#share")
        expect(page.locator("#shared")).to_contain_text("Link copied")
        link = page.evaluate("navigator.clipboard.readText()")
        before = visit.text("#compared tbody"), visit.amount("Search")
        assert visit.complaints == []

    with visiting(browser, link) as other:
        other.page.wait_for_selector(READY)
        expect(other.page.locator("#compared thead th")).to_have_count(4)
        assert (other.text("#compared tbody"), other.amount("Search")) == before
        assert other.page.get_by_label("TV, at most, USD", exact=True).input_value()
        assert other.complaints == []


def test_everything_by_keyboard(visit: Visit) -> None:
    def focused() -> list[str]:
        found: list[str] = visit.page.evaluate(
            "[document.activeElement.id, document.activeElement.ariaLabel ?? '']"
        )
        return found

    def walk_to(element: str) -> None:
        for _ in range(80):
            visit.page.keyboard.press("Tab")
            if element in focused():
                return
        raise AssertionError(f"Tab never reaches {element}")

    visit.page.keyboard.press("Tab")
    assert "skip" in focused()
    visit.page.keyboard.press("Enter")
    assert "main" in focused()
    walk_to("optimize")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#said .message.good")
    assert "optimize" in focused()
    walk_to("TV, planned spend")
    before = visit.amount("TV")
    visit.page.keyboard.press("End")
    expect(visit.page.get_by_label("TV, planned, USD")).not_to_have_value(words.number(before))
    assert visit.amount("TV") > before
    assert visit.page.evaluate("document.activeElement.getAttribute('aria-valuetext')").endswith("USD")
    walk_to("add")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#compared thead th")).to_have_count(3)
    visit.page.focus("#tab-market")
    visit.page.keyboard.press("ArrowRight")
    expect(visit.page.locator("#panel-portfolio")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_screen(width: int, browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}#brand=acme&market=us", width) as visit:
        visit.page.wait_for_selector(READY)
        visit.optimize()
        visit.page.click("#add")
        visit.page.locator("#mix").scroll_into_view_if_needed()
        visit.page.wait_for_selector("#mix[data-drawn]")

        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        unnamed = visit.page.evaluate(
            "() => [...document.querySelectorAll('input, select, button')]"
            ".filter((e) => !e.ariaLabel && !e.labels?.length && !e.textContent.trim())"
            ".map((e) => e.outerHTML)"
        )
        assert unnamed == []
        visit.page.click("#tab-portfolio")
        visit.page.click("#joint-optimize")
        visit.page.wait_for_selector("#joint-table table, #joint-said .message")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.complaints == []


def test_an_infeasible_plan_says_why_and_offers_the_way_out(visit: Visit) -> None:
    now = float(visit.page.input_value("#total").replace(",", ""))
    visit.page.select_option("#swing", "0.1")
    visit.type("Total budget, USD", str(round(2 * now)))
    said = visit.optimize()

    assert said.startswith("No plan keeps all of this.")
    assert "These exclude each other" in said
    visit.page.get_by_role("button", name="Set the total to").click()
    assert float(visit.page.input_value("#total").replace(",", "")) == pytest.approx(1.1 * now, rel=1e-3)
    assert visit.optimize().startswith("Optimised.")


def test_going_beyond_experience_is_said(visit: Visit) -> None:
    visit.page.get_by_label("TV, planned spend").press("End")

    expect(visit.page.locator("#channels > .channel").first).to_contain_text("Beyond experience")
    expect(visit.page.locator("#warnings")).to_contain_text("beyond what was ever spent")


def test_a_held_channel_stays_where_it_is(visit: Visit) -> None:
    visit.type("Radio, planned, USD", "12k")
    visit.page.get_by_label("Hold Radio at the planned amount").check()
    visit.optimize()

    assert visit.amount("Radio") == 12_000


def test_amounts_are_read_as_people_write_them_and_others_are_refused(visit: Visit) -> None:
    for text, value in {"1.2 M": 1_200_000, "350k": 350_000, "1,200,000": 1_200_000, "USD 90": 90}.items():
        visit.type("TV, planned, USD", text)
        assert visit.amount("TV") == value
    for text in ("-5", "NaN", "a lot", "1e400", "9" * 20):
        visit.type("TV, planned, USD", text)
        assert visit.page.get_by_label("TV, planned, USD").get_attribute("aria-invalid") == "true"
    expect(visit.page.locator("#verdict")).to_contain_text("less KPI")


def test_another_horizon_keeps_every_channels_change(visit: Visit) -> None:
    visit.type("TV, planned, USD", str(2 * visit.amount("TV")))
    visit.page.fill("#horizon", "4")
    visit.page.press("#horizon", "Tab")

    expect(visit.page.locator("#about")).to_contain_text("the last 4\u00a0weeks")
    expect(visit.page.locator("#channels > .channel").first).to_contain_text(re.compile(r"\+(100|99\.9)"))


def test_one_member_shows_no_interval_and_says_so(browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}#brand=borealis&market=de") as visit:
        visit.page.wait_for_selector(READY)
        visit.optimize()

        assert "one draw only" in visit.text("#verdict")
        assert "interval unknown" in visit.text("#tiles")
        assert "NaN" not in visit.text("body")


@pytest.mark.parametrize(("fragment", "said"), [
    ("brand=nobody&market=us", "There is no model for nobody in us"),
    ("brand=acme&market=us&plan=%%%", "could not be read"),
    ("brand=acme&market=us&plan=eyJhIjp7ImdvbmUiOjV9LCJ2IjoiMCJ9", "no longer has gone"),
    ("brand=acme&market=us&plan=eyJhIjp7ImdvbmUiOjV9LCJ2IjoiMCJ9", "version 0 of the model"),
])  # fmt: skip
def test_a_link_that_does_not_fit_still_opens(fragment: str, said: str, browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}#{fragment}") as visit:
        visit.page.wait_for_selector(READY)

        assert said in visit.text("#notice")
        assert visit.text("#verdict").startswith("This is the spend")
        assert visit.complaints == []


def test_what_a_link_says_is_text_and_never_markup(browser: Browser, site: str) -> None:
    code = "btoa(JSON.stringify({a: {}, s: [['<img src=x onerror=alert(1)>', {}]]}))"
    with visiting(browser, site) as visit:
        packed = visit.page.evaluate(code).rstrip("=")
    with visiting(browser, f"{site}#brand=acme&market=us&plan={packed}") as visit:
        visit.page.wait_for_selector(READY)
        visit.page.locator("#mix").scroll_into_view_if_needed()
        visit.page.wait_for_selector("#mix[data-drawn]")

        assert visit.page.locator("img").count() == 0
        assert visit.page.locator("#compared thead input").input_value() == "<img src=x onerror=alert(1)>"
        assert visit.complaints == []


def test_scenarios_are_named_loaded_and_removed(visit: Visit) -> None:
    page = visit.page
    heads = page.locator("#compared thead input")
    for _ in range(2):
        page.fill("#scenario-name", "Autumn")
        page.click("#add")
    expect(heads.nth(1)).to_have_value("Autumn 2")
    visit.type("TV, planned, USD", "7k")
    page.get_by_role("button", name="Load Autumn into the plan", exact=True).click()
    expect(page.get_by_label("TV, planned, USD")).not_to_have_value("7,000")
    heads.nth(0).fill("Spring")
    heads.nth(0).press("Tab")
    page.get_by_role("button", name="Remove Autumn 2", exact=True).click()

    expect(heads).to_have_count(1)
    expect(heads).to_have_value("Spring")
    assert visit.complaints == []


def test_charts_have_the_size_of_their_boxes(visit: Visit) -> None:
    def misfits() -> list[str]:
        found: list[str] = visit.page.evaluate(
            "() => [...document.querySelectorAll('.plot[data-drawn]')].filter((plot) => {"
            " const [box, svg] = [plot, plot.querySelector('svg')].map((e) => e.getBoundingClientRect());"
            " return Math.abs(box.width - svg.width) > 2 || Math.abs(box.height - svg.height) > 2; })"
            ".map((plot) => plot.id || plot.ariaLabel)"
        )
        return found

    for count in (2, 3, 4):
        visit.page.click("#add")
        expect(visit.page.locator("#compared thead th")).to_have_count(count + 1)
        for plot in ("#curves .plot >> nth=0", "#gains", "#mix", "#course"):
            visit.page.locator(plot).scroll_into_view_if_needed()
        visit.page.wait_for_selector("#course[data-drawn]")
        visit.page.wait_for_timeout(300)
        assert misfits() == []
    visit.page.set_viewport_size({"width": 700, "height": 900})
    for drawn in visit.page.locator(".plot[data-drawn]").all():
        drawn.scroll_into_view_if_needed()
        visit.page.wait_for_timeout(300)
    assert misfits() == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 700
    assert visit.complaints == []


def test_several_markets_share_a_budget_and_open_as_a_plan(visit: Visit) -> None:
    visit.page.click("#tab-portfolio")
    visit.page.click("#joint-optimize")
    visit.page.wait_for_selector("#joint-plot[data-drawn]")

    assert visit.page.locator("#joint-table tbody tr").count() == 6
    assert "Value of the KPI gained" in visit.text("#joint-tiles")
    visit.page.get_by_role("button", name="Open the plan of Acme · DE").click()
    expect(visit.page.locator("#about")).to_contain_text("Acme · DE")
    expect(visit.page.locator("#verdict")).not_to_contain_text("This is the spend")
    assert visit.complaints == []


def test_numbers_are_written_as_in_the_report(visit: Visit) -> None:
    values = [0, 1, -1, 0.05, 0.999, 9.96, 12.34, 99.6, 100.4, 999.6, 1234, -45678.9, 1e6, 1.27e9, 3e12]
    shares = [0, 0.0004, -0.0004, 0.012, -0.05, 0.0994, 0.34, 0.996, 1, -0.5, 2.5]
    written = visit.page.evaluate(
        "async ([values, shares]) => { const f = await import('./page/base/format.js'); return"
        " [values.map((v) => f.number(v)), values.map((v) => f.number(v, 3)), shares.map(f.percent)]; }",
        [values, shares],
    )

    assert written[0] == [words.number(value) for value in values]
    assert written[1] == [words.number(value, 3) for value in values]
    assert written[2] == [words.percent(share) for share in shares]


def test_amounts_to_edit_have_no_dust_and_names_with_commas_stay_whole(visit: Visit) -> None:
    edited, said = visit.page.evaluate(
        "async () => { const [f, r] = await Promise.all(['base/format', 'market/result']"
        ".map((one) => import(`./page/${one}.js`)));"
        " const titles = new Map([['tv', 'TV'], ['tv, radio', 'TV & radio'], ['print', 'Print']]);"
        " return [[1234567.89, 128.4, 72.1292, 5, 0.0833333, 0].map(f.editable),"
        " ['tv, radio: beyond', 'print, tv, radio: beyond', 'tv: a: b', 'nobody: beyond']"
        ".map((text) => r.named(text, titles))]; }"
    )

    assert edited == ["1,234,568", "128", "72.13", "5", "0.0833333", "0"]
    assert said == ["TV & radio: beyond", "Print, TV & radio: beyond", "TV: a: b", "nobody: beyond"]


def test_without_a_value_of_the_kpi_the_page_speaks_of_the_kpi_in_the_spec_s_own_words(
    browser: Browser, tmp_path: Path
) -> None:
    plain = without_value(model_of("acme", "us"))
    channels = {
        name: channel.model_copy(update={"label": "Film" if name == "tv" else None})
        for name, channel in plain.spec.columns.channels.items()
    }
    columns = plain.spec.columns.model_copy(update={"channels": channels, "kpi_label": "New orders"})
    worded = replace(plain, spec=plain.spec.model_copy(update={"columns": columns}))
    with (
        serving(write_models(tmp_path, worded)) as address,
        visiting(browser, address) as visit,
    ):
        visit.page.wait_for_selector(READY)
        visit.page.locator("#curves").scroll_into_view_if_needed()
        told = visit.page.locator("body").inner_text().replace("\u00a0", " ")

        assert "Next 1 k currency units bring" in told
        assert "Film" in told and "New orders" in told
        for word in ("Return on", "Value gained", "1 returns", "Most profit", "USD"):
            assert word not in told, word
        assert "what one unit of New orders is worth" in told
        assert visit.complaints == []
