"""``python -m jobs.stress.gpu_check``: what a GPU does for training and sampling, in five minutes at most.

On one machine with a GPU and no network: trains a regional panel on the CPU and on the GPU and says how far
they differ (floor: 1e-4 in channel totals, in double precision), trains it over one and two shards, and says
time a step and posterior draws a second. Prints JSON with the machine's name; whoever runs it puts the
figures into docs/benchmark.md.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from jobs.command import DONE, FAILED, run_command, say
from jobs.options import count, job_parser, positive
from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.panel import Floats
from mmm.data.read import PanelRead, panel_from_frame
from mmm.errors import MMMError
from mmm.fitted import Fitted
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.portfolio import shared_spec

FLOOR = 1e-4
"""Largest relative difference of channel totals between devices."""
ROUNDING_STEPS = 60
"""Steps after which devices are compared: what they do alike, not where rounding takes them."""


class NoGpuError(MMMError, RuntimeError):
    """A machine without a usable GPU."""


def problem(regions: int, weeks: int) -> tuple[MarketSpec, PanelRead]:
    """A simulated market and its panel."""
    world = simulate_market(Design(regions=regions, weeks=weeks))
    values = {"brand": "acme", "market": "us", "data": {"path": "none"}, **shared_spec(world)}
    values["model"] = {"graph": {"mode": "none"}}
    spec = validate(MarketSpec, values, "gpu check")
    return spec, panel_from_frame(world.frame(), spec)


def fitted(spec: MarketSpec, read: PanelRead, device: str, **train: Any) -> tuple[Fitted, float]:
    """A fit on a device, and its seconds."""
    from mmm.train.fit import fit

    settings = {"inference": "ensemble", "members": 1, "validation": 0, "device": device, **train}
    chosen = spec.model_copy(update={"train": spec.train.model_copy(update=settings)})
    synchronise(device)
    started = time.perf_counter()
    found = fit(chosen, read.panel, read.split, with_graph=False)
    synchronise(device)
    return found, time.perf_counter() - started


def synchronise(device: str) -> None:
    """Wait for what a device still has to do."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def totals(model: Fitted) -> Floats:
    """What every channel brings over the training window, shape C."""
    found: Floats = model.predictor.parts.channels_MGTC.mean(0)[:, : model.trained_until].sum((0, 1))
    return found


def checks(
    device: str, budget: float, steps: int, *, regions: int = 40, weeks: int = 156
) -> Iterator[tuple[str, Any]]:
    """Figures as they come, until the time is up."""
    ends = time.monotonic() + budget
    spec, read = problem(regions, weeks)
    alike = {"epochs": ROUNDING_STEPS, "precision": "float64"}
    here, _ = fitted(spec, read, "cpu", **alike)
    there, _ = fitted(spec, read, device, **alike)
    difference = float(np.abs(totals(there) / totals(here) - 1.0).max())
    yield "difference", difference
    for precision in ("float32", "float64"):
        for name in ("cpu", device):
            if time.monotonic() > ends:
                return
            _, seconds = fitted(spec, read, name, epochs=steps, precision=precision, members=8)
            yield f"ms_per_step.{precision}.{name}", round(1e3 * seconds / steps, 2)
    if time.monotonic() > ends:
        return
    model, seconds = fitted(spec, read, device, epochs=steps, inference="posterior", members=2, draws=200)
    yield "posterior_draws_per_second", round(model.members / seconds, 2)
    yield "posterior_sampling", model.provenance.get("sampling", {}).get("draws")


def shard_times(steps: int) -> Iterator[tuple[str, Any]]:
    """Seconds a step over one and two shards, each a process of its own on the GPU."""
    import tempfile
    from pathlib import Path

    from jobs.train.command import main as train

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        world = simulate_market(Design(regions=40, weeks=156))
        world.frame().to_parquet(folder / "panel.parquet", index=False)
        values = {"brand": "acme", "market": "us", "data": {"path": "panel.parquet"}, **shared_spec(world)}
        (folder / "spec.yaml").write_text(json.dumps(values), encoding="utf-8")
        quick = [
            "train.inference=ensemble",
            "train.members=1",
            f"train.epochs={steps}",
            "train.validation=0",
            "model.graph.mode=none",
        ]
        sets = [word for setting in quick for word in ("--set", setting)]
        for workers in (1, 2):
            started = time.perf_counter()
            out = ["--out", str(folder / f"model{workers}"), "--tracking", "none", "--no-report"]
            status = train(
                [str(folder / "spec.yaml"), "--workers", str(workers), "--gpu", "auto", *out, *sets]
            )
            yield f"shards.{workers}.status", status
            yield f"shards.{workers}.seconds", round(time.perf_counter() - started, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = job_parser("jobs.stress.gpu_check", "Hold a GPU against the CPU, in minutes.")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1; cpu tries the script itself")
    parser.add_argument("--seconds", type=positive, default=180.0, help="until nothing new begins (180)")
    parser.add_argument("--steps", type=count, default=100, help="steps of each timed training (100)")
    parser.add_argument("--no-shards", dest="shards", action="store_false", help="no jobs.train over shards")
    options = parser.parse_args(arguments)

    def work() -> int:
        if options.device.startswith("cuda") and not torch.cuda.is_available():
            raise NoGpuError("This machine has no usable GPU. Try the script itself with --device cpu.")
        name = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.processor()
        figures: dict[str, Any] = {"device": name, "torch": torch.__version__, "host": platform.node()}
        for key, value in checks(options.device, options.seconds, options.steps):
            figures[key] = value
            say(f"{key} {value}")
        if options.shards:
            figures |= dict(shard_times(options.steps))
        say(json.dumps(figures, indent=2))
        return DONE if figures["difference"] <= FLOOR else FAILED

    return run_command(work, "interrupted")


if __name__ == "__main__":
    sys.exit(main())
