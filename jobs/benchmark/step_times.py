"""Seconds and memory of a training step by the number of workers, on a simulated panel of any size.

``step_times()`` gives rows for the benchmark; ``python -m jobs.benchmark.step_times`` prints them.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from jobs.cluster import connect
from jobs.train.ray_train import Workers, await_room, on_workers
from jobs.train.shards import cut_regions, group_of
from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.panel import Panel
from mmm.train.shards import Shards, Survey

WARM_UP = 3
"""Steps before the clock starts."""


@dataclass(frozen=True)
class Size:
    """A panel to be timed on.

    Attributes:
        regions: Regions.
        weeks: Periods.
        channels: Channels.
        members: Fits that are trained at once.
        steps: Steps that are timed.
        precision: Numbers of the training.
    """

    regions: int = 2000
    weeks: int = 156
    channels: int = 15
    members: int = 1
    steps: int = 10
    precision: str = "float64"


@dataclass(frozen=True)
class StepTime:
    """What a step took.

    Attributes:
        workers: Processes.
        seconds: Median over steps, of the slowest worker.
        speedup: Seconds of one worker over these.
        peak_mb: Memory of the largest worker at its height, runtime and libraries included.
        data_mb: The same beyond what a worker holds for a panel of two regions.
        size: The panel.
    """

    workers: int
    seconds: float
    speedup: float
    peak_mb: float
    data_mb: float
    size: Size = field(default_factory=Size)

    def as_row(self) -> dict[str, Any]:
        """Plain numbers, one level deep."""
        row = asdict(self)
        return {**row.pop("size"), **row}


def step_times(
    size: Size, workers: Sequence[int] = (1, 2), *, address: str | None = None, wait: float = 300.0
) -> list[StepTime]:
    """Time steps of the whole model, without the recurrent network's late epochs.

    Args:
        size: The panel.
        workers: Numbers of workers to compare, the first is what the others are compared with.
        address: Ray cluster; None starts one here.
        wait: Seconds in which the cluster must have room.

    Raises:
        ClusterError: No cluster, or one without room.
    """
    found: list[StepTime] = []
    available = len(os.sched_getaffinity(0))
    with connect(address, cpus=min(max(workers), available)) as cluster:
        for count in workers:
            crew = Workers(count, wait=wait)
            await_room(crew, lambda _: None, local=cluster.address == "local")
            told = on_workers(_timed, size, crew)
            seconds = max(row["seconds"] for row in told)
            found.append(
                StepTime(
                    count,
                    seconds,
                    (found[0].seconds if found else seconds) / seconds,
                    max(row["peak_mb"] for row in told),
                    max(row["data_mb"] for row in told),
                    size,
                )
            )
    return found


def _timed(size: Size, index: int, workers: int) -> dict[str, float]:
    """Seconds and memory of one worker, beyond what the same work on hardly any data holds."""
    _steps(replace(size, regions=2 * workers, steps=1), index, workers)
    before = _memory()
    times = _steps(size, index, workers)
    peak = _memory()
    return {"seconds": float(np.median(times)), "peak_mb": peak, "data_mb": peak - before}


def _steps(size: Size, index: int, workers: int) -> list[float]:
    """Seconds of each step of one worker."""
    import torch

    from mmm.train.descent import Schedule
    from mmm.train.prepare import pose
    from mmm.train.stacked import Step, Training, descend

    torch.set_num_threads(1)
    own = cut_regions(np.full(size.regions, size.weeks), workers)
    shards: Shards = group_of(own, index)
    panel, spec = _panel(size, own[index]), _spec(size)
    problem = pose(spec, panel, size.weeks - 13, shards, survey=Survey(""), with_graph=False)
    weight = torch.ones(size.members, 1, 1).to(problem.inputs.kpi_GT) * problem.inputs.trained_GT
    training = Training(
        spec=problem.spec,
        scales=problem.scales,
        inputs=problem.inputs,
        target=problem.target(problem.inputs, weight, {}, None),
        start=problem.start(size.members, 0),
        schedule=Schedule(1_000_000, 0.05, 10.0),
        watch=lambda _: False,
        shards=shards,
    )
    times: list[float] = []
    last = time.perf_counter()

    def watch(step: Step) -> bool:
        nonlocal last
        now = time.perf_counter()
        if step.epoch > WARM_UP:
            times.append(now - last)
        last = now
        return step.epoch >= WARM_UP + size.steps

    descend([replace(training, watch=watch)])
    return times


def _memory() -> float:
    """Most memory this process has held so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _panel(size: Size, own: slice) -> Panel:
    """The rows of some regions of a simulated panel, each region drawn by its own seed."""
    count, weeks, channels = own.stop - own.start, size.weeks, size.channels
    media_GTC = np.empty((count, weeks, channels))
    kpi_GT = np.empty((count, weeks))
    for row, region in enumerate(range(own.start, own.stop)):
        rng = np.random.default_rng([17, region])
        media_GTC[row] = rng.gamma(2.0, 50.0, (weeks, channels))
        kpi_GT[row] = 1000.0 + np.sqrt(media_GTC[row]).sum(-1) + 20.0 * rng.standard_normal(weeks)
    return Panel(
        regions=tuple(f"r{region:06d}" for region in range(own.start, own.stop)),
        dates=np.datetime64("2022-01-03", "D") + 7 * np.arange(weeks),
        frequency="weekly",
        channels=tuple(f"channel{c:02d}" for c in range(channels)),
        controls=(),
        present_GT=np.ones((count, weeks), dtype=bool),
        kpi_GT=kpi_GT,
        media_GTC=media_GTC,
        spend_GTC=media_GTC,
        has_spend_C=np.ones(channels, dtype=bool),
        has_exposure_C=np.zeros(channels, dtype=bool),
        controls_GTK=np.zeros((count, weeks, 0)),
        population_G=None,
        kpi_value_GT=np.ones((count, weeks)),
        currency="USD",
    )


def _spec(size: Size) -> MarketSpec:
    """The model's defaults on such a panel."""
    names = [f"channel{c:02d}" for c in range(size.channels)]
    return validate(
        MarketSpec,
        {
            "brand": "simulated",
            "market": "panel",
            "data": {"path": "simulated"},
            "columns": {
                "region": "region",
                "date": "date",
                "kpi": "kpi",
                "channels": {name: {"spend": name} for name in names},
            },
            "currency": "USD",
            "splits": {"holdout": 13},
            "train": {"members": size.members, "precision": size.precision},
        },
        "step times",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m jobs.benchmark.step_times", description=__doc__)
    for name, value in asdict(Size()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--address")
    options = vars(parser.parse_args(arguments))
    workers, address = options.pop("workers"), options.pop("address")
    for found in step_times(Size(**options), workers, address=address):
        sys.stdout.write(
            f"{found.workers} workers: {1e3 * found.seconds:.0f} ms a step, {found.speedup:.2f}x, "
            f"{found.peak_mb:.0f} MB, of which data {found.data_mb:.0f} MB\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
