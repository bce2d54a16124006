"""A job's own record: made whole or not at all."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jobs.record.runs import find_run, start_run
from jobs.record.tracking import (
    DATABASE,
    Tracking,
    TrackingError,
    is_unfinished,
    open_tracking,
    reaching,
)
from mmm.scratch import scratch_beside

HALF_MADE = Path(__file__).resolve().parents[4] / "shared" / "cases" / "hostile" / "half_migrated" / DATABASE
EXPERIMENTS = "create table experiments (experiment_id integer)"
VERSION = "create table alembic_version (version_num text)"


def database(path: Path, *statements: str) -> Path:
    """A SQLite file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.mark.parametrize(
    ("statements", "unfinished"),
    [
        ((), True),
        ((VERSION,), True),
        ((VERSION, EXPERIMENTS), True),
        ((VERSION, EXPERIMENTS, "insert into experiments values (0)"), False),
        (("create table mine (x integer)",), False),
    ],
)
def test_a_record_without_any_experiment_was_never_finished(
    statements: tuple[str, ...], unfinished: bool, tmp_path: Path
) -> None:
    path = tmp_path / DATABASE
    path.touch()

    assert is_unfinished(database(path, *statements)) is unfinished


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    path.write_bytes(b"no database at all" * 100)

    assert not is_unfinished(path)


def test_a_record_left_half_made_is_set_aside_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "mlflow"
    folder.mkdir()
    if HALF_MADE.exists():
        shutil.copy(HALF_MADE, folder / DATABASE)
    else:
        database(folder / DATABASE, VERSION, EXPERIMENTS)
    left = folder / f".{DATABASE}.0123.part"
    left.mkdir()
    (left / f"{DATABASE}-journal").touch()

    with scratch_beside(folder / DATABASE, folder=True) as another:
        found = open_tracking(None, str(tmp_path))
        assert another.exists()

    assert found is not None
    assert found.client.get_experiment_by_name("ray-mmm") is not None
    assert (folder / f"{DATABASE}.unfinished").exists()
    assert not left.exists()
    assert sorted(path.name for path in folder.iterdir()) == [DATABASE, f"{DATABASE}.unfinished"]
    again = open_tracking(None, str(tmp_path))
    assert again is not None and again.experiment_id == found.experiment_id


def test_a_database_of_something_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / DATABASE).write_bytes(b"no database at all" * 100)

    with pytest.raises(TrackingError, match="did not do what it was asked"):
        open_tracking(None, str(tmp_path))


def test_a_server_that_is_gone_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(
        TrackingError, match=r"^MLflow at http://127\.0\.0\.1:9 does not answer\. Start the server"
    ):
        Tracking("http://127.0.0.1:9")


def test_a_file_store_that_a_full_disk_met_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    tracking = open_tracking((tmp_path / "mlruns").as_uri(), str(tmp_path))
    assert tracking is not None
    run = start_run(tracking, "acme / us", {"key": "feed"})
    # What a disk that fills in the very moment leaves: the file was made, nothing went in.
    (tmp_path / "mlruns" / tracking.experiment_id / run.id / "meta.yaml").write_text("")

    with pytest.raises(TrackingError, match=r"cannot read, now or ever. Give --tracking sqlite:"):
        find_run(tracking, "feed")


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "write"), shutil.Error([("a", "b", "[Errno 28] No space left on device")])],
)
def test_a_full_disk_below_mlflow_is_named_whoever_says_so(error: Exception) -> None:
    with pytest.raises(TrackingError, match=r"its disk is full\. Free some space"), reaching("http://server"):
        raise error


def test_a_full_disk_is_named_and_leaves_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(uri: str, *_: object) -> None:
        database(Path(uri.removeprefix("sqlite:///")), VERSION)
        with reaching(uri):
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("jobs.record.tracking.Tracking", full)

    with pytest.raises(TrackingError, match=r"its disk is full\. Free some space, then run the same command"):
        open_tracking(None, str(tmp_path))
    assert list((tmp_path / "mlflow").iterdir()) == []
