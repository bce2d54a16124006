"""What is offered to readers stands at the front door, and README, docs and notebooks come in by it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import jobs
import mmm

OURS = ("mmm", "jobs", "serve")


def pages(root: Path) -> list[Path]:
    """README and docs; decisions and the changelog speak of rooms as they were."""
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


def programs(root: Path) -> Iterator[tuple[str, str]]:
    """Place and text of every piece of Python that a reader is shown."""
    for path in pages(root):
        if path.exists():
            for code in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
                yield path.name, code
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield path.name, "".join(cell["source"])


def imports(code: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Modules a program imports, with the names it takes from each."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names)


def own_imports(root: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (place, module, names)
        for place, code in programs(root)
        for module, names in imports(code)
        if module.partition(".")[0] in OURS
    ]


def test_readers_come_in_by_the_front_door(repository: Path) -> None:
    found = own_imports(repository)
    deep = [f"{place}: {module}" for place, module, _ in found if "." in module]

    assert {"README.md", "01_quickstart.ipynb"} <= {place for place, _, _ in found}
    assert not deep, f"import these from mmm itself: {deep}"


def test_what_readers_take_is_offered(repository: Path) -> None:
    offered = {"mmm": set(mmm.__all__), "jobs": set(jobs.__all__)}
    absent = [
        f"{place}: {module}.{name}"
        for place, module, names in own_imports(repository)
        for name in names
        if name not in offered.get(module, set())
    ]

    assert not absent


def test_notebooks_call_jobs_by_their_commands(repository: Path) -> None:
    inside = [place for place, module, _ in own_imports(repository) if module == "jobs"]

    assert not [place for place in inside if place.endswith(".ipynb")]


@pytest.mark.parametrize("door", [mmm, jobs])
def test_every_name_leads_somewhere(door: ModuleType) -> None:
    assert [name for name in door.__all__ if getattr(door, name) is not None] == door.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = door.nothing


def test_the_checker_and_the_program_find_the_same(repository: Path) -> None:
    """The imports that mypy reads name the very objects that are loaded at run time."""
    tree = ast.parse((repository / "mmm" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    read = {
        alias.asname or alias.name: getattr(import_module(node.module), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }

    assert sorted(read) == sorted(mmm.__all__)
    assert all(getattr(mmm, name) is found for name, found in read.items())


def test_the_door_itself_is_light(repository: Path) -> None:
    script = "import sys, mmm; sys.exit(bool({'torch', 'pandas', 'plotly', 'numpy'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", script], cwd=repository, check=False).returncode == 0
