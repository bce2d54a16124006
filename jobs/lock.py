"""One driver at a time for a place of results: a file that names its owner and says that it is alive.

The file is made where nothing may be there yet, rewritten while its owner lives and removed at the end. One
whose owner died counts no more: at once where that can be seen on this machine, after some minutes without
a sign of life where it cannot.
"""

from __future__ import annotations

import json
import os
import posixpath
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pyarrow import fs as pafs

from jobs.command import duration
from mmm.errors import MMMError
from mmm.storage import filesystem, is_uri, read_text

BEAT = 20.0
"""Seconds between signs of life."""
SILENT = 180.0
"""Seconds without one after which an owner on another machine is taken for dead."""


class LockedError(MMMError, RuntimeError):
    """A place of results that another job is at work on."""


@dataclass(frozen=True)
class Owner:
    """Who is at work.

    Attributes:
        job: Its command.
        host: Its machine.
        pid: Its process there.
        born: When that process began, as its kernel counts; tells it from a later one of the same number.
        token: Tells two owners apart.
        since: When it began, in seconds since 1970.
        seen: Its last sign of life.
    """

    job: str
    host: str
    pid: int
    born: str
    token: str
    since: float
    seen: float

    @property
    def is_dead(self) -> bool:
        """Whether nobody can be at work any more."""
        if self.host == socket.gethostname() and _born(os.getpid()):
            return _born(self.pid) != self.born
        return time.time() - self.seen > SILENT


def lock_of(out: str) -> str:
    """Place of the file that locks a folder of results."""
    return f"{out.rstrip('/')}/.lock"


def lock_beside(model: str) -> str:
    """Place of the file that locks the folder of one model, which is put in place whole."""
    head, name = posixpath.split(model.rstrip("/"))
    return posixpath.join(head, f".{name}.lock")


@contextmanager
def locked(place: str, job: str) -> Iterator[None]:
    """Hold a place of results for this process alone.

    Args:
        place: From :func:`lock_of` or :func:`lock_beside`.
        job: The command, for whoever finds it locked.

    Raises:
        LockedError: Another job is at work there.
        OSError: The place cannot be written.
    """
    now = time.time()
    own = Owner(job, socket.gethostname(), os.getpid(), _born(os.getpid()), secrets.token_hex(8), now, now)
    _take(place, own)
    over = threading.Event()
    beat = threading.Thread(target=_keep_alive, args=(place, own, over), name="lock", daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()
        _release(place, own)


def _take(place: str, own: Owner) -> None:
    """Make the file, or take that of an owner who died.

    Raises:
        LockedError: It is somebody else's who lives.
    """
    for _ in range(3):
        if _make(place, own):
            break
        found = _owner(place)
        if found is not None and not found.is_dead:
            raise _refusal(place, found)
        if found is not None:
            _remove(place)
    if (holder := _owner(place)) is None or holder.token != own.token:
        raise _refusal(place, holder or own)


def _make(place: str, own: Owner) -> bool:
    """Write the file where there is none; false if there is one."""
    text = json.dumps(asdict(own))
    if not is_uri(place):
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{path.name}.{own.token}")
        scratch.write_text(text, encoding="utf-8")
        try:
            # A link is made whole or not at all, also on network filesystems.
            os.link(scratch, path)
        except FileExistsError:
            return False
        finally:
            scratch.unlink()
        return True
    system, path_there = filesystem(place)
    if system.get_file_info(path_there).type != pafs.FileType.NotFound:
        return False
    system.create_dir(posixpath.dirname(path_there), recursive=True)
    _write(place, own)
    return True


def _write(place: str, own: Owner) -> None:
    system, path = filesystem(place)
    with system.open_output_stream(path) as stream:
        stream.write(json.dumps(asdict(own)).encode())


def _owner(place: str) -> Owner | None:
    """Who holds the place; None if nobody does, or nobody knows."""
    try:
        return Owner(**json.loads(read_text(place)))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError):
        # Half a line: its owner is writing it now, or died while it did.
        info = filesystem(place)[0].get_file_info(filesystem(place)[1])
        seen = info.mtime_ns / 1e9 if info.mtime_ns is not None else time.time()
        return Owner("an unknown job", "an unknown machine", 0, "", "", seen, seen)


def _keep_alive(place: str, own: Owner, over: threading.Event) -> None:
    while not over.wait(BEAT):
        try:
            holder = _owner(place)
            if holder is None or holder.token != own.token:
                # Somebody who took this process for dead removed the file: it is not to come back.
                return
            _write(place, replace(own, seen=time.time()))
        except OSError:
            # The disk is full or away: the work itself will say so.
            continue


def _release(place: str, own: Owner) -> None:
    holder = _owner(place)
    if holder is not None and holder.token == own.token:
        _remove(place)


def _remove(place: str) -> None:
    system, path = filesystem(place)
    try:
        system.delete_file(path)
    except FileNotFoundError:
        return


def _refusal(place: str, owner: Owner) -> LockedError:
    age, silence = (duration(max(time.time() - at, 0.0)) for at in (owner.since, owner.seen))
    return LockedError(
        f"{owner.job} is at work on this --out: process {owner.pid} on {owner.host}, for {age}, last heard "
        f"of {silence} ago. Wait for it or give another --out; if you know that it is gone, remove {place}."
    )


def _born(pid: int) -> str:
    """When a process began, as its kernel counts; empty if there is none, or where no kernel tells."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
