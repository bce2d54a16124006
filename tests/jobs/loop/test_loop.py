from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from jobs.loop.command import main
from mmm.words import percent
from tests.jobs.portfolios import QUICK, tiny_portfolio

SET = [word for setting in ("train.members=4", *QUICK[1:]) for word in ("--set", setting)]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Spec of one market that fits in a second."""
    tiny_portfolio(tmp_path / "portfolio", brands=1, markets=1)
    return tmp_path / "portfolio" / "specs" / "acme_us.yaml"


def test_one_member_has_nothing_to_compare(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(spec), "--set", "train.members=1"]) == 2
    assert "one member has no intervals to compare" in capsys.readouterr().err


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_loop_leaves_a_page_and_a_number(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    quiet = ["--set", "model.temporal.enabled=false", "--set", "model.graph.mode=none"]
    assert main([str(spec), "--weeks", "1", "--out", str(out), *SET, *quiet]) == 0

    table = pd.read_parquet(out / "stability.parquet")
    numbers = json.loads((out / "stability.json").read_text(encoding="utf-8"))
    assert table["until"].nunique() == 2
    assert table["overlap"].isna().sum() == 3
    assert 0 <= numbers["stability"] <= 1
    assert f"stability {percent(numbers['stability'])}" in capsys.readouterr().out
    page = (out / "stability.html").read_text(encoding="utf-8")
    assert "How steady is the model? acme / us" in page
    assert "holds still least" in page
