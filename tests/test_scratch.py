"""Files in the making: whatever moment their writer is killed at, the next one finds nothing in its way."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm import scratch
from mmm.output import prepare_output, write_text
from mmm.scratch import exchange, remove_abandoned, scratch_beside
from mmm.storage import write_whole


def killed(work: Callable[[], None]) -> None:
    """Do some work in a process that is killed at the end of it."""
    if (pid := os.fork()) == 0:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


def half(place: Path, *, folder: bool) -> None:
    with scratch_beside(place, folder=folder) as made:
        (made / "weights" if folder else made).write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("folder", [True, False])
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path, folder: bool) -> None:
    place = tmp_path / "a [plan].json"
    killed(lambda: half(place, folder=folder))
    killed(lambda: half(tmp_path / "another", folder=folder))
    assert len(list(tmp_path.iterdir())) == 2

    if folder:
        with prepare_output(place):
            pass
    else:
        write_text(place, "whole")

    assert sorted(path.name.partition(".")[0] or path.name.split(".")[1] for path in tmp_path.iterdir()) == [
        "a [plan]",
        "another",
    ]
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [place]


def test_what_a_living_writer_fills_stays(tmp_path: Path) -> None:
    with scratch_beside(tmp_path / "row.json") as made:
        write_whole(str(tmp_path / "row.json"), b"another's")
        assert made.exists()
        made.replace(tmp_path / "row.json")

    assert [path.name for path in tmp_path.iterdir()] == ["row.json"]


def test_without_locks_age_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("mmm.scratch.fcntl.flock", unknown)
    old, young = tmp_path / ".k.old.part", tmp_path / ".k.young.part"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, time.time() - scratch.ABANDONED - 60))

    write_text(tmp_path / "k", "whole")

    assert sorted(path.name for path in tmp_path.iterdir()) == [".k.young.part", "k"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def interrupted(*_: object) -> None:
        raise kind

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(kind):
        write_whole(str(tmp_path / "row.json"), b"half")

    assert list(tmp_path.iterdir()) == []


def test_a_model_is_replaced_in_one_step(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for place in (one, other):
        place.mkdir()
        (place / "name").write_text(place.name)

    assert exchange(one, other)
    assert ((one / "name").read_text(), (other / "name").read_text()) == ("other", "one")
    assert not exchange(one, tmp_path / "nowhere")


def test_a_model_is_replaced_where_that_takes_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmm.output.exchange", lambda *_: False)
    out = tmp_path / "out"
    for content in ("old", "new"):
        with prepare_output(out, force=True) as made:
            (made / "model").mkdir()
            (made / "model" / "weights").write_text(content)

    assert (out / "model" / "weights").read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]
