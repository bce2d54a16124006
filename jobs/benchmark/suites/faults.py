"""Suite ``faults``: commands killed at any moment and run again, the service killed under load, its memory.

What does not hold fails its task, with the moment and the signal; figures say how much was tried.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from jobs.benchmark.figures import BenchmarkError, Figure, figures
from jobs.benchmark.methods import OURS
from jobs.benchmark.suites.operations import REQUEST, service
from jobs.benchmark.tasks import RunOptions, Task
from jobs.guard import marked
from jobs.stress.http_load import Answer, load
from jobs.stress.kills import LIMIT, VARIABLE, VICTIMS, Victim, drill, small_portfolio
from jobs.stress.process import run_measured

SUITE = "faults"
SETTINGS = ("--set", "train.members=2", "--no-report")
DEPLOYMENTS = {
    "planning process": "serve.planner.worker",
    "planner": "ray::ServeReplica:mmm:Planner",
    "interface": "ray::ServeReplica:mmm:Interface",
    "catalogue": "ray::ServeReplica:mmm:Catalogue",
    "proxy": "ray::ProxyActor",
    "controller": "ray::ServeController",
}
"""What is killed of the service, by the beginning of its processes' titles, or what these hold."""
CLIENTS, PACE, LOADED, AT = 32, 50.0, 40.0, 5.0
"""Clients; requests a second, of all; seconds of load; when the kill comes."""
MOST_FAILED, AGAIN, SLOWER_AGAIN = 0.005, 10.0, 30.0
"""Share of requests that may fail; seconds until answers come again, and those for proxy and controller."""
GROWTH = 0.02
"""Share by which memory of a process may grow in the last third."""
ACME = "/v1/models/acme/us"
HOSTILE = ('{"budget": NaN}', "[" * 10_000, '{"budget": 1e308, "risk": {"cvar": -1}}', '{"horizon": "tv"}')
MORE = json.dumps({"horizon": 13, "plans": {"more": {"spend": {"tv": 90000}, "others": "current"}}})
_PLANS = [(f"{ACME}/optimize", json.dumps(REQUEST)), (f"{ACME}/scenario", MORE), (f"{ACME}/scenario", MORE)]
_READS = [("/v1/models", None), (ACME, None), (f"{ACME}/contributions", None), ("/v1/models/no/body", None)]
ASKED: list[tuple[str, str | None]] = [
    *_PLANS,
    *_READS,
    *[(f"{ACME}/optimize", body) for body in HOSTILE],
    *[(f"{ACME}/curves", None)] * 9,
]
"""Paths and bodies of twenty requests, as they are mixed while memory is watched."""


def fault_tasks(run_options: RunOptions) -> list[Task]:
    """One task for each command, and one for the service."""
    spec = small_portfolio(run_options.work / SUITE / "panels", run_options.seed)
    drills = [(victim.name, partial(_killed, run_options, victim, spec)) for victim in VICTIMS]
    drills.append(("service", partial(_service_drill, run_options, spec)))
    return [
        Task(
            suite=SUITE,
            case=name,
            method=OURS,
            work=work,
            expect=30.0 * (1 + run_options.sizes.kills),
            alone=True,
            seed=run_options.seed,
        )
        for name, work in drills
    ]


def _killed(run_options: RunOptions, victim: Victim, spec: Path) -> list[Figure]:
    """Kill a command again and again; it finishes each time with the results of an undisturbed run."""
    home = run_options.work / SUITE / victim.name.replace(" ", "-")
    outcome = drill(victim, spec, home, run_options.sizes.kills, run_options.seed)
    if outcome.faults:
        raise BenchmarkError("; ".join(outcome.faults))
    base = Figure(suite=SUITE, case=victim.name, method=OURS, seed=run_options.seed, seconds=outcome.seconds)
    held: dict[str, float | None] = {
        "kills, each run again to the same result": float(outcome.kills),
        "largest relative difference": outcome.difference,
    }
    return figures(base, held)


def _service_drill(run_options: RunOptions, spec: Path) -> list[Figure]:
    """Kill each part of the service under load, then ask so often that leaks show."""
    home = run_options.work / SUITE / "service"
    models = home / "models"
    models.mkdir(parents=True)
    fit: list[str | Path] = [sys.executable, "-m", "mmm.cli", "fit", spec.parent / "specs" / "acme_us.yaml"]
    run_measured([*fit, "--out", models / "one", *SETTINGS], home / "fit.txt", limit=LIMIT)
    mark = secrets.token_hex(8)
    rows: list[Figure] = []
    with service(home, models / "one", variables={VARIABLE: mark}) as url:
        for part in DEPLOYMENTS:
            rows += _killed_part(run_options, f"{url}{ACME}/optimize", part, mark)
        rows += _memory(run_options, url, mark)
    return rows


def _killed_part(run_options: RunOptions, url: str, part: str, mark: str) -> list[Figure]:
    answers: list[Answer] = []
    victims = _processes(mark, part)
    if not victims:
        raise BenchmarkError(f"no process of the {part} was found")
    with _later(AT, victims[0]):
        load(
            url,
            clients=CLIENTS,
            seconds=LOADED,
            per_second=PACE,
            body=json.dumps(REQUEST).encode(),
            on_answer=answers.append,
        )
    failed = [answer for answer in answers if answer.status != 200]
    again = max((answer.began + answer.milliseconds / 1000 for answer in failed), default=AT) - AT
    share = len(failed) / len(answers)
    slow = part in ("proxy", "controller")
    if share > MOST_FAILED or again > (SLOWER_AGAIN if slow else AGAIN):
        raise BenchmarkError(f"{part} killed: {share:.2%} failed, answers came again after {again:.1f} s")
    base = Figure(suite=SUITE, case=f"{part} killed", method=OURS, seed=run_options.seed, seconds=LOADED)
    return figures(base, {"share of requests that failed": share}) + figures(
        base, {"answering again": again}, "s"
    )


@contextmanager
def _later(seconds: float, pid: int) -> Iterator[None]:
    timer = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _processes(mark: str, part: str) -> list[int]:
    """Processes of a part of the service."""
    found = []
    for pid in marked(mark, VARIABLE):
        try:
            title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            # It has just ended.
            continue
        if DEPLOYMENTS[part] in title:
            found.append(pid)
    return found


def _memory(run_options: RunOptions, url: str, mark: str) -> list[Figure]:
    """Memory of each process of the service after each third of many requests of every kind."""
    used = [_memory_after(run_options.sizes.requests, url, mark) for _ in range(3)]
    grown = {
        f"{part} {pid}": used[2][part, pid] / before - 1.0
        for (part, pid), before in used[1].items()
        if (part, pid) in used[2]
    }
    most = max(grown, key=lambda name: grown[name])
    if grown[most] > GROWTH and not run_options.quick:
        told = ", ".join(f"{name}: {share:.1%}" for name, share in grown.items())
        raise BenchmarkError(f"memory grew in the last {run_options.sizes.requests} requests: {told}")
    base = Figure(suite=SUITE, case="memory", method=OURS, seed=run_options.seed, note=most)
    held: dict[str, float | None] = {"most growth of a process in the last third": grown[most]}
    return figures(base, held) + figures(base, {"in the end": sum(used[2].values())}, "MB")


def _memory_after(requests: int, url: str, mark: str) -> dict[tuple[str, int], float]:
    """Memory of each process once so many requests were answered, MB.

    Raises:
        BenchmarkError: Some of them were not.
    """
    first, *also = [(f"{url}{path}", None if body is None else body.encode()) for path, body in ASKED]
    found = load(first[0], clients=8, requests=requests, seconds=LIMIT, body=first[1], also=also)
    if failed := {status: count for status, count in found.statuses.items() if not 200 <= status < 500}:
        raise BenchmarkError(f"requests of every kind were answered with {failed}")
    return {(part, pid): _resident(pid) for part in DEPLOYMENTS for pid in _processes(mark, part)}


def _resident(pid: int) -> float:
    """Resident memory, MB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        # It has just ended, and has no memory any more.
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
