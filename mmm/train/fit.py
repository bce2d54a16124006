"""From a panel to a fitted model: scale, calibrate, choose the epochs, train, find the channel graph.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mmm.config import MarketSpec, ModelSpec, TrainSpec
from mmm.config.files import spec_digest
from mmm.data.experiments import locate_experiments
from mmm.data.panel import Panel, data_fingerprint
from mmm.data.scale import Scaling, fit_scaling
from mmm.data.split import Split
from mmm.errors import SpecError, TrainingError
from mmm.fitted import Fitted
from mmm.model.channel_graph import ChannelGraph, check_graph
from mmm.model.experiments import LiftTests, pose_lift_tests
from mmm.model.graph import learn_channel_graph
from mmm.model.inputs import Inputs, build_inputs
from mmm.model.objective import Target
from mmm.model.parameters import Scales, start_parameters
from mmm.model.temporal import Parameters
from mmm.train.calibrate import calibrate
from mmm.train.loop import Schedule
from mmm.train.members import member_anchors, member_draws, member_weights, recentred, with_centre
from mmm.train.previous import centred, check_previous, expected, kept_scaling
from mmm.train.program import CHECK_EVERY, LEAST_EPOCHS, Step, Training
from mmm.train.state import Checkpoint, NoCheckpoint
from mmm.train.together import Fit, alone

VALIDATION_SHARE = 0.1


class Progress(Protocol):
    """Whoever wants to know how training goes."""

    def update(self, stage: str, epoch: int, epochs: int, loss: float) -> None:
        """After every epoch."""
        ...


class Quiet:
    """Progress that nobody watches."""

    def update(self, stage: str, epoch: int, epochs: int, loss: float) -> None:
        """Says nothing."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A scaled panel with everything training needs to know of it."""

    inputs: Inputs
    spec: ModelSpec
    scales: Scales
    kpi_G: Tensor
    channels: tuple[str, ...]
    roi_unit_C: Tensor
    lift_tests: LiftTests | None
    expected: Parameters = field(default_factory=dict)

    def target(
        self, inputs: Inputs, weight_MGT: Tensor, anchor: Parameters, lift_tests: LiftTests | None
    ) -> Target:
        """What a fit on the trained cells of ``inputs`` goes towards."""
        return Target(
            weight_MGT=weight_MGT * inputs.trained_GT,
            anchor=anchor,
            kpi_G=self.kpi_G,
            cells=float(inputs.trained_GT.sum()),
            channels=self.channels,
            roi_unit_C=self.roi_unit_C,
            lift_tests=lift_tests,
        )


def fit(
    spec: MarketSpec,
    panel: Panel,
    split: Split,
    *,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    n_train: int | None = None,
    epochs: int | None = None,
    previous: Fitted | None = None,
) -> Fitted:
    """Fit every member of the model.

    Args:
        spec: The market and its settings.
        panel: The data.
        split: Its windows.
        progress: Told of every epoch.
        checkpoint: Where to save the work under way and to go on from; None saves nothing.
        n_train: Periods to train on; None takes the training window.
        epochs: Epochs to train for; None lets the validation tail of the training window choose.
        previous: An older model of the market, whose units are kept and whose channels are expected.

    Raises:
        SpecError: Settings of the graph that contradict one another, or an older model of other channels.
        TrainingError: The loss became infinite or not a number.
        CheckpointError: The checkpoint is of another spec or other data.
    """
    return alone(
        fitting(
            spec,
            panel,
            split,
            progress=progress,
            checkpoint=checkpoint,
            n_train=n_train,
            epochs=epochs,
            previous=previous,
        )
    )


def fitting(
    spec: MarketSpec,
    panel: Panel,
    split: Split,
    *,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    n_train: int | None = None,
    epochs: int | None = None,
    previous: Fitted | None = None,
) -> Fit[Fitted]:
    """:func:`fit`, run by somebody else: see :mod:`mmm.train.together`."""
    started = time.perf_counter()
    settings = spec.train
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    if problems := check_graph(spec.model.graph, panel.channels):
        raise SpecError("model.graph", problems)
    if previous is not None:
        check_previous(previous, spec, panel)
    n_train = split.n_train if n_train is None else n_train
    progress, store = progress or Quiet(), checkpoint or NoCheckpoint()
    fingerprint, digest = data_fingerprint(panel), spec_digest(spec)
    basis = origin(previous)
    store.open({"data": fingerprint, "spec": digest, "n_train": n_train, **basis})
    scaling = fit_scaling(panel, n_train)
    if previous is not None:
        scaling = kept_scaling(scaling, panel, previous)
    graph = find_graph(spec, panel, scaling, n_train)
    problem = _pose(spec, panel, scaling, n_train, graph, previous)
    trace: dict[str, list[Any]] = {"stage": [], "epoch": [], "loss": [], "validation": []}
    if epochs is None:
        epochs = yield from _choose_epochs(problem, settings, n_train, progress, store, trace)
    parameters = yield from _train(problem, settings, panel, epochs, progress, store, trace)
    return Fitted(
        spec=spec,
        panel=panel,
        split=split,
        scaling=scaling,
        scales=problem.scales,
        log_half_C=problem.inputs.log_half_C.double().cpu().numpy(),
        parameters={name: value.detach().double().cpu().numpy() for name, value in parameters.items()},
        graph=graph,
        trained_until=n_train,
        trace=trace,
        provenance={
            "data_fingerprint": fingerprint,
            "spec_digest": digest,
            "seed": settings.seed,
            "epochs": epochs,
            "seconds": round(time.perf_counter() - started, 3),
            "versions": versions(),
            **basis,
        },
    )


def chosen_device(settings: TrainSpec) -> torch.device:
    """The device asked for; ``auto`` takes a GPU where there is one."""
    name = settings.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(
            f"train.device is {name}, but this machine has {torch.cuda.device_count()} usable GPUs. "
            "Set it to cpu or auto."
        )
    return device


def origin(previous: Fitted | None) -> dict[str, str]:
    """What identifies the older model a fit starts from, if any."""
    if previous is None:
        return {}
    of = previous.provenance
    return {"from_data": str(of["data_fingerprint"]), "from_spec": str(of["spec_digest"])}


def versions() -> dict[str, str]:
    """Versions of what a fit depends on."""
    packages = {name: metadata.version(name) for name in ("ray-mmm", "torch", "numpy", "pandas")}
    return {"python": platform.python_version(), **packages}


def find_graph(spec: MarketSpec, panel: Panel, scaling: Scaling, n_train: int) -> ChannelGraph:
    """The channel graph from the media of the training periods."""
    return learn_channel_graph(
        panel.media_GTC[:, :n_train],
        panel.present_GT[:, :n_train],
        panel.channels,
        spec.model.graph,
        periods_per_year=panel.periods_per_year,
        rng=np.random.default_rng([spec.train.seed, 3]),
        size_G=scaling.size_G,
        n_bootstrap=max(spec.train.members, 8),
    )


def _pose(
    spec: MarketSpec,
    panel: Panel,
    scaling: Scaling,
    n_train: int,
    graph: ChannelGraph,
    previous: Fitted | None,
) -> Problem:
    device = chosen_device(spec.train)
    known = None if previous is None else previous.log_half_C
    inputs = build_inputs(panel, scaling, spec.model, n_train, log_half_C=known)
    scales = calibrate(inputs, n_train, spec.train.seed) if previous is None else previous.scales
    value = float(np.nanmean(panel.kpi_value_GT))
    spend_C = panel.spend_GTC[:, :n_train].sum((0, 1))
    roi_unit_C = np.divide(value, spend_C, out=np.zeros_like(spend_C), where=spend_C > 0)
    like = inputs.kpi_GT.to(device)
    tests, _ = locate_experiments(spec, panel)
    lift_tests = pose_lift_tests(tests, panel, scaling, graph, inputs.stack_CGTL.shape[-1])
    problem = Problem(
        inputs=inputs.to(device),
        spec=spec.model,
        scales=scales,
        kpi_G=torch.as_tensor(scaling.kpi_G).to(like),
        channels=panel.channels,
        roi_unit_C=torch.as_tensor(roi_unit_C).to(like),
        lift_tests=None if lift_tests is None else lift_tests.to(like),
    )
    start = _start(problem, 1, spec.train.seed)
    return problem if previous is None else replace(problem, expected=expected(start, panel, previous))


def _start(problem: Problem, members: int, seed: int) -> Parameters:
    generator = torch.Generator().manual_seed(seed)
    start = start_parameters(problem.inputs, problem.spec, problem.scales, members, generator)
    known = {
        name: value.repeat(members, *[1] * (value.dim() - 1)) for name, value in problem.expected.items()
    }
    return start | known


def _choose_epochs(
    problem: Problem,
    settings: TrainSpec,
    n_train: int,
    progress: Progress,
    store: Checkpoint,
    trace: dict[str, list[Any]],
) -> Fit[int]:
    """Epochs with the least misfit on the last training periods, when trained without them."""
    tail = round(VALIDATION_SHARE * n_train) if settings.validation is None else settings.validation
    if tail == 0 or settings.epochs <= LEAST_EPOCHS:
        return settings.epochs
    if (known := store.load("epochs")) is not None:
        return int(known["epochs"])
    inputs = problem.inputs.train_until(n_train - tail)
    target = problem.target(
        inputs, torch.ones_like(inputs.trained_GT)[None], centred({}, problem.expected), problem.lift_tests
    )
    best, best_epoch = np.inf, settings.epochs

    def watch(step: Step) -> bool:
        nonlocal best, best_epoch
        if step.validation is not None and step.validation < best:
            best, best_epoch = step.validation, step.epoch
        _note(trace, "validation", step, settings.epochs)
        progress.update("choose epochs", step.epoch, settings.epochs, step.loss)
        return step.epoch - best_epoch >= settings.patience

    yield Training(
        spec=problem.spec,
        scales=problem.scales,
        inputs=inputs,
        target=target,
        start=_start(problem, 1, settings.seed),
        schedule=Schedule(settings.epochs, settings.learning_rate, settings.gradient_clip),
        watch=watch,
        unseen_GT=problem.inputs.trained_GT - inputs.trained_GT,
    )
    store.save("epochs", {"epochs": best_epoch})
    return best_epoch


def _train(
    problem: Problem,
    settings: TrainSpec,
    panel: Panel,
    epochs: int,
    progress: Progress,
    store: Checkpoint,
    trace: dict[str, list[Any]],
) -> Fit[Parameters]:
    """All members on every trained cell."""
    parameters = _start(problem, with_centre(settings.members), settings.seed)
    regions, periods = problem.inputs.kpi_GT.shape
    weights = member_weights(regions, periods, settings.members, panel.frequency, settings.seed)
    weight_MGT = torch.as_tensor(weights).to(problem.inputs.kpi_GT)
    anchors = centred(member_anchors(parameters, settings.seed), problem.expected)
    lift_tests = problem.lift_tests
    if lift_tests is not None:
        lift_tests = lift_tests.redrawn(
            member_draws(settings.members, len(lift_tests.error_E), settings.seed)
        )

    def watch(step: Step) -> bool:
        _note(trace, "train", step, epochs)
        progress.update("train", step.epoch, epochs, step.loss)
        store.keep("train", step.state)
        return False

    found = yield Training(
        spec=problem.spec,
        scales=problem.scales,
        inputs=problem.inputs,
        target=problem.target(problem.inputs, weight_MGT, anchors, lift_tests),
        start=parameters,
        schedule=Schedule(epochs, settings.learning_rate, settings.gradient_clip),
        watch=watch,
        saved=store.load("train"),
    )
    return recentred(found)


def _note(trace: dict[str, list[Any]], stage: str, step: Step, epochs: int) -> None:
    if step.epoch % CHECK_EVERY == 0 or step.epoch == epochs:
        trace["stage"].append(stage)
        trace["epoch"].append(step.epoch)
        trace["loss"].append(step.loss)
        trace["validation"].append(step.validation)
