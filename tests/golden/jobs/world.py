"""Two small markets as files: panels of whole numbers, the same on every machine, and specs of them.

It uses no simulator, so that a change of one moves no golden.

Shapes: T periods, C channels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

CHANNELS = ("tv", "search")
PERIODS = 64
QUICK = {"inference": "ensemble", "members": 2, "epochs": 60, "validation": 0}
"""A fit that takes a second or two."""

COLUMNS: dict[str, Any] = {
    "date": "date",
    "kpi": "sales",
    "channels": {"tv": {"spend": "tv_spend", "exposure": "tv_grps"}, "search": {"spend": "search_spend"}},
    "controls": ["price"],
}


def panel(seed: int, regions: tuple[str, ...] = ()) -> pd.DataFrame:
    """Weekly rows: spend moves the KPI at once, on a level with whole-number noise.

    Args:
        seed: Of the draws.
        regions: Names of regions; none makes a national panel.
    """
    generator = np.random.default_rng(seed)
    frames = []
    for region in regions or ("",):
        spend_TC = generator.integers(20, 200, (PERIODS, len(CHANNELS)))
        noise_T = generator.integers(-30, 31, PERIODS)
        price_T = generator.integers(8, 13, PERIODS)
        frame = pd.DataFrame({
            "date": pd.date_range("2023-01-02", periods=PERIODS, freq="7D").strftime("%Y-%m-%d"),
            "tv_spend": spend_TC[:, 0],
            "tv_grps": 3 * spend_TC[:, 0],
            "search_spend": spend_TC[:, 1],
            "price": price_T,
            "sales": 1500 + 2 * spend_TC[:, 0] + spend_TC[:, 1] - 20 * price_T + noise_T,
        })  # fmt: skip
        if region:
            frame.insert(0, "region", region)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def national(path: str = "us.csv") -> dict[str, Any]:
    """Spec of a national market without graph and without varying effectiveness."""
    return {
        "brand": "acme",
        "market": "us",
        "data": {"path": path},
        "columns": COLUMNS,
        "kpi_value": 2,
        "splits": {"holdout": 6, "test": 5},
        "model": {"graph": {"mode": "none"}, "temporal": {"enabled": False}},
        "train": QUICK,
    }


def regional(path: str = "de.csv") -> dict[str, Any]:
    """Spec of a market of two regions with a graph in a given order and varying effectiveness."""
    return {
        "brand": "acme",
        "market": "de",
        "data": {"path": path},
        "columns": {"region": "region", **COLUMNS},
        "currency": "EUR",
        "splits": {"holdout": 6},
        "model": {"graph": {"mode": "triangular", "order": ["tv", "search"]}, "temporal": {"hidden": 3}},
        "train": QUICK,
    }


def sweep(path: str = "us.csv") -> dict[str, Any]:
    """Spec of the national market with a space of three settings, drawn at random throughout."""
    space = {
        "model.saturation.slope_min": {"low": 1.0, "high": 2.0},
        "model.loss.l2": {"low": 1e-5, "high": 1e-1, "log": True},
        "model.adstock.family": {"values": ["geometric", "weibull"]},
    }
    return {**national(path), "tune": {"space": space, "startup": 10, "origins": 2, "prune": False}}


def write_world(folder: Path) -> None:
    """Write ``us.csv``, ``de.csv``, ``portfolio.yaml`` and ``sweep.yaml`` into a folder."""
    panel(3).to_csv(folder / "us.csv", index=False)
    panel(4, ("BY", "NW")).to_csv(folder / "de.csv", index=False)
    for name, content in (("portfolio", {"markets": [national(), regional()]}), ("sweep", sweep())):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
