"""Descents of one market, or of many like ones as one tensor program.

Tensors of a small market are so small that a step costs what starting its operations costs. Trainings of
like shape and settings are therefore stacked and stepped together; nothing of one touches another.

Shapes: B trainings, M fits of each; the rest as in ``mmm.model.inputs``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmm.config import GraphSpec, ModelSpec
from mmm.model.inputs import Inputs
from mmm.model.network import forward
from mmm.model.objective import Target, has_attribution_priors, misfit, objective
from mmm.model.parameters import Parameters, of_regions
from mmm.model.restrictions import Restrictions
from mmm.model.scales import Scales
from mmm.sums import in_blocks
from mmm.train.accuracy import SUMS, Accuracy, accuracy_of, sums_of
from mmm.train.descent import Descent, Schedule
from mmm.train.shards import Shards

CHECK_EVERY = 10
"""Epochs between looks at the validation tail."""
PART_CELLS = {"cpu": 2**18, "cuda": 2**22}
"""Cells of channels and fits whose gradient is held at once, by device: some forty numbers each, of which
those of a step lie in a processor's cache. A GPU waits for each operation to start, and wants more at once.
Sums over parts differ from one sum in their last digits (decision 0010)."""
LEAST_EPOCHS = 600
"""Fewest epochs a validation tail may choose: before, little more than the level has been found."""
TEMPORAL_FROM = 0.8
"""Share of the epochs after which effectiveness may vary in time."""

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Step:
    """Where a training stands after an epoch.

    Attributes:
        epoch: Epochs done.
        loss: Mean loss over fits.
        validation: Misfit per unseen cell, where it was looked at.
        seen: How well the first fit explains the cells it trains on, where it was looked at.
        unseen: The same of the cells whose misfit is watched.
        state: Everything needed to go on from here; of a training that is run alone.
    """

    epoch: int
    loss: float
    validation: float | None
    state: Callable[[], dict[str, Any]]
    seen: Accuracy = Accuracy()
    unseen: Accuracy = Accuracy()


class _Look(NamedTuple):
    """What is looked at every few epochs."""

    validation: float | None = None
    seen: Accuracy = Accuracy()
    unseen: Accuracy = Accuracy()


@dataclass(frozen=True, eq=False)
class Training:
    """A descent to be made.

    Attributes:
        spec: The model's structure.
        scales: Units of the free parameters.
        inputs: The scaled panel.
        target: What is minimised.
        start: Free parameters at the start, M fits.
        schedule: How long and how fast.
        watch: Told of every epoch; ends the training by answering true.
        unseen_GT: 1 for cells whose misfit is watched; None watches none.
        saved: State to go on from.
        shards: Of a shard of regions, what it knows of the whole; None for a whole panel.
        restrictions: What holds of the parameters whatever the data.
        temporal_from: Share of the epochs after which effectiveness may vary in time.
    """

    spec: ModelSpec
    scales: Scales
    inputs: Inputs
    target: Target
    start: Parameters
    schedule: Schedule
    watch: Callable[[Step], bool]
    unseen_GT: Tensor | None = None
    saved: dict[str, Any] | None = None
    shards: Shards | None = None
    restrictions: Restrictions = Restrictions()
    temporal_from: float = TEMPORAL_FROM

    @property
    def sharded(self) -> bool:
        """Whether it is one of several shards."""
        return self.shards is not None and self.shards.count > 1

    @property
    def cells(self) -> int:
        """Cells by channel and fit."""
        return int(self.start["noise"].shape[0] * self.inputs.stack_CGTL[..., 0].numel())

    def parts(self) -> list[tuple[slice, Training]]:
        """Regions and trainings of theirs whose losses add up to that of this one, each small enough.

        One with all regions where something is asked of sums over them.
        """
        regions = self.inputs.regions
        most = PART_CELLS.get(self.inputs.kpi_GT.device.type, PART_CELLS["cpu"])
        blocks = list(in_blocks(regions, self.cells // regions, most))
        if len(blocks) == 1 or not self.target.of_cells or has_attribution_priors(self.spec):
            return [(slice(None), self)]
        return [(own, self._of_regions(own, 1.0 / len(blocks))) for own in blocks]

    def _of_regions(self, own: slice, share: float) -> Training:
        return replace(
            self,
            inputs=self.inputs.of_regions(own),
            target=self.target.of_regions(own, share),
            unseen_GT=None if self.unseen_GT is None else self.unseen_GT[own],
        )

    def varies(self, epoch: int) -> bool:
        """Whether effectiveness varies in time in this epoch."""
        return epoch >= self.temporal_from * self.schedule.epochs


def likeness(training: Training) -> Hashable | None:
    """What trainings of one program have in common; None for one that must be run alone."""
    target = training.target
    if not target.of_cells or training.saved is not None or training.sharded:
        return None
    if training.inputs.contacts is not None:
        return None
    spec = training.spec.model_copy(update={"graph": GraphSpec()})
    return (
        spec.model_dump_json(),
        (training.target.channels, training.target.bought) if has_attribution_priors(spec) else (),
        (training.schedule.learning_rate, training.schedule.gradient_clip),
        training.target.prior_share,
        training.restrictions,
        tuple((name, value.shape, value.dtype, value.device) for name, value in _tensors(training).items()),
        tuple((name, value.shape) for name, value in training.start.items()),
    )


def descend(trainings: Sequence[Training]) -> list[Parameters]:
    """Make like descents as one program.

    Returns:
        Free parameters of each training where it ended, in the order given.

    Raises:
        TrainingError: The loss of one of them became infinite or not a number.
    """
    program, shards = _Program(trainings), trainings[0].shards
    total = shards.total if shards is not None and shards.count > 1 else None
    descent = Descent(program.start, program.schedule, total)
    if trainings[0].saved is not None:
        descent.restore(trainings[0].saved)
    going = {i for i, training in enumerate(trainings) if descent.epoch < training.schedule.epochs}
    ended = {i: program.part(descent.parameters, i) for i in range(len(trainings)) if i not in going}
    while going:
        program.step(descent)
        looks = program.looks(descent) if descent.epoch % CHECK_EVERY == 0 else None
        for index in sorted(going):
            training = trainings[index]
            loss = descent.losses[-1] if len(trainings) == 1 else program.last_loss_B[index]
            look = _Look() if looks is None else looks[index]
            validation = look.validation if descent.epoch >= LEAST_EPOCHS else None
            step = Step(descent.epoch, loss, validation, descent.state, look.seen, look.unseen)
            if training.watch(step) or descent.epoch >= training.schedule.epochs:
                ended[index] = program.part(descent.parameters, index)
                going.remove(index)
    return [ended[index] for index in range(len(trainings))]


class _Program:
    """Like trainings as one: fit m of training b lies at b * M + m of the leading axis.

    Attributes:
        start: Free parameters of all fits.
        schedule: That of all, as long as the longest.
        last_loss_B: Loss of each training in the last step, mean over its fits.
    """

    def __init__(self, trainings: Sequence[Training]) -> None:
        self._trainings, self._first = trainings, trainings[0]
        self._fits = int(self._first.start["noise"].shape[0])
        self.start = {
            name: torch.cat([training.start[name] for training in trainings]) for name in self._first.start
        }
        self.schedule: Schedule = self._first.schedule
        self.last_loss_B: list[float] = []
        self._parts = self._first.parts() if len(trainings) == 1 else []
        if len(trainings) > 1:
            every = tuple(training.schedule for training in trainings)
            self.schedule = _Schedules.of(every, self._fits, self.start["noise"])
            parts = [_tensors(training) for training in trainings]
            self._stacked = {name: torch.stack([part[name] for part in parts]) for name in parts[0]}

    def step(self, descent: Descent) -> None:
        """One epoch of all trainings."""
        if not self._parts:
            descent.step(self._loss)
        elif len(self._parts) == 1:
            descent.step(partial(_loss_of_part, self._first))
        else:
            descent.step_by_regions([(own, partial(_loss_of_part, part)) for own, part in self._parts])

    def _loss(self, parameters: Parameters, epoch: int) -> Tensor:
        """Loss of every fit of several trainings."""
        varies_B = [training.varies(epoch) for training in self._trainings]
        switch_B = self.start["noise"].new_tensor(varies_B, dtype=self.start["noise"].dtype)

        def of_one(own: Parameters, tensors: Tensors, switch: Tensor) -> Tensor:
            # Without output the network does nothing and learns nothing from the data.
            seen = own | ({"gru_output": own["gru_output"] * switch} if "gru_output" in own else {})
            return _loss(own, _rebuilt(self._first, tensors), varies=any(varies_B), seen=seen)

        loss = torch.func.vmap(of_one)(self._apart(parameters), self._stacked, switch_B).reshape(-1)
        self.last_loss_B = loss.detach().reshape(-1, self._fits).mean(1).tolist()
        return loss

    @torch.no_grad()
    def looks(self, descent: Descent) -> list[_Look]:
        """How the first fit of each training stands, on the cells it sees and on those that are watched."""
        if len(self._trainings) == 1:
            sums = [_sums(of_regions(descent.parameters, own), training) for own, training in self._parts]
            return [_told(_over_shards(torch.stack(sums).sum(0), self._first))]

        def of_one(own: Parameters, tensors: Tensors) -> Tensor:
            return _sums(own, _rebuilt(self._first, tensors))

        return [
            _told(sums) for sums in torch.func.vmap(of_one)(self._apart(descent.parameters), self._stacked)
        ]

    def part(self, parameters: Parameters, index: int) -> Parameters:
        """A copy of the parameters of one training."""
        own = slice(index * self._fits, (index + 1) * self._fits)
        return {name: value[own].clone() for name, value in parameters.items()}

    def _apart(self, parameters: Parameters) -> Parameters:
        """Parameters with an axis for trainings before that of fits."""
        shape = (len(self._trainings), self._fits)
        return {name: value.reshape(*shape, *value.shape[1:]) for name, value in parameters.items()}


def _loss_of_part(part: Training, parameters: Parameters, epoch: int) -> Tensor:
    """Loss of each fit of one training, or of some regions of it."""
    return _loss(parameters, part, varies=part.varies(epoch))


def _loss(
    parameters: Parameters, training: Training, *, varies: bool, seen: Parameters | None = None
) -> Tensor:
    """Loss of each fit of one training; the model may see other parameters than the priors."""
    believed = training.restrictions.believed(parameters)
    seen = training.restrictions.seen(seen or parameters)
    components = forward(seen, training.inputs, training.spec, training.scales, temporal=varies)
    return objective(seen, components, training.inputs, training.spec, training.target, believed)


def _sums(parameters: Parameters, training: Training) -> Tensor:
    """Misfit of the watched cells by the first fit, then what accuracy needs of seen and of watched cells."""
    first = {name: value[:1] for name, value in training.restrictions.seen(parameters).items()}
    inputs, watched_GT = training.inputs, training.unseen_GT
    components = forward(first, inputs, training.spec, training.scales)
    watched_GT = torch.zeros_like(inputs.trained_GT) if watched_GT is None else watched_GT
    whole_M = misfit(first, components, inputs, training.spec.loss, watched_GT)
    units = (components.prediction_MGT[0], inputs.kpi_GT, training.target.kpi_G)
    parts = [sums_of(*units, cells_GT) for cells_GT in (inputs.trained_GT, watched_GT)]
    return torch.cat([whole_M.double(), *parts])


def _over_shards(sums: Tensor, training: Training) -> Tensor:
    """Sums of a shard as those of the whole panel."""
    return training.shards.total(sums) if training.shards is not None and training.sharded else sums


def _told(sums: Tensor) -> _Look:
    """Sums over cells as figures; nothing is said of cells that there are none of."""
    seen, unseen = sums[1 : 1 + SUMS], sums[1 + SUMS :]
    cells = float(unseen[0])
    return _Look(float(sums[0]) / cells if cells else None, accuracy_of(seen), accuracy_of(unseen))


@dataclass(frozen=True)
class _Schedules(Schedule):
    """Schedules of several trainings, side by side; one that has ended stands still."""

    every: tuple[Schedule, ...] = ()
    fits: int = 1
    like: Tensor = field(default_factory=lambda: torch.zeros(()))

    @classmethod
    def of(cls, every: tuple[Schedule, ...], fits: int, like: Tensor) -> _Schedules:
        """As long as the longest of them."""
        longest = max(schedule.epochs for schedule in every)
        return cls(longest, every[0].learning_rate, every[0].gradient_clip, every, fits, like)

    def rate(self, epoch: int) -> Tensor:
        """Steps at an epoch by fit, shape M1."""
        rates = [schedule.rate(epoch) if epoch < schedule.epochs else 0.0 for schedule in self.every]
        return self.like.new_tensor(rates).repeat_interleave(self.fits).unsqueeze(1)


def _tensors(training: Training) -> Tensors:
    """Everything in which like trainings differ, by ``section.name``."""
    target, like = training.target, training.inputs.kpi_GT
    found = {
        **{f"inputs.{name}": value for name, value in vars(training.inputs).items() if value is not None},
        **{f"scales.{name}": like.new_tensor(value) for name, value in training.scales.as_dict().items()},
        **{f"anchor.{name}": value for name, value in target.anchor.items()},
        **{f"held.{name}": value for name, value in target.held.items()},
        "target.weight_MGT": target.weight_MGT,
        "target.kpi_G": target.kpi_G,
        "target.cells": like.new_tensor(target.cells),
    }
    if target.roi_unit_C is not None:
        found["target.roi_unit_C"] = target.roi_unit_C
    if training.unseen_GT is not None:
        found["training.unseen_GT"] = training.unseen_GT
    return found


def _rebuilt(like: Training, tensors: Tensors) -> Training:
    """A training with other tensors; numbers have become tensors without dimensions."""
    sections: dict[str, dict[str, Any]] = {}
    for path, value in tensors.items():
        section, _, name = path.partition(".")
        sections.setdefault(section, {})[name] = value
    anchor, held = sections.get("anchor", {}), sections.get("held", {})
    return replace(
        like,
        inputs=Inputs(**sections["inputs"]),
        scales=Scales(**sections["scales"]),
        target=replace(like.target, anchor=anchor, held=held, **sections["target"]),
        **sections.get("training", {}),
    )
