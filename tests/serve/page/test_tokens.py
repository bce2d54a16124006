"""Tokens on the planner page: asked for, kept in the tab only, refused in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.serve.page.site import READY, model_of, serving, visiting, write_models

pytestmark = pytest.mark.browser

GOOD, LOOKER = "a-good-token-of-a-planner", "a-token-that-may-only-read"
REFUSED = "Failed to load resource"


def token(name: str, secret: str, *scopes: str) -> dict[str, object]:
    return {"name": name, "sha256": hashlib.sha256(secret.encode()).hexdigest(), "scopes": scopes}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = write_models(tmp_path_factory.mktemp("models"), model_of("acme", "us"))
    with serving(
        folder, tokens=[token("planner", GOOD, "read", "plan"), token("reader", LOOKER, "read")]
    ) as address:
        yield address


def test_a_wrong_token_is_refused_and_a_good_one_is_kept_in_the_tab_only(browser: Browser, site: str) -> None:
    with visiting(browser, site, expected=(REFUSED,)) as visit:
        page = visit.page
        for secret in ("wrong", GOOD):
            page.wait_for_selector("#token[open]")
            page.fill("#token-value", secret)
            page.keyboard.press("Enter")
            if secret == "wrong":
                expect(page.locator("#token-refused")).to_contain_text("was not accepted")
        page.wait_for_selector(READY)

        assert visit.text("#verdict").startswith("This is the spend")
        assert GOOD in page.evaluate("JSON.stringify(sessionStorage)")
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
        assert GOOD not in page.url
        assert visit.complaints == []

        page.reload()
        expect(page.locator("#verdict")).to_contain_text("This is the spend")
        page.click("#forget")
        page.wait_for_selector("#token[open]")


def test_a_token_that_may_not_plan_can_be_changed(browser: Browser, site: str) -> None:
    with visiting(browser, site, expected=(REFUSED,)) as visit:
        for secret in (LOOKER, GOOD):
            visit.page.wait_for_selector("#token[open]")
            visit.page.fill("#token-value", secret)
            visit.page.keyboard.press("Enter")
            if secret == LOOKER:
                visit.page.get_by_role("button", name="Use another token").click()

        expect(visit.page.locator("#verdict")).to_contain_text("This is the spend")


def test_no_token_leaves_a_way_back(browser: Browser, site: str) -> None:
    with visiting(browser, site, expected=(REFUSED,)) as visit:
        visit.page.wait_for_selector("#token[open]")
        visit.page.keyboard.press("Escape")

        expect(visit.page.locator("#notice")).to_contain_text("Try again")
