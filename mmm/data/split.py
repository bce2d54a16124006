"""Which periods train, which are held out, which are the test; and rolling origins.

Periods are positions 0 … T − 1 on a panel's calendar; holdout and test are its tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmm.config import SplitsSpec
from mmm.data.panel import DEFAULT_MAX_LAG, Bools, Frequency
from mmm.errors import Problem, SpecError

SplitName = Literal["train", "holdout", "test"]

MIN_TRAIN = 8
"""Training periods needed beyond the carry-over of the first ones."""


@dataclass(frozen=True)
class Split:
    """Consecutive windows of a calendar.

    Attributes:
        n_train: Periods of training, from the first one.
        n_holdout: Periods scored after training.
        n_test: Last periods.
    """

    n_train: int
    n_holdout: int
    n_test: int

    @property
    def n_periods(self) -> int:
        """Periods in all, T."""
        return self.n_train + self.n_holdout + self.n_test

    @property
    def train(self) -> slice:
        """Positions that train."""
        return slice(0, self.n_train)

    @property
    def holdout(self) -> slice:
        """Positions held out for scoring and tuning."""
        return slice(self.n_train, self.n_train + self.n_holdout)

    @property
    def test(self) -> slice:
        """Positions that neither training nor tuning sees."""
        return slice(self.n_train + self.n_holdout, self.n_periods)

    @property
    def windows(self) -> dict[SplitName, slice]:
        """The windows that hold any period, by name, in time order."""
        named: dict[SplitName, slice] = {"train": self.train, "holdout": self.holdout, "test": self.test}
        return {name: window for name, window in named.items() if window.stop > window.start}

    def mask(self, name: SplitName) -> Bools:
        """T booleans, true in the window."""
        mask_T = np.zeros(self.n_periods, dtype=np.bool_)
        mask_T[getattr(self, name)] = True
        return mask_T

    def labels(self) -> npt.NDArray[np.str_]:
        """T names: ``train``, ``holdout`` or ``test``."""
        return np.repeat(("train", "holdout", "test"), (self.n_train, self.n_holdout, self.n_test))


def default_lags(max_lag: int | None, frequency: Frequency) -> int:
    """Periods of carry-over: those of the spec, or the default of the frequency."""
    return DEFAULT_MAX_LAG[frequency] if max_lag is None else max_lag


def split_periods(n_periods: int, splits: SplitsSpec, *, max_lag: int) -> Split:
    """Cut a calendar into its windows.

    Args:
        n_periods: Periods of the panel, T.
        splits: Lengths of the tails.
        max_lag: Periods of carry-over; training must reach beyond it.

    Raises:
        SpecError: The tails leave too little to train on.
    """
    tail = splits.holdout + splits.test
    rest, needed = n_periods - tail, max_lag + MIN_TRAIN
    tails = f"holdout ({splits.holdout}) + test ({splits.test})"
    if rest < needed:
        reason = (
            f"{tails} leave none of the panel's {n_periods} periods to train on"
            if rest <= 0
            else f"{tails} leave {rest} of the panel's {n_periods} periods to train on"
        )
        message = (
            f"{reason}; at least {needed} are needed: the {max_lag} over which media carry over "
            f"(model.adstock.max_lag) and {MIN_TRAIN} more. "
            "Shorten the holdout, lower max_lag or give more periods."
        )
        code = "holdout_too_long" if rest <= 0 else "too_few_periods"
        raise SpecError("splits", [Problem(code, "splits.holdout", message)])
    return Split(rest, splits.holdout, splits.test)


def rolling_origins(
    n_periods: int, horizon: int, origins: int, step: int | None = None, *, min_train: int = MIN_TRAIN
) -> tuple[Split, ...]:
    """Splits that end one after the other, each with ``horizon`` periods of holdout; the last ends the data.

    Args:
        n_periods: Periods of the panel, T; each split covers the first of them up to its holdout's end.
        horizon: Periods of holdout of each split.
        origins: Number of splits.
        step: Periods between one origin and the next; by default ``horizon``, so that holdouts do not
            overlap.
        min_train: Training periods that the first split must have.

    Returns:
        ``origins`` splits, earliest first; ``origin.n_periods`` is where each one's data end.

    Raises:
        SpecError: The first split would train on fewer than ``min_train`` periods.
    """
    if min(horizon, origins, n_periods) < 1 or (step is not None and step < 1):
        raise ValueError("horizon, origins, step and n_periods must be at least 1")
    step = horizon if step is None else step
    first = n_periods - horizon - (origins - 1) * step
    if first < min_train:
        message = (
            f"{origins} origins of {horizon} periods, {step} apart, leave {max(first, 0)} of {n_periods} "
            f"periods to train the first on; at least {min_train} are needed. "
            "Take fewer origins or a shorter horizon."
        )
        raise SpecError("rolling origins", [Problem("too_few_periods", "origins", message)])
    return tuple(Split(first + index * step, horizon, 0) for index in range(origins))
