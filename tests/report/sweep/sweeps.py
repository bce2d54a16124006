"""A sweep as its page gets it, drawn from a formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mmm.report.sweep.record import Sweep

CHANNELS = ("tv", "search", "social", "video")


def sweep_of(trials: int = 20, origins: int = 3, *, chosen: int = 7, test: bool = True) -> Sweep:
    """Trials of which every third was given up early and one failed; trial 0 has the spec's own settings."""
    rng = np.random.default_rng(0)
    number = np.arange(trials)
    state = np.where((number % 3 == 2) & (number != chosen), "stopped", "done").astype(object)
    if trials > 5:
        state[5] = "failed"
    score = 0.9 + 0.01 * rng.standard_normal(trials)
    score[min(chosen, trials - 1)] = 0.95
    table = pd.DataFrame({
        "number": number, "state": state, "score": np.where(state == "failed", np.nan, score),
        "level": np.where(state == "failed", np.nan, score), "instability": rng.uniform(0.02, 0.2, trials),
        "origins": np.where(state == "stopped", 1, origins), "seconds": 12.5, "front": number % 4 == 0,
        "chosen": number == min(chosen, trials - 1), "reason": np.where(state == "failed", "nan", ""),
    })  # fmt: skip
    settings = pd.DataFrame({
        "model.saturation.slope_min": rng.uniform(1, 2, trials),
        "model.loss.l2": 10 ** rng.uniform(-5, -1, trials),
        "model.adstock.family": rng.choice(["geometric", "weibull"], trials),
        "model.temporal.enabled": pd.Series(rng.random(trials) < 0.5, dtype=object),
        "model.temporal.hidden": pd.Series([2 + n if n % 2 else None for n in number], dtype=float),
    })  # fmt: skip
    dates = pd.date_range("2024-01-01", periods=origins, freq="8W")
    done = table[table["state"] == "done"]["number"]
    cells = [(n, date, score[n] - 0.02 * k) for n in done for k, date in enumerate(dates)]
    shares = [(n, name, 0.1 + 0.01 * n / trials) for n in done for name in CHANNELS]
    return Sweep(
        brand="acme", market="us", kpi="kpi", score="r2", objective="score", trials=table, settings=settings,
        origins=pd.DataFrame(cells, columns=["number", "origin", "score"]).assign(naive=0.9),
        shares=pd.DataFrame(shares, columns=["number", "channel", "share"]),
        importances={"model.loss.l2": 0.6, "model.saturation.slope_min": 0.4} if trials > 5 else {},
        changed={"model.loss.l2": 0.01, "model.temporal.enabled": False} if chosen else {},
        reason="Trial 7 scored more.",
        test={"default": _scores(0.91), "tuned": _scores(0.93)} if test else {},
    )  # fmt: skip


def _scores(value: float) -> dict[str, Any]:
    return {"r2": value, "mae": 3.0, "naive": {"last_value": {"r2": 0.9, "mae": 3.5}}}
