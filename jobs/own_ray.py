"""A Ray of this process alone: closed to others, watched while it runs, gone with the process."""

from __future__ import annotations

import logging
import os
import secrets
import selectors
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from jobs.guard import MARK, end_marked, environment
from mmm.errors import MMMError

OBJECT_STORE = 256 * 1024**2
"""Bytes of its object store: panels are read in the tasks and only rows come back."""
ROOT = Path(__file__).resolve().parent.parent
"""Folder from which its processes import ``jobs``, ``serve`` and ``mmm``."""
VITAL = ("gcs_server", "raylet")
"""Processes of Ray without which nothing goes on, by Ray's own names."""
STOPPING = (signal.SIGINT, signal.SIGTERM)
STARTS = 3
"""Times a start is tried."""
HEARING = 0.5
"""Seconds in which the end of a vital process is heard of, after an error that it may have caused."""
INTERRUPT = signal.SIGUSR1


class ClusterError(MMMError, RuntimeError):
    """A cluster that does not answer, that died or that has not what the work needs."""


@contextmanager
def own_ray(folder: Path, cpus: int | None = None) -> Iterator[None]:
    """A Ray on this machine, with a token nobody else can read; its ports are open to the whole host.

    Args:
        folder: From :func:`jobs.guard.guarded`. Ray opens the folder it is given to everybody; it lies in
            this one, which stays closed.
        cpus: CPUs; None for those of the machine.

    Raises:
        ClusterError: It did not start, or died.
    """
    settings: dict[str, str | None] = {
        **_authentication(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "RAY_ADDRESS": None,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with environment(settings):
        import ray

        try:
            _start(folder, cpus)
            with _watched():
                yield
        finally:
            ray.shutdown()


@contextmanager
def _watched() -> Iterator[None]:
    """Interrupt the block as soon as Ray dies.

    Raises:
        ClusterError: It died.
    """
    pulse = _Pulse()
    try:
        yield
    except (KeyboardInterrupt, Exception) as error:
        if which := pulse.ended(wait=HEARING):
            raise _died(which) from error
        raise
    finally:
        pulse.stop()
    if which := pulse.ended():
        raise _died(which)


def _start(folder: Path, cpus: int | None) -> None:
    """Start Ray here; on a busy machine its own thirty seconds may be too few, the first time.

    Raises:
        ClusterError: It did not start, or not in time.
    """
    import ray

    for left in reversed(range(STARTS)):
        place = folder / f"ray{left}"
        place.mkdir()
        try:
            with own_signals():
                ray.init(
                    address="local",
                    num_cpus=cpus,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _temp_dir=str(place),
                )
        except Exception as error:
            # Of a node that comes up too late Ray raises a bare Exception, and leaves what it has started.
            ray.shutdown()
            end_marked(os.environ[MARK])
            if not left:
                raise _not_started(error) from error
        else:
            return


def _not_started(error: Exception) -> ClusterError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return ClusterError(
        f"Ray did not start on this machine: {reason} Most often it is overloaded, or short of "
        "memory or of room in /tmp or /dev/shm. Run the same command when it is quieter; "
        "what is done stays done."
    )


def _died(which: str) -> ClusterError:
    return ClusterError(
        f"Ray on this machine died: its process {which} ended. Most often the machine ran out of memory; "
        "`dmesg` tells. Run the same command again; what is done stays done."
    )


class _Pulse:
    """Hears of the end of a vital process at once, and then interrupts the main thread if it began there."""

    def __init__(self) -> None:
        self._which, self._ended, self._armed = "", threading.Event(), _is_main_thread()
        self._before = signal.signal(INTERRUPT, self._interrupt) if self._armed else None
        self._reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._listen, args=(vital_processes(),), daemon=True)
        self._thread.start()

    def ended(self, *, wait: float = 0.0) -> str:
        """The process that ended, heard of within ``wait`` seconds; empty if none did. No more interrupts."""
        self._armed = False
        self._ended.wait(wait)
        return self._which

    def stop(self) -> None:
        """Listen no more."""
        self._armed = False
        os.write(self._writing, b".")
        self._thread.join()
        os.close(self._reading)
        os.close(self._writing)
        if self._before is not None:
            signal.signal(INTERRUPT, self._before)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise KeyboardInterrupt

    def _listen(self, processes: dict[str, int]) -> None:
        with selectors.DefaultSelector() as selector, ExitStack() as stack:
            selector.register(self._reading, selectors.EVENT_READ, "")
            for name, pid in processes.items():
                descriptor = os.pidfd_open(pid)
                stack.callback(os.close, descriptor)
                selector.register(descriptor, selectors.EVENT_READ, name)
            (key, _), *_ = selector.select()
            if key.data:
                self._which = key.data
                self._ended.set()
                if self._armed:
                    signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)


def vital_processes() -> dict[str, int]:
    """Process ids by Ray's name, of the node that was started here."""
    from ray._private import worker

    node: Any = worker._global_node  # noqa: SLF001  (Ray offers its processes nowhere else)
    return {name: node.all_processes[name][0].process.pid for name in VITAL}


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _authentication(folder: Path) -> dict[str, str | None]:
    """The caller's own settings, or a token of this process, which the core reads once and remembers.

    Where no mode is set ``ray.init`` switches tokens on itself, also in a process that imported Ray before.
    """
    if "RAY_AUTH_MODE" in os.environ:
        return {}
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text(_token(), encoding="ascii")
    return {"RAY_AUTH_MODE": None, "RAY_AUTH_TOKEN_PATH": str(path)}


@cache
def _token() -> str:
    return secrets.token_hex(32)


@contextmanager
def own_signals() -> Iterator[None]:
    """Put back the caller's answers to signals, which Ray replaces by some that end the process.

    Raises:
        KeyboardInterrupt: Ray's answer to SIGTERM was given meanwhile.
    """
    if not _is_main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        yield
    except SystemExit as end:
        if end.code != signal.SIGTERM:
            raise
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
