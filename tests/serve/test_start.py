"""Ends before the service has started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serve.__main__ import SETTINGS
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
    _, said = process.communicate(timeout=120)

    assert process.returncode == 128 + name
    assert "stopped before it had started" in said and "Traceback" not in said


def test_haproxy_asks_another_interface_where_one_died_without_an_answer() -> None:
    """Ray reads this name, and HAProxy's settings carry it into every backend."""
    name = "RAY_SERVE_HAPROXY_RETRY_ON"
    asked = f"import os; os.environ['{name}'] = {SETTINGS[name]!r}\n"
    asked += f"from ray.serve._private import constants, haproxy_templates\nprint(constants.{name})\n"
    asked += "print('retry-on {{ config.retry_on }}' in haproxy_templates.HAPROXY_CONFIG_TEMPLATE)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert "empty-response" in SETTINGS[name].split()
    assert done.stdout.splitlines() == [SETTINGS[name], "True"]
