"""Fits of several markets at once.

A fit is a generator: it yields each training it needs and is sent the parameters found, so that whoever
runs it decides how. :func:`alone` runs one, :func:`together` several, like trainings in one program.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

from mmm.errors import MMMError, TrainingError
from mmm.model.parameters import Parameters
from mmm.train.stacked import Training, descend, likeness

PROGRAM_CELLS = 400_000
"""Cells by channel and fit of one program at most; beyond, its tensors outgrow the processor's caches."""

Found = TypeVar("Found")
Fit = Generator[Training, Parameters, Found]


def alone(fit: Fit[Found]) -> Found:
    """Run a fit.

    Raises:
        MMMError: What the fit raises.
    """
    try:
        training = next(fit)
        while True:
            training = fit.send(descend([training])[0])
    except StopIteration as end:
        found: Found = end.value
        return found


def together(fits: Sequence[Fit[Found]]) -> list[Found | MMMError]:
    """Run fits, like trainings as one program; one that fails leaves the others as they are.

    Returns:
        What each fit found, or the error it ended with.
    """
    running = [_Running(fit) for fit in fits]
    while waiting := {index: at.training for index, at in enumerate(running) if at.training is not None}:
        for group in groups(waiting):
            outcomes = _outcomes([waiting[index] for index in group])
            for index, outcome in zip(group, outcomes, strict=True):
                running[index].go_on(outcome)
    return [at.end for at in running]


class _Running(Generic[Found]):
    """A fit under way.

    Attributes:
        training: What it waits for; None once it has ended.
        end: What it found, or the error it ended with.
    """

    end: Found | MMMError

    def __init__(self, fit: Fit[Found]) -> None:
        self._fit = fit
        self.training: Training | None = None
        self._advance(lambda: next(fit))

    def go_on(self, outcome: Parameters | MMMError) -> None:
        """Send it the parameters of its training, or why there are none."""
        if isinstance(outcome, MMMError):
            self._advance(lambda: self._fit.throw(outcome))
        else:
            self._advance(lambda: self._fit.send(outcome))

    def _advance(self, move: Callable[[], Training]) -> None:
        self.training = None
        try:
            self.training = move()
        except StopIteration as ended:
            self.end = ended.value
        except MMMError as error:
            self.end = error


def _outcomes(trainings: Sequence[Training]) -> Sequence[Parameters | MMMError]:
    """Parameters of each training; where a program fails each is run alone to find whose failure it is."""
    try:
        return descend(trainings)
    except TrainingError as error:
        if len(trainings) == 1:
            return [error]
    return [outcome for training in trainings for outcome in _outcomes([training])]


def groups(trainings: dict[int, Training]) -> Iterator[list[int]]:
    """Keys of trainings that may be one program, of no more cells than are worth it."""
    alike: dict[Hashable, list[int]] = {}
    for key, training in trainings.items():
        common = likeness(training)
        alike.setdefault(("alone", key) if common is None else common, []).append(key)
    for keys in alike.values():
        size = max(1, PROGRAM_CELLS // max(trainings[keys[0]].cells, 1))
        for first in range(0, len(keys), size):
            yield keys[first : first + size]
