"""Fits of several markets at once.

A fit is a generator: it yields each training, search and sampling it needs and is sent what was found, so
that whoever runs it decides how. :func:`alone` runs one, :func:`together` several, like steps in one program.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from mmm.errors import MMMError, TrainingError
from mmm.train import stacked
from mmm.train.posterior import at_once
from mmm.train.posterior.at_once import Sampling, Search
from mmm.train.stacked import Training, descend

PROGRAM_CELLS = 400_000
"""Cells by channel and fit of one program at most; beyond, its tensors outgrow the processor's caches."""

Found = TypeVar("Found")
Step = Training | Search | Sampling
Fit = Generator[Step, Any, Found]
"""Sent parameters after a training, a mode after a search, draws after a sampling."""


def alone(fit: Fit[Found]) -> Found:
    """Run a fit.

    Raises:
        MMMError: What the fit raises.
    """
    try:
        step = next(fit)
        while True:
            step = fit.send(_made([step])[0])
    except StopIteration as end:
        found: Found = end.value
        return found


def together(fits: Sequence[Fit[Found]]) -> list[Found | MMMError]:
    """Run fits, like trainings as one program; one that fails leaves the others as they are.

    Returns:
        What each fit found, or the error it ended with.
    """
    running = [_Running(fit) for fit in fits]
    while waiting := {index: at.step for index, at in enumerate(running) if at.step is not None}:
        for group in groups(waiting):
            outcomes = _outcomes([waiting[index] for index in group])
            for index, outcome in zip(group, outcomes, strict=True):
                running[index].go_on(outcome)
    return [at.end for at in running]


class _Running(Generic[Found]):
    """A fit under way.

    Attributes:
        step: What it waits for; None once it has ended.
        end: What it found, or the error it ended with.
    """

    end: Found | MMMError

    def __init__(self, fit: Fit[Found]) -> None:
        self._fit = fit
        self.step: Step | None = None
        self._advance(lambda: next(fit))

    def go_on(self, outcome: object) -> None:
        """Send it what its step found, or why there is nothing."""
        if isinstance(outcome, MMMError):
            self._advance(lambda: self._fit.throw(outcome))
        else:
            self._advance(lambda: self._fit.send(outcome))

    def _advance(self, move: Callable[[], Step]) -> None:
        self.step = None
        try:
            self.step = move()
        except StopIteration as ended:
            self.end = ended.value
        except MMMError as error:
            self.end = error


def _made(steps: Sequence[Step]) -> Sequence[object]:
    """What like steps find, as one program."""
    trainings = [step for step in steps if isinstance(step, Training)]
    if trainings:
        return descend(trainings)
    searches = [step for step in steps if isinstance(step, Search)]
    if searches:
        return at_once.find(searches)
    return at_once.draw([step for step in steps if isinstance(step, Sampling)])


def _outcomes(steps: Sequence[Step]) -> Sequence[object]:
    """What each step finds; where a program fails each is run alone to find whose failure it is."""
    try:
        return _made(steps)
    except TrainingError as error:
        if len(steps) == 1:
            return [error]
    return [outcome for step in steps for outcome in _outcomes([step])]


def groups(steps: Mapping[int, Step]) -> Iterator[list[int]]:
    """Keys of steps that may be one program, of no more cells than are worth it."""
    alike: dict[Hashable, list[int]] = {}
    for key, step in steps.items():
        common = stacked.likeness(step) if isinstance(step, Training) else at_once.likeness(step)
        alike.setdefault(("alone", key) if common is None else common, []).append(key)
    for keys in alike.values():
        size = max(1, PROGRAM_CELLS // max(steps[keys[0]].cells, 1))
        for first in range(0, len(keys), size):
            yield keys[first : first + size]
