"""Seconds of fits of growing size, in one process: ``python -m jobs.benchmark.suites.growth FOLDER``.

Reads ``job.json`` (axis, sizes, epochs, seed, threads), writes ``answer.json``. Every fit has as many
epochs; set-up, calibration and the channel graph count.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from jobs.benchmark.case import world_case
from mmm.config import TrainSpec
from mmm.simulate.portfolio import Design, simulate_market
from mmm.train.fit import fit

BASE = Design(regions=24, weeks=104, channels=8)
MEMBERS = 2
REPEATS = 2
SHORT = 5.0
"""Seconds below which a fit is timed twice."""


def designs_along(axis: str, size: int) -> Design:
    """The market of this size along an axis; members are no matter of the market."""
    if axis == "regions":
        return replace(BASE, regions=size)
    if axis == "weeks":
        return replace(BASE, weeks=size)
    return replace(BASE, channels=size) if axis == "channels" else BASE


def seconds_of(folder: Path, axis: str, size: int, epochs: int, seed: int) -> float:
    """Wall time of one fit; of a short one the quicker of two."""
    design = designs_along(axis, size)
    case = world_case(simulate_market(design, seed=seed), folder / f"{axis}-{size}", f"{size} {axis}")
    members = size if axis == "members" else MEMBERS
    spec = case.spec.model_copy(update={"train": TrainSpec(members=members, epochs=epochs)})
    found: list[float] = []
    while not found or (len(found) < REPEATS and found[0] < SHORT):
        started = time.perf_counter()
        fit(spec, case.read.panel, case.read.split)
        found.append(time.perf_counter() - started)
    return min(found)


def main(folder: Path) -> None:
    """Time every size; the first one twice over, so that nothing is measured cold."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    axis, epochs, seed = job["axis"], job["epochs"], job["seed"]
    seconds_of(folder, axis, job["sizes"][0], min(epochs, 5), seed)
    seconds = [seconds_of(folder, axis, size, epochs, seed) for size in job["sizes"]]
    (folder / "answer.json").write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
