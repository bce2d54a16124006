"""Programs run and measured: seconds, processor seconds, peak memory; stopped with us, or when too long."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.benchmark.errors import BenchmarkError

REPOSITORY = Path(__file__).resolve().parents[2]
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_running: set[int] = set()
_lock = threading.Lock()


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
    command: Sequence[str | Path],
    log: Path,
    *,
    limit: float,
    threads: int = 1,
    settings: Mapping[str, str] | None = None,
) -> Usage:
    """Run a program to its end, its output in ``log``.

    Args:
        command: Program and arguments.
        log: File for what it says.
        limit: Seconds after which it is stopped, its children with it.
        threads: Threads its numerical libraries may use.
        settings: Further environment variables.

    Raises:
        BenchmarkError: It cannot be started, took too long, or failed; with its last words.
    """
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_SETTINGS, str(threads)),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        **(settings or {}),
    }
    started, late = time.perf_counter(), threading.Event()

    def give_up() -> None:
        late.set()
        _stop(child.pid)

    with log.open("wb") as stream:
        try:
            child = subprocess.Popen(
                [os.fspath(word) for word in command],
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise BenchmarkError(f"{command[0]} cannot be started: {error}") from error
    with _lock:
        _running.add(child.pid)
    timer = threading.Timer(limit, give_up)
    timer.daemon = True
    timer.start()
    try:
        _, status, used = os.wait4(child.pid, 0)
    finally:
        timer.cancel()
        with _lock:
            _running.discard(child.pid)
    child.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise BenchmarkError(f"took longer than {limit:g} s and was stopped")
    if child.returncode != 0:
        raise BenchmarkError(f"exit status {child.returncode}: {_last_words(log)}")
    return Usage(
        seconds=time.perf_counter() - started,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
    )


def stop_all() -> None:
    """Stop every program still running, with its children."""
    with _lock:
        pids = tuple(_running)
    for pid in pids:
        _stop(pid)


def _stop(pid: int) -> None:
    """End the session that a program leads; gone already is as good."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")[:300]
