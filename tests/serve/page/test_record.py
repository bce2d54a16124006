"""A plan that was kept in the browser becomes a plan of record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from mmm.fitted import load_fitted
from mmm.planning.budget import plan_budget
from mmm.planning.planner import Planner
from mmm.planning.record.commit import commit_plan
from mmm.planning.record.kept import read_record
from mmm.planning.record.planned import planned_periods
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.words import number
from tests.serve.page.site import READY, Visit, promoted, serving, visiting, write_models
from tests.small import sketch, small_panel

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


def test_a_plan_that_pays_for_a_treatment_is_committed(browser: Browser, tmp_path: Path) -> None:
    with serving(write_models(tmp_path / "models", promoted())) as own, visiting(browser, own) as visit:
        page = visit.page
        page.wait_for_selector(READY)
        page.click("#buying > summary")
        visit.type("Promo, cost of one unit, USD", "0.05")
        expect(page.locator("#channels .channel")).to_have_count(4)
        visit.type("Promo, planned, USD", "6k")
        expect(page.locator("#verdict")).to_contain_text("KPI than repeating")
        page.fill("#scenario-name", "Sale")
        page.click("#add")
        expect(page.locator("#kept-title")).to_contain_text("1")
        page.click("#kept-title")
        with page.expect_download() as download:
            page.get_by_role("button", name="Commit Sale as plan of record").click()
        download.value.save_as(tmp_path / "sale.record")
        plan = read_record(tmp_path / "sale.record").promise.plan

        assert plan.spend["promo"] == 6_000
        assert plan.request["treatment_costs"] == {"promo": {"cost": 0.05}}
        assert visit.complaints == []


def test_a_plan_by_region_is_committed_in_its_regions(visit: Visit, folder: Path, tmp_path: Path) -> None:
    """The split that the plan has, not that of the last periods; and the gain is what the page says."""
    page = visit.page
    page.click("#further > summary")
    page.check("#by-region")
    assert "Optimised." in visit.optimize()
    page.click("#regions > summary")
    visit.type("TV in r0", "100")
    visit.type("TV in r1", "5000")
    expect(page.locator("#verdict")).to_contain_text("more KPI")
    page.fill("#scenario-name", "North")
    page.click("#add")
    expect(page.locator("#kept-title")).to_contain_text("1")
    page.click("#kept-title")
    with page.expect_download() as download:
        page.get_by_role("button", name="Commit North as plan of record").click()
    path = tmp_path / "north.record"
    download.value.save_as(path)
    record = read_record(path)
    planned = planned_periods(Planner(record.fitted), record.promise.plan)

    assert planned.spend_GPC[:2, :, 0].sum(1) == pytest.approx([100.0, 5000.0])
    gain = record.promise.plan.gain
    assert gain is not None
    assert np.mean(record.promise.gain_draws) == pytest.approx(gain.mean, rel=1e-9)
    shown = page.locator("#kept tbody tr", has_text="North").locator("td").nth(5).inner_text()
    assert number(gain.mean) in shown
    assert visit.complaints == []


def test_what_became_of_a_plan_of_record_is_told(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    past = sketch(small_panel().until(40), brand="acme", market="us")
    plan = plan_budget(past, {"budget": "current", "horizon": 8})
    path, _ = commit_plan(plan, past, tmp_path / "spring.record")
    page.click("#kept-title")
    page.set_input_files("#record-file", path)
    expect(page.get_by_role("region", name="From plan to actual")).to_contain_text("Came")
    shown = visit.text("#variance")
    came = small_panel().kpi_GT[:, 40:].sum()

    assert "8 weeks of 8 have come" in shown
    assert number(float(came), 3).replace("\u00a0", " ") in shown
    assert "than chance allows" in shown
    table = page.get_by_role("region", name="Channels against the plan")
    assert table.locator("tbody tr").count() == 3
    page.set_input_files("#record-file", {"name": "x.record", "mimeType": "application/zip", "buffer": b"no"})
    expect(page.locator("#variance")).to_contain_text("is no plan of record")
