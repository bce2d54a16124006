"""Sweeps for tests: a small market, and scores without fits where the fit is not what is tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from jobs.tune.trial import OriginScore, Settings, SweepData, prepare_sweep
from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec
from mmm.data.read import PanelRead
from mmm.data.split import Split
from mmm.simulate.portfolio import write_portfolio
from tests.small import market, small_panel

SLOPE, L2 = "model.saturation.slope_min", "model.loss.l2"
GRU, SIZE = "model.temporal.enabled", "model.temporal.hidden"
SPACE = {
    SLOPE: {"low": 1.0, "high": 2.0},
    L2: {"low": 1e-5, "high": 1e-1, "log": True},
    GRU: {"values": [True, False]},
    SIZE: {"low": 2, "high": 16, "when": {GRU: [True]}},
}
HOLDOUT, TEST, PERIODS = 6, 5, 70


def sweep_of(**tune: Any) -> tuple[MarketSpec, PanelRead]:
    """A market of two regions with a test window; fits of it take a second."""
    panel = small_panel(regions=2, periods=PERIODS, channels=2)
    settings = {"space": SPACE, "startup": 3, **tune}
    spec = market(panel, holdout=HOLDOUT, train={"epochs": 20, "validation": 0, "members": 1}, tune=settings)
    spec = spec.model_copy(update={"splits": spec.splits.model_copy(update={"test": TEST})})
    return spec, PanelRead(panel, Split(PERIODS - HOLDOUT - TEST, HOLDOUT, TEST), ())


def data_of(**tune: Any) -> SweepData:
    """Its data."""
    spec, read = sweep_of(**tune)
    return prepare_sweep(spec, read.panel, read.split)


def origin(score: float, shares: dict[str, float] | None = None) -> OriginScore:
    """A score that no fit made."""
    return OriginScore(score, {"r2": score}, shares or {"tv": 0.1, "search": 0.1}, 20, ((10, 0.5),), 0.01)


def pretended(data: SweepData, settings: Settings, place: int) -> OriginScore:
    """A score that is best at a slope of 1.3 and a small L2; origins differ more than settings do."""
    slope = float(settings.get(SLOPE, data.spec.model.saturation.slope_min))  # type: ignore[arg-type]
    decay = float(settings.get(L2, data.spec.model.loss.l2))  # type: ignore[arg-type]
    score = 0.9 - 0.1 * place - 0.2 * (slope - 1.3) ** 2 - 0.1 * decay
    return origin(score, {"tv": 0.1 + 0.01 * place * slope, "search": 0.1})


def row(number: int, *scores: float, **settings: Any) -> TrialRow:
    """A done trial with these scores."""
    values = {} if number == 0 else {SLOPE: 1.0 + number / 10, **settings}
    return TrialRow(number, "done", values, values, tuple(origin(score) for score in scores))


def stopped(number: int, *scores: float) -> TrialRow:
    """A trial given up early."""
    return replace(row(number, *scores), state="stopped", reason="not in the better half")


def write_spec(folder: Path, **more: Any) -> Path:
    """Spec of a simulated market whose trials take a second; returns its file."""
    path = write_portfolio(folder / "data", brands=1, markets=1, regions=1, weeks=90, channels=2, seed=5)
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))["defaults"]
    panel = path.parent / "panel" / "brand=acme" / "market=us" / "part-0.parquet"
    found = next(path.parent.glob("panel/brand=*/market=*/*.parquet"), panel)
    spec |= {
        "brand": "acme",
        "market": "us",
        "data": {"path": str(found)},
        "splits": {"holdout": HOLDOUT, "test": TEST},
        "model": {"graph": {"mode": "none"}},
        "train": {"members": 1, "epochs": 20, "validation": 0},
        "tune": {"space": SPACE, "startup": 2, "origins": 2},
        **more,
    }
    target = folder / "spec.yaml"
    target.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return target
