"""Errors cross process boundaries whole and can be caught as builtins, wherever in mmm they are declared."""

from __future__ import annotations

import ast
import importlib
import pickle
import pkgutil
from pathlib import Path

import pytest

import mmm
from mmm import errors

for found in pkgutil.walk_packages(mmm.__path__, "mmm."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)


def family(cls: type[Exception]) -> list[type[Exception]]:
    """The class and everything that inherits from it, each once."""
    return [cls, *(heir for child in cls.__subclasses__() for heir in family(child))]


ERRORS = sorted(set(family(errors.MMMError)), key=lambda cls: cls.__qualname__)
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


def test_the_library_raises_nothing_else(repository: Path) -> None:
    ours = {cls.__name__ for cls in ERRORS}
    strangers = [
        f"{path.relative_to(repository)}:{node.lineno} {node.name}"
        for path in sorted((repository / "mmm").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and node.name not in ours
        and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    ]

    assert not strangers, f"let these inherit from MMMError: {strangers}"
