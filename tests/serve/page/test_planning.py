"""What may be asked of one plan on the page: periods, regions, controls, risk; and plans that are kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Route, expect

from mmm import words
from mmm.fitted import load_fitted
from mmm.planning.budget import plan_budget
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.serve.page.site import READY, Visit, visiting

pytestmark = pytest.mark.browser

HALF = {"min_change": -0.5, "max_change": 0.5}


def plain(text: str) -> str:
    """A text with plain spaces."""
    return text.replace(words.NBSP, " ")


@pytest.fixture
def linked(browser: Browser, site: str) -> Iterator[Visit]:
    """A market whose channels move each other."""
    with visiting(browser, f"{site}#brand=acme&market=fr") as opened:
        opened.page.wait_for_selector(READY)
        yield opened


def weeks(visit: Visit, row: str) -> list[float]:
    """Fields of a row of the table by week."""
    visit.page.wait_for_selector(f"#weekly-table input[aria-label^='{row}, ']", state="attached")
    boxes = visit.page.get_by_label(f"{row}, ").locator("visible=true")
    texts = visit.page.locator(f"#weekly-table input[aria-label^='{row}, ']").evaluate_all(
        "boxes => boxes.map((box) => box.value)"
    )
    assert boxes.count() >= len(texts) > 0
    return [float(text.replace(",", "")) if text else float("nan") for text in texts]


def test_enter_takes_over_a_horizon_and_starts_nothing(visit: Visit) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.fill("#horizon", "4")
    visit.page.press("#horizon", "Enter")
    expect(visit.page.locator("#about")).to_contain_text("the last 4\u00a0weeks")

    assert not [url for url in asked if url.endswith("/optimize")]
    assert visit.page.locator("#said .message").count() == 0
    assert visit.optimize().startswith("Optimised.")
    assert "over 4 periods" in visit.text("#said")


def test_an_answer_to_another_question_is_dropped(visit: Visit) -> None:
    """The plan is changed while it is optimised: what comes back is not put on the sliders."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    visit.page.route("**/optimize", hold)
    visit.page.click("#optimize")
    visit.type("TV, planned, USD", "7k")
    expect(visit.page.locator("#verdict")).to_contain_text("more KPI")
    expect(visit.page.locator("#result.waiting")).to_have_count(0)
    before = visit.text("#tiles")
    held[0].continue_()
    expect(visit.page.locator("#said")).to_contain_text("The plan was changed meanwhile")

    assert visit.amount("TV") == 7_000
    assert visit.text("#tiles") == before


def test_of_two_horizons_the_last_one_asked_for_stays(visit: Visit) -> None:
    slow: list[Route] = []
    visit.page.route("**/scenario", lambda route: slow.append(route) if not slow else route.continue_())
    for weeks_ in ("8", "4"):
        visit.page.fill("#horizon", weeks_)
        visit.page.press("#horizon", "Enter")
    expect(visit.page.locator("#about")).to_contain_text("the last 4\u00a0weeks")
    slow[0].continue_()
    visit.page.wait_for_timeout(500)

    assert "the last 4 weeks" in visit.text("#about")
    assert visit.page.input_value("#horizon") == "4"
    assert visit.complaints == []


def test_a_service_that_goes_away_leaves_no_old_figures(browser: Browser, site: str) -> None:
    expected = ("Failed to load resource", site)
    with visiting(browser, f"{site}#brand=acme&market=us", expected=expected) as visit:
        visit.page.wait_for_selector(READY)
        visit.page.route("**/v1/**", lambda route: route.abort())
        visit.type("TV, planned, USD", "7k")
        expect(visit.page.locator("#verdict")).to_have_text("Not computed.")

        assert visit.text("#tiles").count("not computed") == 2
        assert "does not answer" in visit.text("#warnings")
        assert "not computed" in visit.text("#channels")
        visit.page.unroute("**/v1/**")
        visit.page.click("#retry")
        expect(visit.page.locator("#verdict")).to_contain_text("more KPI")
        assert "not computed" not in visit.text("#tiles") + visit.text("#channels")
        assert visit.complaints == []


def test_a_plan_kept_before_its_answer_is_there_is_kept_as_soon_as_it_is(visit: Visit) -> None:
    slow: list[Route] = []
    visit.page.route("**/scenario", lambda route: slow.append(route) if not slow else route.continue_())
    visit.type("TV, planned, USD", "7k")
    visit.page.click("#add")
    visit.page.wait_for_timeout(200)
    assert visit.page.locator("#compared thead th").count() < 3
    slow[0].continue_()

    expect(visit.page.locator("#compared thead th")).to_have_count(3)
    assert visit.text("#shared") == ""


def test_what_is_spent_now_gains_exactly_nothing(visit: Visit) -> None:
    visit.page.click("#add")
    expect(visit.page.locator("#compared thead th")).to_have_count(3)
    gained = visit.page.locator("#compared tr", has_text="KPI gained")

    assert "0\n90 % interval 0 to 0" in visit.text("#tiles")
    assert "chance of a gain" not in visit.text("#tiles")
    assert [cell.split() for cell in gained.locator("td").all_inner_texts()[1:]] == [
        ["0", "0", "to", "0"]
    ] * 2


def test_the_chance_of_a_gain_is_told_and_is_the_library_s(visit: Visit, folder: Path) -> None:
    visit.optimize()
    plan = plan_budget(load_fitted(folder / "acme" / "us"), {"budget": "current", "default_bounds": HALF})
    assert plan.gain is not None and plan.chance_of_gain is not None
    percent = min(99, max(1, round(100 * plan.chance_of_gain)))

    assert f"chance of a gain {percent} %" in visit.text("#tiles")
    assert plain(words.signed(words.number(plan.gain.mean))) in visit.text("#tiles")


def test_risk_groups_and_regions_are_asked_for(visit: Visit, folder: Path) -> None:
    page = visit.page
    page.click("#further > summary")
    page.select_option("#risk", "0.25")
    page.check("#by-region")
    page.click("#add-group")
    for name in ("TV", "Radio"):
        page.locator(".group").get_by_label(name, exact=True).check()
    visit.type("Group 1, at most, % of the total", "55")
    said = visit.optimize()
    spend = {"tv": visit.amount("TV"), "search": visit.amount("Search"), "radio": visit.amount("Radio")}
    plan = plan_budget(load_fitted(folder / "acme" / "us"), {
        "budget": "current", "default_bounds": HALF, "risk": 0.25, "by_region": True,
        "groups": [{"channels": ["tv", "radio"], "max_share": 0.55}],
    })  # fmt: skip

    assert said.startswith("Optimised.")
    assert "risk, regions and 1 group" in visit.text("#further > summary")
    assert spend["tv"] + spend["radio"] <= 0.5501 * sum(spend.values())
    assert spend == {name: pytest.approx(amount, rel=1e-3, abs=1) for name, amount in plan.spend.items()}
    assert plan.gain is not None
    assert plain(words.signed(words.number(plan.gain.mean))) in visit.text("#tiles")

    page.click("#regions > summary")
    cell = page.get_by_label("TV in r1", exact=True)
    regions = {(row.channel, row.region): row.spend for row in plan.regions or ()}
    assert float(cell.input_value().replace(",", "")) == pytest.approx(regions["tv", "r1"], abs=1)
    cell.fill("0")
    cell.press("Tab")
    expect(page.get_by_label("TV, planned, USD")).not_to_have_value(f"{spend['tv']:.0f}")
    assert visit.amount("TV") == pytest.approx(spend["tv"] - regions["tv", "r1"], abs=2)
    assert visit.complaints == []


def test_a_measure_of_risk_is_asked_for_and_its_odds_are_told(visit: Visit, folder: Path) -> None:
    page = visit.page
    page.click("#further > summary")
    page.select_option("#risk", "regret")
    said = visit.optimize()
    plan = plan_budget(load_fitted(folder / "acme" / "us"), {
        "budget": "current", "default_bounds": HALF, "risk": {"regret": "max"},
    })  # fmt: skip

    assert plan.cvar is not None and plan.regret is not None
    assert visit.amount("TV") == pytest.approx(plan.spend["tv"], rel=1e-3, abs=1)
    assert f"in the worst tenth of cases {plain(words.signed(words.number(plan.cvar)))}" in visit.text(
        "#tiles"
    )
    assert plain(f"could add {words.number(plan.regret.mean)}") in said
    assert visit.complaints == []


def test_total_effects_are_asked_for_where_channels_are_linked(linked: Visit, visit: Visit) -> None:
    linked.page.click("#further > summary")
    linked.type("TV, planned, USD", str(round(1.5 * linked.amount("TV"))))
    expect(linked.page.locator("#verdict")).to_contain_text("more KPI")
    direct = linked.text("#tiles")
    linked.page.select_option("#effects", "total")
    expect(linked.page.locator("#curves-reading")).to_contain_text("Direct effects here")
    linked.page.wait_for_timeout(500)

    assert linked.text("#tiles") != direct
    assert linked.complaints == []
    visit.page.click("#further > summary")
    assert visit.page.locator("#effects").count() == 0


def test_weeks_are_edited_pasted_scaled_and_reset(visit: Visit, folder: Path) -> None:
    page = visit.page
    page.click("#weekly > summary")
    before = weeks(visit, "TV")
    first = page.locator("#weekly-table input[aria-label^='TV, ']").first
    first.fill("900")
    first.press("Tab")
    expect(page.locator("#weekly-shape")).to_contain_text("amounts of their own")
    assert visit.amount("TV") == pytest.approx(sum(before) - before[0] + 900, abs=8)

    first.focus()
    page.evaluate("navigator.clipboard.writeText('100\\t200\\t300')")
    page.keyboard.press("Control+v")
    expect(page.locator("#weekly-table input[aria-label^='TV, ']").nth(2)).to_have_value("300")
    amounts = weeks(visit, "TV")
    assert amounts[:3] == [100, 200, 300]
    visit.type("TV, planned, USD", str(round(2 * visit.amount("TV"))))
    expect(page.locator("#weekly-table input[aria-label^='TV, ']").nth(2)).to_have_value("600")
    doubled = weeks(visit, "TV")
    assert doubled == pytest.approx([2 * amount for amount in amounts], abs=1)

    expect(page.locator("#result.waiting")).to_have_count(0)
    fitted = load_fitted(folder / "acme" / "us")
    spend = {"tv": tuple(doubled)}
    plan = evaluate_scenario(
        fitted, {"horizon": 13, "plans": {"p": {"spend": spend, "others": "current"}}}
    ).plans[0]
    visit.page.wait_for_timeout(300)
    assert plain(words.number(plan.kpi.mean, 3)) in visit.text("#tiles")

    first.fill("a lot")
    first.press("Tab")
    assert first.get_attribute("aria-invalid") == "true"
    page.click("#weekly-reset")
    expect(page.locator("#weekly-shape")).to_contain_text("as in the last 13 weeks")
    assert visit.complaints == []


def test_an_optimised_plan_keeps_its_weeks(visit: Visit) -> None:
    visit.page.click("#weekly > summary")
    for place in range(13):
        box = visit.page.locator("#weekly-table input[aria-label^='TV, ']").nth(place)
        box.fill("1000" if place < 4 else "0")
        box.press("Tab")
    visit.optimize()
    amounts = weeks(visit, "TV")

    assert amounts[4:] == [0] * 9
    assert amounts[:4] == pytest.approx([visit.amount("TV") / 4] * 4, abs=1)


def test_promotions_and_controls_to_come_move_the_forecast(visit: Visit) -> None:
    visit.page.click("#weekly > summary")
    before = visit.text("#tiles")
    box = visit.page.locator("#weekly-table input[aria-label^='Price, ']").first
    box.fill("14")
    box.press("Tab")
    expect(visit.page.locator("#assumptions")).to_contain_text("Controls are as stated: price")

    assert visit.text("#tiles") != before
    assert "KPI gained against now\n0" in visit.text("#tiles")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_what_is_downloaded_can_be_changed_and_uploaded(suffix: str, visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    page.click("#weekly > summary")
    with page.expect_download() as download:
        page.click(f"#weekly-{suffix}")
    path = tmp_path / f"plan.{suffix}"
    if suffix == "csv":
        rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
        rows[1][rows[0].index("tv")] = "12345"
        path.write_text("\n".join(",".join(row) for row in rows))
    else:
        download.value.save_as(path)
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        sheet.cell(2, 1 + [cell.value for cell in sheet[1]].index("tv")).value = 12345
        book.save(path)
    page.set_input_files("#weekly-file", path)
    expect(page.locator("#weekly-said")).to_contain_text("3 of 3 channels read, 13 weeks")

    assert weeks(visit, "TV")[0] == 12_345
    assert visit.complaints == []


def test_a_file_of_another_length_sets_the_horizon_and_a_bad_one_is_explained(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("date,channel,region,spend\n" + "".join(
        f"2023-12-{day:02d},tv,r{region},{100 * (1 + region)}\n" for day in (4, 11) for region in range(3)
    ))  # fmt: skip
    with visiting(browser, f"{site}#brand=acme&market=us", expected=("Failed to load resource",)) as visit:
        visit.page.wait_for_selector(READY)
        visit.page.click("#weekly > summary")
        visit.page.set_input_files("#weekly-file", path)
        expect(visit.page.locator("#weekly-said")).to_contain_text("1 of 3 channels read, 2 weeks, 3 regions")
        assert visit.page.input_value("#horizon") == "2"
        assert visit.amount("TV") == 1_200
        assert weeks(visit, "TV") == [600, 600]

        path.write_text("date,tvv\n2023-12-04,1\n")
        visit.page.set_input_files("#weekly-file", path)
        expect(visit.page.locator("#weekly-said")).to_contain_text("unknown column 'tvv'")
        assert visit.amount("TV") == 1_200
        assert visit.complaints == []


def test_plans_are_kept_labelled_compared_opened_and_deleted(visit: Visit, site: str) -> None:
    page = visit.page
    visit.type("TV, planned, USD", "7k")
    expect(page.locator("#verdict")).to_contain_text("more KPI")
    page.fill("#scenario-name", "Autumn")
    page.fill("#scenario-label", "approved")
    page.click("#add")
    page.goto("about:blank")
    page.goto(f"{site}#brand=acme&market=us")
    page.wait_for_selector(READY)
    expect(page.locator("#kept-title")).to_contain_text("1")
    page.click("#kept-title")
    kept = visit.text("#kept")
    assert "Autumn" in kept and "13 weeks" in kept and "chance " in kept

    page.get_by_role("button", name="Compare Autumn").click()
    expect(page.locator("#compared thead input")).to_have_value("Autumn")
    page.get_by_role("button", name="Open Autumn").click()
    expect(page.get_by_label("TV, planned, USD")).to_have_value("7,000")
    page.get_by_label("Label of Autumn").fill("rejected")
    page.get_by_label("Label of Autumn").press("Tab")
    expect(page.locator("#kept-label option")).to_have_text(["all", "rejected"])
    page.get_by_role("button", name="Delete Autumn").click()
    expect(page.locator("#kept-title")).to_contain_text("none yet")
    assert visit.complaints == []


def test_a_link_holds_everything_that_was_asked(browser: Browser, site: str, visit: Visit) -> None:
    page = visit.page
    page.click("#further > summary")
    page.select_option("#risk", "regret")
    page.click("#add-group")
    page.locator(".group").get_by_label("TV", exact=True).check()
    visit.type("Group 1, at most, USD", "90k")
    page.click("#weekly > summary")
    box = page.locator("#weekly-table input[aria-label^='TV, ']").first
    box.fill("900")
    box.press("Tab")
    page.click("#share")
    expect(page.locator("#shared")).to_contain_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    before = weeks(visit, "TV")
    with visiting(browser, link) as other:
        other.page.wait_for_selector(READY)
        other.page.click("#further > summary")
        other.page.click("#weekly > summary")

        assert weeks(other, "TV") == pytest.approx(before, abs=1)
        assert other.page.input_value("#risk") == "regret"
        assert other.page.get_by_label("Group 1, at most, USD").input_value() == "90,000"
        assert other.page.locator(".group").get_by_label("TV", exact=True).is_checked()
        assert other.complaints == []


def test_without_a_price_no_money_is_told(browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}#brand=north&market=fr") as visit:
        visit.page.wait_for_selector(READY)
        goals = visit.page.locator("#goal option").all_inner_texts()

        assert goals == ["Most KPI for this budget", "Least spend that reaches a KPI of"]
        assert "Return" not in visit.text("#tiles") and "Value" not in visit.text("#tiles")
        assert "Next 1 k currency units bring" in visit.text("#curves")
        assert "Nobody has said what one unit of KPI is worth" in visit.text("#assumptions")
        assert visit.page.locator("#regions").is_hidden()
        assert visit.complaints == []
