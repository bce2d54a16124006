"""What a worker does and what becomes of it, in this process: one shard, no Ray."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

from jobs.record.rows import Row
from jobs.record.store import read_row
from jobs.train.assemble import assemble, inspect_panel
from jobs.train.checkpoint_place import checkpoints_of, open_checkpoints, parent_place, remove_checkpoints
from jobs.train.worker import SilentListener, TrainPlan, train_shard
from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.errors import CheckpointError
from mmm.fitted import load_fitted
from mmm.simulate.portfolio import write_portfolio
from mmm.train.fit import fit

SETTINGS = (
    "train.inference=ensemble",
    "train.members=2",
    "train.epochs=30",
    "train.validation=0",
    "train.precision=float64",
)


class Heard(SilentListener):
    """Remembers what it was told, and may stop the work at an epoch as a power cut would."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.said: list[str] = []
        self.stop_at = stop_at

    def say(self, text: str) -> None:
        self.said.append(text)

    def epoch(self, stage: str, epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        if epoch == self.stop_at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def spec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    write_portfolio(folder, brands=1, markets=1, regions=3, weeks=80, channels=3, seed=5)
    path = folder / "specs" / "acme_us.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["model"] = {"graph": {"mode": "none"}, "temporal": {"enabled": False}}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def plan_of(spec: MarketSpec, place: Path | str) -> TrainPlan:
    facts = inspect_panel(spec)
    return TrainPlan(
        spec=spec,
        regions=facts.regions,
        observed_G=facts.observed_G,
        survey=facts.survey,
        split=facts.split,
        place=str(place),
        every=10,
        threads=1,
    )


def done(plan: TrainPlan, out: Path) -> Row:
    return assemble(plan, str(out), report=False, seconds=1.0)


def test_one_worker_leaves_what_mmm_fit_leaves(spec_file: Path, tmp_path: Path) -> None:
    spec = load_market(str(spec_file), SETTINGS)
    plan = plan_of(spec, tmp_path / "c")

    line = train_shard(plan, 0, 1, SilentListener())
    row = done(plan, tmp_path / "model")

    assert line.startswith("worker 1 of 1: 3 regions, 240 observed cells")
    found = load_fitted(tmp_path / "model")
    read = read_panel(spec)
    expected = fit(spec, read.panel, read.split)
    for name, value in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value, err_msg=name)
    assert read_row(str(tmp_path / "model")) == row
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {"metrics.json", "effects.parquet"}


def test_an_interrupted_worker_goes_on_where_it_was(spec_file: Path, tmp_path: Path) -> None:
    spec = load_market(str(spec_file), (*SETTINGS, "train.refit_on_all=true"))
    plan, straight = plan_of(spec, tmp_path / "c"), plan_of(spec, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        train_shard(plan, 0, 1, Heard(stop_at=20))
    heard = Heard()

    train_shard(plan, 0, 1, heard)
    train_shard(straight, 0, 1, SilentListener())
    done(plan, tmp_path / "model")
    done(straight, tmp_path / "other")

    assert heard.said == ["going on from train 10"]
    found, expected = load_fitted(tmp_path / "model"), load_fitted(tmp_path / "other")
    assert found.trace == expected.trace
    assert found.trained_until == 80
    for name, value in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value, err_msg=name)


def test_a_training_that_is_not_done_has_no_result(spec_file: Path, tmp_path: Path) -> None:
    plan = plan_of(load_market(str(spec_file), SETTINGS), tmp_path / "c")

    with pytest.raises(CheckpointError, match="holds no finished fit"):
        done(plan, tmp_path / "model")


def test_checkpoints_are_named_by_data_and_settings(spec_file: Path, tmp_path: Path) -> None:
    spec, out = load_market(str(spec_file), SETTINGS), str(tmp_path / "model")
    facts = inspect_panel(spec)

    place = open_checkpoints(out, spec, facts)
    assert place == f"{tmp_path}/.model.checkpoints/{facts.identity(spec).key}"
    assert open_checkpoints(out, spec, facts) == place
    remove_checkpoints(out)
    assert not Path(checkpoints_of(out)).exists()


def test_an_interrupted_training_of_the_legacy_digest_keeps_its_place(
    spec_file: Path, tmp_path: Path
) -> None:
    spec, out = load_market(str(spec_file), SETTINGS), str(tmp_path / "model")
    facts = inspect_panel(spec)
    old = Path(checkpoints_of(out)) / str(facts.identity(spec).legacy_key)
    old.mkdir(parents=True)

    assert open_checkpoints(out, spec, facts) == str(old)


def test_another_fit_is_told_by_its_difference_and_may_be_deleted(spec_file: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "model")
    one, other = (load_market(str(spec_file), (*SETTINGS, *more)) for more in ((), ("train.seed=3",)))
    first = Path(open_checkpoints(out, one, inspect_panel(one)))

    with pytest.raises(CheckpointError, match=r"train.seed was 0 and is 3\. .* --anew"):
        open_checkpoints(out, other, inspect_panel(other))
    second = Path(open_checkpoints(out, other, inspect_panel(other), anew=True))
    assert second.exists() and not first.exists()


@pytest.mark.parametrize(
    ("out", "home"), [("/data/model", "/data"), ("s3://bucket/a/model/", "s3://bucket/a"), ("model", ".")]
)
def test_the_record_lies_beside_the_result(out: str, home: str) -> None:
    assert parent_place(out) == home
