"""The report on a slow line: its first numbers come long before its charts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mmm.report import build_report
from tests.report.conftest import WIDE
from tests.report.test_reach import LongNames
from tests.report.world import World, write_model
from tests.serve.page.test_reach import SLOW

LARGEST = 3_500_000
"""Bytes of a report at most."""
WORLDS = {"thirteen channels": WIDE, "long names": LongNames()}


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the test's folder, which packs nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", WORLDS)
def test_numbers_come_first_and_curves_soon(
    name: str, browser: Browser, address: str, tmp_path: Path
) -> None:
    world: World = WORLDS[name]
    report = build_report(write_model(tmp_path / "model", world), tmp_path / "report.html")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    page.goto(f"{address}/report.html#curves", wait_until="commit")
    page.wait_for_selector(".director tbody tr", timeout=60_000)
    first = float(page.evaluate("performance.now()"))
    page.wait_for_selector("figure.view[id='curves'][data-state=drawn]", timeout=120_000)
    drawn = float(page.evaluate("performance.now()"))
    context.close()
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))

    assert report.stat().st_size <= LARGEST
    assert first <= 2_500 * busy
    assert drawn <= 8_000 * busy
    assert first < drawn, f"{first:.0f} ms, {drawn:.0f} ms"
