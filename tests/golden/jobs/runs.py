"""What a refit of two small markets and a sweep of four trials leave behind.

``python -m tests.golden.jobs.runs`` writes it anew in a minute, with a Ray for each.
A change that should not change results leaves the file as it is. One that should (other numbers, another
digest, a new column) rewrites it in its own commit and says why.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tests.golden.jobs.world import write_world

PATH = Path(__file__).with_name("runs.json")
ROOT = Path(__file__).resolve().parents[3]
PASSING = ("seconds", "directory")
"""Fields that say when or where something ran."""


def runs(folder: Path) -> dict[str, Any]:
    """Run both jobs in an empty folder; returns what they left, as plain data."""
    write_world(folder)
    trials = ("--trials", "4", "--concurrency", "1")
    # Each has a Ray of its own and waits much: side by side they take little longer than one.
    with ThreadPoolExecutor() as pool:
        refit = pool.submit(command, folder, "jobs.refit", "portfolio.yaml", "--out", "refit")
        command(folder, "jobs.tune", "sweep.yaml", "--out", "tune", *trials, "--tracking", "none")
        refit.result()
    rows = sorted((folder / "refit").glob("models/*/*/*/refit.json"))
    return {
        "refit": {row.parts[-3]: plain(json.loads(row.read_text(encoding="utf-8"))) for row in rows},
        "portfolio": table(folder / "refit" / "portfolio.parquet"),
        "trials": table(folder / "tune" / "trials.parquet"),
        "refit_files": listing(folder / "refit"),
        "tune_files": listing(folder / "tune"),
    }


def command(folder: Path, module: str, *words: str) -> None:
    """Run ``python -m module`` in a folder, on a Ray of two CPUs and no MLflow but its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", module, *words, "--cpus", "2"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"python -m {module} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def table(path: Path) -> dict[str, Any]:
    """A Parquet file: types of its columns in their order, and its rows."""
    read = pq.read_table(path)
    rows = [plain(row) for row in read.to_pylist(maps_as_pydicts="strict")]
    return {"columns": {item.name: str(item.type) for item in read.schema}, "rows": rows}


def plain(value: Any, name: str = "") -> Any:
    """Plain data with what passes named by its type, and numbers in sentences as ``#``."""
    if name in PASSING:
        return type(value).__name__
    if isinstance(value, dict):
        return {key: plain(item, key) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, name) for item in value]
    if isinstance(value, str) and " " in value:
        return re.sub(r"\d+(\.\d+)?", "#", value)
    return None if isinstance(value, float) and pd.isna(value) else value


def listing(folder: Path) -> list[str]:
    """Names of all files below a folder, digests and ids as ``<key>``; what Ray notes for itself aside."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    kept = {re.sub(r"\b[0-9a-f]{16,32}\b", "<key>", name) for name in names if not name.startswith("ray/")}
    return sorted(kept)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PATH.write_text(json.dumps(runs(Path(scratch)), indent=1) + "\n", encoding="utf-8")
