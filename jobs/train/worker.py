"""What a training worker does: read its regions, fit them in step with the others, save its part.

Nothing here knows of Ray, so that threads of a test can be workers too.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from jobs.train.checkpoints import ShardCheckpoint
from jobs.train.shards import cut_regions, group_of
from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.data.calendar import Calendar
from mmm.data.read import PanelRead, read_panel
from mmm.data.split import Split
from mmm.train.checkpoint import legacy_identity
from mmm.train.fit import fit
from mmm.train.sharded_state import state_of
from mmm.train.shards import Shards, Survey

SCORED, FINAL = "scored", "final"
"""Fits of a training: on the training window and, with ``train.refit_on_all``, on every period."""
FITTED = "fitted"
"""Stage of a fit that is done."""
TELL_EVERY = 10
"""Epochs between two that are reported."""


@dataclass(frozen=True, eq=False)
class TrainPlan:
    """A training over shards.

    Attributes:
        spec: The market.
        regions: Names of all regions, sorted.
        observed_G: Cells of each whose KPI is known.
        survey: What was found out about the whole panel.
        split: Its windows.
        place: Folder of the checkpoints.
        every: Epochs between checkpoints.
        threads: CPU threads of a worker.
        calendar: Periods of the panel, where nobody reads it as a whole; None has each worker look at all
            dates.
    """

    spec: MarketSpec
    regions: tuple[str, ...]
    observed_G: npt.NDArray[np.int64]
    survey: Survey
    split: Split
    place: str
    every: int
    threads: int
    calendar: Calendar | None = None

    @property
    def fits(self) -> dict[str, int]:
        """Training periods of each fit, by its name, in order."""
        last = {FINAL: self.split.n_periods} if self.spec.train.refit_on_all else {}
        return {SCORED: self.split.n_train, **last}

    def own(self, workers: int) -> list[slice]:
        """Where each worker's regions are."""
        return cut_regions(self.observed_G, workers)

    def checkpoint(
        self, fit: str, shards: Shards, regions: int, listener: Listener | None = None
    ) -> ShardCheckpoint:
        """Where a fit is saved."""
        say = listener.say if listener is not None else lambda _: None
        store = ShardCheckpoint(f"{self.place}/{fit}", shards, regions, every=self.every, say=say)
        store.open(self.identity(fit), legacy=legacy_identity(self.identity(fit), self.spec))
        return store

    def identity(self, fit: str) -> dict[str, Any]:
        """What a checkpoint of a fit is of."""
        data, digest = self.survey.fingerprint, spec_digest(self.spec)
        return {"data": data, "spec": digest, "n_train": self.fits[fit]}


class Listener(Protocol):
    """Whoever hears how a training goes."""

    def say(self, text: str) -> None:
        """A line of the job's log."""
        ...

    def epoch(self, stage: str, epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        """Where it stands."""
        ...


@dataclass(frozen=True)
class _Progress:
    """Progress of one fit of a training; see ``mmm.train.progress.Progress``."""

    fit: str
    listener: Listener

    def update(self, stage: str, done: int, total: int, **figures: float) -> None:
        if done % TELL_EVERY == 0 or done == total:
            self.listener.epoch(f"{self.fit}: {stage}", done, total, figures)


@dataclass(frozen=True)
class SilentListener:
    """Whoever does not want to hear, such as on all shards but the first."""

    def say(self, text: str) -> None:
        """Says nothing."""

    def epoch(self, stage: str, epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        """Says nothing."""


def read_shard(spec: MarketSpec, regions: Sequence[str], calendar: Calendar | None = None) -> PanelRead:
    """The rows of some regions, on the calendar of all."""
    return read_panel(spec, regions=None if spec.columns.region is None else regions, calendar=calendar)


def train_shard(
    plan: TrainPlan, index: int, workers: int, listener: Listener, device: str | None = None
) -> str:
    """Train one of the shards; returns a line about what it took.

    Args:
        plan: The training.
        index: Which worker this is.
        workers: How many there are.
        listener: Hears how it goes; the first worker's is the one that counts.
        device: GPU of this worker; None trains on the device of the spec.
    """
    import torch

    torch.set_num_threads(plan.threads)
    own = plan.own(workers)
    group = group_of(own, index, device)
    regions = plan.regions[own[index]]
    spec = _placed(plan.spec, device)
    panel = read_shard(spec, regions, plan.calendar).panel
    epochs = None
    started = time.perf_counter()
    for name, n_train in plan.fits.items():
        store = plan.checkpoint(name, group, len(regions), listener)
        done = store.load(FITTED)
        if done is None:
            fitted = fit(
                spec,
                panel,
                plan.split,
                progress=_Progress(name, listener),
                checkpoint=store,
                n_train=n_train,
                epochs=epochs,
                with_graph=name == list(plan.fits)[-1],
                shards=group,
                survey=plan.survey,
            )
            done = state_of(fitted)
            store.save(FITTED, {"epoch": fitted.provenance["epochs"], **done})
        epochs = int(done["provenance"]["epochs"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cells = int(plan.observed_G[own[index]].sum())
    return (
        f"worker {index + 1} of {workers}: {len(regions)} regions, {cells} observed cells, "
        f"{time.perf_counter() - started:.1f} s, peak memory {peak:.0f} MB"
    )


def _placed(spec: MarketSpec, device: str | None) -> MarketSpec:
    """The spec on a worker's device; on CPUs in the precision in which workers agree."""
    train = spec.train
    if device is not None:
        train = train.model_copy(update={"device": device})
    elif train.precision is None:
        train = train.model_copy(update={"precision": "float64"})
    return spec.model_copy(update={"train": train})
