"""Fits of this product in a process of their own: ``python -m jobs.benchmark.worker FOLDER``.

Reads ``job.json``, writes ``answer.json`` and ``predicted.npy``, as the peers' programs do. A job with an
``axis`` times fits of growing size: set-up, calibration and the channel graph count.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from jobs.benchmark.case import world_case
from jobs.benchmark.figures import BenchmarkError
from mmm.analysis.attribution import contribution_draws, effects_table, predictions_table
from mmm.analysis.curves import response_curves
from mmm.config import TrainSpec
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.fitted import Fitted
from mmm.planning.budget import plan_budget
from mmm.planning.scenario.evaluate import evaluate_scenario
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
    spec = case.spec.model_copy(
        update={"train": TrainSpec(inference="ensemble", members=members, epochs=epochs)}
    )
    found: list[float] = []
    while not found or (len(found) < REPEATS and found[0] < SHORT):
        started = time.perf_counter()
        fit(spec, case.read.panel, case.read.split)
        found.append(time.perf_counter() - started)
    return min(found)


def time_growth(folder: Path, job: dict[str, Any]) -> None:
    """Time every size; the first one twice over, so that nothing is measured cold."""
    axis, epochs, seed = job["axis"], job["epochs"], job["seed"]
    seconds_of(folder, axis, job["sizes"][0], min(epochs, 5), seed)
    seconds = [seconds_of(folder, axis, size, epochs, seed) for size in job["sizes"]]
    (folder / "answer.json").write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


def main(folder: Path) -> None:
    """Do the job of a folder."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    (time_growth if "axis" in job else answer_job)(folder, job)


def answer_job(folder: Path, job: dict[str, Any]) -> None:
    """Fit, ask, write."""
    spec = load_market(job["spec"], job["settings"])
    read = read_panel(spec)
    tuning = time.perf_counter()
    chosen: dict[str, Any] = {}
    if job["trials"]:
        from jobs.tune.search import search_in_process

        found = search_in_process(spec, read, trials=job["trials"])
        spec, chosen = found.spec, dict(found.settings)
    started = time.perf_counter()
    fitted = fit(spec, read.panel, read.split)
    seconds = time.perf_counter() - started
    np.save(folder / "predicted.npy", fitted.predictor.parts.prediction_MGT.mean(0))
    answer = {"seconds": seconds, "epochs": fitted.provenance["epochs"], **_effects(fitted), **_held(fitted)}
    if job["plan"]:
        answer |= _curves(fitted, job["multipliers"]) | _plan(fitted, job)
    if "reallocations" in job:
        answer["odds"] = _odds(fitted, job)
    if "truth" in job:
        answer["error_by_draw"] = error_by_draw(fitted, pd.read_parquet(job["truth"]))
    if job["trials"]:
        answer |= {"tuning_seconds": started - tuning, "settings": chosen}
    answer["analysis_seconds"] = time.perf_counter() - started - seconds
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _effects(fitted: Fitted) -> dict[str, Any]:
    table = effects_table(fitted).set_index("channel")
    answer: dict[str, Any] = {"direct": table["direct"].to_dict(), "graph_CC": fitted.graph.score_CC.tolist()}
    if fitted.members > 1:
        answer |= {"lower": table["direct_lower"].to_dict(), "upper": table["direct_upper"].to_dict()}
    return answer


def error_by_draw(fitted: Fitted, truth: pd.DataFrame) -> float:
    """Root mean squared error over weeks over the mean true contribution, mean over draws, regions, channels.

    Args:
        fitted: The model.
        truth: ``contribution_CHANNEL`` by ``date`` and ``geo``.
    """
    drawn_MGTC, panel = contribution_draws(fitted), fitted.panel
    errors = []
    for c, name in enumerate(panel.channels):
        true_GT = truth.pivot_table(f"contribution_{name}", "geo", "date").to_numpy()
        if len(panel.regions) > 1 and list(panel.regions) != sorted(truth["geo"].unique()):
            raise BenchmarkError("regions of the truth are not those of the panel")
        away_MG = np.sqrt(((drawn_MGTC[..., c] - true_GT) ** 2).mean(2))
        errors.append(away_MG / true_GT.mean(1))
    return float(np.mean(errors))


def _held(fitted: Fitted) -> dict[str, float]:
    """Share of held-out KPI values within their interval."""
    table = predictions_table(fitted)
    table = table[(table["split"] != "train") & table["actual"].notna()]
    return {"holdout_coverage": float(table["actual"].between(table["lower"], table["upper"]).mean())}


def _curves(fitted: Fitted, multipliers: list[float]) -> dict[str, Any]:
    table = response_curves(fitted, np.array(multipliers))
    return {
        "curves": {name: curve["response"].tolist() for name, curve in table.groupby("channel", sort=False)}
    }


def _request(job: dict[str, Any]) -> dict[str, Any]:
    """The money of the last periods once more, each channel within the case's bounds."""
    change = {"min_change": -job["change"], "max_change": job["change"]}
    return {"budget": "current", "horizon": job["horizon"], "default_bounds": change}


def _plan(fitted: Fitted, job: dict[str, Any]) -> dict[str, Any]:
    plan = plan_budget(fitted, _request(job))
    return {
        "plan": {name: plan.spend[name] / money for name, money in plan.current_spend.items() if money > 0}
    }


def _odds(fitted: Fitted, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Chance of a gain of the best plan, of its mirror image around the status quo, and of reallocations."""
    best = plan_budget(fitted, _request(job))
    current = {name: money for name, money in best.current_spend.items() if money > 0}
    factors = [best.spend[name] / money for name, money in current.items()]
    asked = {"best": factors, "mirrored": [2.0 - factor for factor in factors]}
    asked |= {f"random {place + 1}": plan for place, plan in enumerate(job["reallocations"])}
    plans = {
        kind: {"spend": {name: f * money for f, (name, money) in zip(own, current.items(), strict=True)}}
        for kind, own in asked.items()
    }
    shown = evaluate_scenario(fitted, {"horizon": job["horizon"], "plans": plans}).plans
    return [{"kind": plan.name, "factors": asked[plan.name], "chance": plan.chance_of_gain} for plan in shown]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
