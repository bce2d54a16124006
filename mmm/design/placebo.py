"""How exact the estimator is on this panel: what it finds in windows in which nothing was changed.

Shapes: S assignments, W windows, N placebo effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from mmm.data.panel import Bools, Floats
from mmm.design.estimator import Effects

FEWEST = 20
"""Windows below which a panel does not say how exact a test is."""


@dataclass(frozen=True, eq=False)
class Precision:
    """What placebo windows say of an estimator.

    Attributes:
        error_N: Relative effects found where nothing was changed, and their mirror images, ascending.
        windows: Windows they come from.
        standard_error: Their standard deviation around 0.
        critical: Relative effect beyond which an effect is called one.
        level: Chance that a placebo effect is beyond.
    """

    error_N: Floats
    windows: int
    standard_error: float
    critical: float
    level: float

    def power(self, effect: float) -> float:
        """Chance that an effect so large, relative, is called one: share of placebo windows moved by it."""
        beyond = np.abs(self.error_N + effect) > self.critical
        return float(beyond.mean())

    def detectable(self, power: float) -> float:
        """Smallest relative effect that is called one with this chance."""
        return self.critical + float(np.quantile(self.error_N, power))


def precision(found: Effects, quiet_W: Bools, level: float, needed: int) -> Precision | None:
    """Precision of an estimator from its effects in quiet windows; None if there are too few.

    All assignments count that the seed could have drawn, not the one that was: a lucky one is not luckier
    in the test. Windows overlap, so that they say no more than those that fit side by side: effects are
    widened as the normal quantile of so many is (Student 1908).

    Args:
        found: Effects of assignments in windows.
        quiet_W: Windows in which nothing was tested.
        level: Chance of calling an effect where there is none.
        needed: Periods of a window.
    """
    relative_SW = found.relative_SW[:, quiet_W]
    usable = int(np.isfinite(relative_SW).any(0).sum())
    if usable < FEWEST:
        return None
    side_by_side = (usable + needed - 1) / needed
    tail = 1.0 - level / 2
    wider = float(special.stdtrit(max(side_by_side - 1.0, 1.0), tail) / special.ndtri(tail))
    error_N = wider * relative_SW[np.isfinite(relative_SW)]
    return Precision(
        error_N=np.sort(np.concatenate([error_N, -error_N])),
        windows=usable,
        standard_error=float(np.sqrt((error_N**2).mean())),
        critical=float(np.quantile(np.abs(error_N), 1.0 - level)),
        level=level,
    )
