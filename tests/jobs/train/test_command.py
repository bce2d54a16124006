"""One model over shards: the same for any number of workers, whatever is killed; clear when it cannot be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from jobs.guard import MARK, marked
from jobs.own_ray import ClusterError
from jobs.record.rows import Row
from jobs.record.tracking import open_tracking
from jobs.train.checkpoint_place import checkpoints_of
from jobs.train.command import TrainOptions, main, train
from jobs.train.ray_train import Workers, await_room
from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.errors import CheckpointError, OutputError, SpecError
from mmm.fitted import Fitted, load_fitted
from mmm.simulate.portfolio import write_portfolio
from mmm.train.fit import fit

# Ray Train asks Ray Data for its settings, which warns of its own defaults.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")

LONG = ("train.inference=ensemble", "train.members=2", "train.epochs=600", "train.validation=0")
"""A fit of some seconds, in which there is time to kill somebody."""
QUICK = ("train.inference=ensemble", "train.members=2", "train.epochs=20", "train.validation=0")


@pytest.fixture(scope="module")
def spec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Spec of a market of five regions, three channels and 60 weeks."""
    folder = tmp_path_factory.mktemp("market")
    write_portfolio(folder, brands=1, markets=1, regions=5, weeks=80, channels=3, seed=5)
    path = folder / "specs" / "acme_us.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["model"] = {"graph": {"mode": "none"}, "temporal": {"enabled": False}}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def alone(path: Path, settings: tuple[str, ...]) -> Fitted:
    """The fit of one process, in the precision of shards."""
    spec = load_market(str(path), [*settings, "train.precision=float64"])
    read = read_panel(spec)
    return fit(spec, read.panel, read.split)


def assert_same(found: Fitted, expected: Fitted, tolerance: float = 1e-6) -> None:
    """The same model of the same data: channels' totals and predictions."""
    assert found.provenance["data_fingerprint"] == expected.provenance["data_fingerprint"]
    assert found.provenance["spec_digest"] == expected.provenance["spec_digest"]
    parts, wanted = found.predictor.parts, expected.predictor.parts
    for name in ("channels_MGTC", "controls_MGTK"):
        totals, expected_totals = (getattr(item, name).sum((1, 2)) for item in (parts, wanted))
        np.testing.assert_allclose(totals, expected_totals, rtol=tolerance)
    np.testing.assert_allclose(parts.prediction_MGT, wanted.prediction_MGT, rtol=tolerance)


def trained(path: Path, out: Path, *settings: str, workers: int = 2, **options: object) -> Row:
    spec = load_market(str(path), settings)
    crew = Workers(workers, wait=60.0)
    how = TrainOptions(str(out), crew, report=False, tracking="none", every=40)
    return train(spec, how, lambda _: None)


# --- without a cluster --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch.yaml"], "no such file"),
        (["SPEC", "--set", "train.membrs=8"], "train.membrs"),
        (["SPEC", "--out", "/dev/null/x", "--tracking", "none"], "cannot be written"),
        (["SPEC", "--out", "nosuch://bucket/x", "--tracking", "none"], "cannot be written"),
    ],
)
def test_bad_input_ends_with_2(
    spec_file: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = [str(spec_file) if word == "SPEC" else word for word in words]
    out = [] if "--out" in words else ["--out", str(tmp_path / "out")]

    assert main([*words, *out]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "-1", "two"])
def test_workers_are_a_number(workers: str, spec_file: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(spec_file), "--workers", workers])


# --- with Ray -----------------------------------------------------------------------------------------


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_workers_find_what_one_process_finds_and_the_record_holds_it(spec_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    command = [str(spec_file), "--out", str(out), "--workers", "2", "--no-report"]
    words = [word for setting in (*QUICK, "train.refit_on_all=true") for word in ("--set", setting)]

    assert main([*command, *words]) == 0
    expected = alone(spec_file, QUICK)
    found = load_fitted(out)
    assert found.trained_until == found.split.n_periods
    assert found.provenance["epochs"] == expected.provenance["epochs"] == 20
    assert (out / "scored_predictions.parquet").exists()
    assert not Path(checkpoints_of(str(out))).exists()

    tracking = open_tracking(None, str(tmp_path))
    assert tracking is not None
    runs = tracking.client.search_runs([tracking.experiment_id])
    assert len(runs) == 1
    data = runs[0].data
    assert runs[0].info.status == "FINISHED"
    assert data.params["workers"] == "2"
    assert data.params["train.epochs"] == "20"
    assert data.tags["data_fingerprint"] == expected.provenance["data_fingerprint"]
    assert {"scored.train.loss", "final.train.loss", "holdout_r2"} <= set(data.metrics)
    history = tracking.client.get_metric_history(runs[0].info.run_id, "scored.train.loss")
    assert [point.step for point in history] == [10, 20]


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_panel_in_parts_is_trained_and_found_again(spec_file: Path, tmp_path: Path) -> None:
    """Two workers leave what one process makes of the whole panel, as one file each."""
    out, whole = tmp_path / "model", tmp_path / "whole"
    command = [str(spec_file), "--out", str(out), "--no-report", "--parts", "yes", "--tracking", "none"]
    words = [word for setting in QUICK for word in ("--set", setting)]

    assert main([*command, *words]) == 0
    trained(spec_file, whole, *QUICK)
    for name in ("effects", "predictions", "contributions", "regions"):
        keys = ("component", "region", "channel", "date")
        tables = [pd.read_parquet(at / f"{name}.parquet") for at in (out, whole)]
        one, other = (t.sort_values([k for k in keys if k in t], ignore_index=True) for t in tables)
        pd.testing.assert_frame_equal(one, other, rtol=1e-6, atol=1e-6)
    parts = sorted(path.name for path in (out / "predictions.parquet").iterdir())
    assert parts == ["part-00000.parquet", "part-00001.parquet"]
    assert not Path(checkpoints_of(str(out))).exists()
    assert main([*command, *words]) == 0


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_killed_worker_costs_no_more_than_an_interval(spec_file: Path, tmp_path: Path) -> None:
    out, said, over = tmp_path / "model", list[str](), threading.Event()
    place = Path(checkpoints_of(str(out)))

    def kill() -> None:
        # The line reaches this process after the worker wrote it: after the first checkpoint if it is busy.
        while not over.wait(0.02):
            begun = [line for line in said if line.startswith("worker 2 of 2 begins")]
            if begun and any(place.glob("*/scored/train/*/commit.json")):
                os.kill(int(begun[0].rsplit(" ", 1)[1]), signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    spec = load_market(str(spec_file), LONG)
    how = TrainOptions(str(out), Workers(2), report=False, tracking="none", every=40)
    try:
        row = train(spec, how, said.append)
    finally:
        over.set()
        killer.join()

    assert row.status == "done"
    assert sum(line.startswith("worker 2 of 2 begins") for line in said) == 2
    assert any(line.startswith("going on from train ") for line in said)
    assert_same(load_fitted(out), alone(spec_file, LONG))


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_what_cannot_be_is_said(spec_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"3 workers of 1 CPU each are wanted, .* take 2"):
        trained(spec_file, tmp_path / "model", *QUICK, workers=3)
    said: list[str] = []
    with pytest.raises(ClusterError, match="No room for 1 workers after 1 s"):
        await_room(Workers(1, cpus=3, wait=1.0), said.append, local=False)
    assert said == [line for line in said if line.startswith("waiting up to 1 s for room")]
    narrow = one_region(spec_file, tmp_path)
    with pytest.raises(SpecError, match="2 workers were asked for, but the panel has 1 region"):
        trained(narrow, tmp_path / "model", *QUICK)


def one_region(spec_file: Path, folder: Path) -> Path:
    """The market as a national one."""
    write_portfolio(folder / "national", brands=1, markets=1, regions=1, weeks=80, channels=3, seed=5)
    return folder / "national" / "specs" / "acme_us.yaml"


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_another_fit_at_the_same_place_is_refused_with_the_difference(
    spec_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    other = load_market(str(spec_file), QUICK)
    interrupted(other, out)

    with pytest.raises(CheckpointError, match=r"train.learning_rate was 0.05 and is 0.01.* --anew"):
        trained(spec_file, out, *QUICK, "train.learning_rate=0.01")
    assert trained(spec_file, out, *QUICK).status == "done"
    assert trained(spec_file, out, *QUICK).status == "unchanged"
    with pytest.raises(OutputError):
        trained(spec_file, out, *QUICK, "train.learning_rate=0.01")


def interrupted(spec: MarketSpec, out: Path) -> None:
    """Leave what a training leaves that was killed at once."""
    from jobs.train.assemble import inspect_panel
    from jobs.train.checkpoint_place import open_checkpoints

    open_checkpoints(str(out), spec, inspect_panel(spec))


def marks_of(driver: int) -> set[str]:
    """Marks that the children of a driver carry, of its Ray."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int((path / "stat").read_text().rpartition(")")[2].split()[1]) != driver:
                continue
            words = (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        found |= {word.decode().partition("=")[2] for word in words if word.startswith(f"{MARK}=".encode())}
    return found


@pytest.mark.ray
def test_a_killed_driver_is_run_again_with_fewer_workers(
    spec_file: Path, tmp_path: Path, repository: Path
) -> None:
    out = tmp_path / "model"
    settings = [word for setting in LONG for word in ("--set", setting)]
    command = [sys.executable, "-m", "jobs.train", str(spec_file), "--out", str(out), *settings]
    command += ["--checkpoint-every", "40", "--no-report", "--tracking", "none"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    place = Path(checkpoints_of(str(out)))

    with subprocess.Popen(
        [*command, "--workers", "2"], cwd=repository, stdout=subprocess.PIPE, text=True, env=environment
    ) as driver:
        while driver.poll() is None and not list(place.glob("*/scored/train/*/commit.json")):
            time.sleep(0.02)
        marks = marks_of(driver.pid)
        driver.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10.0
    while (left := [pid for mark in marks for pid in marked(mark)]) and time.monotonic() < until:
        time.sleep(0.05)
    assert marks and left == [], "what a killed driver had started ends within ten seconds"
    assert not out.exists()
    again = subprocess.run(
        [*command, "--workers", "1"],
        cwd=repository,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert again.returncode == 0, again.stderr
    assert "going on from train " in again.stdout
    assert_same(load_fitted(out), alone(spec_file, LONG), 1e-4)
