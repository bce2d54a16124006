"""The same command on a cluster of two nodes of this machine, its result at a URI."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm.fitted import load_fitted
from mmm.simulate.portfolio import write_portfolio
from tests.jobs.test_two_nodes import TwoNodes


@pytest.fixture
def nodes() -> Iterator[TwoNodes]:
    """A cluster that ends with the test; its folder is short because paths of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="mmm-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = TwoNodes(Path(folder))
        yield cluster
        cluster.kill(*cluster.processes())


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_are_on_both_nodes(nodes: TwoNodes, tmp_path: Path, repository: Path) -> None:
    write_portfolio(tmp_path, brands=1, markets=1, regions=4, weeks=80, channels=3, seed=5)
    spec, out = tmp_path / "specs" / "acme_us.yaml", tmp_path / "model"
    command = [sys.executable, "-m", "jobs.train", str(spec), "--workers", "2", "--out", out.as_uri()]
    settings = ["train.members=1", "train.epochs=30", "model.graph.mode=none"]
    command += [word for setting in settings for word in ("--set", setting)]
    command += ["--tracking", "none", "--no-report", "--address", f"127.0.0.1:{nodes.port}"]

    job = subprocess.run(
        command, cwd=repository, env=nodes.environment, capture_output=True, text=True, check=False
    )

    assert job.returncode == 0, job.stderr
    found = re.findall(r"worker \d of 2 begins on \S+, node (\w+)", job.stdout)
    assert len(found) == len(set(found)) == 2
    assert load_fitted(out).provenance["epochs"] == 30
