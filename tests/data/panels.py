"""A small clean panel and its spec, for tests that spoil one thing in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

REGIONS = ("CA", "NY", "TX")
WEEKS = 60


def frame(regions: tuple[str, ...] = REGIONS, weeks: int = WEEKS, seed: int = 0) -> pd.DataFrame:
    """A weekly panel on Mondays from 2023-01-02: KPI, two channels, one control, population."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-02", periods=weeks, freq="7D").strftime("%Y-%m-%d")
    parts = []
    for index, region in enumerate(regions):
        tv, search = rng.gamma(2.0, 50.0, weeks).round(2), rng.gamma(2.0, 20.0, weeks).round(2)
        parts.append(
            pd.DataFrame(
                {
                    "region": region,
                    "date": dates,
                    "kpi": (1000.0 * (index + 1) + 2.0 * tv + rng.normal(0, 20, weeks)).round(1),
                    "population": 1_000_000 * (index + 1),
                    "tv": tv,
                    "search_spend": search,
                    "search_impressions": (search * 120 * rng.uniform(0.9, 1.1, weeks)).round(),
                    "price": rng.normal(10, 1, weeks).round(2),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def spec(path: str = "panel.csv") -> dict[str, Any]:
    """The spec of :func:`frame`."""
    return {
        "brand": "acme",
        "market": "us",
        "data": {"path": path},
        "columns": {
            "region": "region",
            "date": "date",
            "kpi": "kpi",
            "population": "population",
            "channels": {
                "tv": {"spend": "tv"},
                "search": {"spend": "search_spend", "exposure": "search_impressions"},
            },
            "controls": ["price"],
        },
        "splits": {"holdout": 8},
    }


def write(folder: Path, table: pd.DataFrame, values: dict[str, Any] | None = None, **csv: Any) -> Path:
    """Write a panel as CSV with its spec; the spec's path."""
    table.to_csv(folder / "panel.csv", index=False, **csv)
    return write_spec(folder, values or spec())


def write_spec(folder: Path, values: dict[str, Any]) -> Path:
    """Write a spec; its path."""
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path
