"""From a panel whose channels are called as people call them to registry, report and page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Browser

from jobs.record.rows import read_table
from jobs.refit.command import main
from mmm.cli import main as mmm
from tests.jobs.portfolios import QUICK
from tests.report.sight import visit_page
from tests.serve.page.site import READY, serving, visiting

CHANNELS = (
    "Paid Search - Non-Brand (Google & Bing)",
    "Linear TV / Prime Time <DE>",
    "Émissions radio & café",
)
FIT = (*QUICK, "train.members=2", "train.inference=ensemble")
SET = [word for setting in FIT for word in ("--set", setting)]


def write_panel(folder: Path) -> Path:
    """A year and a half of national weeks, as a spreadsheet would hold them."""
    rng = np.random.default_rng(3)
    spend_TC = rng.gamma(2.0, 500.0, (80, len(CHANNELS))).round(2)
    dates = pd.date_range("2024-01-01", periods=80, freq="7D").strftime("%Y-%m-%d")
    spent = {f"{name} spend": spend_TC[:, c] for c, name in enumerate(CHANNELS)}
    table = pd.DataFrame({"date": dates, **spent})
    table["orders"] = (2_000 + 3.0 * np.sqrt(spend_TC).sum(1) + rng.normal(0, 20, 80)).round()
    table.to_csv(folder / "panel.csv", index=False)
    return folder / "panel.csv"


@pytest.mark.ray
@pytest.mark.browser
@pytest.mark.usefixtures("own_ray")
def test_any_name_goes_from_panel_to_registry_to_page(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    panel, out, spec = write_panel(tmp_path), tmp_path / "out", tmp_path / "market.yaml"
    assert mmm(["init", str(panel), "--brand", "café & co", "--market", "at", "--out", str(spec)]) == 0
    market = yaml.safe_load(spec.read_text(encoding="utf-8"))
    market |= {"model": {"graph": {"mode": "none"}, "temporal": {"enabled": False}}}
    portfolio = tmp_path / "portfolio.yaml"
    portfolio.write_text(yaml.safe_dump({"markets": [market]}, allow_unicode=True), encoding="utf-8")
    names = sorted(market["columns"]["channels"])

    assert main([str(portfolio), "--out", str(out), "--reports", *SET]) == 0
    (row,) = read_table(str(out)).values()
    assert (row.status, row.role) == ("done", "champion")
    report = visit_page(browser, Path(row.directory) / "report.html", 390)
    shown = report.page.locator(".director tbody th").all_inner_texts()
    assert sorted(shown) == names
    assert report.complaints == []
    report.page.context.close()

    with serving(out) as address, visiting(browser, address, 390) as visit:
        visit.page.wait_for_selector(READY)
        assert sorted(visit.page.locator("#channels .name").all_inner_texts()) == names
        assert "Optimised." in visit.optimize()
        with visit.page.expect_download() as download:
            visit.page.click("#save-json")
        answer = json.loads(download.value.path().read_text(encoding="utf-8"))
        assert names[0] in json.dumps(answer, ensure_ascii=False)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.complaints == []
