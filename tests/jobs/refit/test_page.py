"""The portfolio's page beside its table: links that exist and hold when the folder is moved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

from jobs.record.rows import Row
from jobs.refit.page import ensure_report, report_links, write_overview
from tests.jobs.rows import row
from tests.report.portfolio.test_advice import PLAN, returns
from tests.report.world import World, write_model


def model(out: Path, brand: str, market: str, *, report: bool = True) -> Row:
    """A fitted market below ``out``, with or without its report."""
    place = out / "models" / f"brand={brand}" / f"market={market}" / "0123"
    place.mkdir(parents=True)
    if report:
        (place / "report.html").write_text("<!doctype html>", encoding="utf-8")
    return row(brand=brand, market=market, directory=str(place))


def test_only_reports_that_exist_are_linked_relative_to_the_page(tmp_path: Path) -> None:
    rows = [model(tmp_path, "acme", "us"), model(tmp_path, "acme", "de", report=False), row(market="fr")]

    assert report_links(rows, str(tmp_path)) == {
        ("acme", "us"): "models/brand=acme/market=us/0123/report.html"
    }


def test_odd_names_are_quoted_and_the_address_leads_to_the_file(tmp_path: Path) -> None:
    found = report_links([model(tmp_path, "a & b", "50% #1")], f"{tmp_path}/".rstrip("/"))

    (link,) = found.values()
    assert " " not in link
    assert "#" not in link
    assert (tmp_path / unquote(link)).is_file()


def test_the_page_lies_beside_the_table_and_leads_into_every_report(tmp_path: Path) -> None:
    failed = Row("borealis", "us", "failed", "spend of 'tv' is -3 in region 'CA'; spend must be >= 0.")
    place = write_overview([model(tmp_path, "acme", "us"), failed], str(tmp_path))
    text = Path(place).read_text(encoding="utf-8")

    assert place == f"{tmp_path}/portfolio.html"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert "1 brand-market failed" in text
    assert "spend of &#x27;tv&#x27; is -3" in text
    assert set(re.findall(r"<a href='(models/[^']+)'", text)) == {
        "models/brand=acme/market=us/0123/report.html"
    }


def test_money_and_moves_come_out_of_each_market_s_model(tmp_path: Path) -> None:
    rows = [model(tmp_path, "acme", "us"), model(tmp_path, "acme", "de")]
    returns().to_parquet(Path(rows[0].directory) / "returns.parquet")
    (Path(rows[0].directory) / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    text = Path(write_overview(rows, str(tmp_path))).read_text(encoding="utf-8")
    advice = text.partition("id='advice'")[2].partition("</table>")[0]

    assert "Move 100\u00a0k\u00a0EUR from TV to search" in advice
    assert "acme / us" in advice and "acme / de" not in advice


def test_the_page_of_storage_behind_a_uri(tmp_path: Path) -> None:
    out = f"file://{tmp_path}"
    known = model(tmp_path, "acme", "us")
    rows = [row(directory=f"{out}/models/brand=acme/market=us/0123", brand="acme", market="us")]

    assert write_overview(rows, out) == f"{out}/portfolio.html"
    assert report_links(rows, out) == report_links([known], str(tmp_path))


def test_a_model_without_a_report_gets_one_and_keeps_it(tmp_path: Path) -> None:
    """Local and behind a URI."""
    for place in (tmp_path / "local", tmp_path / "remote"):
        write_model(place, World(regions=2, weeks=60, channels=2))
        address = str(place) if place.name == "local" else f"file://{place}"
        ensure_report(address)
        first = (place / "report.html").stat().st_mtime_ns
        ensure_report(address)

        assert (place / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
        assert (place / "report.html").stat().st_mtime_ns == first
