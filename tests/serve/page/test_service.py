"""The planner page when its service is away, busy, or serves another model all of a sudden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.serve.page.site import READY, model_of, serving, visiting, write_models

pytestmark = pytest.mark.browser

REFUSED = "Failed to load resource"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"), model_of("acme", "us"))


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with serving(folder, poll=0.2) as address:
        yield address


def test_a_service_that_is_away_is_said_and_tried_again(browser: Browser, site: str) -> None:
    with visiting(browser, "about:blank", expected=(REFUSED, site)) as visit:
        visit.page.route("**/v1/models", lambda route: route.abort())
        visit.page.goto(site)
        visit.page.wait_for_selector(READY)
        assert "does not answer" in visit.text("#notice")
        visit.page.unroute("**/v1/models")
        visit.page.get_by_role("button", name="Try again").click()

        expect(visit.page.locator("#verdict")).to_contain_text("This is the spend")
        assert visit.complaints == []


def test_a_busy_service_is_asked_once_more_when_it_says(browser: Browser, site: str) -> None:
    answers: list[int] = []

    def busy(route: Route) -> None:
        answers.append(503 if not answers else 200)
        if answers[-1] == 503:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"title": "Busy", "status": 503})
        else:
            route.continue_()

    with visiting(browser, site, expected=(REFUSED,)) as visit:
        visit.page.wait_for_selector(READY)
        visit.page.route("**/optimize", busy)

        assert visit.optimize().startswith("Optimised.")
        assert answers == [503, 200]
        assert visit.complaints == []


def test_a_request_that_is_refused_is_explained(browser: Browser, site: str) -> None:
    problem = {
        "title": "Unprocessable", "status": 422, "detail": "The budget request has 1 problem.",
        "errors": [{"path": "budget", "code": "bad_budget", "message": "is 123456789; too much"}],
    }  # fmt: skip
    with visiting(browser, site, expected=(REFUSED,)) as visit:
        visit.page.wait_for_selector(READY)
        visit.page.route("**/optimize", lambda route: route.fulfill(status=422, json=problem))
        said = visit.optimize()

        assert "The budget request has 1 problem." in said
        assert "budget: is 123,456,789; too much" in said


def test_charts_that_cannot_be_drawn_leave_the_numbers(browser: Browser, site: str) -> None:
    with visiting(browser, "about:blank", expected=(REFUSED, site, "plotly")) as visit:
        visit.page.route("**/plotly-cartesian.min.js", lambda route: route.abort())
        visit.page.goto(site)
        visit.page.wait_for_selector(READY)
        visit.page.locator("#curves").scroll_into_view_if_needed()

        expect(visit.page.locator("#curves")).to_contain_text("charts cannot be drawn")
        assert "Next 1 USD returns" in visit.text("#curves")
        assert visit.complaints == []


def test_a_new_model_takes_over_and_is_said(browser: Browser, site: str, folder: Path) -> None:
    with visiting(browser, site) as visit:
        visit.page.wait_for_selector(READY)
        before = visit.text("#about")
        visit.type("TV, planned, USD", "50k")
        write_models(folder / "newer", model_of("acme", "us", seed=5))
        visit.page.wait_for_timeout(500)
        for _ in range(10):
            visit.page.get_by_label("Search, planned spend").press("ArrowRight")
            visit.page.wait_for_timeout(200)
            if visit.page.locator("#notice .message").count():
                break

        expect(visit.page.locator("#notice")).to_contain_text("has taken over")
        expect(visit.page.locator("#about")).not_to_have_text(before)
        assert visit.amount("TV") == 50_000
        assert visit.complaints == []


def test_files_hold_the_plan_as_it_is_when_they_are_asked_for(browser: Browser, site: str) -> None:
    """While an answer was on its way one file held the plan before, and the button of another did nothing."""
    change = """([button, amount]) => {
      const box = document.querySelector("input[aria-label='TV, planned, USD']");
      box.value = amount;
      for (const kind of ["input", "change"]) box.dispatchEvent(new Event(kind));
      document.getElementById(button).click();
    }"""
    with visiting(browser, site, expected=(REFUSED, "ERR_FAILED")) as visit:
        page = visit.page
        page.wait_for_selector(READY)
        texts = []
        for button, amount in (("weekly-csv", "7k"), ("save-csv", "8k")):
            with page.expect_download() as file:
                page.evaluate(change, [button, amount])
            texts.append(Path(file.value.path()).read_text(encoding="utf-8"))
        weekly, scenarios = (text.splitlines() for text in texts)
        page.route("**/scenario", lambda route: route.abort())
        page.evaluate(change, ["save-csv", "9k"])
        expect(page.locator("#shared")).to_contain_text("This plan is not computed")

        assert weekly[0].split(",")[1] == "tv"
        assert sum(float(line.split(",")[1]) for line in weekly[1:]) == pytest.approx(7000)
        assert [line.split(",")[8] for line in scenarios if "Plan in work,tv" in line] == ["8000"]
        assert visit.complaints == []
