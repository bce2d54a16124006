"""``python -m jobs.stress.http_load URL --clients 32 --seconds 10``: load on a service, told in one line.

Every client keeps one connection and asks again as soon as it was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any
from urllib.parse import urlsplit

import numpy as np

BROKEN = 0
"""Status noted for a request whose connection broke."""


@dataclass(frozen=True)
class Answer:
    """One answered request.

    Attributes:
        began: Seconds since the load began.
        milliseconds: Until the whole answer was there.
        status: HTTP status, 0 if the connection broke.
        version: Version of the model that answered, if it was told.
        body: Content.
    """

    began: float
    milliseconds: float
    status: int
    version: str
    body: bytes


@dataclass
class Load:
    """What a load came to.

    Attributes:
        seconds: Wall time.
        statuses: Answers by status.
        versions: Answers by version of the model.
        times: Milliseconds of every answer below 400.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """Requests that were not answered below 400."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 400)

    def as_dict(self) -> dict[str, Any]:
        """The numbers of the line of JSON; times in milliseconds."""
        done = len(self.times)
        p50, p90, p99 = np.percentile(self.times, (50, 90, 99)) if done else (np.nan,) * 3
        return {
            "requests": sum(self.statuses.values()),
            "errors": self.errors,
            "seconds": round(self.seconds, 2),
            "per_second": round(done / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(float(p50), 2) if done else None,
            "p90_ms": round(float(p90), 2) if done else None,
            "p99_ms": round(float(p99), 2) if done else None,
            "max_ms": round(max(self.times), 2) if done else None,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "versions": dict(self.versions),
        }


def load(
    url: str,
    *,
    clients: int = 1,
    seconds: float = 10.0,
    requests: int | None = None,
    body: bytes | None = None,
    token: str | None = None,
    per_second: float | None = None,
    on_answer: Callable[[Answer], None] | None = None,
    also: Sequence[tuple[str, bytes | None]] = (),
) -> Load:
    """Ask a service again and again.

    Args:
        url: What is asked, ``http://`` only.
        clients: Connections.
        seconds: Time after which no request is begun.
        requests: Or their number, over all clients.
        body: JSON to POST; None GETs.
        token: Bearer token.
        per_second: Requests begun a second, over all clients, late ones as soon as a client is free; None for
            as many as are answered.
        on_answer: Told of every answer.
        also: Addresses of the same service and their bodies, which are asked in turn with the first.
    """
    targets = [_Target.of(address, text, token) for address, text in ((url, body), *also)]
    return asyncio.run(_load(targets, clients, seconds, requests, per_second, on_answer))


@dataclass(frozen=True)
class _Target:
    host: str
    port: int
    request: bytes

    @classmethod
    def of(cls, url: str, body: bytes | None, token: str | None) -> _Target:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {host}:{port}"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        return cls(host, port, ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b""))


async def _load(
    targets: Sequence[_Target],
    clients: int,
    seconds: float,
    requests: int | None,
    per_second: float | None,
    on_answer: Callable[[Answer], None] | None,
) -> Load:
    found, begun = Load(), time.perf_counter()
    numbers = count()

    async def more() -> bool:
        number = next(numbers)
        if per_second is not None:
            await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        return number < requests if requests is not None else time.perf_counter() - begun < seconds

    def note(answer: Answer) -> None:
        found.statuses[answer.status] += 1
        if answer.version:
            found.versions[answer.version] += 1
        if 200 <= answer.status < 400:
            found.times.append(answer.milliseconds)
        if on_answer is not None:
            on_answer(answer)

    turns = cycle(targets)
    await asyncio.gather(*(_client(turns, begun, more, note) for _ in range(clients)))
    found.seconds = time.perf_counter() - begun
    return found


async def _client(
    turns: Iterator[_Target],
    begun: float,
    more: Callable[[], Awaitable[bool]],
    note: Callable[[Answer], None],
) -> None:
    streams = None
    while await more():
        target = next(turns)
        started = time.perf_counter()
        if streams is not None and (streams[0].at_eof() or streams[0].exception() is not None):
            # Closed while nothing was under way: no request is lost with it, as with any pool of connections.
            _close(streams)
            streams = None
        try:
            streams = streams or await asyncio.open_connection(target.host, target.port)
            status, headers, body = await _ask(*streams, target.request)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            _close(streams)
            streams = None
            status, headers, body = BROKEN, {}, b""
            await asyncio.sleep(0.01)
        milliseconds = (time.perf_counter() - started) * 1000.0
        note(Answer(started - begun, milliseconds, status, headers.get("x-model-version", ""), body))
        if headers.get("connection") == "close":
            _close(streams)
            streams = None
    _close(streams)


def _close(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if streams is not None:
        streams[1].close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, dict[str, str], bytes]:
    """One request over an open connection: status, headers, body."""
    writer.write(request)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = b""
    return int(head[0].split(" ")[1]), headers, body


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Put load on a service; status 1 if a request was not answered below 400."""
    parser = argparse.ArgumentParser(prog="python -m jobs.stress.http_load", description=__doc__)
    parser.add_argument("url", help="what is asked, e.g. http://127.0.0.1:8000/v1/models/acme/us/curves")
    parser.add_argument("--clients", type=int, default=32, help="connections (default 32)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--requests", type=int, help="or how many requests in all")
    parser.add_argument("--body", metavar="JSON", help="POST this instead of GET")
    parser.add_argument("--token", help="bearer token")
    options = parser.parse_args(arguments)
    found = load(
        options.url,
        clients=options.clients,
        seconds=options.seconds,
        requests=options.requests,
        body=None if options.body is None else options.body.encode(),
        token=options.token,
    )
    sys.stdout.write(json.dumps(found.as_dict()) + "\n")
    return 1 if found.errors else 0


if __name__ == "__main__":
    sys.exit(main())
