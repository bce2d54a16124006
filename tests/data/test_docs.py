"""The page on data names every code that the data layer can give, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

MODULES = [
    "assemble",
    "breaks",
    "calendar",
    "cells",
    "closed",
    "history",
    "reach",
    "regions",
    "read",
    "series",
    "source",
    "split",
    "starter",
    "drivers/treatments",
]
CODE_POSITION = {"Problem": 0, "_problem": 0, "Finding": 1, "_unreadable": 2}
"""Where the constructors of problems and findings take their code."""
CHOSEN_BY_EXPRESSION = {"unreadable_file", "holdout_too_long", "too_few_periods"}


def codes_of(module: Path) -> set[str]:
    """Codes written as arguments, and those at the head of the tables of checks."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            position = CODE_POSITION.get(node.func.id, len(node.args))
            found |= {ast.unparse(argument).strip("'") for argument in node.args[position : position + 1]}
        elif isinstance(node, ast.Tuple) and len(node.elts) in (3, 4):
            found.add(ast.unparse(node.elts[0]).strip("'"))
    return {code for code in found if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}


def test_every_code_is_documented_and_every_documented_code_exists(repository: Path) -> None:
    given = CHOSEN_BY_EXPRESSION.union(
        *(codes_of(repository / "mmm" / "data" / f"{name}.py") for name in MODULES)
    )
    page = (repository / "docs" / "data.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    documented = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert documented == given
