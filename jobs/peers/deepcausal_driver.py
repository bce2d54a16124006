"""One fit of the published deepcausalmmm, run by the Python of its own environment: FOLDER in, answer out.

Imports nothing of this repository. Reads ``panel.npz`` and ``job.json``; writes ``predicted.npy`` and
``answer.json``. Settings are the package's own defaults; the steps are those of the package's examples:
pipeline, trainer, response curves fitted to weekly contributions, budget from those curves.

Shapes: G regions, T periods, C channels, K controls, P points of a curve.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from deepcausalmmm.core import get_default_config  # type: ignore[import-not-found]
from deepcausalmmm.core.data import UnifiedDataPipeline  # type: ignore[import-not-found]
from deepcausalmmm.core.trainer import ModelTrainer  # type: ignore[import-not-found]
from deepcausalmmm.postprocess.optimization import optimize_budget_from_curves  # type: ignore[import-not-found]
from deepcausalmmm.postprocess.optimization_utils import fit_response_curves_batch  # type: ignore[import-not-found]

INPUTS = ("X_media", "X_control", "R", "y")


class TimedTrainer(ModelTrainer):
    """The package's trainer, with a stopwatch on its epochs."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.epoch_seconds: list[float] = []
        self.warm_seconds = 0.0

    def train_epoch(self, *args: Any, **kwargs: Any) -> Any:
        """One epoch, timed."""
        started = time.perf_counter()
        result = super().train_epoch(*args, **kwargs)
        self.epoch_seconds.append(time.perf_counter() - started)
        return result

    def warm_start_training(self, *args: Any, **kwargs: Any) -> None:
        """The warm start, timed."""
        started = time.perf_counter()
        super().warm_start_training(*args, **kwargs)
        self.warm_seconds = time.perf_counter() - started


def filled(values_GTN: np.ndarray) -> np.ndarray:
    """Gaps closed as the package's example closes them: forward, then backward, then the mean."""
    regions, periods, series = values_GTN.shape
    frame = pd.DataFrame(values_GTN.reshape(-1, series))
    rows = np.repeat(np.arange(regions), periods)
    frame = frame.groupby(rows, sort=False).transform(lambda column: column.ffill().bfill())
    return frame.fillna(frame.mean()).to_numpy(np.float32).reshape(values_GTN.shape)


def fit(panel: dict[str, np.ndarray], job: dict[str, Any]) -> tuple[Any, TimedTrainer, list[dict[str, Any]]]:
    """Train as ``examples/dashboard_rmse_optimized.py`` does."""
    config = get_default_config() | job["settings"]
    torch.manual_seed(job["seed"])
    np.random.seed(job["seed"])  # noqa: NPY002 - what the package draws from
    media_GTC, kpi_GT = panel["media_GTC"].astype(np.float32), filled(panel["kpi_GT"][..., None])[..., 0]
    controls_GTK = panel["controls_GTK"]
    controls_GTK = filled(controls_GTK) if controls_GTK.shape[2] else np.ones((*kpi_GT.shape, 1), np.float32)
    pipeline = UnifiedDataPipeline(config)
    ratio = (job["holdout"] + 0.5) / kpi_GT.shape[1]
    train, holdout = pipeline.temporal_split(media_GTC, controls_GTK, kpi_GT, ratio)
    windows = [pipeline.fit_and_transform_training(train), pipeline.transform_holdout(holdout)]
    trainer = TimedTrainer(config)
    trainer.create_model(media_GTC.shape[2], controls_GTK.shape[2], kpi_GT.shape[0])
    trainer.create_optimizer_and_scheduler()
    inputs = [window[name] for window in windows for name in INPUTS]
    trainer.train(*inputs, pipeline=pipeline, verbose=False)
    return pipeline, trainer, windows


def outcome(pipeline: Any, model: Any, window: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Prediction GT and contributions GTC of a window in KPI units, padding removed."""
    model.eval()
    pad, scaler = pipeline.padding_weeks, pipeline.get_scaler()
    with torch.no_grad():
        scaled_GT, _, media_GTC, outputs = model(window["X_media"], window["X_control"], window["R"])
    parts = scaler.inverse_transform_contributions(
        media_contributions=media_GTC[:, pad:], prediction_scale=outputs["prediction_scale"]
    )
    return scaler.inverse_transform_target(scaled_GT[:, pad:]).numpy(), parts["media"].numpy()


def curves_and_plan(
    panel: dict[str, np.ndarray], job: dict[str, Any], weekly_TC: np.ndarray
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Responses over the training window by multiplier, and the plan as factors on the last spend."""
    channels, weeks = job["channels"], len(weekly_TC)
    spend_TC, media_TC = panel["spend_GTC"].sum(0), panel["media_GTC"].sum(0)
    frames = [
        pd.DataFrame(
            {
                "week_monday": pd.date_range("2023-01-02", periods=weeks, freq="7D"),
                "channel": name,
                "spend": spend_TC[:weeks, c],
                "impressions": media_TC[:weeks, c],
                "predicted": weekly_TC[:, c],
            }
        )
        for c, name in enumerate(channels)
    ]
    fitted, table = fit_response_curves_batch(pd.concat(frames, ignore_index=True))
    curves = {}
    for name, curve in fitted.items():
        amount_PT = np.outer(job["multipliers"], spend_TC[:weeks, channels.index(name)])
        reached_PT = 1.0 / (1.0 + (curve["saturation"] / np.maximum(amount_PT, 1e-9)) ** curve["slope"])
        curves[name] = (curve["bottom"] + (curve["top"] - curve["bottom"]) * reached_PT).sum(1).tolist()
    now = dict(zip(channels, spend_TC[-job["horizon"] :].sum(0).tolist(), strict=True))
    if len(table) < len(channels):
        return curves, {}
    bounds = {
        name: {"lower": (1 - job["change"]) * money, "upper": (1 + job["change"]) * money}
        for name, money in now.items()
    }
    plan = optimize_budget_from_curves(sum(now.values()), table, num_weeks=job["horizon"], constraints=bounds)
    return curves, {name: plan.allocation[name] / now[name] for name in channels} if plan.success else {}


def main(folder: Path) -> None:
    """Fit, ask, write."""
    logging.disable(logging.CRITICAL)
    job = json.loads((folder / "job.json").read_text())
    torch.set_num_threads(job["threads"])
    with np.load(folder / "panel.npz") as arrays:
        panel = dict(arrays)
    started = time.perf_counter()
    pipeline, trainer, (seen, ahead) = fit(panel, job)
    seconds = time.perf_counter() - started
    seen_GT, media_GTC = outcome(pipeline, trainer.model, seen)
    ahead_GT, _ = outcome(pipeline, trainer.model, ahead)
    np.save(folder / "predicted.npy", np.concatenate([seen_GT, ahead_GT], 1))
    answer: dict[str, Any] = {
        "seconds": seconds,
        "epochs": len(trainer.epoch_seconds),
        "default_epochs": get_default_config()["n_epochs"] + get_default_config()["warm_start_epochs"],
        "epoch_seconds": float(np.median(trainer.epoch_seconds)),
        "trained_seconds": float(np.sum(trainer.epoch_seconds)) + trainer.warm_seconds,
        "direct": dict(zip(job["channels"], media_GTC.sum((0, 1)).astype(float).tolist(), strict=True)),
        "graph_CC": trainer.model.get_dag_adjacency_matrix().tolist(),
    }
    if job["plan"]:
        answer["curves"], answer["plan"] = curves_and_plan(panel, job, media_GTC.sum(0))
    (folder / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
