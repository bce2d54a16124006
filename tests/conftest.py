"""What every test may use: Hypothesis profiles, the real panel and Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
REAL_PANEL = ROOT.parent / "shared" / "data" / "real_panel.yaml"

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""Of the headless Chromium: nothing that asks the network or the screen."""

# Machines are shared, so no test fails for being slow; CI tries the same examples every time.
settings.register_profile("dev", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_panel() -> Path:
    """Market spec of the public real panel, which is not part of the repository."""
    if not REAL_PANEL.exists():
        pytest.skip(f"the public real panel is not on this machine: {REAL_PANEL} is absent")
    return REAL_PANEL


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium to drive headless."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: `bash .ci/chromium.sh` as root installs it")
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def barriers() -> Callable[[Page], list[str]]:
    """What axe finds serious or critical on a page, each with the elements concerned."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def found(page: Page) -> list[str]:
        violations = axe.run(page).response["violations"]
        return [
            f"{one['id']}: {', '.join(str(node['target']) for node in one['nodes'][:5])}"
            for one in violations
            if one["impact"] in ("serious", "critical")
        ]

    return found
