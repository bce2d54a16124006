"""Errors cross process boundaries whole, can be caught as builtins, and all live in one place."""

from __future__ import annotations

import ast
import inspect
import pickle
from pathlib import Path

import pytest

from mmm import errors

ERRORS = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, Exception) and cls.__module__ == errors.__name__
]
BUILTIN_ERRORS = {ValueError, OSError, RuntimeError, KeyError, TypeError, LookupError, ArithmeticError}
PROBLEMS = (
    errors.Problem("negative_spend", "region 'CA', 2024-01-01", "spend of 'tv' is -3; it must be >= 0"),
    errors.Problem("missing_column", "", "no column 'tvv'; nearest: 'tv'"),
)


def example(cls: type[Exception]) -> Exception:
    """An error of this class as our code raises it."""
    if issubclass(cls, errors.ProblemsError):
        return cls("panel.parquet", PROBLEMS)
    return cls("weights.npz is truncated; fit the model again")


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_survives_pickling(cls: type[Exception], protocol: int) -> None:
    error = example(cls)

    copy = pickle.loads(pickle.dumps(error, protocol=protocol))

    assert type(copy) is cls
    assert str(copy) == str(error)
    assert copy.args == error.args
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("cls", [cls for cls in ERRORS if cls is not errors.MMMError])
def test_can_be_caught_as_ours_and_as_a_builtin(cls: type[Exception]) -> None:
    assert issubclass(cls, errors.MMMError)
    assert BUILTIN_ERRORS & set(cls.__mro__)


def test_reports_all_problems_together() -> None:
    message = str(errors.PanelError("panel.parquet", PROBLEMS))

    assert message == (
        "panel.parquet has 2 problems:\n"
        "  - region 'CA', 2024-01-01: spend of 'tv' is -3; it must be >= 0\n"
        "  - no column 'tvv'; nearest: 'tv'"
    )


def test_the_library_declares_its_errors_in_one_module(repository: Path) -> None:
    elsewhere = [
        f"{path.relative_to(repository)}:{node.lineno} {node.name}"
        for path in sorted((repository / "mmm").rglob("*.py"))
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Error") for base in node.bases)
    ]

    assert not elsewhere, "move to mmm/errors.py, where pickling is tested: " + ", ".join(elsewhere)
