"""Cases: a panel with its spec in a folder of its own, the same for every method that is asked about it.

Shapes: G regions, T periods, C channels, K controls, P points of a curve.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from jobs.benchmark.figures import BenchmarkError
from mmm.config import MarketSpec
from mmm.config.files import dump_yaml, load_market
from mmm.data.panel import Floats
from mmm.data.read import PanelRead, read_panel
from mmm.simulate.portfolio import shared_spec
from mmm.simulate.truth import CURVE_MULTIPLIERS
from mmm.simulate.worlds import World

HORIZON = 13
"""Periods of a budget plan."""
CHANGE = 0.5
"""Largest relative change of a channel's spend in a plan."""


@dataclass(frozen=True)
class Case:
    """A panel that methods are asked about.

    Attributes:
        name: For people.
        folder: Holds ``spec.yaml`` and one folder for each method that was asked.
    """

    name: str
    folder: Path

    @cached_property
    def spec(self) -> MarketSpec:
        """The market."""
        return load_market(str(self.folder / "spec.yaml"))

    @cached_property
    def read(self) -> PanelRead:
        """The panel and its windows."""
        return read_panel(self.spec)

    @cached_property
    def last_spend_C(self) -> Floats:
        """Spend of the last ``HORIZON`` periods, by channel: the money of a plan."""
        spend_C: Floats = self.read.panel.spend_GTC[:, -HORIZON:].sum((0, 1))
        return spend_C

    def folder_of(self, method: str) -> Path:
        """An empty folder for what a method reads and writes."""
        folder = self.folder / method.replace(" ", "-").replace(",", "")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write_job(self, folder: Path, **job: Any) -> None:
        """``job.json``: what is asked of a program that answers with ``answer.json``."""
        panel = self.read.panel
        asked = {
            "spec": str(self.folder / "spec.yaml"),
            "channels": list(panel.channels),
            "holdout": self.read.split.n_holdout + self.read.split.n_test,
            "horizon": HORIZON,
            "change": CHANGE,
            "multipliers": CURVE_MULTIPLIERS.tolist(),
            "plan": bool(panel.has_spend_C.all()),
            **job,
        }
        (folder / "job.json").write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")

    def write_arrays(self, folder: Path) -> None:
        """``panel.npz``: the panel dense, NaN where a KPI or a control is not known."""
        panel = self.read.panel
        np.savez(
            folder / "panel.npz",
            kpi_GT=panel.kpi_GT,
            media_GTC=panel.media_GTC,
            spend_GTC=panel.spend_GTC,
            controls_GTK=np.where(panel.present_GT[..., None], panel.controls_GTK, np.nan),
        )


def world_case(
    world: World, folder: Path, name: str, *, weeks: int | None = None, holdout: int = HORIZON
) -> Case:
    """A simulated world as a user would have it, its last ``weeks`` cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = world.frame()
    if weeks:
        frame = frame[frame["date"] < pd.Timestamp(world.dates[-weeks])]
    frame.to_parquet(folder / "panel.parquet", index=False)
    spec = {
        "brand": world.brand,
        "market": world.market,
        "data": {"path": "panel.parquet"},
        **shared_spec(world),
        "splits": {"holdout": holdout, "test": 0},
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return Case(name, folder)


def windowed_case(spec: MarketSpec, folder: Path, name: str, *, periods: int, holdout: int) -> Case:
    """The first ``periods`` periods of a panel, the last ``holdout`` of them held out.

    A region without a KPI in its training window has no level to forecast from and is left out.

    Raises:
        PanelError: The panel has problems.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dates = read_panel(spec).panel.dates
    frame = pd.read_parquet(spec.data.path)
    column = spec.columns.date
    when = pd.to_datetime(frame[column])
    training = frame[when <= pd.Timestamp(dates[periods - holdout - 1])]
    frame = frame[when <= pd.Timestamp(dates[periods - 1])]
    if (region := spec.columns.region) is not None:
        frame = frame[frame[region].isin(training.loc[training[spec.columns.kpi] > 0, region].unique())]
    frame.to_parquet(folder / "panel.parquet", index=False)
    own = spec.model_copy(
        update={
            "data": spec.data.model_copy(update={"path": "panel.parquet"}),
            "splits": spec.splits.model_copy(update={"holdout": holdout, "test": 0}),
        }
    )
    (folder / "spec.yaml").write_text(dump_yaml(own), encoding="utf-8")
    return Case(name, folder)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method says about a case.

    Attributes:
        seconds: Wall time of the fit, reading and imports left out.
        direct_C: Contribution of every channel over the training window; None if it gives none.
        lower_C: Lower end of its 90 % interval; None without intervals.
        upper_C: Upper end.
        curves_CP: Contribution if the channel's history is scaled by ``CURVE_MULTIPLIERS``.
        plan_C: Factor on each channel's last spend, same money in all.
        predicted_GT: KPI of every period of the case.
        score_CC: Evidence for channels moving one another, [cause, effect].
        peak_mb: Largest memory of its process.
        more: Whatever else it measured.
    """

    seconds: float
    direct_C: Floats | None = None
    lower_C: Floats | None = None
    upper_C: Floats | None = None
    curves_CP: Floats | None = None
    plan_C: Floats | None = None
    predicted_GT: Floats | None = None
    score_CC: Floats | None = None
    peak_mb: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def read_answer(folder: Path, channels: Sequence[str], peak_mb: float | None) -> Answer:
    """The answer a program left in its folder.

    Raises:
        BenchmarkError: It left none, or one of another kind.
    """
    try:
        said = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
        predicted = folder / "predicted.npy"

        def by_channel(name: str) -> Floats | None:
            values = said.get(name) or {}
            known = len(values) == len(channels)
            return np.array([values[c] for c in channels], dtype=np.float64) if known else None

        return Answer(
            seconds=float(said["seconds"]),
            direct_C=by_channel("direct"),
            lower_C=by_channel("lower"),
            upper_C=by_channel("upper"),
            curves_CP=by_channel("curves"),
            plan_C=by_channel("plan"),
            predicted_GT=np.load(predicted).astype(np.float64) if predicted.exists() else None,
            score_CC=np.array(said["graph_CC"], dtype=np.float64) if said.get("graph_CC") else None,
            peak_mb=peak_mb,
            more=said,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"its answer in {folder} cannot be read: {error}") from error
