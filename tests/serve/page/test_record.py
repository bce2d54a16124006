"""A plan that was kept in the browser becomes a plan of record."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from mmm.fitted import load_fitted
from mmm.planning.record.kept import read_record
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.serve.page.site import Visit

pytestmark = pytest.mark.browser


def test_a_plan_that_was_kept_is_committed_as_it_is(visit: Visit, folder: Path, tmp_path: Path) -> None:
    page = visit.page
    visit.type("TV, planned, USD", "7k")
    expect(page.locator("#verdict")).to_contain_text("more KPI")
    page.fill("#scenario-name", "Autumn")
    page.click("#add")
    expect(page.locator("#kept-title")).to_contain_text("1")
    page.click("#kept-title")
    with page.expect_download() as download:
        page.get_by_role("button", name="Commit Autumn as plan of record").click()
    path = tmp_path / "autumn.record"
    download.value.save_as(path)
    promise = read_record(path).promise
    scenario = evaluate_scenario(
        load_fitted(folder / "acme" / "us"),
        {"horizon": 13, "plans": {"p": {"spend": {"tv": 7000.0}, "others": "current"}}},
    )

    assert promise.plan.spend["tv"] == 7_000
    assert promise.plan.gain is not None
    assert promise.plan.gain.mean == pytest.approx(scenario.plans[0].gain.mean, rel=1e-3)
    assert "mmm variance" in visit.text("#shared")
    assert visit.complaints == []
