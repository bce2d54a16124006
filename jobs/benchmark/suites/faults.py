"""Suite ``faults``: commands killed at any moment and run again, the service killed under load, its memory.

What does not hold fails its task, with the moment and the signal; figures say how much was tried.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from jobs.benchmark.figures import BenchmarkError, Figure, figures
from jobs.benchmark.http_load import Answer, load
from jobs.benchmark.methods import OURS
from jobs.benchmark.process import run_measured, started
from jobs.benchmark.suites.operations import REQUEST, service
from jobs.benchmark.tasks import RunOptions, Task
from jobs.guard import marked
from mmm.data.panel import Floats
from mmm.simulate.portfolio import write_portfolio

SUITE = "faults"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
CHAIN = 3
"""Kills in a row before a command is let to its end."""
LIMIT, ENDING, GONE = 1800.0, 120.0, 10.0
"""Seconds: of a run; from a signal to the end of the command; from then to that of all it had started."""
VARIABLE = "MMM_DRILL"
SETTINGS = ("train.members=2", "train.epochs=150")


@dataclass(frozen=True)
class Victim:
    """A command that is killed.

    Attributes:
        name: For the figures.
        words: The command before its input.
        portfolio: Whether its input is a portfolio.
        more: Further words.
        again: Words of a run after a kill.
    """

    name: str
    words: tuple[str, ...]
    portfolio: bool = False
    more: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    def command(self, spec: Path, out: Path, *, again: bool) -> list[str | Path]:
        """All its words."""
        given = spec if self.portfolio else spec.parent / "specs" / "acme_us.yaml"
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        last = self.again if again else ()
        return [sys.executable, "-m", *self.words, given, "--out", out, *settings, *self.more, *last]


VICTIMS = (
    Victim("mmm fit", ("mmm.cli", "fit"), more=("--no-report",), again=("--resume",)),
    Victim("jobs.refit", ("jobs.refit",), portfolio=True),
    Victim("jobs.tune", ("jobs.tune",), more=("--trials", "3")),
    Victim("jobs.train", ("jobs.train",), more=("--no-report", "--checkpoint-every", "25")),
)
DEPLOYMENTS = {
    "planning process": "serve.planner.worker",
    "planner": "ray::ServeReplica:mmm:Planner",
    "interface": "ray::ServeReplica:mmm:Interface",
    "catalogue": "ray::ServeReplica:mmm:Catalogue",
    "proxy": "ray::ProxyActor",
    "controller": "ray::ServeController",
}
"""What is killed of the service, by the beginning of its processes' titles, or what these hold."""
CLIENTS, LOADED, AT = 2, 40.0, 5.0
"""Clients; seconds of load; when the kill comes."""
MOST_FAILED, AGAIN, SLOWER_AGAIN = 0.005, 10.0, 30.0
"""Share of requests that may fail; seconds until answers come again, and those for proxy and controller."""
GROWTH = 0.02
"""Share by which memory may grow in the last third."""


def fault_tasks(run_options: RunOptions) -> list[Task]:
    """One task for each command, and one for the service."""
    work = run_options.work / SUITE
    spec = write_portfolio(
        work / "panels", brands=2, markets=2, regions=3, weeks=80, channels=3, seed=run_options.seed
    )
    drills = [(victim.name, partial(_drill, run_options, victim, spec)) for victim in VICTIMS]
    drills.append(("service", partial(_service_drill, run_options, spec)))
    return [
        Task(
            suite=SUITE,
            case=name,
            method=OURS,
            work=drill,
            expect=30.0 * (1 + run_options.sizes.kills),
            alone=True,
            seed=run_options.seed,
        )
        for name, drill in drills
    ]


def _drill(run_options: RunOptions, victim: Victim, spec: Path) -> list[Figure]:
    """Kill a command again and again; it finishes each time with the results of an undisturbed run."""
    home = run_options.work / SUITE / victim.name.replace(" ", "-")
    whole = home / "whole"
    whole.mkdir(parents=True)
    seconds = _finished(victim, spec, whole, again=False)
    expected, dice = _result(whole / "out"), random.Random(run_options.seed)  # noqa: S311  (moments of kills)
    kills = 0
    while kills < run_options.sizes.kills:
        folder = home / f"after-{kills}"
        folder.mkdir()
        told = []
        for _ in range(min(CHAIN, run_options.sizes.kills - kills)):
            number, moment = dice.choice(SIGNALS), dice.uniform(0.0, seconds)
            told.append(f"{number.name} after {moment:.1f} s")
            _kill(victim, spec, folder, number, moment, again=len(told) > 1)
            kills += 1
        try:
            _finished(victim, spec, folder, again=True)
            _check_same(_result(folder / "out"), expected)
            _check_tidy(folder)
        except BenchmarkError as error:
            raise BenchmarkError(f"{victim.name}, {', then '.join(told)}: {error}") from error
        shutil.rmtree(folder)
    base = Figure(suite=SUITE, case=victim.name, method=OURS, seed=run_options.seed, seconds=seconds)
    return figures(base, {"kills, each run again to the same result": float(kills)})


def _finished(victim: Victim, spec: Path, folder: Path, *, again: bool) -> float:
    """Run a command to its end; what a killed run had finished already is refused or found unchanged."""
    out = folder / "out"
    if again and victim.again and out.exists():
        return 0.0
    return run_measured(victim.command(spec, out, again=again), folder / "log.txt", limit=LIMIT).seconds


def _kill(
    victim: Victim, spec: Path, folder: Path, number: signal.Signals, moment: float, *, again: bool
) -> None:
    """Begin a command and send it a signal.

    Raises:
        BenchmarkError: It does not end, or what it had started does not.
    """
    out, mark = folder / "out", secrets.token_hex(8)
    if again and victim.again and out.exists():
        return
    with started(
        victim.command(spec, out, again=again), folder / "killed.txt", variables={VARIABLE: mark}
    ) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"{victim.name} goes on {ENDING:g} s after {number.name}") from error
    until = time.monotonic() + GONE
    while left := marked(mark, VARIABLE):
        if time.monotonic() > until:
            raise BenchmarkError(f"{len(left)} processes of {victim.name} run on after {number.name}")
        time.sleep(0.1)


def _result(out: Path) -> dict[str, Floats]:
    """Every array of every fitted model below a folder."""
    found: dict[str, Floats] = {}
    for path in sorted(out.rglob("model/weights.npz")):
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                if archive[name].dtype.kind == "f":
                    found[f"{path.relative_to(out)}: {name}"] = archive[name]
    return found


def _check_same(found: dict[str, Floats], expected: dict[str, Floats]) -> None:
    if set(found) != set(expected):
        raise BenchmarkError(f"other models than without a kill: {sorted(set(found) ^ set(expected))[:4]}")
    for name, values in expected.items():
        if not np.allclose(found[name], values, rtol=1e-5, atol=1e-8, equal_nan=True):
            raise BenchmarkError(f"other numbers than without a kill in {name}")


def _check_tidy(folder: Path) -> None:
    """Nothing half-written is left: hidden files and folders are scratch."""
    left = [path for path in folder.rglob(".*") if "mlflow" not in path.parts and "ray" not in path.parts]
    if left:
        raise BenchmarkError(f"{left[0]} was left behind, one of {len(left)}")


def _service_drill(run_options: RunOptions, spec: Path) -> list[Figure]:
    """Kill each part of the service under load, then ask so often that leaks show."""
    home = run_options.work / SUITE / "service"
    models = home / "models"
    models.mkdir(parents=True)
    fit: list[str | Path] = [sys.executable, "-m", "mmm.cli", "fit", spec.parent / "specs" / "acme_us.yaml"]
    run_measured(
        [*fit, "--out", models / "one", "--no-report", "--set", SETTINGS[0]], home / "fit.txt", limit=LIMIT
    )
    mark = secrets.token_hex(8)
    rows: list[Figure] = []
    with service(home, models / "one", variables={VARIABLE: mark}) as url:
        for part in DEPLOYMENTS:
            rows += _killed_part(run_options, f"{url}/v1/models/acme/us/optimize", part, mark)
        rows += _memory(run_options, f"{url}/v1/models/acme/us/curves", mark)
    return rows


def _killed_part(run_options: RunOptions, url: str, part: str, mark: str) -> list[Figure]:
    answers: list[Answer] = []
    victims = _processes(mark, part)
    if not victims:
        raise BenchmarkError(f"no process of the {part} was found")
    with _later(AT, victims[0]):
        load(
            url, clients=CLIENTS, seconds=LOADED, body=json.dumps(REQUEST).encode(), on_answer=answers.append
        )
    failed = [answer for answer in answers if answer.status != 200]
    again = max((answer.began + answer.milliseconds / 1000 for answer in failed), default=AT) - AT
    share = len(failed) / len(answers)
    slow = part in ("proxy", "controller")
    # One proxy answers for all: while it is away every new connection is refused, again and again.
    if (share > MOST_FAILED and part != "proxy") or again > (SLOWER_AGAIN if slow else AGAIN):
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
    """Memory of the service after each third of many requests."""
    used = []
    for _ in range(3):
        load(url, clients=8, requests=run_options.sizes.requests, seconds=LIMIT)
        used.append(sum(_resident(pid) for part in DEPLOYMENTS for pid in _processes(mark, part)))
    growth = used[2] / used[1] - 1.0
    if growth > GROWTH and not run_options.quick:
        raise BenchmarkError(f"memory grew by {growth:.1%} in the last {run_options.sizes.requests} requests")
    base = Figure(suite=SUITE, case="memory", method=OURS, seed=run_options.seed)
    return figures(base, {"growth in the last third": growth}) + figures(base, {"in the end": used[2]}, "MB")


def _resident(pid: int) -> float:
    """Proportional share of memory, MB."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        # It has just ended, and has no memory any more.
        return 0.0
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return float(line.split()[1]) / 1024
