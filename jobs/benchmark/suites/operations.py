"""Suites ``portfolio``, ``serve`` and ``train``: what jobs and service take on this machine."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd

from jobs.benchmark.case import Case, world_case
from jobs.benchmark.figures import BenchmarkError, Figure, figures
from jobs.benchmark.methods import OURS
from jobs.benchmark.tasks import RunOptions, Task
from jobs.stress.process import REPOSITORY, Usage, run_measured, started
from mmm.simulate.portfolio import Design, simulate_market, write_portfolio

PORTFOLIO = "portfolio"
REFIT_LIMIT = 900.0
BRANDS, MARKETS, REGIONS, WEEKS, CHANNELS = 6, 4, 6, 104, 6
QUICK_BRANDS = 1


def portfolio_tasks(run_options: RunOptions) -> list[Task]:
    """One task: simulate, refit, refit."""
    brands = QUICK_BRANDS if run_options.quick else BRANDS
    count = brands * MARKETS
    case = f"{count} brand-markets of {REGIONS} regions x {WEEKS} weeks x {CHANNELS} channels"
    return [
        Task(
            suite=PORTFOLIO,
            case=case,
            method=OURS,
            work=lambda: _refits(run_options, case, brands),
            expect=20.0 + count * 1.5,
            alone=True,
            seed=run_options.seed,
        )
    ]


def _refits(run_options: RunOptions, case: str, brands: int) -> list[Figure]:
    home = run_options.work / PORTFOLIO
    spec = write_portfolio(
        home / "panels",
        brands=brands,
        markets=MARKETS,
        regions=REGIONS,
        weeks=WEEKS,
        channels=CHANNELS,
        seed=run_options.seed,
    )
    first = _refit(run_options, spec, home, "first.txt")
    table = _table(home, "done", brands * MARKETS)
    again = _refit(run_options, spec, home, "again.txt")
    _table(home, "unchanged", brands * MARKETS)
    fits = float(table["seconds"].sum())
    base = Figure(
        suite=PORTFOLIO,
        case=case,
        method=OURS,
        seed=run_options.seed,
        seconds=first.seconds,
        threads=run_options.cores,
    )
    return [
        *figures(base, {"brand-markets per minute, start of Ray included": 60 * len(table) / first.seconds}),
        *figures(base, {"seconds of fitting per brand-market": fits / len(table)}, "s"),
        *figures(
            base, {"share of the time that is not fitting": 1 - fits / (first.seconds * run_options.cores)}
        ),
        *figures(base, {"again, with nothing changed": again.seconds}, "s"),
    ]


def _refit(run_options: RunOptions, spec: Path, home: Path, log: str) -> Usage:
    command: list[str | Path] = [sys.executable, "-m", "jobs.refit", spec, "--out", home / "fits"]
    command += ["--tracking", "none", "--cpus", str(run_options.cores)]
    for setting in run_options.sizes.settings:
        command += ["--set", setting]
    return run_measured(command, home / log, limit=REFIT_LIMIT)


def _table(home: Path, status: str, count: int) -> pd.DataFrame:
    """What the refit left, all of it with the status expected."""
    table = pd.read_parquet(home / "fits" / "portfolio.parquet")
    if len(table) != count or (table["status"] != status).any():
        found = ", ".join(f"{n} {name}" for name, n in table["status"].value_counts().items())
        raise BenchmarkError(f"expected {count} {status}, found {found}")
    return table


SERVE = "serve"
START_LIMIT, LOAD_LIMIT, FIT_LIMIT, STOP_LIMIT = 120.0, 120.0, 600.0, 60.0
REQUEST = {"budget": "current", "horizon": 13, "default_bounds": {"min_change": -0.5, "max_change": 0.5}}
CLIENTS = (1, 32)
FIGURES = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99"}


def serve_tasks(run_options: RunOptions) -> list[Task]:
    """One task: fit a model, serve it, ask, stop."""
    return [
        Task(
            suite=SERVE,
            case="one model",
            method=OURS,
            work=lambda: _served(run_options),
            expect=45.0 if run_options.quick else 90.0,
            alone=True,
            seed=run_options.seed,
        )
    ]


def _served(run_options: RunOptions) -> list[Figure]:
    home = run_options.work / SERVE
    case = world_case(simulate_market(run_options.sizes.design, seed=run_options.seed), home, "one model")
    model = _fit(run_options, case, home)
    base = Figure(suite=SERVE, case="service", method=OURS, seed=run_options.seed, threads=run_options.cores)
    rows: list[Figure] = []
    began = time.perf_counter()
    with service(home, model) as url:
        rows += figures(base, {"start until the first answer": time.perf_counter() - began}, "s")
        path = f"{url}/v1/models/{case.spec.brand}/{case.spec.market}"
        asked = (("curves", f"{path}/curves", None), ("optimise", f"{path}/optimize", json.dumps(REQUEST)))
        for name, address, body in asked:
            for clients in CLIENTS:
                rows += _load(run_options, home, name, address, body, clients)
        stopping = time.perf_counter()
    return rows + figures(base, {"stop": time.perf_counter() - stopping}, "s")


def _fit(run_options: RunOptions, case: Case, home: Path) -> Path:
    model = home / "models" / "one"
    command: list[str | Path] = [sys.executable, "-m", "mmm.cli", "fit", case.folder / "spec.yaml"]
    command += ["--out", model, "--no-report"]
    for setting in run_options.sizes.settings:
        command += ["--set", setting]
    run_measured(command, home / "fit.txt", limit=FIT_LIMIT, threads=1)
    return model


@contextmanager
def service(home: Path, model: Path, variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """The service's address, as soon as it answers; ended with the block.

    Raises:
        BenchmarkError: It did not come up, or did not end.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", home / "serve.txt"
    command: list[str | Path] = [sys.executable, "-m", "serve", model.parent, "--port", str(port)]
    with started(command, log, folder=REPOSITORY, variables=variables) as process:
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


def _load(
    run_options: RunOptions, home: Path, name: str, url: str, body: str | None, clients: int
) -> list[Figure]:
    seconds = "3" if run_options.quick else "8"
    command: list[str | Path] = [sys.executable, "-m", "jobs.stress.http_load", url]
    command += ["--clients", str(clients), "--seconds", seconds]
    command += ["--body", body] if body is not None else []
    log = home / f"load-{name}-{clients}.txt"
    usage = run_measured(command, log, limit=LOAD_LIMIT)
    found = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    case = f"{name}, {clients} {'client' if clients == 1 else 'clients'}"
    base = Figure(
        suite=SERVE,
        case=case,
        method=OURS,
        seed=run_options.seed,
        seconds=usage.seconds,
        threads=run_options.cores,
    )
    rows = figures(base, {title: found[key] for key, title in FIGURES.items()}, "ms")
    return rows + figures(base, {"answers per second": found["per_second"]})


TRAIN = "train"
TRAINING_LIMIT = 600.0
LARGE = Design(regions=120, weeks=104, channels=10)
SMALL = Design(regions=8, weeks=104, channels=4)
EPOCHS, QUICK_EPOCHS = (20, 220), (5, 25)
SECONDS = re.compile(r"^done: .* in ([\d.]+) s", re.MULTILINE)


def train_tasks(run_options: RunOptions) -> list[Task]:
    """A task for each number of workers that the cores allow."""
    design = SMALL if run_options.quick else LARGE
    case = world_case(simulate_market(design, seed=run_options.seed), run_options.work / TRAIN, "panel")
    counts = (2,) if run_options.quick else tuple(sorted({1, min(run_options.cores, 4)}))
    name = f"{design.regions} regions x {design.weeks} weeks x {design.channels} channels"
    return [
        Task(
            suite=TRAIN,
            case=f"{name}, {workers} {'worker' if workers == 1 else 'workers'}",
            method=OURS,
            work=partial(_trained, run_options, case, name, workers),
            expect=30.0 if run_options.quick else 50.0,
            alone=True,
            seed=run_options.seed,
        )
        for workers in counts
    ]


def _trained(run_options: RunOptions, case: Case, name: str, workers: int) -> list[Figure]:
    few, many = QUICK_EPOCHS if run_options.quick else EPOCHS
    short, whole = (_seconds(case, workers, epochs) for epochs in (few, many))
    label = f"{name}, {workers} {'worker' if workers == 1 else 'workers'}"
    base = Figure(
        suite=TRAIN,
        case=label,
        method=OURS,
        seed=run_options.seed,
        seconds=short + whole,
        threads=workers,
        note=f"difference of trainings of {few} and {many} epochs, 8 members",
    )
    return figures(base, {"milliseconds per step": 1000 * (whole - short) / (many - few)}, "ms")


def _seconds(case: Case, workers: int, epochs: int) -> float:
    """What a training says it took, Ray's start left out."""
    folder = case.folder / f"{workers}-{epochs}"
    folder.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [sys.executable, "-m", "jobs.train", case.folder / "spec.yaml"]
    command += ["--workers", str(workers), "--out", folder / "model", "--tracking", "none", "--no-report"]
    command += ["--checkpoint-every", "10000"]
    for setting in (f"train.epochs={epochs}", "train.members=8", "train.inference=ensemble"):
        command += ["--set", setting]
    log = folder / "log.txt"
    run_measured(command, log, limit=TRAINING_LIMIT)
    if not (said := SECONDS.search(log.read_text(encoding="utf-8"))):
        raise BenchmarkError(f"the training did not say how long it took, see {log}")
    return float(said[1])
