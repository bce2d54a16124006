"""What every test may use: Hypothesis profiles, the real panel and Chromium."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
REAL_PANEL = ROOT.parent / "shared" / "data" / "real_panel.yaml"

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
