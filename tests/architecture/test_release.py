"""The version is one number, wherever it stands, and the changelog knows it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)
PLACES = ("cluster.yaml", "deploy/kuberay.yaml", "deploy/kuberay-serve.yaml", "docs/cluster.md")


@pytest.fixture(scope="module")
def version(repository: Path) -> str:
    """Version of pyproject.toml."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def releases(repository: Path) -> list[tuple[str, str]]:
    """Version and date of every release in the changelog, as they stand there."""
    return RELEASE.findall((repository / "CHANGELOG.md").read_text(encoding="utf-8"))


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_the_newest_release_of_the_changelog_is_this_version(repository: Path, version: str) -> None:
    assert releases(repository)[0][0] == version


def test_releases_stand_newest_first(repository: Path) -> None:
    found = releases(repository)
    numbers = [as_numbers(number) for number, _ in found]
    dates = [date for _, date in found]

    assert numbers == sorted(set(numbers), reverse=True)
    assert dates == sorted(dates, reverse=True)


def test_every_heading_is_a_release_or_what_comes_next(repository: Path) -> None:
    lines = (repository / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    headings = [line for line in lines if line.startswith("## ")]

    assert headings[0] == "## [Unreleased]"
    assert not [line for line in headings[1:] if not RELEASE.match(line)]


@pytest.mark.parametrize("place", PLACES)
def test_images_carry_the_version(repository: Path, version: str, place: str) -> None:
    tags = re.findall(r"/ray-mmm:([\w.]+)", (repository / place).read_text(encoding="utf-8"))

    assert tags
    assert set(tags) == {version}
