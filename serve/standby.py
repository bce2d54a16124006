"""Connections that come while the proxy is being replaced wait for the new one instead of being refused.

Serve has one proxy on a machine, and takes some ten seconds to replace one that died. Meanwhile its port is
listened on here, in the process that started the service, and whoever connects is passed on to the new proxy.
While there is a proxy nothing goes through this process. The port is shared by SO_REUSEPORT, as Serve's own
proxies and HAProxy share it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger("ray.serve.mmm")

LOOK = 0.05
"""Seconds between two looks for a proxy while there is none."""
PATIENCE = 60.0
"""Seconds until a connection is given up for which no proxy came: that of a request."""
PROBED = 2.0
"""Seconds in which a proxy says whether it knows its routes."""
MOST = 4096
"""Connections that wait; further ones are refused by the kernel."""
CHUNK = 1 << 16
READY = b"GET /-/healthz HTTP/1.1\r\nHost: standby\r\nConnection: close\r\n\r\n"
"""What a proxy of Serve answers with 200 once it knows its routes."""
_LISTENS = "0A"
"""State of a listening socket in /proc/net/tcp."""


@contextmanager
def standing_by(host: str, port: int) -> Iterator[None]:
    """Take the connections of a port while its proxy is being replaced, for as long as the block runs.

    Args:
        host: Address that the proxy listens on.
        port: Its port.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(Standby(host, port).follow())

    def run() -> None:
        with contextlib.closing(loop), contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run, name="standby", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # A thread that has failed has closed its loop.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


class Standby:
    """A listener that takes the place of another one that has ended.

    Args:
        host: Address.
        port: Port; whoever listens there must share it by SO_REUSEPORT.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._passing: set[asyncio.Task[None]] = set()

    async def follow(self) -> None:
        """Wait for the end of whoever listens, stand in until somebody else does, and again."""
        try:
            while True:
                await self._replaced()
        finally:
            for task in self._passing:
                task.cancel()
            await asyncio.gather(*self._passing, return_exceptions=True)

    async def _replaced(self) -> None:
        others = listening(self._port)
        pid = next((owner for inode in others if (owner := owner_of(inode))), None)
        if pid is not None:
            await _ended(pid)
        elif not others:
            await self._stand_in()
        else:
            await asyncio.sleep(LOOK)

    async def _stand_in(self) -> None:
        """Take connections until another listener answers, then pass them on to it."""
        waiting: list[socket.socket] = []
        logger.warning("no proxy listens on port %d; connections wait for the next one", self._port)
        try:
            while True:
                waiting += await self._taken(MOST - len(waiting))
                if await self._answers():
                    break
        except OSError as error:
            logger.warning("connections are refused while there is no proxy: %s", error)
            await asyncio.sleep(LOOK)
        for connection in waiting:
            task = asyncio.create_task(self._pass_on(connection))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _taken(self, most: int) -> list[socket.socket]:
        """Connections that came until another listener was there.

        Raises:
            OSError: The port cannot be listened on: whoever does does not share it.
        """
        taken: list[socket.socket] = []
        with _listener(self._host, self._port) as own:
            inode = str(os.fstat(own.fileno()).st_ino)
            while not listening(self._port) - {inode}:
                await asyncio.sleep(LOOK)
                taken += _accepted(own, most - len(taken))
            taken += _accepted(own, MOST)
        return taken

    async def _answers(self) -> bool:
        """Whether the new proxy came to know its routes; not if it ended before. Patience ends too."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while loop.time() < until:
            if not listening(self._port):
                return False
            with contextlib.suppress(OSError):
                if await asyncio.wait_for(self._is_ready(), PROBED):
                    return True
            await asyncio.sleep(LOOK)
        return True

    async def _is_ready(self) -> bool:
        reader, writer = await asyncio.open_connection(_reached_at(self._host), self._port)
        with contextlib.closing(writer):
            writer.write(READY)
            return b" 200 " in await reader.readline()

    async def _pass_on(self, connection: socket.socket) -> None:
        """Bytes both ways between a connection that waited and the proxy, until one of them ends."""
        with connection, contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(sock=connection)
            with contextlib.closing(writer):
                there, back = await asyncio.open_connection(_reached_at(self._host), self._port)
                with contextlib.closing(back):
                    await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(CHUNK):
        writer.write(content)
        await writer.drain()
    writer.write_eof()


def listening(port: int) -> set[str]:
    """Inodes of the sockets that listen on a port of this machine, at whatever address."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def owner_of(inode: str) -> int | None:
    """A process that holds a socket, None if none of this user's does."""
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(handle.readlink()) == wanted:
                        return int(process.name)
    return None


async def _ended(pid: int) -> None:
    """Until a process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _listener(host: str, port: int) -> socket.socket:
    own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((host, port))
        own.listen(MOST)
        own.setblocking(False)
    except OSError:
        own.close()
        raise
    return own


def _accepted(own: socket.socket, most: int) -> list[socket.socket]:
    """Connections that have come since the last look."""
    found: list[socket.socket] = []
    with contextlib.suppress(BlockingIOError):
        while len(found) < most:
            connection, _ = own.accept()
            connection.setblocking(False)
            found.append(connection)
    return found


def _reached_at(host: str) -> str:
    """Where this machine reaches a listener of an address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (compared, not bound)
