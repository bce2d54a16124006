"""Rules of the source that no linter checks."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("mmm", "jobs", "serve")
LONGEST = 400
MOST = 20
DECISIONS = "docs/decisions"
FOLDERS = (*PACKAGES, "tests", "docs", "notebooks", "deploy")


def sources(root: Path, *packages: str) -> Iterator[Path]:
    """Python files of the packages, in order."""
    for package in packages:
        yield from sorted((root / package).rglob("*.py"))


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_files_are_rooms_not_halls(repository: Path, package: str) -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(repository, package)
    }
    long = [f"{path.relative_to(repository)} ({n} lines)" for path, n in lengths.items() if n > LONGEST]

    assert not long, f"split these files, they have more than {LONGEST} lines: {', '.join(long)}"


def test_folders_are_rooms_too(repository: Path) -> None:
    """Files of any kind, in every folder of ours but that of decisions, which only grows."""
    files = (path.relative_to(repository) for top in FOLDERS for path in (repository / top).rglob("*.*"))
    counts = Counter(path.parent.as_posix() for path in files if path.suffix != ".pyc")
    full = [f"{folder} ({n} files)" for folder, n in counts.items() if n > MOST and folder != DECISIONS]

    assert counts["tests/golden"] and counts["mmm/planning"]
    assert not full, f"give these folders rooms, they have more than {MOST} files: {', '.join(full)}"


def test_nothing_hides_in_utils(repository: Path) -> None:
    hiding = [
        str(path.relative_to(repository))
        for path in sources(repository, *PACKAGES)
        if {"utils", "util", "helpers", "common", "misc"}
        & {*path.parts[len(repository.parts) : -1], path.stem}
    ]

    assert not hiding, f"name these after what they do: {hiding}"


def test_the_library_does_not_print(repository: Path) -> None:
    prints = [
        f"{path.relative_to(repository)}:{node.lineno}"
        for path in sources(repository, "mmm")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]

    assert not prints, f"the library returns and logs, the command line prints through rich: {prints}"
