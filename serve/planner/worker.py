"""The process that plans: forked from one that has the libraries loaded, ended when a plan is over its time.

``python -m serve.planner.worker FD KEEP REGISTRY`` is the template: one thread, everything imported, no
model. For each socket that comes over FD it forks a worker, which answers calls on that socket until it is
closed. Both end when whoever started them does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from mmm.errors import MMMError
from serve.planner.loaded import LoadedModels

READY = b"r"
PID = struct.Struct("!q")
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
NICE = 10
"""Politeness of workers for slow questions."""


def serve_calls(connection: Connection, models: LoadedModels) -> None:
    """Answer calls ``(method, arguments)`` until the other side is gone.

    Replies are ``("done", value)``, ``("refused", error)`` with an error of ours, or ``("failed", text)``.
    """
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, ConnectionError):
            return
        reply: tuple[str, Any]
        try:
            # A loaded model stays here; it is too large to be sent.
            value = getattr(models, method)(*arguments)
            reply = "done", None if method == "load" else value
        except MMMError as error:
            reply = "refused", error
        except Exception:  # noqa: BLE001  # told whole to whoever asked, who logs it
            reply = "failed", traceback.format_exc()
        try:
            connection.send(reply)
        except ConnectionError:
            return


def _become_worker(channel: int, keep: int, registry: str | None, *, polite: bool) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if polite:
        os.nice(NICE)
    serve_calls(Connection(channel), LoadedModels(keep, registry))


def main(arguments: list[str]) -> int:
    """Fork a worker for every socket that comes, until no more can come."""
    control = socket.socket(fileno=int(arguments[0]))
    keep, registry = int(arguments[1]), arguments[2] or None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Ended workers leave no zombies.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.sendall(READY)
    while True:
        kind, channels, _, _ = socket.recv_fds(control, 1, 1)
        if not kind:
            return 0
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                control.close()
                _become_worker(channels[0], keep, registry, polite=kind == b"s")
                status = 0
            finally:
                os._exit(status)
        os.close(channels[0])
        control.sendall(PID.pack(pid))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
