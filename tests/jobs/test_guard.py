from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.guard import MARK, guarded, marked

CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
OWNER = f"""
import os, subprocess, sys, time
from jobs.guard import MARK, guarded
with guarded() as folder:
    (folder / "inside").touch()
    for session in (False, True):
        subprocess.Popen([sys.executable, "-c", {CHILD!r}], start_new_session=session)
    print(folder, os.environ[MARK], flush=True)
    time.sleep(600)
"""
"""A process that starts two others, one of them in a session of its own, both deaf to SIGTERM."""


def awaited(mark: str, count: int, seconds: float = 60.0) -> list[int]:
    """Processes with a mark, as soon as they are so many."""
    until = time.monotonic() + seconds
    while len(found := marked(mark)) != count and time.monotonic() < until:
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_had_started_is_gone_within_ten_seconds(
    repository: Path, number: signal.Signals
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    folder, mark = owner.stdout.readline().split()
    assert len(awaited(mark, 2)) == 2 and (Path(folder) / "inside").exists()

    owner.send_signal(number)
    _, said = owner.communicate(timeout=60)

    assert awaited(mark, 0, seconds=10.0) == []
    assert not Path(folder).exists()
    assert f"process {owner.pid} was ended from outside, and with it everything it had started" in said


LATE = f"""
import os, pathlib, sys, time
time.sleep(0.6)
pathlib.Path(sys.argv[2]).touch()
os.execve(sys.executable, [sys.executable, "-c", {CHILD!r}], os.environ | {{MARK: sys.argv[1]}})
"""
STARTS_LATE = f"""
import os, subprocess, sys, time
from jobs.guard import MARK, guarded
with guarded() as folder:
    late = {LATE!r}.replace("MARK", repr(MARK))
    hidden = {{name: value for name, value in os.environ.items() if name != MARK}}
    quiet = {{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}}
    subprocess.Popen([sys.executable, "-c", late, os.environ[MARK], sys.argv[1]], env=hidden, **quiet)
    print(os.environ[MARK], flush=True)
    time.sleep(600)
"""
"""A process that starts another one which is not seen for a while."""


def test_what_was_just_being_started_is_ended_too(repository: Path, tmp_path: Path) -> None:
    appeared = tmp_path / "appeared"
    command = [sys.executable, "-c", STARTS_LATE, str(appeared)]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        mark = owner.stdout.readline().strip()
        assert marked(mark) == [] and not appeared.exists()
        owner.kill()

    until = time.monotonic() + 20.0
    while not appeared.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert appeared.exists(), "it never appeared: nothing is tried here"
    time.sleep(0.5)
    assert awaited(mark, 0, seconds=10.0) == []


def test_at_a_good_end_nothing_is_left_and_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    before = os.environ.get(MARK)
    with guarded() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        mark = os.environ[MARK]
        child = subprocess.Popen([sys.executable, "-c", CHILD])
        assert awaited(mark, 1) == [child.pid]

    assert child.wait(timeout=10) == -signal.SIGKILL
    assert not folder.exists() and os.environ.get(MARK) == before
    assert capfd.readouterr().err == ""


def test_a_guard_within_another_ends_its_own_only() -> None:
    with guarded():
        outer = os.environ[MARK]
        child = subprocess.Popen([sys.executable, "-c", CHILD])
        awaited(outer, 1)
        with guarded():
            assert os.environ[MARK] != outer
        assert os.environ[MARK] == outer and child.poll() is None
    assert child.wait(timeout=10) == -signal.SIGKILL
