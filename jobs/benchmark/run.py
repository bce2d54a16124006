"""The benchmark's command: suites one after the other, figures as they come, results at the end."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as Grid

from jobs.benchmark.figures import BenchmarkError, Figure, FigureLog, NotHereError, Status
from jobs.benchmark.methods import DEEPCAUSAL, PYMC, interpreter
from jobs.benchmark.suites.designs import design_tasks
from jobs.benchmark.suites.faults import fault_tasks
from jobs.benchmark.suites.graph import graph_tasks
from jobs.benchmark.suites.odds import odds_summary, odds_tasks
from jobs.benchmark.suites.operations import portfolio_tasks, serve_tasks, train_tasks
from jobs.benchmark.suites.real import real_tasks
from jobs.benchmark.suites.recovery import kind_tasks, recovery_tasks
from jobs.benchmark.suites.speed import speed_summary, speed_tasks
from jobs.benchmark.suites.truth import truth_tasks
from jobs.benchmark.table import floor_table, floors
from jobs.benchmark.tables import Table, about_run, legend, markdown, tables_of
from jobs.benchmark.tasks import DEFAULT_PEERS, PEERS, QUICK, QUICK_PEERS, RunOptions, Sizes, Task, TaskRunner
from jobs.guard import guarded
from jobs.stress.process import stop_all
from mmm.errors import MMMError
from mmm.report.benchmark import Section, write_page
from mmm.stopping import INTERRUPTED, sigterm_interrupts

MARKDOWN = "benchmark.md"
PAGE = "benchmark.html"


def publish(rows: pd.DataFrame, folder: Path, console: Console) -> None:
    """Write ``benchmark.md`` and ``benchmark.html`` beside the rows, and print the tables."""
    tables, kept = tables_of(rows), floors(rows)
    everything = [*tables, floor_table(kept)]
    about = about_run(rows)
    (folder / MARKDOWN).write_text(as_markdown(everything, about), encoding="utf-8")
    sections = [Section(table.title, table.text, table.header, table.rows) for table in everything]
    write_page(folder / PAGE, sections, about, legend(tables), rows)
    for table in everything:
        console.print(_grid(table))
    if marks := legend(tables):
        console.print(marks, markup=False, highlight=False, soft_wrap=True)


def as_markdown(tables: list[Table], about: str) -> str:
    """Everything as one Markdown text."""
    parts = ["# Benchmark", about]
    for table in tables:
        parts += [f"## {table.title}", *([table.text] if table.text else []), markdown(table)]
    if marks := legend(tables):
        parts.append(marks)
    return "\n\n".join(parts) + "\n"


def _grid(table: Table) -> Grid:
    grid = Grid(title=table.title, title_justify="left", caption=table.text, caption_justify="left")
    for place, name in enumerate(table.header):
        grid.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*row)
    return grid


DONE, FAILED, WRONG = 0, 1, 2


@dataclass(frozen=True)
class Suite:
    """A part of the benchmark.

    Attributes:
        tasks: What it does for an run_options.
        about: For the help.
        summary: Rows that follow from those of the suite.
        if_asked: It is no part of a run that names no suites.
    """

    tasks: Callable[[RunOptions], list[Task]]
    about: str
    summary: Callable[[pd.DataFrame], list[Figure]] | None = None
    if_asked: bool = False


SUITES = {
    "truth": Suite(truth_tasks, "simulated worlds with known effects"),
    "odds": Suite(odds_tasks, "whether plans gain as often as they say", odds_summary),
    "real": Suite(real_tasks, "forecasts of the public panel"),
    "graph": Suite(graph_tasks, "channel graphs"),
    "speed": Suite(speed_tasks, "seconds, memory and their growth", speed_summary),
    "portfolio": Suite(portfolio_tasks, "refits of many brand-markets on Ray"),
    "serve": Suite(serve_tasks, "latency and throughput of the service"),
    "train": Suite(train_tasks, "steps of one large panel by workers"),
    "recovery": Suite(
        recovery_tasks, "the published recovery benchmark (half an hour; only if asked for)", if_asked=True
    ),
    "kinds": Suite(
        kind_tasks, "ten simulated worlds each of six kinds (an hour; only if asked for)", if_asked=True
    ),
    "designs": Suite(
        design_tasks, "tests of channels: size, power, value (an hour; only if asked for)", if_asked=True
    ),
    "faults": Suite(
        fault_tasks, "commands and service killed and run again (hours; only if asked for)", if_asked=True
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        run_options = _run_options(options)
    except MMMError as error:
        console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return WRONG
    with sigterm_interrupts():
        return _run(run_options, console, keep_work=options.keep_work)


def _run(run_options: RunOptions, console: Console, *, keep_work: bool) -> int:
    started = time.perf_counter()
    try:
        # Programs it starts have sessions of their own; they end with it all the same.
        with guarded():
            failures, rows = run_suites(run_options, console)
    except KeyboardInterrupt:
        stop_all()
        console.print(f"interrupted; what was found so far lies in {run_options.out}", soft_wrap=True)
        return INTERRUPTED
    publish(rows, run_options.out, Console())
    if not keep_work:
        shutil.rmtree(run_options.work, ignore_errors=True)
    console.print(
        f"{run_options.out}: {len(rows)} rows in {(time.perf_counter() - started) / 60:.1f} min",
        soft_wrap=True,
    )
    for failure in failures:
        console.print(f"failed: {failure}", markup=False, highlight=False, soft_wrap=True)
    return FAILED if failures else DONE


def run_suites(run_options: RunOptions, console: Console) -> tuple[list[str], pd.DataFrame]:
    """Prepare every suite, run them, and return what failed and all rows."""
    log = FigureLog(run_options.out, "quick" if run_options.quick else "default")
    prepared: list[tuple[str, list[Task]]] = []
    failures: list[str] = []
    for name in run_options.suites:
        try:
            prepared.append((name, SUITES[name].tasks(run_options)))
        except MMMError as error:
            status: Status = "skipped" if isinstance(error, NotHereError) else "failed"
            if status == "failed":
                failures.append(f"{name}: {error}")
            log.add([Figure(suite=name, status=status, note=str(error))])
            console.print(f"{name}: {status}, {error}", markup=False, highlight=False, soft_wrap=True)
    _prepare_peers(run_options, console)
    runs = runs_of(prepared, quick=run_options.quick)
    expect = sum(
        task.expect / (1 if task.alone else run_options.cores) for _, tasks in runs for task in tasks
    )
    runner = TaskRunner(log, console, run_options.cores, expect)
    for names, tasks in runs:
        runner.run(tasks)
        for name in names:
            if (summary := SUITES[name].summary) is not None:
                log.add(summary(log.frame()))
    return failures + runner.failures, log.frame()


def runs_of(
    prepared: Sequence[tuple[str, Sequence[Task]]], *, quick: bool
) -> list[tuple[tuple[str, ...], list[Task]]]:
    """Suites that run at once, with their tasks: one after the other, and in a quick run all of them.

    A quick run shows that everything runs. What it measures tells nothing, so nothing in it has to be alone.
    """
    if not quick:
        return [((name,), list(tasks)) for name, tasks in prepared]
    together = [replace(task, alone=False) for _, tasks in prepared for task in tasks]
    return [(tuple(name for name, _ in prepared), together)]


def _prepare_peers(run_options: RunOptions, console: Console) -> None:
    """Make the environments of the peers asked for; one that cannot be made fails its tasks later."""
    if not {"truth", "real", "speed"} & set(run_options.suites):
        return
    for peer in (DEEPCAUSAL, PYMC):
        if not any(name.startswith(peer.name) for name in run_options.peers):
            continue
        started = time.perf_counter()
        try:
            interpreter(peer, run_options.cache)
            said = f"{peer.name}: environment ready after {time.perf_counter() - started:.0f} s"
        except BenchmarkError as error:
            said = f"{peer.name}: {error}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)


def _run_options(options: argparse.Namespace) -> RunOptions:
    """The run asked for, its folders made.

    Raises:
        BenchmarkError: The folder cannot be written or holds something else.
    """
    out = Path(options.out).expanduser().absolute()
    if out.exists() and not out.is_dir():
        raise BenchmarkError(f"{out} is a file; give --out a folder")
    try:
        work = out / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    except OSError as error:
        raise BenchmarkError(f"{out} cannot be written ({error.strerror}); give another --out") from error
    sizes = QUICK if options.quick else Sizes()
    if options.worlds is not None:
        stable = min(options.worlds, sizes.stable_worlds)
        sizes = replace(
            sizes,
            worlds=options.worlds,
            stable_worlds=stable,
            odds_worlds=options.worlds,
            kind_worlds=options.worlds,
            design_worlds=options.worlds,
        )
    chosen = options.peers or (QUICK_PEERS if options.quick else DEFAULT_PEERS)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return RunOptions(
        suites=tuple(options.suite or (name for name, suite in SUITES.items() if not suite.if_asked)),
        peers=() if "none" in chosen else tuple(chosen),
        out=out,
        work=work,
        cache=Path(options.cache).expanduser().absolute(),
        seed=options.seed,
        cores=options.cores or cores,
        panel=Path(options.panel) if options.panel else None,
        quick=options.quick,
        sizes=sizes,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.benchmark",
        description="Measure this product beside what a user would pick instead, on this machine.",
        allow_abbrev=False,
    )
    about = "; ".join(f"{name}: {suite.about}" for name, suite in SUITES.items())
    add = parser.add_argument
    add("--out", metavar="DIR", required=True, help="folder of the results")
    add("--suite", nargs="+", choices=sorted(SUITES), help=f"only these; {about}")
    add("--peers", nargs="+", choices=[*PEERS, "none"], help=f"default: {' '.join(DEFAULT_PEERS)}")
    add("--quick", action="store_true", help="small sizes, within 3 minutes: shows that everything runs")
    add("--worlds", type=_positive, metavar="N", help="simulated worlds of a suite, or of each of its kinds")
    add("--seed", type=_seed, default=500, help="seed of the first world; others follow (default 500)")
    add("--panel", metavar="SPEC", help="spec of the real panel; by default it is looked for, then fetched")
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    cache = f"{home}/ray-mmm-benchmark"
    add("--cache", metavar="DIR", default=cache, help=f"peers' environments and downloads ({cache})")
    add("--cores", type=_positive, metavar="N", help="tasks at the same time; by default all cores")
    add("--keep-work", action="store_true", help="keep panels and fits below DIR/work")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} must be at least 1")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} must not be negative")
    return value
