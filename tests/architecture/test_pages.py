"""What pages name exists: files, folders, links, modules. Decisions speak of rooms as they were, so only
their links are followed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

WIDEST = 120
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md")
EVERY = (*PAGES, "docs/decisions/*.md")
BASES = ("", "mmm", "docs", "tests/golden", "serve/page/static")
"""Folders that names on a page may start from."""
MADE = ("out/", "demo/", "DIR", "s3://", "http", "~", "…")
"""Beginnings of places that a run makes, or that are no places of the repository."""


def pages(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    found = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    assert len(found) > 10
    return found


def spans(path: Path) -> Iterator[str]:
    """What stands in backticks."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", text)


def files_named(path: Path) -> Iterator[str]:
    """Spans that are the path of a source file, or of a folder of ours."""
    for span in spans(path):
        source = re.fullmatch(r"[\w./-]*/[\w.-]+\.(py|md|toml|ipynb|sh|js|html|css|yaml)", span)
        folder = re.fullmatch(r"(mmm|jobs|serve|tests|docs|notebooks|deploy)/([\w-]+/)*[\w-]*", span)
        if (source or folder) and not span.startswith(MADE):
            yield span


def test_every_file_that_a_page_names_exists(repository: Path) -> None:
    absent = [
        f"{page.relative_to(repository)}: {name}"
        for page in pages(repository, PAGES)
        for name in files_named(page)
        if not any((repository / base / name).exists() for base in BASES)
    ]

    assert not absent


def test_every_module_that_a_page_names_exists(repository: Path) -> None:
    """``mmm.x.y`` is a module, or a name in one."""
    named = {
        (page.name, span)
        for page in pages(repository, PAGES)
        for span in spans(page)
        if re.fullmatch(r"(mmm|jobs|serve)(\.\w+)+", span)
    }

    assert not [f"{page}: {name}" for page, name in sorted(named) if not leads_somewhere(name)]


def leads_somewhere(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of the module before its last part."""
    home, _, last = name.rpartition(".")
    try:
        return find_spec(name) is not None or hasattr(__import__(home, fromlist=[last]), last)
    except ModuleNotFoundError:
        return hasattr(__import__(home, fromlist=[last]), last)


def test_every_link_leads_somewhere(repository: Path) -> None:
    absent = [
        f"{page.relative_to(repository)}: {target}"
        for page in pages(repository, EVERY)
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert not absent


@pytest.mark.parametrize("pattern", ["docs/decisions/*.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_prose_fits_a_screen(repository: Path, pattern: str) -> None:
    wide = [
        f"{page.name}:{number}"
        for page in sorted(repository.glob(pattern))
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDEST and not line.startswith("|")
    ]

    assert not wide, f"wrap these at {WIDEST} columns: {wide}"


def drawn_layers(root: Path) -> dict[str, list[str]]:
    """Layers of each package as the picture shows them, from the top."""
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL)]
    return {lines[0]: [re.split(r"\s{2,}", line)[0] for line in lines[1:]] for lines in blocks}


@pytest.mark.parametrize("package", ["mmm", "jobs", "serve"])
def test_the_picture_of_the_layers_is_the_contract(repository: Path, package: str) -> None:
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (contract,) = (c for c in settings["importlinter"]["contracts"] if c.get("containers") == [package])
    declared = [" | ".join(sorted(layer.split(" | "))) for layer in contract["layers"]]
    drawn = [" | ".join(sorted(layer.split(" | "))) for layer in drawn_layers(repository)[package]]

    assert drawn == declared
