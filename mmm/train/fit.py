"""From a panel, or a shard of one, to a fitted model: pose, choose the epochs, train.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, TypedDict, Unpack

import numpy as np
import torch

from mmm.config import MarketSpec, TrainSpec
from mmm.config.digest import spec_digest
from mmm.data.panel import Floats, Panel, data_fingerprint
from mmm.data.split import Split
from mmm.errors import SpecError
from mmm.fitted import Fitted
from mmm.graph.channel_graph import check_graph
from mmm.model.objective import BELIEFS, beliefs, has_attribution_priors
from mmm.model.parameters import Parameters
from mmm.train.checkpoint import Checkpoint, NoCheckpoint, legacy_identity
from mmm.train.descent import Schedule
from mmm.train.ensemble import member_anchors, member_draws, member_weights, recentred, with_centre
from mmm.train.posterior.posterior import Posterior, draw_posterior
from mmm.train.prepare import Prepared, pose
from mmm.train.progress import Progress, Quiet
from mmm.train.run import Fit, alone
from mmm.train.shards import Alone, Shards, Survey
from mmm.train.stacked import CHECK_EVERY, LEAST_EPOCHS, TEMPORAL_FROM, Step, Training
from mmm.train.warm_start import check_previous

VALIDATION_SHARE = 0.1
WARM_PART = 0.25
"""Part of the epochs that a search needs which begins at an older model."""
BEGUN_PART = 0.05
"""The same where chains are gone on from: all that the descent does there is to keep the network's deviations
near the data (decision 0009)."""
MOST_CELLS = 2**24
"""Cells of channels, by draw, that a model answers with at once: 128 MiB a table in double precision."""
FEWEST_DRAWS = 50
"""Draws below which intervals are too rough, however large the panel."""

Trace = dict[str, list[Any]]
"""Columns of a training: a list each of those in ``TRACE``."""
TRACE = ("stage", "epoch", "loss", "validation", "rmse", "r2", "validation_rmse", "validation_r2")
"""Loss, misfit of the validation tail; RMSE (KPI units) and R² of the cells trained on and of the tail."""


class Options(TypedDict, total=False):
    """What a fit may be given besides the market and its data.

    Attributes:
        progress: Told of every epoch.
        checkpoint: Where to save the work under way and to go on from; None saves nothing.
        n_train: Periods to train on; None takes the training window.
        epochs: Epochs to train for; None lets the validation tail of the training window choose.
        previous: An older model of the market, whose units are kept and whose channels are expected.
        warm: An older model of the same regions and channels, at which a shorter search begins; it changes
            nothing of what is fitted.
        effort: Factor on the length of sampling, beside that of the settings.
        with_graph: Learn the channel graph (by default); lift tests and unrecorded demand have it learned in
            any case.
        threads: Parts of a large panel's posterior that are computed side by side; None takes PyTorch's
            threads. It changes nothing of what is found.
        shards: Of a shard of regions, what it knows of the whole; None for a whole panel.
        survey: Of a shard, what was found out about the whole panel beforehand.
    """

    progress: Progress | None
    checkpoint: Checkpoint | None
    n_train: int | None
    epochs: int | None
    previous: Fitted | None
    warm: Fitted | None
    effort: float
    with_graph: bool
    threads: int | None
    shards: Shards | None
    survey: Survey | None


@dataclass(frozen=True, eq=False)
class _Work:
    """A fit under way: what it is of, who watches, where it is saved."""

    prepared: Prepared
    settings: TrainSpec
    progress: Progress
    store: Checkpoint
    trace: Trace = field(default_factory=lambda: {name: [] for name in TRACE})

    def schedule(self, epochs: int) -> Schedule:
        """Plan of a descent of so many epochs."""
        return Schedule(epochs, self.settings.learning_rate, self.settings.gradient_clip)

    def tell(self, stage: str, step: Step, epochs: int, known: Callable[[], Mapping[str, Any]]) -> None:
        """Remember, tell and save an epoch, with what is known besides the descent."""
        if step.epoch % CHECK_EVERY == 0 or step.epoch == epochs:
            row = (stage, step.epoch, step.loss, step.validation, *step.seen, *step.unseen)
            for name, value in zip(TRACE, row, strict=True):
                self.trace[name].append(value)
        told = "choose epochs" if stage == "validation" else stage
        self.progress.update(told, step.epoch, epochs, loss=step.loss)
        self.store.keep(stage, step.epoch, lambda: {**step.state(), **known(), "trace": self.copied_trace()})

    def saved(self, stage: str) -> dict[str, Any] | None:
        """State of a stage to go on from, with the trace so far; None begins it."""
        saved = self.store.load(stage)
        if saved is not None:
            rows = len(saved["trace"]["epoch"])
            # Checkpoints of older programs know fewer columns.
            self.trace.update({name: list(saved["trace"].get(name, [None] * rows)) for name in TRACE})
        return saved

    def copied_trace(self) -> Trace:
        """The trace so far."""
        return {name: list(column) for name, column in self.trace.items()}


def fit(spec: MarketSpec, panel: Panel, split: Split, **options: Unpack[Options]) -> Fitted:
    """Fit every member of the model.

    On a shard of regions the answer is that shard's part: all that is shared, and its own regions.

    Args:
        spec: The market and its settings.
        panel: The data.
        split: Its windows.
        **options: See :class:`Options`.

    Raises:
        SpecError: Settings of the graph that contradict one another, or an older model of other channels.
        TrainingError: The loss became infinite or not a number.
        CheckpointError: The checkpoint is of another spec or other data.
    """
    return alone(fitting(spec, panel, split, **options))


def fitting(spec: MarketSpec, panel: Panel, split: Split, **options: Unpack[Options]) -> Fit[Fitted]:
    """:func:`fit`, run by somebody else: see :mod:`mmm.train.run`."""
    started = time.perf_counter()
    settings, previous, survey = spec.train, options.get("previous"), options.get("survey")
    warm = options.get("warm")
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    if problems := check_graph(spec.model.graph, panel.channels):
        raise SpecError("model.graph", problems)
    if previous is not None:
        check_previous(previous, spec, panel)
    n_train = options.get("n_train") or split.n_train
    if warm is not None and warm.panel.dates[warm.trained_until - 1] > panel.dates[n_train - 1]:
        # Chains that mix slowly remember the periods that this fit is scored on: decision 0009.
        warm = replace(warm, chains={})
    store = options.get("checkpoint") or NoCheckpoint()
    fingerprint = data_fingerprint(panel) if survey is None else survey.fingerprint
    digest, basis = spec_digest(spec), origin(previous)
    basis |= _begun(warm, panel)
    identity = {"data": fingerprint, "spec": digest, "n_train": n_train, **basis}
    store.open(identity, legacy=legacy_identity(identity, spec))
    shards = options.get("shards") or Alone(len(panel.regions))
    with_graph = options.get("with_graph", True)
    prepared = pose(
        spec, panel, n_train, shards, survey=survey, previous=previous, with_graph=with_graph, warm=warm
    )
    work = _Work(prepared, settings, options.get("progress") or Quiet(), store)
    epochs = options.get("epochs")
    if epochs is None and warm is not None:
        epochs = int(warm.provenance["epochs"])
    if epochs is None:
        epochs = yield from _choose_epochs(work)
    effort = settings.effort * options.get("effort", 1.0)
    threads = options.get("threads") or torch.get_num_threads()
    found = yield from _members(work, panel, epochs, effort, threads)
    return Fitted(
        spec=spec,
        panel=panel,
        split=split,
        scaling=prepared.scaling,
        scales=found.scales,
        log_half_C=prepared.inputs.log_half_C.double().cpu().numpy(),
        parameters={name: value.detach().double().cpu().numpy() for name, value in found.parameters.items()},
        graph=prepared.graph,
        trained_until=n_train,
        trace=work.trace,
        provenance={
            "data_fingerprint": fingerprint,
            "spec_digest": digest,
            "seed": settings.seed,
            "epochs": epochs,
            **({"sampling": found.report} if settings.inference == "posterior" else {}),
            "seconds": round(time.perf_counter() - started, 3),
            "versions": versions(),
            **basis,
        },
        chains=found.chains,
    )


def origin(previous: Fitted | None) -> dict[str, str]:
    """What identifies the older model a fit starts from, if any."""
    if previous is None:
        return {}
    of = previous.provenance
    return {"from_data": str(of["data_fingerprint"]), "from_spec": str(of["spec_digest"])}


def _begun(warm: Fitted | None, panel: Panel) -> dict[str, str]:
    """What tells of the model at which a search begins; a fit of the same panel says where its own did."""
    if warm is None:
        return {}
    of = warm.provenance
    if warm.panel is panel:
        return {name: str(of[name]) for name in ("begun_at", "epochs_of") if name in of}
    return {
        "begun_at": str(of["data_fingerprint"]),
        "epochs_of": str(of.get("epochs_of") or warm.panel.dates[-1]),
    }


def versions() -> dict[str, str]:
    """Versions of what a fit depends on."""
    packages = {name: metadata.version(name) for name in ("ray-mmm", "torch", "numpy", "pandas")}
    return {"python": platform.python_version(), **packages}


def _choose_epochs(work: _Work) -> Fit[int]:
    """Epochs with the least misfit on the last training periods, when trained without them."""
    prepared, settings = work.prepared, work.settings
    if settings.inference == "posterior":
        return settings.epochs
    tail = round(VALIDATION_SHARE * prepared.n_train) if settings.validation is None else settings.validation
    if tail == 0 or settings.epochs <= LEAST_EPOCHS:
        return settings.epochs
    if (known := work.saved("epochs")) is not None:
        return int(known["epochs"])
    inputs = prepared.inputs.train_until(prepared.n_train - tail)
    best = {"best": np.inf, "best_epoch": settings.epochs}
    if (saved := work.saved("validation")) is not None:
        best = {name: saved[name] for name in best}

    def is_over(epoch: int) -> bool:
        return bool(epoch - best["best_epoch"] >= settings.patience)

    def watch(step: Step) -> bool:
        if step.validation is not None and step.validation < best["best"]:
            best.update(best=step.validation, best_epoch=step.epoch)
        work.tell("validation", step, settings.epochs, lambda: best)
        return is_over(step.epoch)

    if saved is None or not is_over(saved["epoch"]):
        yield Training(
            spec=prepared.spec,
            scales=prepared.scales,
            inputs=inputs,
            target=prepared.target(
                inputs,
                torch.ones_like(inputs.trained_GT)[None],
                {},
                prepared.lift_tests,
            ),
            start=prepared.start(1, settings.seed),
            schedule=work.schedule(settings.epochs),
            watch=watch,
            unseen_GT=prepared.inputs.trained_GT - inputs.trained_GT,
            saved=saved,
            shards=prepared.shards,
            restrictions=prepared.restrictions,
        )
    chosen = int(best["best_epoch"])
    work.store.save("epochs", {"epoch": chosen, "epochs": chosen, "trace": work.copied_trace()})
    return chosen


def _members(work: _Work, panel: Panel, epochs: int, effort: float, threads: int) -> Fit[Posterior]:
    """Parameters of all members, their units, and what the provenance says of how they were drawn."""
    settings = work.settings
    if settings.inference == "ensemble":
        parameters = yield from _train(work, panel, epochs, settings.members)
        return Posterior(parameters, work.prepared.scales, {})
    mode = yield from _train(work, panel, epochs, 1)
    found: Posterior = yield from draw_posterior(
        work.prepared,
        mode,
        members=1
        if settings.members == 1
        else min(settings.draws, most_draws(panel, work.prepared.shards.regions)),
        seed=settings.seed,
        effort=effort,
        progress=work.progress,
        threads=threads,
    )
    return found


def most_draws(panel: Panel, regions: int) -> int:
    """Draws of a panel of so many regions that a model answers with in memory; the same on every shard."""
    cells = len(panel.dates) * len(panel.channels) * regions
    return max(FEWEST_DRAWS, MOST_CELLS // max(cells, 1))


def _drawn_beliefs(prepared: Prepared, members: int, seed: int) -> Floats | None:
    """How far each member moves the centre of each belief, in its standard deviations; None moves none."""
    priors, placed = prepared.spec.priors, prepared.placed
    if priors.dynamic or not (has_attribution_priors(prepared.spec) or placed):
        return None
    of_training = member_draws(members, beliefs(len(prepared.channels)), seed, 1)
    of_cells = member_draws(members, len(placed), seed, 2)
    stated_P = np.array([one.belief.quantity != "test" for one in placed], dtype=np.bool_)
    widening = max(priors.strength, 1e-12) ** -0.5
    of_cells = np.where(stated_P, widening, 1.0) * of_cells
    drawn: Floats = np.concatenate([of_training / priors.strength**0.5, of_cells], 1)
    return drawn


def _train(work: _Work, panel: Panel, epochs: int, members: int) -> Fit[Parameters]:
    """So many members on every trained cell."""
    prepared, settings, shards = work.prepared, work.settings, work.prepared.shards
    if prepared.warm is not None:
        part = BEGUN_PART if settings.inference == "posterior" and prepared.warm.chains else WARM_PART
        epochs = max(round(part * epochs), 1)
    parameters = prepared.start(with_centre(members), settings.seed)
    own = slice(shards.first, shards.first + len(panel.regions))
    weights = member_weights(shards.regions, len(panel.dates), members, panel.frequency, settings.seed, own)
    anchors = member_anchors(parameters, settings.seed, shards.regions, shards.first)
    if members > 1 and (drawn_MB := _drawn_beliefs(prepared, members, settings.seed)) is not None:
        anchors[BELIEFS] = torch.as_tensor(drawn_MB).to(prepared.inputs.kpi_GT)
    lift_tests = prepared.lift_tests
    if lift_tests is not None:
        draw_ME = member_draws(members, len(lift_tests.error_E), settings.seed)
        lift_tests = lift_tests.redrawn(draw_ME)

    def watch(step: Step) -> bool:
        work.tell("train", step, epochs, dict)
        return False

    found = yield Training(
        spec=prepared.spec,
        scales=prepared.scales,
        inputs=prepared.inputs,
        target=prepared.target(
            prepared.inputs,
            torch.as_tensor(weights).to(prepared.inputs.kpi_GT),
            anchors,
            lift_tests,
        ),
        start=parameters,
        schedule=work.schedule(epochs),
        watch=watch,
        saved=work.saved("train"),
        shards=shards,
        temporal_from=TEMPORAL_FROM if prepared.warm is None else 0.0,
        restrictions=prepared.restrictions,
    )
    found = prepared.restrictions.seen(found)
    return recentred(found, prepared.spec.regions.scale_sd, prepared.restrictions.of_known_sign)
