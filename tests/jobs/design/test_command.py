"""``python -m jobs.design`` over models that were drawn rather than fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from jobs.design.command import main
from jobs.record.rows import write_table
from mmm.fitted import save_fitted
from tests.jobs.rows import row
from tests.small import sketch, small_panel

QUICK = ["--set", "weeks=[4]", "--set", "treated=[0.5]", "--set", "kinds=[go_dark]"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portfolio of three markets of which two have models."""
    folder = tmp_path_factory.mktemp("designs")
    rows = []
    for number, market in enumerate(("us", "de")):
        save_fitted(sketch(small_panel(regions=8, periods=104, seed=number), members=20), folder / market)
        rows.append(replace(row(brand="acme"), market=market, directory=str(folder / market)))
    write_table(rows, str(folder))
    columns = {"date": "date", "kpi": "kpi", "channels": {"tv": {"spend": "tv"}}}
    markets = [
        {"brand": "acme", "market": name, "data": {"path": "panel.parquet"}, "columns": columns}
        for name in ("us", "de", "fr")
    ]
    for many, name in ((3, "all"), (2, "both")):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"markets": markets[:many]}), encoding="utf-8")
    return folder


def test_wrong_input_is_told_before_anything_starts(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(place / "both.yaml"), "--out", str(place)]
    assert main([*arguments, "--set", "kinds=[dark]"]) == 2
    assert main([str(place / "absent.yaml"), "--out", str(place)]) == 2
    assert "no such file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--rate", "EUR"])
    assert caught.value.code == 2


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_every_market_with_a_model_is_looked_at_and_others_are_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(place / "both.yaml"), "--out", str(place), "--budget", "1e6", *QUICK]) == 0
    shown = capsys.readouterr().out
    table = pd.read_parquet(place / "tests.parquet")
    assert "6 candidates of 2 markets" in shown
    assert set(table["market"]) == {"us", "de"}
    assert {"order", "sister_value", "total_net", "test", "net"} <= set(table.columns)
    assert (table["order"] > 0).sum() <= 2

    assert main([str(place / "all.yaml"), "--out", str(place), *QUICK]) == 1
    assert "failed: acme / fr: no model below" in capsys.readouterr().out
