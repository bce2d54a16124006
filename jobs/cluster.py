"""Ray, started here or attached to: authentication explicit, quiet logs, a named error for what goes wrong.

With neither ``--address`` nor ``RAY_ADDRESS`` (which ``ray job submit`` sets) a cluster of this process
alone is started and stopped, so that nobody else's is ever joined by accident.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jobs.guard import guarded
from jobs.own_ray import ClusterError, own_ray, own_signals
from mmm.errors import MMMError

LOCAL = "local"
KNOCK = 10.0
"""Seconds in which a cluster's port must answer."""


@dataclass(frozen=True)
class Cluster:
    """A cluster this process is connected to.

    Attributes:
        address: What was attached to, or ``local``.
        cpus: CPUs at the time of connecting.
    """

    address: str
    cpus: int


@contextmanager
def connect(address: str | None = None, *, cpus: int | None = None, wait: float = 300.0) -> Iterator[Cluster]:
    """Start or join a cluster, and leave it. A process that is connected already stays where it is.

    Args:
        address: ``auto``, ``host:port``, ``ray://…`` or ``local``; None takes ``RAY_ADDRESS``, else local.
        cpus: CPUs of a local cluster; None takes those this process may use.
        wait: Seconds in which an attached cluster must offer one CPU; an autoscaler needs minutes.

    Raises:
        ClusterError: Nothing answers at the address, no CPU came in time, or a cluster started here died.
    """
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        yield Cluster(address, await_cpus(wait))
        return
    if address == LOCAL:
        cpus = cpus or len(os.sched_getaffinity(0))
        with guarded() as folder, own_ray(folder, cpus):
            yield Cluster(LOCAL, cpus)
        return
    with _attached(address, wait) as cluster:
        yield cluster


@contextmanager
def _attached(address: str, wait: float) -> Iterator[Cluster]:
    """Somebody's cluster; whether it asks for a token is for whoever started it to say in the environment."""
    import ray
    from ray.exceptions import RayError

    try:
        _knock(address)
        with own_signals():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ClusterError(
            f"No Ray cluster can be joined at {address!r}: {reason}. Check --address (or RAY_ADDRESS) and, "
            "if the cluster asks for a token, RAY_AUTH_MODE and RAY_AUTH_TOKEN_PATH."
        ) from error
    try:
        yield Cluster(address, await_cpus(wait))
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out in seconds that nobody listens; Ray itself would try for a minute or more."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        with socket.create_connection((host, int(port)), timeout=KNOCK):
            pass


def await_cpus(wait: float) -> int:
    """CPUs of the connected cluster, once it has one or its autoscaler may bring some.

    Raises:
        ClusterError: It had none for ``wait`` seconds.
    """
    import ray

    until = time.monotonic() + wait
    request = None
    while (cpus := cpus_now()) < 1:
        if request is None:
            request = _one_cpu().remote()
        if time.monotonic() > until:
            ray.cancel(request, force=True)
            raise ClusterError(
                f"The cluster has {len(_nodes())} nodes but no CPU to work on, after {wait:.0f} s of "
                "waiting. Add workers, or let its autoscaler do so (max_workers in cluster.yaml)."
            )
        time.sleep(0.5)
    return cpus


def results(tasks: Sequence[Any]) -> list[Any]:
    """What tasks of the connected cluster return, in their order.

    Raises:
        MMMError: What the first of them raised that failed.
        ClusterError: A worker died as often as its task may be tried.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return list(ray.get(list(tasks)))
    except RayTaskError as error:
        if isinstance(error.cause, MMMError):
            raise error.cause from error
        raise
    except RayError as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ClusterError(
            f"The cluster did not finish the work: {reason}. Run the same command again; what is done stays."
        ) from error


def cpus_now() -> int:
    """CPUs of the connected cluster."""
    import ray

    return int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]


def _nodes() -> list[Any]:
    import ray

    return list(ray.nodes())  # type: ignore[no-untyped-call]


def _one_cpu() -> Any:
    """A task that asks an autoscaler for a worker."""
    import ray

    @ray.remote(num_cpus=1)
    def nothing() -> None:
        return None

    return nothing
