"""``--help`` of every job and of the service. ``python -m tests.golden.interface.jobs_help`` writes it anew.

Options are doors of the product: ``jobs_help.txt`` is rewritten in the commit that adds or rewords one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PATH = Path(__file__).with_name("jobs_help.txt")
ROOT = Path(__file__).resolve().parents[3]
MODULES = (
    *("jobs.refit", "jobs.tune", "jobs.train", "jobs.promote", "jobs.loop", "jobs.design"),
    *("jobs.benchmark", "serve"),
)


def helped(module: str) -> str:
    """What ``python -m module --help`` prints in 100 columns, below the command."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return f"$ python -m {module} --help\n{done.stdout}"


if __name__ == "__main__":
    PATH.write_text("\n".join(map(helped, MODULES)), encoding="utf-8")
