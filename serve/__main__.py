"""``python -m serve MODELS``: the service on this machine, on a Ray of its own, until interrupted."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.guard import guarded
from jobs.own_ray import own_ray
from mmm.errors import MMMError

if TYPE_CHECKING:
    from serve.app import Arguments

REQUEST_TIMEOUT = 60.0
"""Seconds after which Serve itself gives a request up: later than the service, which does so in words."""
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Fewer threads to pass a request on to, and logs written once: a sixth less CPU for each request.
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_LOG_TO_STDERR": "0",
    # A proxy counts as dead after three checks in vain: six seconds, not thirty. One that starts on a busy
    # machine is given time: after the five seconds that are usual it would be ended and begun again.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    # Proxies share their port, HAProxy too, so that connections are taken while one is replaced.
    "SERVE_SOCKET_REUSE_PORT_ENABLED": "1",
    # A request that a dying interface took and left unanswered goes to another one: questions change nothing.
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    # Ray's workers step back behind every other process (nice 15); people wait for these.
    "RAY_worker_niceness": "0",
}
"""Environment of the service where it is not set otherwise."""


STOPPING = (signal.SIGINT, signal.SIGTERM)
"""Signals that end the service in good order."""


class StartError(MMMError, RuntimeError):
    """A service that cannot start as asked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; status 2 if it cannot start."""
    # From the first line on: libraries take seconds to load, and a signal meanwhile is an end like any other.
    for number in STOPPING:
        signal.signal(number, _stopped_before_start)
    options = _parser().parse_args(arguments)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if options.haproxy:
        os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "1"
    try:
        _run(options)
    except MMMError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        _stopped_before_start(signal.SIGTERM, None)
    return 0


def _stopped_before_start(number: int, _: object) -> None:
    sys.stderr.write("stopped before it had started\n")
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serve", description=__doc__)
    parser.add_argument("models", help="folder of fitted models, of a refit, or URI of a registry")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port (default 8000)")
    parser.add_argument(
        "--tokens", metavar="FILE", help="YAML with a list `tokens`; see python -m serve.tokens"
    )
    parser.add_argument("--planners", type=int, default=1, help="fewest planner replicas (default 1)")
    parser.add_argument("--interfaces", type=int, default=2, help="replicas of the interface (default 2)")
    parser.add_argument("--poll", type=float, default=5.0, help="seconds between looks for new models")
    parser.add_argument("--log-level", default="INFO", help="DEBUG, INFO, WARNING or ERROR (default INFO)")
    parser.add_argument(
        "--haproxy", action="store_true", help="Serve's HAProxy in front: several times faster"
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    from pydantic import ValidationError

    from serve.app import Arguments

    try:
        asked = Arguments(
            models=options.models,
            tokens_file=options.tokens,
            planners=options.planners,
            most_planners=max(options.planners, 2),
            interfaces=options.interfaces,
            poll=options.poll,
            log_level=options.log_level,
        )
    except ValidationError as error:
        raise StartError("; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())) from None
    _check(options, asked)
    stop = threading.Event()
    for number in STOPPING:
        signal.signal(number, lambda *_: stop.set())
    with guarded() as folder:
        for part in ("CONFIG_FILE_LOC", "SOCKET_PATH", "SERVER_STATE_BASE", "SERVER_STATE_FILE"):
            os.environ.setdefault(f"RAY_SERVE_HAPROXY_{part}", str(folder / f"haproxy-{part.lower()}"))
        with own_ray(folder):
            _serve(options, asked, stop)


def _check(options: argparse.Namespace, asked: Arguments) -> None:
    """Fail in a second rather than after Ray has started."""
    from serve.app import settings_of
    from serve.http.auth import is_loopback
    from serve.models.catalogue import open_source

    settings = settings_of(asked)
    if not settings.all_tokens and not is_loopback(options.host):
        raise StartError(
            f"Without tokens only this machine is served, on 127.0.0.1; asked for {options.host}. "
            "Make a token with `python -m serve.tokens NAME` and give --tokens FILE."
        )
    if not open_source(settings.models, settings.alias).entries():
        raise StartError(f"{options.models} holds no fitted model; `make demo` or `mmm fit` makes one.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            raise StartError(
                f"Port {options.port} of {options.host} is taken ({error.strerror}). Give another --port."
            ) from error


def _serve(options: argparse.Namespace, asked: Arguments, stop: threading.Event) -> None:
    from ray import serve

    from serve.standby import standing_by

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    try:
        _deploy(options, asked)
        url = f"http://{options.host}:{options.port}"
        sys.stdout.write(f"Planner page {url}/   API {url}/docs   stop with Ctrl-C\n")
        sys.stdout.flush()
        with standing_by(options.host, options.port):
            stop.wait()
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]


def _deploy(options: argparse.Namespace, asked: Arguments) -> None:
    """Start the proxy and every deployment.

    Raises:
        StartError: One of them did not come up.
    """
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    from serve.app import build

    http = {"host": options.host, "port": options.port, "request_timeout_s": REQUEST_TIMEOUT}
    try:
        serve.start(http_options=http)
        serve.run(build(asked), name="mmm", route_prefix="/")
    except (RayError, RayServeException, RuntimeError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:600] or type(error).__name__
        raise StartError(
            f"The service did not come up: {reason} Run it again when the machine is quieter, or with fewer "
            "--planners and --interfaces."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
