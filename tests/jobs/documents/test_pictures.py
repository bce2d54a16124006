"""Pictures of the demo's pages: taken, not empty, light; and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.documents.pictures import HEAVIEST, PICTURES, main, take_pictures
from mmm.report import build_report
from mmm.report.portfolio.page import render_portfolio
from mmm.report.portfolio.records import market_records
from tests.report.portfolio.portfolios import portfolio
from tests.report.world import World, write_model


@pytest.mark.browser
def test_every_picture_is_taken_and_light(tmp_path: Path, chromium: str) -> None:
    build_report(write_model(tmp_path / "fit" / "acme_us", World(regions=6, channels=8)))
    (tmp_path / "refit").mkdir()
    page = render_portfolio(market_records(portfolio(3, 2)))
    (tmp_path / "refit" / "portfolio.html").write_text(page, encoding="utf-8")
    taken = take_pictures(tmp_path, tmp_path / "pictures", chromium=chromium)

    assert [path.stem for path in taken] == [picture.name for picture in PICTURES]
    assert all(20_000 < path.stat().st_size <= HEAVIEST for path in taken)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in taken)


def test_without_a_demo_it_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--demo", str(tmp_path), "--out", str(tmp_path / "pictures")]) == 1
    assert "make demo" in capsys.readouterr().err
    assert not (tmp_path / "pictures").exists()
