"""A whole refit over the parts a cluster has: MLflow's server on PostgreSQL, results in an S3 store."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import fs

from jobs.record.rows import read_table
from jobs.record.store import read_row
from jobs.record.tracking import open_tracking
from jobs.record.versions import CHAMPION, Registry
from jobs.refit.select import select_markets
from jobs.refit.task import refit_markets
from mmm.fitted import load_fitted
from tests.jobs.portfolios import QUICK

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(800)]
ABSENT = 3
"""Status of the script where something is missing that it cannot install."""
OUT = "s3://mmm/refit"


@pytest.fixture(scope="module")
def services(repository: Path) -> Iterator[dict[str, str]]:
    """Environment of clients of the services."""
    script = str(repository / ".ci" / "services.sh")
    environment = {**os.environ, "PYTHON": sys.executable}
    folder = Path(tempfile.mkdtemp(prefix="mmm-", dir="/tmp"))
    try:
        started = subprocess.run(
            ["bash", script, "start", str(folder)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if started.returncode == ABSENT:
            pytest.skip(started.stderr.strip())
        assert started.returncode == 0, started.stderr
        lines = (folder / "env").read_text(encoding="utf-8").splitlines()
        yield dict(line.split("=", 1) for line in lines)
    finally:
        subprocess.run(["bash", script, "stop", str(folder)], env=environment, timeout=60, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_refit_is_carried_by_postgresql_and_s3(
    services: dict[str, str],
    portfolio: Path,
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in services.items():
        monkeypatch.setenv(name, value)
    remote, _ = fs.FileSystem.from_uri("s3://mmm")
    fs.copy_files(str(portfolio.parent), "mmm/portfolio", destination_filesystem=remote)
    spec = f"s3://mmm/portfolio/{portfolio.name}"
    settings = [word for setting in QUICK for word in ("--set", setting)]

    command = [sys.executable, "-m", "jobs.refit", spec, "--out", OUT, "--cpus", "2", *settings]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        command, cwd=repository, env=plain, capture_output=True, text=True, timeout=400, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    rows = read_table(OUT)
    assert [(row.status, row.role, row.version) for row in rows.values()] == [("done", CHAMPION, 1)] * 4

    registry = Registry(open_tracking(None, OUT) or pytest.fail("nothing is recorded"))
    assert len(registry.models()) == 4
    for name in registry.models():
        champion = registry.champion(name)
        assert champion is not None
        assert champion.row.directory.startswith(f"{OUT}/models/")
        assert read_row(champion.row.directory) is not None

    row = next(iter(rows.values()))
    fs.copy_files(row.directory.removeprefix("s3://"), str(tmp_path / "model"), source_filesystem=remote)
    assert set(load_fitted(tmp_path / "model").panel.channels) == set(row.shares)

    again = refit_markets(select_markets(spec, OUT, overrides=QUICK).work)
    assert {row.status for row in again.rows} == {"unchanged"}
