"""One driver at a time for a place of results: a file that names its owner and says that it is alive.

In a folder of this machine the file is linked into place, which only one can do. An object store knows no
such thing: there everybody who wants the place leaves a claim of their own, looks, and withdraws it if
somebody else has one too. Of two at least one sees the other, since what was written is listed at once.

The file is rewritten while its owner lives and removed at the end. One whose owner died counts no more: at
once where that can be seen on this machine, after some minutes without a sign of life where it cannot.
"""

from __future__ import annotations

import fcntl
import json
import os
import posixpath
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from pyarrow import fs as pafs

from jobs.command import duration, say
from mmm.errors import MMMError
from mmm.output import unwritable
from mmm.scratch import scratch_beside
from mmm.storage import filesystem, is_uri, read_text, write_whole

BEAT = 20.0
"""Seconds between signs of life."""
SILENT = 180.0
"""Seconds without one after which an owner on another machine is looked at."""
LOOK = 2.5 * BEAT
"""Seconds in which it must then give one: clocks of machines differ, so its last sign alone tells nothing."""
TRIES = 8
"""Times a place is tried for that others want at the same moment."""
YOUNG = 10.0
"""Seconds in which somebody may withdraw a claim again."""


class LockedError(MMMError, RuntimeError):
    """A place of results that another job is at work on."""


@dataclass(frozen=True)
class Owner:
    """Who is at work.

    Attributes:
        job: Its command.
        host: Name of its machine.
        machine: What tells that machine, since it was started, and its numbering of processes from others.
        pid: Its process there.
        born: When that process began, as its kernel counts; tells it from a later one of the same number.
        token: Tells two owners apart.
        since: When it began, in seconds since 1970.
        seen: Its last sign of life.
    """

    job: str
    host: str
    machine: str
    pid: int
    born: str
    token: str
    since: float
    seen: float

    @property
    def age(self) -> float:
        """Seconds since it began, by this machine's clock."""
        return time.time() - self.since


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
        OutputError: The place cannot be written, or is full.
        OSError: It is a store that cannot be reached.
    """
    now = time.time()
    here, pid = _machine(), os.getpid()
    own = Owner(job, socket.gethostname(), here, pid, _born(pid), secrets.token_hex(8), now, now)
    file = _take(place, own)
    over = threading.Event()
    beat = threading.Thread(target=_keep_alive, args=(file, own, over), name="lock", daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()
        _release(file, own)


def _take(place: str, own: Owner) -> str:
    """Get hold of a place; returns the file that says so.

    Raises:
        LockedError: It is somebody else's who lives.
    """
    make = _claim if is_uri(place) else _link
    for _ in range(TRIES):
        others = make(place, own)
        if not others:
            return _file(place, own)
        living = {at: owner for at, owner in others.items() if not _removed_if_dead(at, owner)}
        # In a store a claim may be withdrawn again: of two who came at once neither has the place.
        if any(not is_uri(place) or owner.age > YOUNG for owner in living.values()):
            break
        if living:
            time.sleep(secrets.SystemRandom().uniform(0.0, 1.0))
    at, owner = next(iter((living or others).items()))
    raise _refusal(at, owner)


def _file(place: str, own: Owner) -> str:
    """The file that its owner keeps up to date."""
    return f"{place}.{own.token}" if is_uri(place) else place


def _link(place: str, own: Owner) -> dict[str, Owner]:
    """Make the file of a place on this machine; returns it with its owner if somebody else has."""
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with scratch_beside(path) as scratch:
            scratch.write_text(json.dumps(asdict(own)), encoding="utf-8")
            # A link is made whole or not at all, also on network filesystems.
            while True:
                with suppress(FileExistsError):
                    os.link(scratch, path)
                    return {}
                if (holder := _owner(place)) is not None:
                    return {place: holder}
    except OSError as error:
        raise unwritable(path.parent, error) from error


def _claim(place: str, own: Owner) -> dict[str, Owner]:
    """Leave a claim in a store; withdrawn if others have one, who are returned by their files."""
    system, path = filesystem(place)
    folder, name = posixpath.split(path)
    system.create_dir(folder, recursive=True)
    _write(_file(place, own), own)
    found = (posixpath.basename(info.path) for info in system.get_file_info(pafs.FileSelector(folder)))
    files = [f"{posixpath.dirname(place)}/{other}" for other in found if other.startswith(f"{name}.")]
    owners = {file: _owner(file) for file in files if file != _file(place, own)}
    others = {file: owner for file, owner in owners.items() if owner is not None}
    if others:
        _remove(_file(place, own))
    return others


def _removed_if_dead(file: str, owner: Owner) -> bool:
    """Whether nobody can be at work any more; the file is then gone."""
    if owner.born and owner.machine and owner.machine == _machine():
        dead = _born(owner.pid) != owner.born
    elif dead := abs(time.time() - owner.seen) > SILENT:
        say(f"{owner.job} on {owner.host} seems to be gone: waiting {duration(LOOK)} for a sign of life")
        time.sleep(LOOK)
        dead = _owner(file) in (owner, None)
    if dead:
        with _alone_in(file):
            # Of two who found it dead one removes it; what is there then is perhaps the other's.
            if _owner(file) == owner:
                _remove(file)
    return dead


@contextmanager
def _alone_in(file: str) -> Iterator[None]:
    """Nobody else of this machine is in such a block for a file of the same folder."""
    with ExitStack() as stack:
        if not is_uri(file):
            folder = os.open(Path(file).parent, os.O_RDONLY)
            stack.callback(os.close, folder)
            # Some network filesystems know no such locks.
            with suppress(OSError):
                fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def _write(file: str, owner: Owner) -> None:
    content = json.dumps(asdict(owner)).encode()
    if not is_uri(file):
        write_whole(file, content)
        return
    system, path = filesystem(file)
    with system.open_output_stream(path) as stream:
        stream.write(content)


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
        return Owner("an unknown job", "an unknown machine", "", 0, "", "", seen, seen)


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


@cache
def _machine() -> str:
    """This machine since it was started, and the namespace of its processes; containers have their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        # Where no kernel tells, signs of life decide.
        return ""


def _born(pid: int) -> str:
    """When a process began, as its kernel counts; empty if there is none, or where no kernel tells."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
