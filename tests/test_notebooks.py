"""Notebooks are short texts: import, call, plot; most with what they show. `make test` runs them."""

from __future__ import annotations

import ast
import json
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import mmm

NAMES = ("01_quickstart", "02_portfolio", "03_budget_scenarios", "04_own_data")
STORED = NAMES
"""Those with what they show: all."""
HEAVIEST = 1_500_000
"""Bytes of a notebook with its pictures at most."""
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.Lambda)


def cells(repository: Path, name: str) -> list[dict[str, Any]]:
    text = (repository / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return found


@pytest.mark.parametrize("name", STORED)
def test_what_it_shows_is_stored(repository: Path, name: str) -> None:
    """Of one run from top to bottom, with figures as pictures; written by ``jobs.documents.notebooks``."""
    code = [cell for cell in cells(repository, name) if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    kinds = {kind for output in outputs for kind in output.get("data", {})}

    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [
        output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert "image/png" in kinds and not {kind for kind in kinds if "plotly" in kind}
    assert (repository / "notebooks" / f"{name}.ipynb").stat().st_size < HEAVIEST


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_is_led_and_no_logic_hides_in_them(repository: Path, name: str) -> None:
    found = cells(repository, name)
    trees = [ast.parse("".join(cell["source"])) for cell in found if cell["cell_type"] == "code"]

    assert "".join(found[0]["source"]).startswith("# ")
    assert sum(cell["cell_type"] == "markdown" for cell in found) >= 4
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, LOGIC)]


@pytest.mark.parametrize("name", NAMES)
def test_views_that_it_draws_exist(repository: Path, name: str) -> None:
    """Views move between rooms; a notebook that runs in CI only late is told early."""
    text = (repository / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    drawn = set(re.findall(r"\b((?:portfolio_)?views(?:\.\w+)+)\(", text))

    assert drawn
    assert all(callable(attrgetter(view)(mmm)) for view in drawn)
