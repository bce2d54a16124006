"""Simulated markets fitted as a user would, and what naive estimators say of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from mmm.config.files import load_market
from mmm.data.panel import Floats
from mmm.data.read import PanelRead, read_panel
from mmm.fitted import Fitted
from mmm.simulate.portfolio import Design, simulate_market
from mmm.simulate.worlds import World
from mmm.train.fit import fit

HOLDOUT = 13
SETTINGS = ("train.members=1", "train.threads=1", "model.saturation.slope_min=1")


def fit_world(design: Design, seed: int, folder: Path, *settings: str) -> tuple[World, PanelRead, Fitted]:
    """A world drawn, written, read and fitted."""
    world = simulate_market(design, seed=seed)
    world.frame().to_parquet(folder / "panel.parquet", index=False)
    regional = {"region": "region", "population": "population"} if len(world.regions) > 1 else {}
    channels = {
        name: {"spend": f"{name}_spend"} | ({"exposure": f"{name}_impressions"} if shown else {})
        for name, shown in zip(world.channels, world.has_exposure_C, strict=True)
    }
    values = {
        "brand": "acme",
        "market": "us",
        "data": {"path": "panel.parquet"},
        "columns": {
            **regional,
            "date": "date",
            "kpi": "kpi",
            "channels": channels,
            "controls": list(world.controls),
        },
        "kpi_value": world.kpi_value,
        "splits": {"holdout": HOLDOUT},
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    spec = load_market(str(folder / "spec.yaml"), [*SETTINGS, *settings])
    read = read_panel(spec)
    return world, read, fit(spec, read.panel, read.split)


def true_direct(world: World) -> Floats:
    """KPI each channel truly caused over the training window."""
    return np.asarray(world.direct_GTC[:, :-HOLDOUT].sum((0, 1)))


def found_direct(fitted: Fitted) -> Floats:
    """The same as the model says."""
    return np.asarray(fitted.predictor.parts.channels_MGTC.mean(0)[:, :-HOLDOUT].sum((0, 1)))


def error(estimate_C: Floats, truth_C: Floats) -> float:
    """KPI credited to the wrong place, relative to what all media caused."""
    return float(np.abs(estimate_C - truth_C).sum() / truth_C.sum())


def by_spend(world: World) -> Floats:
    """Negative control: the media's true total, handed out by share of spend."""
    spend_C = world.spend_GTC[:, :-HOLDOUT].sum((0, 1))
    return np.asarray(spend_C / spend_C.sum() * true_direct(world).sum())


def by_correlation(world: World) -> Floats:
    """Negative control: the media's true total, handed out by correlation of spend with the KPI."""
    kpi = world.kpi_GT[:, :-HOLDOUT].ravel()
    spend_NC = world.spend_GTC[:, :-HOLDOUT].reshape(len(kpi), -1)
    strength_C = np.array([max(np.corrcoef(spend_N, kpi)[0, 1], 0.0) for spend_N in spend_NC.T])
    return np.asarray(strength_C / strength_C.sum() * true_direct(world).sum())
