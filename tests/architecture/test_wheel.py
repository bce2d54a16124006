"""What is shipped is the library, and it asks for nothing but its own needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(repository)], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def metadata_file(wheel: zipfile.ZipFile, name: str) -> str:
    (member,) = (entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}"))
    return wheel.read(member).decode()


def test_the_wheel_holds_mmm_only(wheel: zipfile.ZipFile) -> None:
    folders = {name.partition("/")[0] for name in wheel.namelist()}

    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"mmm"}


def test_the_wheel_is_typed_and_has_the_command(wheel: zipfile.ZipFile) -> None:
    assert "mmm/py.typed" in wheel.namelist()
    assert "mmm = mmm.cli:main" in metadata_file(wheel, "entry_points.txt")


def test_the_core_needs_no_ray(wheel: zipfile.ZipFile) -> None:
    lines = metadata_file(wheel, "METADATA").splitlines()
    core = [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]

    assert len(core) > 5
    assert not [line for line in core if any(name in line for name in ("ray", "mlflow", "optuna", "fastapi"))]
