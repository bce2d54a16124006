"""The lock file holds every declared requirement at one version that any package index can give."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, str]:
    """Canonical name to version."""
    lines = (repository / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def pin_name(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def declared(root: Path) -> list[Requirement]:
    """Every requirement of pyproject.toml: core, extras and build."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        pyproject["build-system"]["requires"],
    ]
    return [Requirement(line) for group in groups for line in group]


def test_the_lock_satisfies_every_declared_requirement(repository: Path, pins: dict[str, str]) -> None:
    unmet = [
        str(need)
        for need in declared(repository)
        if not need.specifier.contains(pins.get(pin_name(need), "0"))
    ]

    assert not unmet, f"requirements.lock does not satisfy {unmet}: install them in .venv, then `make lock`"


def test_the_lock_names_no_local_build(pins: dict[str, str]) -> None:
    assert not [name for name, version in pins.items() if "+" in version or "@" in version]


def test_dateutil_is_one_that_mlflow_accepts(pins: dict[str, str]) -> None:
    assert int(pins["python-dateutil"].partition(".")[0]) < 3, (
        "graphene, which MLflow needs, refuses python-dateutil 3"
    )
