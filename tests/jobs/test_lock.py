from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs as pafs

from jobs.lock import SILENT, LockedError, Owner, _machine, lock_beside, lock_of, locked
from jobs.refit.command import main
from mmm.errors import OutputError
from mmm.storage import filesystem


def owned_by(path: Path, **values: Any) -> None:
    """A lock as somebody else left it, who is alive on another machine unless said otherwise."""
    now = time.time()
    owner = {"job": "python -m jobs.refit", "host": "elsewhere", "machine": "m", "pid": 7, "born": "1"}
    owner["token"] = "t"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**owner, "since": now - 130.0, "seen": now, **values}))


def hold(place: str) -> None:
    """Lock a place and let it go."""
    with locked(place, "x"):
        pass


def test_a_place_has_one_owner_at_a_time(tmp_path: Path) -> None:
    place = lock_of(str(tmp_path / "out"))

    with (
        locked(place, "python -m jobs.refit"),
        pytest.raises(LockedError) as caught,
        locked(place, "another"),
    ):
        pass

    said = str(caught.value)
    assert f"python -m jobs.refit is at work on this --out: process {os.getpid()} on " in said
    assert f"remove {place}" in said
    assert list((tmp_path / "out").iterdir()) == []
    with locked(place, "another"):
        assert json.loads(Path(place).read_text())["job"] == "another"


def test_a_model_is_locked_beside_its_folder(tmp_path: Path) -> None:
    assert lock_beside("/models/acme/") == "/models/.acme.lock"
    assert lock_of("s3://bucket/out/") == "s3://bucket/out/.lock"


def test_who_lives_on_another_machine_is_named_with_age(tmp_path: Path) -> None:
    owned_by(tmp_path / ".lock")

    with pytest.raises(LockedError, match=r"process 7 on elsewhere, for 2 min 10 s, last heard of 0 s ago"):
        hold(lock_of(str(tmp_path)))


@pytest.fixture
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who seems to be gone is looked at for a moment only."""
    monkeypatch.setattr("jobs.lock.LOOK", 0.3)


@pytest.mark.usefixtures("short_look")
def test_who_died_here_or_was_silent_elsewhere_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    for values, told in (
        ({"seen": time.time() - SILENT - 1.0}, "on elsewhere seems to be gone: waiting"),
        # Of a machine whose clock is ahead.
        ({"seen": time.time() + SILENT + 60.0}, "on elsewhere seems to be gone: waiting"),
        ({"machine": _machine(), "pid": child.pid}, ""),
        ({"machine": _machine(), "pid": os.getpid()}, ""),
    ):
        owned_by(tmp_path / ".lock", **values)
        with locked(lock_of(str(tmp_path)), "x"):
            assert json.loads((tmp_path / ".lock").read_text())["job"] == "x"
        said = capsys.readouterr().out
        assert told in said and bool(told) == bool(said)


def test_machines_without_a_name_are_not_taken_for_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no kernel tells which machine it is, a process number here says nothing of an owner there."""
    monkeypatch.setattr("jobs.lock._machine", lambda: "")
    owned_by(tmp_path / ".lock", machine="", pid=os.getpid())

    with pytest.raises(LockedError, match="on elsewhere"):
        hold(lock_of(str(tmp_path)))


@pytest.mark.usefixtures("short_look")
def test_who_gives_a_sign_of_life_is_not_gone_whatever_the_clocks_say(tmp_path: Path) -> None:
    past = time.time() - 10 * SILENT
    owned_by(tmp_path / ".lock", seen=past)
    sign = threading.Timer(0.1, lambda: owned_by(tmp_path / ".lock", seen=past + 20.0))
    sign.start()

    with pytest.raises(LockedError, match="process 7 on elsewhere"):
        hold(lock_of(str(tmp_path)))
    sign.join()


def one_of_many(place: str, count: int) -> list[int]:
    """How many were within at a time, of so many threads that want a place at the same moment."""
    within, seen, start = [0], list[int](), threading.Barrier(count)

    def want() -> None:
        start.wait()
        try:
            with locked(place, "x"):
                within[0] += 1
                seen.append(within[0])
                time.sleep(0.2)
                within[0] -= 1
        except LockedError:
            seen.append(0)

    threads = [threading.Thread(target=want) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_of_many_who_want_it_at_the_same_moment_one_has_it(tmp_path: Path) -> None:
    dead = tmp_path / "dead" / ".lock"
    owned_by(dead, machine=_machine())

    for place in (lock_of(str(tmp_path / "new")), str(dead), lock_of("memory://locks/many")):
        seen = one_of_many(place, 6)
        assert max(seen) == 1, place
        hold(place)


def test_a_claim_in_a_store_of_who_died_is_removed() -> None:
    place = lock_of("memory://locks/died")
    system, path = filesystem(place)
    owner = Owner("python -m jobs.tune", "here", _machine(), os.getpid(), "1", "t", 0.0, 0.0)
    system.create_dir("locks/died")
    with system.open_output_stream(f"{path}.t") as stream:
        stream.write(json.dumps(asdict(owner)).encode())

    hold(place)

    assert system.get_file_info(pafs.FileSelector(path.rpartition("/")[0])) == []


@pytest.mark.usefixtures("short_look")
def test_half_a_lock_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text('{"job": ')

    with pytest.raises(LockedError, match="an unknown job"):
        hold(lock_of(str(tmp_path)))
    os.utime(tmp_path / ".lock", (0, time.time() - SILENT - 1.0))
    hold(lock_of(str(tmp_path)))


def test_a_lock_that_a_person_removed_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.lock.BEAT", 0.01)
    path = tmp_path / ".lock"

    with locked(lock_of(str(tmp_path)), "x"):
        first = json.loads(path.read_text())["seen"]
        until = time.monotonic() + 5.0
        while time.monotonic() < until and json.loads(path.read_text() or "{}").get("seen", first) == first:
            time.sleep(0.01)
        assert time.monotonic() < until, "its owner gives signs of life"
        path.unlink()
        time.sleep(0.1)
        assert not path.exists()


def test_places_that_are_remote_are_locked_too() -> None:
    place = lock_of("memory://locks/out")

    with (
        locked(place, "python -m jobs.tune"),
        pytest.raises(LockedError, match=r"jobs\.tune is at work.* remove memory://locks/out/\.lock\."),
    ):
        hold(place)
    hold(place)


def test_a_second_refit_of_a_place_ends_with_1_and_says_whose_it_is(
    portfolio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owned_by(tmp_path / "out" / ".lock")

    status = main([str(portfolio), "--out", str(tmp_path / "out"), "--tracking", "none"])

    assert status == 1
    assert "process 7 on elsewhere" in capsys.readouterr().err


def test_a_full_disk_is_named_and_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OutputError, match=r"is full\. Free some space"):
            hold(lock_of(str(tmp_path)))

    assert list(tmp_path.iterdir()) == []
