"""Connections while a proxy is being replaced, with small servers in its place."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from serve.standby import listening, standing_by
from tests.serve.service import free_port

PROXY = """
import socket, sys
own = socket.socket()
own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
own.bind(("127.0.0.1", int(sys.argv[1])))
own.listen()
print("up", flush=True)
while True:
    connection, _ = own.accept()
    connection.recv(4096)
    name = sys.argv[2].encode()
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\nConnection: close\\r\\n\\r\\n" + name)
    connection.close()
"""


@contextmanager
def proxy(port: int, name: str) -> Iterator[subprocess.Popen[str]]:
    """A server that answers with its name."""
    command = [sys.executable, "-I", "-S", "-c", PROXY, str(port), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        try:
            yield process
        finally:
            process.kill()


def asked(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
        return str(answer.read().decode())


def until(port: int, count: int) -> None:
    """Wait until so many sockets listen."""
    end = time.monotonic() + 60
    while len(listening(port)) != count:
        assert time.monotonic() < end, "nobody listens"
        time.sleep(0.01)


def test_connections_wait_for_the_next_proxy_and_then_go_to_it_alone() -> None:
    port = free_port()
    with standing_by("127.0.0.1", port), ThreadPoolExecutor(8) as clients:
        with proxy(port, "one") as first:
            # It may have been taken for absent until it was there.
            until(port, 1)
            assert asked(port) == "one"
            time.sleep(0.3)
            first.kill()
            first.wait()
        until(port, 1)
        waiting = [clients.submit(asked, port) for _ in range(8)]
        time.sleep(0.2)
        assert not any(future.done() for future in waiting)
        with proxy(port, "two"):
            assert {future.result() for future in waiting} == {"two"}
            until(port, 1)
            assert asked(port) == "two"
    assert not listening(port)


def test_a_proxy_that_ends_before_it_answers_leaves_connections_waiting() -> None:
    port = free_port()
    with standing_by("127.0.0.1", port), ThreadPoolExecutor(1) as clients:
        until(port, 1)
        waiting = clients.submit(asked, port)
        time.sleep(0.2)
        silent = socket.create_server(("127.0.0.1", port), reuse_port=True)
        time.sleep(0.3)
        assert not waiting.done()
        silent.close()
        with proxy(port, "two"):
            assert waiting.result() == "two"


def test_nothing_listens_once_nobody_stands_by() -> None:
    port = free_port()
    with standing_by("127.0.0.1", port):
        until(port, 1)
    with pytest.raises(OSError, match="refused"):
        asked(port)
