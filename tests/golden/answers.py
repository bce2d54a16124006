"""Answers of the stored models to requests. ``python -m tests.golden.answers`` writes them anew.

The requests are in ``requests/``, the answers whole ``plan.json`` and ``scenario.json``.
A change that should not change answers leaves ``answers/`` as it is; one that should (a better solver,
another rule of what the periods ahead look like, a new field) rewrites it in a commit of
its own and says why.
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.golden.doors import FITTED, mmm, portfolio_plan

HERE = Path(__file__).parent
ANSWERS = HERE / "answers"
KINDS = {"plans": "optimize", "scenarios": "scenario"}
"""File of requests to the command that answers them."""


def asked(kind: str) -> dict[str, dict[str, Any]]:
    """Requests by name."""
    text = (HERE / "requests" / f"{kind}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return loaded


def answered(kind: str, name: str, folder: Path) -> dict[str, Any]:
    """Exit status and content of the file that the command writes; of a portfolio the plan."""
    case = asked(kind)[name]
    if "models" in case:
        return {"answer": portfolio_plan(tuple(case["models"]), case["request"], case["terms"])}
    for file, rows in case.get("files", {}).items():
        with (folder / file).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    path = folder / case.get("path", "request.yaml")
    if "request" in case:
        path.write_text(yaml.safe_dump(case["request"], sort_keys=False), encoding="utf-8")
    out = folder / "answer.json"
    status = mmm(KINDS[kind], FITTED / case["model"], path, "--out", out)
    return {"status": status, "answer": json.loads(out.read_text(encoding="utf-8"))}


def path_of(kind: str, name: str) -> Path:
    """Where an answer is kept."""
    return ANSWERS / kind / f"{name}.json"


def _write() -> None:
    for kind in KINDS:
        (ANSWERS / kind).mkdir(parents=True, exist_ok=True)
        for name in asked(kind):
            with tempfile.TemporaryDirectory() as folder:
                text = json.dumps(answered(kind, name, Path(folder)), indent=1)
            path_of(kind, name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
