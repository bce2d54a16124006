"""A panel in parts: each shard's tables and sums, put together, are what one process makes of all regions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from jobs.record.rows import Row
from jobs.train.analyse import analyse_shard, fitted_part
from jobs.train.assemble import assemble, inspect_panel
from jobs.train.conclude import conclude
from jobs.train.inspection import Task, asked_in_parts, inspect_parts
from jobs.train.worker import SilentListener, TrainPlan, read_shard, train_shard
from mmm.config import MarketSpec
from mmm.config.files import load_market, validate
from mmm.data.parts.reading import PanelIndex, PartRead
from mmm.errors import ModelFileError, SpecError
from mmm.fitted import load_fitted
from mmm.report import load_tables
from mmm.simulate.portfolio import write_portfolio

SETTINGS = (
    "train.inference=ensemble",
    "train.members=5",
    "train.epochs=30",
    "train.validation=0",
    "train.precision=float64",
    "train.refit_on_all=true",
)
REGIONS = 5
BY_PART = {"predictions", "contributions", "scored_predictions"}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> MarketSpec:
    folder = tmp_path_factory.mktemp("market")
    write_portfolio(folder, brands=1, markets=1, regions=REGIONS, weeks=80, channels=3, seed=5)
    path = folder / "specs" / "acme_us.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content.pop("experiments", None)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return load_market(str(path), SETTINGS)


@pytest.fixture(scope="module")
def plan(spec: MarketSpec, tmp_path_factory: pytest.TempPathFactory) -> TrainPlan:
    """A training that is done."""
    facts = inspect_panel(spec)
    place = str(tmp_path_factory.mktemp("training"))
    plan = TrainPlan(spec, facts.regions, facts.observed_G, facts.survey, facts.split, place, 100, 1)
    train_shard(plan, 0, 1, SilentListener())
    return plan


@pytest.fixture(scope="module")
def whole(plan: TrainPlan, tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, Path]:
    out = tmp_path_factory.mktemp("whole") / "model"
    return assemble(plan, str(out), report=False, seconds=1.0), out


@pytest.fixture(scope="module", params=[1, 2])
def parted(
    request: pytest.FixtureRequest, plan: TrainPlan, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Row, Path]:
    """The directory of a model in so many parts, gone through two regions at a time at most."""
    out = tmp_path_factory.mktemp("parted") / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.train.analyse.BLOCK_CELLS", 2 * 5 * 80 * 3)
        shards = [analyse_shard(plan, index, request.param) for index in range(request.param)]
    facts = inspect_panel(plan.spec)
    return conclude(plan, facts, shards, str(out), report=True, seconds=1.0), out


def here(task: Task, given: Sequence[tuple[MarketSpec, PanelIndex, int, int]]) -> list[list[PartRead]]:
    """Runs tasks in this process."""
    return [task(*one) for one in given]


def test_what_spec_and_data_show_together_is_said_of_parts_too(
    plan: TrainPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmm.data.parts.reading.PART_CELLS", 2 * 80 * 3)
    monkeypatch.setattr("mmm.market.CELLS_PER_CHANNEL", 1000)
    whole, facts = inspect_panel(plan.spec), inspect_parts(plan.spec, 2, here)

    assert "too_many_channels" in {finding.code for finding in whole.findings}
    assert set(facts.findings) == set(whole.findings)


def test_inspection_in_parts_leads_to_the_same_training(
    plan: TrainPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two regions at a time, in two tasks; the same fit as that of the panel read whole, digit by digit."""
    monkeypatch.setattr("mmm.data.parts.reading.PART_CELLS", 2 * 80 * 3)
    assert not asked_in_parts(plan.spec, "auto") and asked_in_parts(plan.spec, "yes")
    whole, facts = inspect_panel(plan.spec), inspect_parts(plan.spec, 2, here)
    assert facts.regions == whole.regions and facts.until == whole.until
    assert facts.observed_G.tolist() == whole.observed_G.tolist()
    assert set(facts.findings) == set(whole.findings)
    assert facts.survey.fingerprint != whole.survey.fingerprint

    own = replace(plan, survey=facts.survey, calendar=facts.calendar, place=str(tmp_path))
    train_shard(own, 0, 1, SilentListener())
    panel = read_shard(plan.spec, plan.regions, facts.calendar).panel
    every = slice(0, REGIONS)
    found, expected = (fitted_part(one, "final", every, panel) for one in (own, plan))
    for name, value in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value, err_msg=name)


def test_a_spec_that_needs_all_regions_is_refused(spec: MarketSpec) -> None:
    content = spec.model_dump(mode="json", exclude_unset=True)
    content["columns"].pop("region")
    national = validate(MarketSpec, content, "test")

    assert not asked_in_parts(national, "auto")
    with pytest.raises(SpecError, match=r"needs a column of regions \(columns.region\)"):
        asked_in_parts(national, "yes")


def read(folder: Path, name: str) -> pd.DataFrame:
    table = pd.read_parquet(folder / f"{name}.parquet")
    keys = [key for key in ("component", "region", "date") if key in table and name in BY_PART]
    return table.sort_values(keys, ignore_index=True) if keys else table


def test_every_table_is_that_of_one_process(parted: tuple[Row, Path], whole: tuple[Row, Path]) -> None:
    found, expected = ({path.stem for path in at[1].glob("*.parquet")} for at in (parted, whole))
    assert found == expected
    for name in sorted(found):
        tolerance = 1e-4 if name == "hill" else 1e-9
        one, other = read(parted[1], name), read(whole[1], name)
        pd.testing.assert_frame_equal(one, other, rtol=tolerance, atol=tolerance, obj=name)
    assert all((parted[1] / f"{name}.parquet").is_dir() for name in BY_PART)


def test_scores_shares_and_counts_are_those_of_one_process(
    parted: tuple[Row, Path], whole: tuple[Row, Path]
) -> None:
    row, expected = parted[0], whole[0]
    assert row.key == expected.key and row.until == expected.until
    known = {name: score for name, score in expected.scores.items() if score is not None}
    assert {name: score for name, score in row.scores.items() if score is not None} == pytest.approx(
        known, rel=1e-9
    )
    assert row.shares == pytest.approx(expected.shares, rel=1e-9)
    assert row.roi == pytest.approx(expected.roi, rel=1e-9)
    quality, other = (json.loads((at[1] / "data_quality.json").read_text()) for at in (parted, whole))
    assert quality == other


def test_findings_are_those_that_sums_tell(parted: tuple[Row, Path], whole: tuple[Row, Path]) -> None:
    found, expected = ({tuple(line.split()[:2]) for line in at[0].findings} for at in (parted, whole))
    assert found - expected == {("info", "checks_left_out")}
    left = {code for _, code in expected - found}
    assert left <= {"residual_drift", "effect_changed", "effectiveness_at_bound", "prior_conflict"} | {
        code for code in left if code.startswith(("placebo", "graph", "direct_or"))
    }


def test_the_report_shows_the_nation(parted: tuple[Row, Path]) -> None:
    tables = load_tables(parted[1])
    assert tables.frame("predictions")["region"].unique().tolist() == ["all regions"]
    assert "<html" in (parted[1] / "report.html").read_text(encoding="utf-8")


def test_the_report_shows_the_regions_asked_for(
    parted: tuple[Row, Path], whole: tuple[Row, Path], plan: TrainPlan
) -> None:
    asked = plan.regions[2:4]
    found, expected = (load_tables(at[1], asked).frame("contributions") for at in (parted, whole))
    keys = ["component", "region", "date"]
    one, other = (
        table.astype({"component": str, "region": str, "kind": str}).sort_values(keys, ignore_index=True)
        for table in (found, expected)
    )
    pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-9)
    assert set(one["region"]) == set(asked)


def test_a_part_is_a_model_and_the_whole_says_where_they_are(
    parted: tuple[Row, Path], plan: TrainPlan
) -> None:
    with pytest.raises(ModelFileError, match=r"parts of some regions each.*parts/part-00000"):
        load_fitted(parted[1])
    parts = [load_fitted(folder) for folder in sorted((parted[1] / "parts").iterdir())]
    assert sum((part.panel.regions for part in parts), ()) == plan.regions
