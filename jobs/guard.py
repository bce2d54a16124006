"""What a process starts ends with it, however it ends: a watcher beside it that outlives it by a moment.

The watcher is this file run as a program, with nothing but the standard library. It waits until its owner is
gone, ends every process that carries the owner's mark in its environment, and removes the owner's folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MARK = "MMM_GUARD"
"""Environment variable that processes inherit from their owner."""
PATIENCE = 10.0
"""Seconds in which every process must have ended."""
LOOKS, LOOKS_AFTER_DEATH = 3, 40
"""Looks in a row that find nobody, a twentieth of a second each: of an owner that ended well, and of one that
was killed. What that one was just starting may replace its program for a second on a busy machine, and is not
seen meanwhile."""
GOOD_END = b"."


@contextmanager
def guarded() -> Iterator[Path]:
    """A folder nobody else can enter, and a mark in the environment of whatever is started meanwhile.

    At the end, also at that of a process that is killed, the folder is removed and everything that was
    started and still runs is ended.

    Yields:
        The folder, in ``/tmp`` because paths of sockets must be short.
    """
    folder = Path(tempfile.mkdtemp(prefix="mmm-", dir="/tmp"))
    mark = secrets.token_hex(16)
    reading, writing = os.pipe()
    # A watcher is no child of whoever guards its owner: it ends by itself, after its owner.
    unmarked = {name: value for name, value in os.environ.items() if name != MARK}
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(reading), mark, str(folder), f"process {os.getpid()}"],
        pass_fds=[reading],
        stdin=subprocess.DEVNULL,
        env=unmarked,
        start_new_session=True,
    )
    os.close(reading)
    try:
        with environment({MARK: mark}):
            yield folder
    finally:
        # A watcher that was killed listens no more.
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, GOOD_END)
        os.close(writing)
        watcher.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def environment(settings: Mapping[str, str | None]) -> Iterator[None]:
    """Environment variables for a while; None takes one away."""
    before = {name: os.environ.get(name) for name in settings}
    _set_environment(settings)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(settings: Mapping[str, str | None]) -> None:
    for name, value in settings.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def marked(mark: str, variable: str = MARK) -> list[int]:
    """Processes that run with a mark in their environment; none where no kernel tells."""
    wanted, found = f"{variable}={mark}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            # It has just ended, or is somebody else's.
            continue
    return found


def _await_end(channel: int) -> bytes:
    """What the owner says before it is gone."""
    said = b""
    while part := os.read(channel, 16):
        said += part
    return said


def end_marked(mark: str, looks: int = LOOKS) -> None:
    """End every process with a mark, and those they start, until so many looks in a row find nobody."""
    until, nobody = time.monotonic() + PATIENCE, 0
    # A process that is just replacing its program shows no environment: one empty look is not enough.
    while nobody < looks and time.monotonic() < until:
        left = marked(mark)
        nobody = 0 if left else nobody + 1
        for pid in left:
            # It may end by itself meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def main(arguments: list[str]) -> None:
    """Wait for the end of the owner, then tidy up after it."""
    channel, mark, folder, owner = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ended_well = _await_end(int(channel)) == GOOD_END
    end_marked(mark, LOOKS if ended_well else LOOKS_AFTER_DEATH)
    shutil.rmtree(folder, ignore_errors=True)
    if not ended_well:
        # Whoever read standard error may have gone with the owner.
        with contextlib.suppress(OSError):
            sys.stderr.write(
                f"{owner} was ended from outside, and with it everything it had started; run it again\n"
            )
            sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
