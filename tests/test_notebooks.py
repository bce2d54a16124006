"""Notebooks are short texts: import, call, plot; nothing of a run is kept. `make test` runs them."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NAMES = ("01_quickstart", "02_portfolio", "03_budget_scenarios", "04_own_data")
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.Lambda)


def cells(repository: Path, name: str) -> list[dict[str, Any]]:
    text = (repository / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_stripped(repository: Path, name: str) -> None:
    code = [cell for cell in cells(repository, name) if cell["cell_type"] == "code"]

    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_is_led_and_no_logic_hides_in_them(repository: Path, name: str) -> None:
    found = cells(repository, name)
    trees = [ast.parse("".join(cell["source"])) for cell in found if cell["cell_type"] == "code"]

    assert "".join(found[0]["source"]).startswith("# ")
    assert sum(cell["cell_type"] == "markdown" for cell in found) >= 4
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, LOGIC)]
