"""Refits and sweeps leave what they left before: files, columns, keys, and numbers to single precision."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.jobs.runs import PATH, runs

RELATIVE, ABSOLUTE = 2e-3, 1e-5
"""Processors add up in orders of their own; as in ``test_trace``."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return runs(tmp_path_factory.mktemp("golden"))


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("part", ["refit", "portfolio", "trials", "refit_files", "tune_files"])
def test_a_job_leaves_what_it_left_before(found: dict[str, Any], part: str) -> None:
    same(found[part], json.loads(PATH.read_text(encoding="utf-8"))[part], part)


def same(now: Any, before: Any, where: str) -> None:
    """Types, keys and their order exactly, numbers nearly; see tests/golden/jobs/runs.py if they moved."""
    assert type(now) is type(before), where
    if isinstance(before, dict):
        assert list(now) == list(before), where
        for key in before:
            same(now[key], before[key], f"{where}.{key}")
    elif isinstance(before, list) and any(isinstance(item, (dict, list, float)) for item in before):
        assert len(now) == len(before), where
        for place, (one, two) in enumerate(zip(now, before, strict=True)):
            same(one, two, f"{where}[{place}]")
    elif isinstance(before, float):
        assert now == pytest.approx(before, rel=RELATIVE, abs=ABSOLUTE), where
    else:
        assert now == before, where
