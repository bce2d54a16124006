"""The library stands without the engine, the registry and the web framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
for name in {blocked!r}:
    sys.modules[name] = None
import mmm
for module in pkgutil.walk_packages(mmm.__path__, "mmm."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def import_everything(root: Path, blocked: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Import every module of mmm in a new process in which ``blocked`` cannot be imported."""
    script = IMPORT_EVERYTHING.format(blocked=blocked)
    return subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )


def test_mmm_imports_without_ray_mlflow_optuna_and_fastapi(repository: Path) -> None:
    result = import_everything(repository, ("ray", "mlflow", "optuna", "fastapi"))

    assert result.returncode == 0, result.stderr


def test_the_block_is_real(repository: Path) -> None:
    result = import_everything(repository, ("pydantic",))

    assert "import of pydantic halted" in result.stderr


# Every process of the service and the driver of a refit would load it in vain: a second and 150 MB each.
@pytest.mark.parametrize(
    "module", ["mmm.errors", "mmm.config", "mmm.data.panel", "mmm.fitted", "serve.app, jobs.refit.run"]
)
def test_light_modules_do_not_load_torch(repository: Path, module: str) -> None:
    script = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], cwd=repository, check=False)

    assert result.returncode == 0
