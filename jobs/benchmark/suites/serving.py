"""Suite ``serve``: the service from the start of its process to its end, under load from another process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.benchmark.book import Row, figures
from jobs.benchmark.case import Case, world_case
from jobs.benchmark.course import Task
from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.methods import OURS
from jobs.benchmark.plan import Order
from jobs.benchmark.process import REPOSITORY, run_measured, started
from mmm.simulate.portfolio import simulate_market

SUITE = "serve"
START_LIMIT, LOAD_LIMIT, FIT_LIMIT, STOP_LIMIT = 120.0, 120.0, 600.0, 60.0
REQUEST = {"budget": "current", "horizon": 13, "default_bounds": {"min_change": -0.5, "max_change": 0.5}}
CLIENTS = (1, 32)
FIGURES = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99"}


def serve_tasks(order: Order) -> list[Task]:
    """One task: fit a model, serve it, ask, stop."""
    return [
        Task(
            suite=SUITE,
            case="one model",
            method=OURS,
            work=lambda: _measure(order),
            expect=45.0 if order.quick else 90.0,
            alone=True,
            seed=order.seed,
        )
    ]


def _measure(order: Order) -> list[Row]:
    home = order.work / SUITE
    case = world_case(simulate_market(order.sizes.design, seed=order.seed), home, "one model")
    model = _fit(order, case, home)
    base = Row(suite=SUITE, case="service", method=OURS, seed=order.seed, threads=order.cores)
    rows: list[Row] = []
    began = time.perf_counter()
    with _service(home, model) as url:
        rows += figures(base, {"start until the first answer": time.perf_counter() - began}, "s")
        path = f"{url}/v1/models/{case.spec.brand}/{case.spec.market}"
        asked = (("curves", f"{path}/curves", None), ("optimise", f"{path}/optimize", json.dumps(REQUEST)))
        for name, address, body in asked:
            for clients in CLIENTS:
                rows += _load(order, home, name, address, body, clients)
        stopping = time.perf_counter()
    return rows + figures(base, {"stop": time.perf_counter() - stopping}, "s")


def _fit(order: Order, case: Case, home: Path) -> Path:
    model = home / "models" / "one"
    command: list[str | Path] = [sys.executable, "-m", "mmm.cli", "fit", case.folder / "spec.yaml"]
    command += ["--out", model, "--no-report"]
    for setting in order.sizes.settings:
        command += ["--set", setting]
    run_measured(command, home / "fit.txt", limit=FIT_LIMIT, threads=1)
    return model


@contextmanager
def _service(home: Path, model: Path) -> Iterator[str]:
    """The service's address, as soon as it answers; ended with the block.

    Raises:
        BenchmarkError: It did not come up, or did not end.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", home / "serve.txt"
    command: list[str | Path] = [sys.executable, "-m", "serve", model.parent, "--port", str(port)]
    with started(command, log, folder=REPOSITORY) as process:
        _await(f"{url}/healthz", process, log)
        yield url
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"the service did not end within {STOP_LIMIT:g} s") from error


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BenchmarkError(f"the service ended with {process.returncode}, see {log}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise BenchmarkError(f"the service did not answer within {START_LIMIT:g} s, see {log}")


def _load(order: Order, home: Path, name: str, url: str, body: str | None, clients: int) -> list[Row]:
    seconds = "3" if order.quick else "8"
    command: list[str | Path] = [sys.executable, "-m", "jobs.benchmark.http_load", url]
    command += ["--clients", str(clients), "--seconds", seconds]
    command += ["--body", body] if body is not None else []
    log = home / f"load-{name}-{clients}.txt"
    usage = run_measured(command, log, limit=LOAD_LIMIT)
    found = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    case = f"{name}, {clients} {'client' if clients == 1 else 'clients'}"
    base = Row(
        suite=SUITE, case=case, method=OURS, seed=order.seed, seconds=usage.seconds, threads=order.cores
    )
    rows = figures(base, {title: found[key] for key, title in FIGURES.items()}, "ms")
    return rows + figures(base, {"answers per second": found["per_second"]})
