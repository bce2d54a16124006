"""Ends before the service has started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.serve.service import ROOT


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_libraries_are_loaded_ends_it_with_a_line(
    tmp_path: Path, name: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "serve", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # The first library that `serve.app` needs: the handlers are in place, Ray is not loaded yet.
    for line in process.stderr:
        if "pydantic" in line:
            break
    process.send_signal(name)
    began = time.monotonic()
    _, said = process.communicate(timeout=60)

    assert process.returncode == 128 + name
    assert "stopped before it had started" in said and "Traceback" not in said
    assert time.monotonic() - began < 20
