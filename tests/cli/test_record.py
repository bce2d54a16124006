"""``mmm commit`` and ``mmm variance``: statuses, files, tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mmm.cli import command as cli
from mmm.data.panel import UNSTATED, Panel
from mmm.fitted import save_fitted
from tests.small import sketch, small_panel

WHOLE = small_panel(regions=2, periods=60)
REQUEST = "budget: current\nhorizon: 8\ndefault_bounds: {min_change: -0.5, max_change: 0.5}\n"


def table_of(panel: Panel) -> pd.DataFrame:
    """The panel as the spec of a sketch reads it: spend alone."""
    parts = []
    for g, region in enumerate(panel.regions):
        columns = {"region": region, "date": panel.dates, "kpi": panel.kpi_GT[g]}
        columns |= {name: panel.spend_GTC[g, :, c] for c, name in enumerate(panel.channels)}
        columns |= {name: panel.controls_GTK[g, :, k] for k, name in enumerate(panel.controls)}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a plan beside it, and newer data of its market."""
    folder = tmp_path_factory.mktemp("record")
    panel = WHOLE.until(52)
    # The spec of a sketch reads spend alone, and states no currency.
    panel = replace(panel, media_GTC=panel.spend_GTC, has_exposure_C=~panel.has_spend_C, currency=UNSTATED)
    save_fitted(sketch(panel, members=4), folder)
    (folder / "request.yaml").write_text(REQUEST, encoding="utf-8")
    arguments = ["optimize", str(folder), str(folder / "request.yaml"), "--out", str(folder / "plan.json")]
    assert cli.main(arguments) == 0
    table_of(WHOLE).to_parquet(folder / "newer.parquet", index=False)
    return folder


def test_a_plan_is_committed_beside_its_model_and_explained(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, out = folder / "plan.record", tmp_path / "variance.json"
    assert cli.main(["commit", str(folder / "plan.json")]) == 0
    said = capsys.readouterr().out
    assert "plan of 8 periods, 4 draws, digest " in said
    assert cli.main(["commit", str(folder / "plan.json")]) == 2
    assert "already exists" in capsys.readouterr().err
    assert cli.main(["variance", str(record), str(folder / "newer.parquet"), "--out", str(out)]) == 0

    shown, found = capsys.readouterr().out, json.loads(out.read_text())
    parts = [found[name]["mean"] for name in ("planned_kpi", "delivery", "price", "baseline", "rest")]
    assert sum(parts) == pytest.approx(found["actual_kpi"])
    assert found["actual_kpi"] == pytest.approx(WHOLE.kpi_GT[:, 52:].sum())
    for word in (
        "planned",
        "delivery",
        "price",
        "baseline (controls)",
        "rest",
        "actual",
        "If the model is right",
    ):
        assert word in shown
    assert found["digest"][:16] in shown

    assert cli.main(["variance", str(record), str(folder)]) == 2
    assert "nothing of it has come yet" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["variance", str(record), str(tmp_path / "none.csv")]) == 2
    assert "is missing" in capsys.readouterr().err
    assert cli.main(["variance", str(folder / "plan.json"), str(folder)]) == 2
    assert "is no plan of record" in capsys.readouterr().err


def test_odds_and_a_frontier_are_shown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "request.yaml"
    request.write_text(f"{REQUEST}frontier: 3\nrisk: {{mean_sd: 1}}\n", encoding="utf-8")
    assert cli.main(["optimize", str(folder), str(request)]) == 0

    shown = capsys.readouterr().out
    for word in ("gain at 5 / 50 / 95 %", "(4 draws)", "expected regret", "cautious to bold", "worst tenth"):
        assert word in shown


def test_chances_of_plans_that_change_the_budget_are_shown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "request.yaml"
    request.write_text("budget: 900\nmode: increment\n", encoding="utf-8")
    assert cli.main(["optimize", str(folder), str(request)]) == 0
    assert "the chance that the change pays is" in capsys.readouterr().out
    request.write_text("plans: {more: {spend: {tv: 1e6}, others: current}}\n", encoding="utf-8")
    assert cli.main(["scenario", str(folder), str(request)]) == 0
    assert "chance that it pays" in capsys.readouterr().out
