"""Programs run and measured: seconds, processor seconds, peak memory; stopped with us, or when too long."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmm.errors import MMMError

REPOSITORY = Path(__file__).resolve().parents[2]
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
GRACE = 20.0
"""Seconds a program has to end what it started, such as a cluster."""
_running: set[int] = set()
_lock = threading.Lock()


class ProgramError(MMMError, RuntimeError):
    """A program that could not be run to its end, or did not do what it must; the message says which."""


@dataclass(frozen=True)
class Usage:
    """What a program took.

    Attributes:
        seconds: Wall time, start of the interpreter included.
        cpu_seconds: Processor time of it and its children.
        peak_mb: Largest resident memory of the process, in MiB.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run_measured(
    command: Sequence[str | Path], log: Path, *, limit: float, threads: int = 1, folder: Path | None = None
) -> Usage:
    """Run a program to its end, its output in ``log``.

    Args:
        command: Program and arguments.
        log: File for what it says.
        limit: Seconds after which it is stopped, its children with it.
        threads: Threads its numerical libraries may use.
        folder: Where it runs.

    Raises:
        ProgramError: It cannot be started, took too long, or failed; with its last words.
    """
    begun, late = time.perf_counter(), threading.Event()
    with started(command, log, threads=threads, folder=folder) as child:

        def give_up() -> None:
            late.set()
            _stop([child.pid])

        timer = threading.Timer(limit, give_up)
        timer.daemon = True
        timer.start()
        try:
            _, status, used = os.wait4(child.pid, 0)
        finally:
            timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise ProgramError(f"took longer than {limit:g} s and was stopped")
    if child.returncode != 0:
        raise ProgramError(f"exit status {child.returncode}: {_last_words(log)}")
    return Usage(
        seconds=time.perf_counter() - begun,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
    )


@contextmanager
def started(
    command: Sequence[str | Path],
    log: Path,
    *,
    threads: int = 1,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, stopped with everything it started when the block ends.

    Raises:
        ProgramError: It cannot be started.
    """
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_SETTINGS, str(threads)),
        **(variables or {}),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("wb") as stream:
        try:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramError(f"{command[0]} cannot be started: {error}") from error
    with _lock:
        _running.add(child.pid)
    try:
        yield child
    finally:
        if child.returncode is None:
            _stop([child.pid])
        with _lock:
            _running.discard(child.pid)


def stop_all() -> None:
    """Stop every program still running, with its children."""
    with _lock:
        pids = tuple(_running)
    _stop(pids)


def _stop(pids: Iterable[int]) -> None:
    """Ask programs to end, so that they can end what they started; after a while end their sessions."""
    left = {pid for pid in pids if _signal(os.kill, pid, signal.SIGTERM)}
    until = time.monotonic() + GRACE
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left = {pid for pid in left if _is_alive(pid)}
    for pid in left:
        _signal(os.killpg, pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    """Whether a program runs; one that ended and waits to be noticed does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> bool:
    """Send a signal; False if nobody is there any more."""
    try:
        send(pid, number)
    except ProcessLookupError:
        return False
    return True


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")[:300]
