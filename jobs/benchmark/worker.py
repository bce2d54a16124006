"""One fit of this product in a process of its own: ``python -m jobs.benchmark.worker FOLDER``.

Reads ``job.json``, writes ``answer.json`` and ``predicted.npy``, as the peers' programs do.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmm.analysis.attribution import effects_table, predictions_table
from mmm.analysis.curves import response_curves
from mmm.config.files import load_market
from mmm.data.read import read_panel
from mmm.fitted import Fitted
from mmm.planning.planner import plan_budget
from mmm.train.fit import fit


def main(folder: Path) -> None:
    """Fit, ask, write."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
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


def _plan(fitted: Fitted, job: dict[str, Any]) -> dict[str, Any]:
    change = {"min_change": -job["change"], "max_change": job["change"]}
    request = {"budget": "current", "horizon": job["horizon"], "default_bounds": change}
    plan = plan_budget(fitted, request)
    return {
        "plan": {name: plan.spend[name] / money for name, money in plan.current_spend.items() if money > 0}
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
