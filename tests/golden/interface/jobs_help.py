"""``--help`` of every job and of the service. ``python -m tests.golden.interface.jobs_help`` writes it anew.

Options are doors of the product: ``jobs_help.txt`` is rewritten in the commit that adds or rewords one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("jobs_help.txt")
ROOT = Path(__file__).resolve().parents[3]
MODULES = (
    *("jobs.refit", "jobs.tune", "jobs.train", "jobs.promote", "jobs.loop", "jobs.design"),
    *("jobs.benchmark", "serve"),
)


ALL = """
import runpy, sys
for module in sys.argv[1:]:
    sys.stdout.write(f"$ python -m {module} --help\\n")
    sys.argv = [module, "--help"]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert not end.code
    sys.stdout.write("\\0")
"""
"""One process for all: what they import is loaded once."""


@cache
def helped() -> dict[str, str]:
    """What ``python -m module --help`` prints in 100 columns, below the command, by module."""
    done = subprocess.run(
        [sys.executable, "-c", ALL, *MODULES],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(MODULES, done.stdout.split("\0"), strict=False))


if __name__ == "__main__":
    PATH.write_text("\n".join(helped().values()), encoding="utf-8")
